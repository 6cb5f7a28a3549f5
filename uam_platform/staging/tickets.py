"""Support tickets and what happened to them.

Here: Zendesk's ticket, ticket_event, user and organization records into TICKETS and TICKET_EVENTS. Not here: what counts as an
escalation (`ticket_changes`), metric events (`ticket_measures`), the directory of people (`directory`), mapped exports
(`mapped_records`).

A ticket belongs to the account of its organisation, else to that of its requester's. That it exists is known since it was
created; its status and priority are the latest, so what depends on time reads TICKET_EVENTS. A deleted ticket stays without its
subject, and is over since the first version that says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from uam_platform.policy.redaction import Redactor
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import (
    MISSING_ID,
    RecordError,
    known_day,
    microseconds,
    required,
    required_moment,
    text,
)
from uam_platform.staging.redaction import SHAPES_ONLY, redacted
from uam_platform.staging.ticket_changes import OPENED, Audit, TicketChange, replay
from uam_platform.temporal import keys

Row = dict[str, Any]
DELETED: Final = "deleted"


@dataclass(frozen=True)
class Requester:
    """What the help desk knows of a user that tickets need."""

    key: int
    account_id: str | None


def organizations(log: RecordLog, records: Iterable[Record]) -> dict[str, str | None]:
    """Product account by organisation id; null where the organisation names none."""
    built = log.built(records, lambda r: text(r.payload, "external_id"))
    return {key: account for key, (_, account) in latest(built).items()}


def requesters(users: Mapping[str, Record], accounts: Mapping[str, str | None], id_space: str) -> dict[str, Requester]:
    """Requesters by Zendesk user id: the key of their product user, else of their e-mail address."""
    found = {}
    for key, record in users.items():
        product_user, email = text(record.payload, "external_id"), text(record.payload, "email")
        person = keys.user_key(id_space, product_user) or keys.email_key(email)
        found[key] = Requester(person, accounts.get(text(record.payload, "organization_id") or ""))
    return found


def tickets(
    log: RecordLog,
    records: Iterable[Record],
    accounts: Mapping[str, str | None],
    people: Mapping[str, Requester],
    redactor: Redactor = SHAPES_ONLY,
) -> list[Row]:
    """Rows of TICKETS.

    Args:
        log: takes what cannot be read.
        records: ticket records.
        accounts: product account by organisation id.
        people: requesters by Zendesk user id.
        redactor: of the subject.
    """
    nobody = Requester(keys.NO_KEY, None)

    def build(record: Record) -> Row:
        payload = record.payload
        person = people.get(text(payload, "requester_id") or "", nobody)
        created = required_moment(payload, "created_at")
        subject = None if _is_deleted(record) else redacted(text(payload, "subject"), redactor)
        return {
            "source": record.load.source,
            "ticket_id": _ticket_id(record, record.record_id),
            "account_id_source": accounts.get(text(payload, "organization_id") or "") or person.account_id,
            "requester_key": person.key,
            "status": (text(payload, "status") or "unknown").lower(),
            "priority": text(payload, "priority"),
            "subject": subject,
            "created_at": created,
            "updated_at": max(required_moment(payload, "updated_at"), created),
            "known_at": created,
            "load_id": record.load.load_id,
            "row_no": record.row_no,
        }

    return [row for _, row in latest(log.built(records, build)).values()]


def ticket_events(log: RecordLog, records: Iterable[Record], found: Iterable[Row], grace: timedelta) -> list[Row]:
    """Rows of TICKET_EVENTS.

    Args:
        log: takes what cannot be read.
        records: ticket_event records; each is one audit with its child events.
        found: TICKETS; one whose creation the export does not show is opened at its created_at.
        grace: decision_at - as_of.
    """
    audits: dict[str, list[Audit]] = defaultdict(list)
    for record, audit in latest(log.built(records, _audit)).values():
        audits[_ticket_id(record, required(record.payload, "ticket_id"))].append(audit)
    source = {row["ticket_id"]: row for row in found}
    rows = []
    for ticket_id, own in audits.items():
        changes = replay(own)
        rows += [_event(ticket_id, change, grace) for change in changes]
        if any(change.change == OPENED for change in changes):
            source.pop(ticket_id, None)
    return rows + [_opened(ticket, grace) for ticket in source.values()]


def deletions(records: Iterable[Record], found: Iterable[Row], grace: timedelta) -> list[Row]:
    """Rows of TICKET_EVENTS for tickets that are deleted: when the first version after the last undeleted one was written.

    Args:
        records: ticket records, all versions.
        found: TICKETS; a ticket that was restored is not deleted.
        grace: decision_at - as_of.
    """
    gone = {row["ticket_id"]: row for row in found if row["status"] == DELETED}
    first: dict[str, Record | None] = {}
    for record in sorted(records, key=lambda r: r.version):
        ticket_id = _ticket_id(record, record.record_id)
        if ticket_id in gone:
            first[ticket_id] = (first.get(ticket_id) or record) if _is_deleted(record) else None
    return [_deleted(gone[key], record, grace) for key, record in first.items() if record is not None]


def _is_deleted(record: Record) -> bool:
    return (text(record.payload, "status") or "").lower() == DELETED


def _deleted(ticket: Row, record: Record, grace: timedelta) -> Row:
    at = max(record.modified or ticket["updated_at"], ticket["created_at"])
    return event_row(
        ticket["ticket_id"], DELETED, at, at, grace, load_id=record.load.load_id, row_no=record.row_no, status=DELETED
    )


def _ticket_id(record: Record, ticket: str) -> str:
    return f"{record.load.source}:{ticket}"


def _audit(record: Record) -> Audit:
    payload = record.payload
    required(payload, "ticket_id")
    children = [child for child in payload.get("child_events") or () if isinstance(child, dict)]
    at = required_moment(payload, "created_at")
    if not record.record_id.isdigit():
        raise RecordError(MISSING_ID, "id is no number")
    return Audit(at, int(record.record_id), record.load.load_id, record.row_no, children)


def _event(ticket_id: str, change: TicketChange, grace: timedelta) -> Row:
    audit = change.audit
    return event_row(
        ticket_id, change.change, audit.at, audit.at, grace, load_id=audit.load_id, row_no=audit.row_no,
        status=change.status, priority=change.priority,
    )  # fmt: skip


def _opened(ticket: Row, grace: timedelta) -> Row:
    at = ticket["created_at"]
    return event_row(
        ticket["ticket_id"], OPENED, at, at, grace, load_id=ticket["load_id"], row_no=ticket["row_no"]
    )  # fmt: skip


def event_row(
    ticket_id: str,
    change: str,
    at: datetime,
    known_at: datetime,
    grace: timedelta,
    *,
    load_id: str,
    row_no: int,
    status: str | None = None,
    priority: str | None = None,
) -> Row:
    """One row of TICKET_EVENTS."""
    return {
        "source": ticket_id.split(":", 1)[0],
        "ticket_id": ticket_id,
        "row_no": row_no,
        "change": change,
        "status": status,
        "priority": priority,
        "occurred_at": at,
        "occurred_us": microseconds(at),
        "known_at": known_at,
        "known_date": known_day(known_at, at, grace),
        "load_id": load_id,
    }
