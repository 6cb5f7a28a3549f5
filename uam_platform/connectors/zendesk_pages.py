"""Walking the pages of Zendesk's streams, and where the next load goes on.

Here: the four styles of paging (`zendesk_streams`), the guard against answers that do not move on, and how many pages one load
takes. Not here: what becomes of the pages (`zendesk`), sending (`zendesk_session`).

A position moves on only past pages that were handed over, so it is never ahead of what a committed load holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from uam_platform.connectors.errors import TransientError
from uam_platform.connectors.http_json import Object
from uam_platform.connectors.zendesk_session import NAME, Session
from uam_platform.connectors.zendesk_streams import FULL_PAGE, Export

_LONGEST_STALL: Final = 5  # pages that do not move on before we give up
_LISTED: Final = 100  # records on a page of a listing

Items = Sequence[Object]


@dataclass
class Budget:
    """Pages that one load may still take; each stream takes one at least, so that every load moves on.

    Attributes:
        left: pages.
        is_partial: a stream stopped for lack of them; another load goes on.
    """

    left: int
    is_partial: bool = False

    def take(self) -> None:
        """Count a page."""
        self.left -= 1

    def stops(self, *, may_stop: bool) -> bool:
        """Whether a stream stops here; it has to be able to go on from here."""
        if self.left > 0 or not may_stop:
            return False
        self.is_partial = True
        return True


def pages(export: Export, session: Session, state: dict[str, Any], budget: Budget) -> Iterator[Items]:
    """Pages of one stream from its position in `state` on, which is moved along.

    Raises:
        ConnectorError: Zendesk cannot be reached, refuses, or does not move on.
    """
    walk = {"cursor": _by_cursor, "time": _by_time, "list": _listed, "chat": _chats}[export.style]
    yield from walk(export, session, state, budget)


def where(export: Export) -> str:
    """Name of a stream for messages."""
    return f"{NAME} {export.source_object} export"


def _by_cursor(export: Export, session: Session, state: dict[str, Any], budget: Budget) -> Iterator[Items]:
    cursor: str | None = state.get(export.source_object, {}).get("cursor")
    stall = _Stall(export)
    is_first = True
    while not budget.stops(may_stop=not is_first):
        is_first = False
        start = {"cursor": cursor} if cursor else {"start_time": str(epoch(session.source.start))}
        body = _get(export, session, {**start, "per_page": str(FULL_PAGE)})
        budget.take()
        moved = body.get("after_cursor") or cursor
        yield body[export.items]
        if moved:
            state[export.source_object] = {"cursor": moved}
        if body.get("end_of_stream"):
            return
        stall.note(moved != cursor)
        cursor = moved


def _by_time(export: Export, session: Session, state: dict[str, Any], budget: Budget) -> Iterator[Items]:
    before: int | None = state.get(export.source_object, {}).get("end_time")
    ended, start = before, _start(export, session, before)
    stall = _Stall(export)
    while not budget.stops(may_stop=ended != before):
        body = _get(export, session, {"start_time": str(start), "per_page": str(FULL_PAGE)})
        budget.take()
        reached = body.get("end_time")
        yield body[export.items]
        if reached is not None:
            ended = max(reached, ended or reached)
            state[export.source_object] = {"end_time": ended}
        if body.get("end_of_stream", not export.tells_end and len(body[export.items]) < FULL_PAGE):
            return
        following = max(start, _start_of(body.get("next_page")) or reached or start)
        if following == start == reached:  # a page full of one second would come again for ever
            following += 1
        stall.note(following != start)
        start = following


def _listed(export: Export, session: Session, state: dict[str, Any], budget: Budget) -> Iterator[Items]:
    newest: int | None = state.get(export.source_object, {}).get("created")
    params = {"start_time": str(_start(export, session, newest)), "page[size]": str(_LISTED)}
    stall, after = _Stall(export), ""
    while True:
        body = _get(export, session, {**params, **({"page[after]": after} if after else {})})
        yield body[export.items]
        created = [_second(item["created_at"]) for item in body[export.items] if item.get("created_at")]
        newest = max([*created, *([] if newest is None else [newest])], default=None)
        meta = body.get("meta") or {}
        following = meta.get("after_cursor") or after
        if not meta.get("has_more"):
            break
        stall.note(following != after)
        after = following
    if newest is not None:  # only when all pages are there: a listing is in no order that we rely on
        state[export.source_object] = {"created": newest}


def _chats(export: Export, session: Session, state: dict[str, Any], budget: Budget) -> Iterator[Items]:
    before: int | None = state.get(export.source_object, {}).get("end_time")
    ended = before
    position: Mapping[str, str] = {"start_time": str(_start(export, session, before))}
    stall = _Stall(export)
    while True:
        body = _get(export, session, {**position, "limit": str(FULL_PAGE)})
        yield body[export.items]
        if body.get("end_time") is not None:
            ended = max(int(body["end_time"]), ended or 0)
            state[export.source_object] = {"end_time": ended}
        if int(body.get("count", len(body[export.items]))) < FULL_PAGE:
            return
        following = {"start_time": str(body.get("end_time")), "start_id": str(body.get("end_id") or "")}
        stall.note(following != position)
        position = following


def conversation_log(ticket_id: int, session: Session) -> Iterator[Items]:
    """Pages of what was said on a messaging ticket, oldest first."""
    path, after = f"tickets/{ticket_id}/conversation_log.json", ""
    while True:
        params = {"page[size]": str(_LISTED), **({"page[after]": after} if after else {})}
        body = session.get(path, f"{NAME} conversation of ticket {ticket_id}", params, needs="events")
        yield body["events"]
        meta = body.get("meta") or {}
        if not meta.get("has_more") or meta.get("after_cursor") in (None, after):
            return
        after = meta["after_cursor"]


def _get(export: Export, session: Session, params: Mapping[str, str]) -> Object:
    return session.get(export.path, where(export), {**params, **export.params}, needs=export.items)


def _start(export: Export, session: Session, position: int | None) -> int:
    first = epoch(session.source.start)
    return first if position is None else max(first, position - export.look_back_seconds)


class _Stall:
    """Ends an export that keeps answering with the same position."""

    def __init__(self, export: Export) -> None:
        self._export, self._count = export, 0

    def note(self, is_moving: bool) -> None:
        self._count = 0 if is_moving else self._count + 1
        if self._count >= _LONGEST_STALL:
            what = f"{self._count} answers in a row did not move on and did not end the stream"
            raise TransientError(where(self._export), what)


def epoch(moment: datetime) -> int:
    """Epoch second of a time; one without zone is UTC."""
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _second(text: str) -> int:
    return epoch(datetime.fromisoformat(text))


def _start_of(next_page: str | None) -> int | None:
    """start_time inside a next_page address."""
    found = parse_qs(urlsplit(next_page or "").query).get("start_time", [""])[0]
    return int(found) if found.isdigit() else None
