"""What customers answer when the help desk asks whether they were content.

Here: Zendesk's satisfaction_rating records and the ratings of chats into SATISFACTION_RATINGS. Not here: the comment beside a rating
(`conversations`), what follows from a bad one.

A rating is known since its last change: while it is only offered, that is when it was offered.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import known_day, moment, one_of, required, required_moment, text
from uam_platform.staging.tickets import Requester, Row
from uam_platform.temporal import keys

_GIVEN: Final = ("good", "bad")


def satisfaction_ratings(
    log: RecordLog, records: Iterable[Record], tickets: Iterable[Row], people: Mapping[str, Requester], grace: timedelta
) -> list[Row]:
    """Rows of SATISFACTION_RATINGS from ratings of tickets.

    Args:
        log: takes what cannot be read.
        records: satisfaction_rating records.
        tickets: rows of TICKETS; a rating belongs to the account of its ticket.
        people: requesters by Zendesk user id.
        grace: decision_at - as_of.
    """
    accounts = {row["ticket_id"]: row["account_id_source"] for row in tickets}
    nobody = Requester(keys.NO_KEY, None)

    def build(record: Record) -> Row:
        payload = record.payload
        ticket = f"{record.load.source}:{required(payload, 'ticket_id')}"
        person = people.get(text(payload, "requester_id") or "", nobody)
        offered = required_moment(payload, "created_at")
        changed = max(moment(payload, "updated_at") or offered, offered)
        return {
            "rating_id": f"{record.load.source}:{record.record_id}",
            "ticket_id": ticket,
            "account_id": accounts.get(ticket) or person.account_id,
            "requester_key": person.key,
            "satisfaction": _score(text(payload, "score")),
            "satisfaction_reason": text(payload, "reason"),
            **_placed(record, changed, grace),
        }

    return [row for _, row in latest(log.built(records, build)).values()]


def chat_ratings(records: Iterable[Record], accounts: Mapping[str, str | None], grace: timedelta) -> Iterator[Row]:
    """Rows of SATISFACTION_RATINGS from chats that a visitor rated.

    Args:
        records: chat records, each the latest of its chat.
        accounts: product account by chat id.
        grace: decision_at - as_of.
    """
    for record in records:
        if text(record.payload, "rating") in _GIVEN:
            ticket = text(record.payload, "zendesk_ticket_id")
            yield {
                "rating_id": f"{record.load.source}:chat:{record.record_id}",
                "ticket_id": f"{record.load.source}:{ticket}" if ticket else None,
                "account_id": accounts.get(record.record_id),
                "requester_key": keys.NO_KEY,
                "satisfaction": _score(text(record.payload, "rating")),
                "satisfaction_reason": None,
                **_placed(record, required_moment(record.payload, "update_timestamp"), grace),
            }


def _score(value: str | None) -> str:
    """The score without what only says whether there is a comment."""
    plain = (value or "").removesuffix("_with_comment").removesuffix("_without_comment")
    return one_of(plain, VOCABULARY["satisfaction"].allowed, "offered")


def _placed(record: Record, at: datetime, grace: timedelta) -> Row:
    placed = {"occurred_at": at, "known_at": at, "known_date": known_day(at, at, grace)}
    return {"source": record.load.source, **placed, "load_id": record.load.load_id, "row_no": record.row_no}
