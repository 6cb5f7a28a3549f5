"""Records of a company's own exports, which a mapping has brought to canonical field names.

Here: the targets accounts, subscriptions, tickets and users of the `files` connector into the same tables as the vendors'
records. Not here: the mapping itself (`uam_platform.connectors`), events of such exports (`split`).

Knowledge times follow the basis the load carries: an observed fact older than a day is a backfill and known at its own time
plus the declared lag; a fresh one is known when it was loaded.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.policy.time import KnowledgeBasis, TimePolicy
from uam_platform.staging.contract_lines import joined_lines
from uam_platform.staging.crm_terms import billing_period
from uam_platform.staging.record_log import Record, RecordLog
from uam_platform.staging.record_values import (
    IMPOSSIBLE_TIME,
    RecordError,
    amount,
    known_day,
    moment,
    one_of,
    required,
    required_moment,
    text,
)
from uam_platform.staging.redaction import redacted
from uam_platform.staging.split import source_time
from uam_platform.staging.ticket_changes import OPENED
from uam_platform.staging.tickets import event_row
from uam_platform.temporal import keys

Row = dict[str, Any]
_LABELS: Final = ("account_name", "parent_account_id", "industry", "owner_id", "owner_name", "owner_email")
_CHANGES: Final = (("escalated", "escalated_at"), ("reopened", "reopened_at"), ("solved", "solved_at"))


@dataclass(frozen=True)
class MappedRows:
    """Rows of the contracts of their names."""

    accounts: list[Row]
    subscriptions: list[Row]
    tickets: list[Row]
    ticket_events: list[Row]
    users_directory: list[Row]


def mapped_rows(log: RecordLog, by_object: Mapping[str, list[Record]], policy: TimePolicy) -> MappedRows:
    """Canonical rows of all mapped records; of several versions of one row the one landed last.

    Args:
        log: takes what cannot be read.
        by_object: records of the `files` connector by target.
        policy: grace and knowledge basis.
    """

    def build(target: str, make: Callable[[Record, TimePolicy], Row], *key: str) -> list[tuple[Record, Row]]:
        found = {
            tuple(row[k] for k in key): (r, row)
            for r, row in log.built(by_object.get(target, ()), lambda r: make(r, policy))
        }
        return list(found.values())

    tickets = build("tickets", _ticket, "ticket_id")
    return MappedRows(
        accounts=_periods([row for _, row in build("accounts", _account, "account_id", "valid_from_at")]),
        subscriptions=_contracts(build("subscriptions", _subscription, "subscription_id")),
        tickets=[row for _, row in tickets],
        ticket_events=[event for record, row in tickets for event in _ticket_events(record, row, policy)],
        users_directory=[row for _, row in build("users", _user, "user_id_source")],
    )


def known_at(record: Record, occurred_at: datetime, policy: TimePolicy) -> datetime:
    """When a fact of a mapped record could first be known."""
    rules, loaded_at = source_time(record.load, policy), record.load.loaded_time
    if rules.basis is KnowledgeBasis.SERVER_AUTHORED:
        return occurred_at
    is_backfill = occurred_at < loaded_at - timedelta(days=1)
    return occurred_at + timedelta(hours=rules.lag_hours) if is_backfill else max(loaded_at, occurred_at)


def _account(record: Record, policy: TimePolicy) -> Row:
    payload = record.payload
    created, valid_from = moment(payload, "created_at"), moment(payload, "valid_from_at")
    start = valid_from or created or record.load.loaded_time
    known = known_at(record, start, policy)
    return {
        "source": record.load.source,
        "account_id": required(payload, "account_id"),
        "account_id_salesforce": None,
        **{name: text(payload, name) for name in _LABELS},
        "tier": one_of(text(payload, "tier"), VOCABULARY["tier"].allowed, "unknown"),
        "strategic_fit": one_of(text(payload, "strategic_fit"), VOCABULARY["strategic_fit"].allowed, "unknown"),
        "created_at": created or start,
        "valid_from_at": start,
        "valid_to_at": None,
        "known_at": known,
        "known_date": known_day(known, start, policy.grace),
        "load_id": record.load.load_id,
    }


def _periods(rows: list[Row]) -> list[Row]:
    """Each row of an account holds until the next one of it starts."""
    by_account: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r["valid_from_at"]):
        by_account[row["account_id"]].append(row)
    for own in by_account.values():
        for row, following in itertools.pairwise(own):
            row["valid_to_at"] = following["valid_from_at"]
    return [row for own in by_account.values() for row in own]


def _subscription(record: Record, policy: TimePolicy) -> Row:
    payload = record.payload
    started, term_end, ended = (
        required_moment(payload, "started_at"),
        moment(payload, "term_end_at"),
        moment(payload, "ended_at"),
    )
    for end, name in ((term_end, "term_end_at"), (ended, "ended_at")):
        if end is not None and end < started:
            raise RecordError(IMPOSSIBLE_TIME, f"{name} is before started_at")
    return {
        "source": record.load.source,
        "subscription_id": required(payload, "subscription_id"),
        "account_id": required(payload, "account_id"),
        "billing_period": billing_period(text(payload, "billing_period")),
        "plan": text(payload, "plan"),
        "seat_count": amount(payload, "seat_count"),
        "mrr_usd_cents": amount(payload, "mrr_usd_cents") or 0,
        "started_at": started,
        "term_end_at": term_end,
        "known_at": known_at(record, started, policy),
        "notice_at": moment(payload, "notice_at"),
        "ended_at": ended,
        "end_reason": text(payload, "end_reason"),
        "load_id": record.load.load_id,
    }


def _contracts(found: list[tuple[Record, Row]]) -> list[Row]:
    """Terms: rows without a product as they are, the lines of the others summed."""
    lines = [(text(record.payload, "product"), row) for record, row in found]
    return [
        *(row for product, row in lines if product is None),
        *joined_lines((product, row) for product, row in lines if product is not None),
    ]


def _ticket(record: Record, policy: TimePolicy) -> Row:
    payload = record.payload
    created = required_moment(payload, "created_at")
    for _, name in _CHANGES:
        moment(payload, name)  # an unreadable time sets the whole ticket aside
    return {
        "source": record.load.source,
        "ticket_id": f"{record.load.source}:{required(payload, 'ticket_id')}",
        "account_id_source": text(payload, "account_id"),
        "requester_key": keys.email_key(text(payload, "requester_email")),
        "status": (text(payload, "status") or "unknown").lower(),
        "priority": text(payload, "priority"),
        "subject": redacted(text(payload, "subject")),
        "created_at": created,
        "updated_at": max(moment(payload, "updated_at") or created, created),
        "known_at": known_at(record, created, policy),
        "load_id": record.load.load_id,
        "row_no": record.row_no,
    }


def _ticket_events(record: Record, ticket: Row, policy: TimePolicy) -> list[Row]:
    times = [(OPENED, ticket["created_at"]), *((change, moment(record.payload, name)) for change, name in _CHANGES)]
    return [
        event_row(
            ticket["ticket_id"], change, at, known_at(record, at, policy), policy.grace,
            load_id=record.load.load_id, row_no=record.row_no, status="solved" if change == "solved" else None,
        )
        for change, at in times
        if at is not None
    ]  # fmt: skip


def _user(record: Record, policy: TimePolicy) -> Row:
    payload = record.payload
    user_id = required(payload, "user_id")
    created = moment(payload, "created_at") or record.load.loaded_time
    return {
        "source": record.load.source,
        "source_object": record.source_object,
        "user_id_source": user_id,
        "email_key": keys.email_key(text(payload, "email")),
        "email_domain_key": keys.email_domain_key(text(payload, "email")),
        "email_stem_key": keys.stem_key(text(payload, "email")),
        "actor_key": keys.user_key(source_time(record.load, policy).id_space, user_id),
        "device_key": keys.NO_KEY,
        "account_id": text(payload, "account_id"),
        "role": text(payload, "role"),
        "created_at": created,
        "known_at": known_at(record, created, policy),
        "load_id": record.load.load_id,
    }
