"""Signals of other tools: each once, of the account or person it names, with redacted words.

Here: envelopes that the collector and the exchange folder landed, into EXTERNAL_SIGNALS. Not here: the envelope
(`uam_platform.contracts.exchange`), signatures (checked before anything lands), the account's timeline.

A signal is the sender's by the secret it was signed with, whatever the envelope says. Of several deliveries under one sender and id the
first that is sound counts; equal ones are repeats, different ones are set aside. A signal is known when it was received, never earlier.
What names an account that is not known is set aside, and comes out of there by itself once the account is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from uam_platform.contracts import exchange
from uam_platform.policy.redaction import Redactor
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.documents import Accounts
from uam_platform.staging.record_log import Record, RecordLog
from uam_platform.staging.record_values import (
    IMPOSSIBLE_TIME,
    UNKNOWN_ACCOUNT,
    RecordError,
    known_day,
    required_moment,
    text,
)
from uam_platform.staging.redaction import redacted
from uam_platform.staging.salesforce_ids import long_id
from uam_platform.temporal import keys

Row = dict[str, Any]
_BY_PERSON: Final = ("user_id", "email")


@dataclass(frozen=True)
class Subjects:
    """Whom a signal may name.

    Attributes:
        accounts: by id, CRM id and name.
        by_person: product accounts by the directory's actor and e-mail keys.
        id_space: of product user ids.
    """

    accounts: Accounts
    by_person: Mapping[int, frozenset[str]]
    id_space: str


def subjects(accounts: Accounts, people: Iterable[Row], id_space: str) -> Subjects:
    """Whom a signal may name, from accounts and rows of USERS_DIRECTORY."""
    found: dict[int, frozenset[str]] = defaultdict(frozenset)
    for row in people:
        for key in {row["actor_key"], row["email_key"]} - {keys.NO_KEY}:
            found[key] |= {row["account_id"]} - {None}
    return Subjects(accounts, dict(found), id_space)


def signal_rows(
    log: RecordLog, records: Sequence[Record], known: Subjects, redactor: Redactor, policy: TimePolicy
) -> list[Row]:
    """Rows of EXTERNAL_SIGNALS.

    Args:
        log: takes what cannot be used, and counts repeats.
        records: of kind `signal`, from every channel.
        known: whom they may name.
        redactor: knows the names of staff and customers.
        policy: grace, and how far a sender's clock may be ahead.
    """
    found: dict[str, tuple[Record, Row]] = {}
    for record in sorted(records, key=lambda record: record.version):
        before = found.get(record.record_id)
        if before is not None and before[0].payload == record.payload:
            log.duplicates[(record.load.source, record.load.load_id, record.source_object)] += 1
            continue
        try:
            row = _row(record, known, redactor, policy)
            if before is not None:
                raise RecordError("conflicting_repeat", "this sender sent something else under the same id before")
        except RecordError as error:
            log.reject(record.load, record.source_object, record.row_no, error)
            continue
        found[record.record_id] = (record, row)
    return [row for _, row in found.values()]


def _row(record: Record, known: Subjects, redactor: Redactor, policy: TimePolicy) -> Row:
    if fault := exchange.problem(record.payload):
        raise RecordError(*fault)
    payload, signal = record.payload, record.payload["signal"]
    received = record.modified or record.load.loaded_time
    occurred = required_moment(payload, "occurred_at")
    if occurred > received + timedelta(hours=policy.max_clock_ahead_hours):
        raise RecordError(IMPOSSIBLE_TIME, "occurred_at lies after the receipt")
    subject = payload["subject"]
    account_id, attached_by = _account(subject, known)
    words = redactor.redact(signal["text"]) if signal.get("text") else None
    learned = max(received, occurred)
    return {
        "source": record.load.source,
        "signal_id": record.record_id,
        "sender": record.record_id.split("/", 1)[0],
        "signal_name": signal["name"],
        "account_id": account_id,
        "attached_by": attached_by,
        "actor_key": keys.user_key(known.id_space, text(subject, "user_id")),
        "email_key": keys.email_key(text(subject, "email")),
        "signal_value": _number(signal.get("value")),
        "signal_confidence_ratio": _number(signal.get("confidence")),
        "signal_text": words.text if words else None,
        "signal_url": redacted(text(signal, "url"), redactor),
        "redaction_count": words.count if words else 0,
        "occurred_at": occurred,
        "known_at": learned,
        "known_date": known_day(learned, occurred, policy.grace),
        "load_id": record.load.load_id,
        "row_no": record.row_no,
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _account(subject: Mapping[str, Any], known: Subjects) -> tuple[str, str]:
    """The one account that a subject names, and what led there.

    Raises:
        RecordError: it names none that is known, or two.
    """
    accounts = known.accounts
    named = {key: value for key in exchange.SUBJECT_KEYS if (value := text(subject, key))}
    leads: dict[str, frozenset[str]] = {
        "account_id": frozenset({named.get("account_id", "")}) & accounts.ids,
        "salesforce_id": frozenset(filter(None, [accounts.by_crm_id.get(long_id(named.get("salesforce_id")) or "")])),
        "account_name": frozenset(filter(None, [accounts.named(named.get("account_name", ""))])),
        "user_id": known.by_person.get(keys.user_key(known.id_space, named.get("user_id")), frozenset()),
        "email": known.by_person.get(keys.email_key(named.get("email")), frozenset()),
    }
    told = {key: leads[key] for key in named if len(leads[key]) == 1}
    declared = {key: found for key, found in told.items() if key not in _BY_PERSON}
    if len(frozenset[str]().union(*declared.values())) > 1:
        raise RecordError("contradictory_subject", "subject names more than one account")
    if told:
        key, found = next(iter(told.items()))
        return next(iter(found)), "person" if key in _BY_PERSON else "declared"
    raise RecordError(UNKNOWN_ACCOUNT, f"no one account is known by {', '.join(f'subject.{key}' for key in named)}")
