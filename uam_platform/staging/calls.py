"""Recorded calls and what was said in them: who belongs to which side, whose account it is, redacted words.

Here: Gong's call and transcript records into CALLS and UTTERANCES. Not here: what the words mean (`uam_platform.evidence`), what is cut
(`uam_platform.policy.redaction`), tickets' words (`utterances`).

A call belongs to the account that the CRM links it to; without a link, to the one account of its participants' e-mail addresses.
One monologue is one utterance. A voice that no participant owns is the customers' where everybody of ours has a voice already.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from uam_platform.policy.redaction import Redactor
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.mapped_records import known_at
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import (
    UNREADABLE_TIME,
    RecordError,
    known_day,
    number,
    one_of,
    required,
    required_moment,
    text,
)
from uam_platform.staging.redaction import redacted
from uam_platform.staging.salesforce_ids import long_id
from uam_platform.temporal import keys

Row = dict[str, Any]
_KINDS: Final = {"internal": "agent", "external": "customer"}
_DIRECTIONS: Final = ("inbound", "outbound", "conference")


@dataclass(frozen=True)
class Customers:
    """What tells whose call it is.

    Attributes:
        by_crm_id: product account by the CRM's id (18 characters) of an account or an opportunity.
        by_email: product accounts by e-mail key.
    """

    by_crm_id: Mapping[str, str]
    by_email: Mapping[int, frozenset[str]]


def customers(by_account: Mapping[str, str], opportunities: Iterable[Row], people: Iterable[Row]) -> Customers:
    """What CRM and directory know.

    Args:
        by_account: product account by Salesforce id.
        opportunities: rows of OPPORTUNITIES.
        people: rows of USERS_DIRECTORY.
    """
    deals = {row["opportunity_id"]: row["account_id"] for row in opportunities if row["account_id"]}
    by_email: dict[int, frozenset[str]] = {}
    for row in people:
        if row["account_id"] and row["email_key"] != keys.NO_KEY:
            by_email[row["email_key"]] = by_email.get(row["email_key"], frozenset()) | {row["account_id"]}
    return Customers({**deals, **by_account}, by_email)


def call_rows(
    log: RecordLog,
    records: Mapping[str, list[Record]],
    known: Customers,
    redactor: Redactor,
    policy: TimePolicy,
) -> tuple[list[Row], list[Row]]:
    """Rows of CALLS, and of UTTERANCES from their transcripts.

    Args:
        log: takes what cannot be read.
        records: Gong records by kind: `call`, `transcript`.
        known: whose calls they are.
        redactor: knows the names of staff, customers and participants.
        policy: grace and knowledge basis.
    """
    calls = latest(log.built(records["call"], lambda r: _call(r, known, redactor, policy)))
    spoken = latest(log.built(records["transcript"], lambda r: _utterances(r, calls, redactor, policy)))
    told = {key for key, (_, rows) in spoken.items() if rows}
    rows = [{**row, "has_transcript": key in told} for key, (_, row) in calls.items()]
    return rows, [row for _, own in spoken.values() for row in own]


def names(calls: Iterable[Record]) -> Iterator[str]:
    """Names of everybody who took part in a call."""
    for record in calls:
        yield from filter(None, (text(party, "name") for party in _parties(record)))


def _call(record: Record, known: Customers, redactor: Redactor, policy: TimePolicy) -> Row:
    basics = _basics(record)
    started = required_moment(basics, "started")
    kinds = [_kind(party) for party in _parties(record)]
    account_id, attached_by = _account(record, known)
    at = known_at(record, started, policy)
    return {
        "source": record.load.source,
        "call_id": _call_id(record.load.source, record.record_id),
        "account_id": account_id,
        "attached_by": attached_by,
        "title": redacted(text(basics, "title"), redactor) or "",
        "direction": one_of(text(basics, "direction"), _DIRECTIONS, "unknown"),
        "started_at": started,
        "duration_ms": number(basics, "duration", 1000),
        "customer_count": kinds.count("customer"),
        "agent_count": kinds.count("agent"),
        "known_at": at,
        "known_date": known_day(at, started, policy.grace),
        "load_id": record.load.load_id,
        "row_no": record.row_no,
    }


def _account(record: Record, known: Customers) -> tuple[str | None, str]:
    """Account of a call and what led to it."""
    linked = [
        each
        for context in _objects(record.payload, "context")
        for each in _objects(context, "objects")
        if text(each, "objectType") in ("Account", "Opportunity")
    ]
    for each in sorted(linked, key=lambda o: str(text(o, "objectType"))):  # an account before a deal
        account_id = known.by_crm_id.get(long_id(text(each, "objectId")) or "")
        if account_id:
            return account_id, "crm"
    addresses = (text(party, "emailAddress") for party in _parties(record) if _kind(party) != "agent")
    found = frozenset[str]().union(*(known.by_email.get(keys.email_key(a), frozenset()) for a in addresses))
    return (next(iter(found)), "participants") if len(found) == 1 else (None, "nothing")


def _utterances(
    record: Record, calls: Mapping[str, tuple[Record, Row]], redactor: Redactor, policy: TimePolicy
) -> list[Row]:
    key = required(record.payload, "callId")
    if key not in calls:
        raise RecordError("unknown_call", "callId is not among the calls landed so far")
    call, row = calls[key]
    voices = _voices(call)
    found: dict[str, Row] = {}
    for monologue in _objects(record.payload, "transcript"):
        sentences = [each for each in _objects(monologue, "sentences") if text(each, "text")]
        if not sentences:
            continue
        start = number(sentences[0], "start") or 0
        said = redactor.redact(" ".join(text(each, "text") or "" for each in sentences))
        at = _moment(row["started_at"], start)
        learned = known_at(record, at, policy)
        utterance_id = f"{record.load.source}:call:{key}:{start}"
        if utterance_id in found:  # two voices at once
            utterance_id += f":{len(found)}"
        found[utterance_id] = {
            "utterance_id": utterance_id,
            "source": record.load.source,
            "channel": "call",
            "ticket_id": None,
            "conversation_id": row["call_id"],
            "account_id": row["account_id"],
            "author_kind": voices.get(text(monologue, "speakerId") or "", _unowned(call)),
            "said_at": at,
            "known_at": learned,
            "known_date": known_day(learned, at, policy.grace),
            "text": said.text,
            "redaction_count": said.count,
            "load_id": record.load.load_id,
            "row_no": record.row_no,
        }
    return list(found.values())


def _moment(started: datetime, milliseconds: int) -> datetime:
    try:
        return started + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise RecordError(UNREADABLE_TIME, "start of a sentence is no number of milliseconds") from None


def _voices(call: Record) -> dict[str, str]:
    return {voice: _kind(party) for party in _parties(call) if (voice := text(party, "speakerId"))}


def _unowned(call: Record) -> str:
    """Whose a voice is that no participant owns."""
    silent = {_kind(party) for party in _parties(call) if not text(party, "speakerId")}
    return "customer" if silent == {"customer"} else "unknown"


def _kind(party: Mapping[str, Any]) -> str:
    return _KINDS.get((text(party, "affiliation") or "").lower(), "unknown")


def _parties(call: Record) -> list[dict[str, Any]]:
    return _objects(call.payload, "parties")


def _objects(payload: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list field; none where it is absent, null or something else."""
    found = payload.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _basics(call: Record) -> Mapping[str, Any]:
    found = call.payload.get("metaData")
    return found if isinstance(found, dict) else {}


def _call_id(source: str, key: str) -> str:
    return f"{source}:{key}"
