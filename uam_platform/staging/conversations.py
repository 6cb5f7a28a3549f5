"""What was said in chats and messaging, and beside a rating: utterances, redacted before anything else sees them.

Here: Zendesk's chat, conversation_event and satisfaction_rating records into UTTERANCES. Not here: tickets and their comments
(`utterances`), the ratings themselves (`satisfaction`).

A chat belongs to the account of its ticket, else to the one its tag `account:<id>` names, else to that of the visitor's e-mail
address. Bots speak for the company.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from uam_platform.policy.redaction import Redactor
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import required_moment, text
from uam_platform.staging.tickets import Requester
from uam_platform.staging.utterances import Row, said, stored

_ACCOUNT_TAG: Final = "account:"
_SENDERS: Final = {"visitor": "customer", "agent": "agent", "trigger": "agent"}
_AUTHORS: Final = {"user": "customer", "agent": "agent", "bot": "agent"}
_MESSAGE: Final = "Messaging::ConversationMessage"
_NO_NAMES: Final = ("visitor", "agent", "trigger")


@dataclass(frozen=True)
class Conversations:
    """What conversations become.

    Attributes:
        utterances: rows of UTTERANCES.
        tickets: tickets whose words a conversation tells, so that their transcript is not told again.
        accounts: product account by chat id.
        chats: the latest record of each chat.
    """

    utterances: list[Row]
    tickets: frozenset[str]
    accounts: Mapping[str, str | None]
    chats: list[Record]


def conversations(
    log: RecordLog,
    desk: Mapping[str, Iterable[Record]],
    tickets: Iterable[Row],
    people: Mapping[str, Requester],
    redactor: Redactor,
    grace: timedelta,
) -> Conversations:
    """Utterances of chats, messaging and ratings.

    Args:
        log: takes what cannot be read.
        desk: Zendesk records by kind.
        tickets: rows of TICKETS.
        people: requesters by Zendesk user id.
        redactor: knows the names of staff and customers.
        grace: decision_at - as_of.
    """
    by_ticket = {row["ticket_id"]: row["account_id_source"] for row in tickets}
    by_email = _by_email(desk["user"], people)
    chats = _built(log, desk["chat"], lambda r: list(_of_chat(r, None, None)))
    events = _built(log, desk["conversation_event"], lambda r: list(_of_event(r, None)))
    ratings = _built(log, desk["satisfaction_rating"], lambda r: list(_of_rating(r, None)))
    accounts = {record.record_id: _account(record, by_ticket, by_email) for record in chats}
    found = [
        *(row for r in chats for row in _of_chat(r, _ticket(r, by_ticket), accounts[r.record_id])),
        *(row for r in events for row in _of_event(r, by_ticket.get(_of_desk(r, "ticket_id") or ""))),
        *(row for r in ratings for row in _of_rating(r, by_ticket.get(_of_desk(r, "ticket_id") or ""))),
    ]
    told = {row["ticket_id"] for row in found if row["ticket_id"] and row["channel"] == "chat"}
    return Conversations([stored(row, redactor, grace) for row in found], frozenset(told), accounts, chats)


def names_in(chats: Iterable[Record]) -> Iterator[str]:
    """Names that visitors gave, for the redactor; those that the widget makes up are none."""
    for record in chats:
        name = text(record.payload.get("visitor") or {}, "name")
        if name and name.split()[0].lower() not in _NO_NAMES:
            yield name


def _built(log: RecordLog, records: Iterable[Record], build: Any) -> list[Record]:
    return [record for record, _ in latest(log.built(records, build)).values()]


def _by_email(users: Iterable[Record], people: Mapping[str, Requester]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for record, _ in latest((record, None) for record in users).values():
        email = text(record.payload, "email")
        if email and record.record_id in people:
            found[email.lower()] = people[record.record_id].account_id
    return found


def _of_desk(record: Record, name: str) -> str | None:
    value = text(record.payload, name)
    return f"{record.load.source}:{value}" if value else None


def _ticket(record: Record, known: Mapping[str, str | None]) -> str | None:
    ticket = _of_desk(record, "zendesk_ticket_id")
    return ticket if ticket in known else None


def _account(record: Record, by_ticket: Mapping[str, str | None], by_email: Mapping[str, str | None]) -> str | None:
    tags = [str(tag) for tag in record.payload.get("tags") or ()]
    tagged = next((tag.removeprefix(_ACCOUNT_TAG) for tag in tags if tag.startswith(_ACCOUNT_TAG)), None)
    email = (text(record.payload.get("visitor") or {}, "email") or "").lower()
    return by_ticket.get(_of_desk(record, "zendesk_ticket_id") or "") or tagged or by_email.get(email)


def _of_chat(record: Record, ticket_id: str | None, account_id: str | None) -> Iterator[Row]:
    payload, chat = record.payload, f"{record.load.source}:{record.record_id}"
    if words := text(payload, "message"):  # left while nobody was there
        at = required_moment(payload, "timestamp")
        yield said(record, "chat", record.record_id, ticket_id, account_id, "customer", at, words, conversation=chat)
    for place, message in enumerate(payload.get("history") or ()):
        words = text(message, "msg") if message.get("type") == "chat.msg" else None
        if words:
            own_id = text(message, "msg_id") or f"{record.record_id}:{place}"
            at = required_moment(message, "timestamp")
            yield said(record, "chat", own_id, ticket_id, account_id, _sender(message), at, words, conversation=chat)


def _sender(message: Mapping[str, Any]) -> str:
    kind = text(message, "sender_type") or (text(message, "nick") or "").partition(":")[0]
    return _SENDERS.get(kind.lower(), "unknown")


def _of_event(record: Record, account_id: str | None) -> Iterator[Row]:
    payload = record.payload
    content, author = payload.get("content") or {}, payload.get("author") or {}
    words = text(content, "text") or text(content, "body")
    if text(payload, "type") == _MESSAGE and words:  # comments come with the ticket's events
        kind = _AUTHORS.get((text(author, "type") or "").lower(), "unknown")
        ticket_id, at = _of_desk(record, "ticket_id"), required_moment(payload, "created_at")
        yield said(record, "chat", record.record_id, ticket_id, account_id, kind, at, words)


def _of_rating(record: Record, account_id: str | None) -> Iterator[Row]:
    if words := text(record.payload, "comment"):
        at = required_moment(record.payload, "updated_at")
        ticket_id = _of_desk(record, "ticket_id")
        yield said(record, "rating", record.record_id, ticket_id, account_id, "customer", at, words)
