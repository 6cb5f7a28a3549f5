"""What people wrote in tickets: descriptions and comments as utterances, redacted before anything else sees them.

Here: Zendesk's ticket and ticket_event records into UTTERANCES. Not here: chats and messaging (`conversations`), what the words mean
(`uam_platform.evidence`), what is cut (`uam_platform.policy.redaction`). Another channel is another function that returns such rows.

A ticket's description is its first public comment: the comments of the audit that creates the ticket are left out. So is the
transcript of a conversation that is told by itself, and every word of a deleted ticket: somebody took it away.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from uam_platform.policy.redaction import Redactor
from uam_platform.staging.record_log import Record, latest
from uam_platform.staging.record_values import known_day, moment, text
from uam_platform.staging.tickets import DELETED

Row = dict[str, Any]
_CUSTOMER: Final = "end-user"


def ticket_utterances(
    records: Mapping[str, Iterable[Record]],
    tickets: Iterable[Row],
    redactor: Redactor,
    grace: timedelta,
    told: Collection[str] = (),
) -> list[Row]:
    """Rows of UTTERANCES from tickets and their comments.

    Args:
        records: Zendesk records by kind: `user`, `ticket`, `ticket_event`.
        tickets: rows of TICKETS; words on a ticket that has none belong to no account and are left out.
        redactor: knows the names of staff and customers.
        grace: decision_at - as_of.
        told: tickets whose conversation is told by itself.
    """
    of_desk = [row for row in tickets if row["source"] == "zendesk" and row.get("status") != DELETED]
    accounts = {row["ticket_id"]: row["account_id_source"] for row in of_desk}
    kinds = {record.record_id: _author_kind(record) for record in _last(records["user"])}
    found = []
    for record in _last(records["ticket"]):
        found += _of_ticket(record, accounts, told)
    for record in _last(records["ticket_event"]):
        found += _of_audit(record, accounts, kinds, told)
    return [stored(each, redactor, grace) for each in found]


def _last(records: Iterable[Record]) -> list[Record]:
    return [record for record, _ in latest((record, None) for record in records).values()]


def _author_kind(user: Record) -> str:
    return "customer" if (text(user.payload, "role") or _CUSTOMER) == _CUSTOMER else "agent"


def _of_ticket(record: Record, accounts: Mapping[str, str | None], told: Collection[str]) -> list[Row]:
    words, ticket_id = text(record.payload, "description"), f"{record.load.source}:{record.record_id}"
    via = record.payload.get("via")
    is_transcript = ticket_id in told and isinstance(via, dict) and _is_conversation(text(via, "channel"))
    if not words or ticket_id not in accounts or is_transcript:
        return []
    created = moment(record.payload, "created_at")
    return [said(record, "ticket", record.record_id, ticket_id, accounts[ticket_id], "customer", created, words)]


def _is_conversation(channel: str | None) -> bool:
    """A channel whose words Zendesk writes into the ticket as a transcript."""
    return any(word in (channel or "").lower() for word in ("chat", "messaging"))


def _of_audit(
    record: Record, accounts: Mapping[str, str | None], kinds: Mapping[str, str], told: Collection[str]
) -> list[Row]:
    ticket_id = f"{record.load.source}:{text(record.payload, 'ticket_id')}"
    children = [child for child in record.payload.get("child_events") or () if isinstance(child, dict)]
    if ticket_id not in accounts or any(child.get("event_type") == "Create" for child in children):
        return []
    at = moment(record.payload, "created_at")
    comments = [child for child in children if child.get("event_type") == "Comment"]
    if ticket_id in told:
        comments = [child for child in comments if not _is_conversation(text(child, "via"))]
    return [
        said(
            record, "ticket_comment", text(child, "id") or record.record_id, ticket_id, accounts[ticket_id],
            kinds.get(text(child, "author_id") or "", "unknown"), at, words,
        )
        for child in comments
        if (words := text(child, "plain_body") or text(child, "body"))
    ]  # fmt: skip


def said(
    record: Record,
    channel: str,
    own_id: str,
    ticket_id: str | None,
    account_id: str | None,
    author_kind: str,
    at: datetime | None,
    words: str,
    *,
    conversation: str | None = None,
) -> Row:
    """One utterance before it is redacted; it belongs to its ticket's conversation unless another is named."""
    return {
        "utterance_id": f"{record.load.source}:{channel}:{own_id}",
        "source": record.load.source,
        "channel": channel,
        "ticket_id": ticket_id,
        "conversation_id": conversation or ticket_id,
        "account_id": account_id,
        "author_kind": author_kind,
        "said_at": at,
        "known_at": at,
        "text": words,
        "load_id": record.load.load_id,
        "row_no": record.row_no,
    }


def stored(row: Row, redactor: Redactor, grace: timedelta) -> Row:
    """The utterance as it is kept: redacted, with the day on which it was known."""
    left = redactor.redact(row["text"])
    known_date = known_day(row["known_at"], row["said_at"], grace)
    return {**row, "text": left.text, "redaction_count": left.count, "known_date": known_date}
