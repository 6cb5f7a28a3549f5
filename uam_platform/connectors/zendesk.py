"""Zendesk: tickets, ticket events, users and organisations through the incremental exports.

Here: which exports are read, their paging, and Zendesk's error words. Not here: HTTP (`http_json`), landing
(`api_records`), what a ticket means (`uam_platform.staging`).

Cursor exports continue after an opaque cursor. Time exports repeat the boundary second, so they start again a little before
the last `end_time`; they end on `end_of_stream` and never on an empty page (a page can be empty in the middle). Endpoints:
https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

from uam_platform.connectors.api_records import Pages, Record, land_records
from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.http_json import JsonClient, Object, Wire, shown
from uam_platform.lake.loads import Load, LoadManifest

NAME: Final = "zendesk"
_LOOK_BACK_SECONDS: Final = 300  # rows commit late with an older second
_LONGEST_STALL: Final = 5  # pages that do not move on before we give up


@dataclass(frozen=True)
class ZendeskSource:
    """Where and as whom to read.

    Attributes:
        base_url: https://<subdomain>.zendesk.com
        email: of the administrator the token belongs to (incremental exports need one).
        api_token: API token.
        start: first import goes back to here (UTC).
    """

    base_url: str
    email: str
    api_token: str = field(repr=False)
    start: datetime


@dataclass(frozen=True)
class Export:
    """One incremental export.

    Attributes:
        source_object: name of its records.
        path: below /api/v2/.
        items: key of the records in the answer.
        style: how it is paged.
        modified: field that Zendesk orders the export by; epoch seconds are landed as ISO 8601.
        include: sideload that adds content to the records.
    """

    source_object: str
    path: str
    items: str
    style: Literal["cursor", "time"]
    modified: str
    include: str = ""


EXPORTS: Final = (
    Export("organization", "incremental/organizations.json", "organizations", "time", "updated_at"),
    Export("user", "incremental/users/cursor.json", "users", "cursor", "updated_at"),
    Export("ticket", "incremental/tickets/cursor.json", "tickets", "cursor", "generated_timestamp"),
    Export(
        "ticket_event",
        "incremental/ticket_events.json",
        "ticket_events",
        "time",
        "created_at",
        include="comment_events",
    ),
)


def land(
    source: ZendeskSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    *,
    wire: Wire | None = None,
) -> Load | None:
    """Land what changed since the last complete load.

    Args:
        source: where and as whom.
        manifest: complete loads; the last one's state says where to go on.
        load_id: id of the new load.
        now: naive UTC.
        progress: told after every page and about every wait.
        wire: transport and patience; the network when absent.

    Returns:
        The committed load, or None when nothing changed.

    Raises:
        TransientError: Zendesk could not be reached or throttles longer than we wait.
        PermanentError: credentials, rights or settings are wrong.
    """
    last = manifest.last(NAME)
    state: dict[str, Any] = dict(last.state) if last else {}
    client = JsonClient(wire or Wire(), progress, explain)
    pair = base64.b64encode(f"{source.email}/token:{source.api_token}".encode()).decode()
    client.headers["authorization"] = f"Basic {pair}"
    try:
        streams = {e.source_object: _pages(e, source, client, state, progress) for e in EXPORTS}
        return land_records(NAME, streams, state, client.counts, manifest, load_id, now)
    finally:
        client.close()


def _pages(
    export: Export, source: ZendeskSource, client: JsonClient, state: dict[str, Any], progress: Callable[[str], None]
) -> Pages:
    read = 0
    walk = _by_cursor if export.style == "cursor" else _by_time
    for items in walk(export, source, client, state):
        read += len(items)
        progress(f"{NAME} {export.source_object}: {read:,} records")
        yield records(export, items)


def records(export: Export, items: Sequence[Object]) -> list[Record]:
    """Landed form of the items of one page."""
    return [
        (
            export.source_object,
            _text(item.get("id")),
            _modified(item, export.modified),
            json.dumps(item, sort_keys=True),
        )
        for item in items
    ]


def _by_cursor(
    export: Export, source: ZendeskSource, client: JsonClient, state: dict[str, Any]
) -> Iterator[Sequence[Object]]:
    cursor: str | None = state.get(export.source_object, {}).get("cursor")
    stall = _Stall(export)
    while True:
        start = {"cursor": cursor} if cursor else {"start_time": str(_epoch(source.start))}
        body = _get(export, source, client, {**start, "per_page": "1000"})
        moved = body.get("after_cursor") or cursor
        if moved:
            state[export.source_object] = {"cursor": moved}
        yield body[export.items]
        if body.get("end_of_stream"):
            return
        stall.note(moved != cursor)
        cursor = moved


def _by_time(
    export: Export, source: ZendeskSource, client: JsonClient, state: dict[str, Any]
) -> Iterator[Sequence[Object]]:
    first = _epoch(source.start)
    ended: int | None = state.get(export.source_object, {}).get("end_time")
    start = first if ended is None else max(first, ended - _LOOK_BACK_SECONDS)
    stall = _Stall(export)
    while True:
        body = _get(export, source, client, {"start_time": str(start), "per_page": "1000"})
        reached = body.get("end_time")
        if reached is not None:
            ended = max(reached, ended or reached)
            state[export.source_object] = {"end_time": ended}
        yield body[export.items]
        if body.get("end_of_stream"):
            return
        following = max(start, _start_of(body.get("next_page")) or reached or start)
        if following == start == reached:  # a page full of one second would come again for ever
            following += 1
        stall.note(following != start)
        start = following


def _get(export: Export, source: ZendeskSource, client: JsonClient, params: Mapping[str, str]) -> Object:
    url = f"{source.base_url.rstrip('/')}/api/v2/{export.path}"
    extra = {"include": export.include} if export.include else {}
    return client.get(url, f"{NAME} {export.source_object} export", {**params, **extra}, needs=export.items)


class _Stall:
    """Ends an export that keeps answering with the same position."""

    def __init__(self, export: Export) -> None:
        self._export, self._count = export, 0

    def note(self, is_moving: bool) -> None:
        self._count = 0 if is_moving else self._count + 1
        if self._count >= _LONGEST_STALL:
            where = f"{NAME} {self._export.source_object} export"
            raise TransientError(where, f"{self._count} answers in a row did not move on and did not end the stream")


def explain(status: int, body: Any, where: str) -> ConnectorError | None:
    """Zendesk's own refusals in plain words; None leaves the answer to the general rules."""
    said = shown(json.dumps(body)) if body is not None else "no text"
    if status == 401:
        action = "Check UAM_ZENDESK_EMAIL and UAM_ZENDESK_API_TOKEN, and that token access is switched on."
        return PermanentError(where, f"Zendesk does not accept the credentials ({said})", action)
    if status == 403:
        action = "Give the token's user the administrator role; incremental exports need it."
        return PermanentError(where, f"Zendesk refuses access ({said})", action)
    if status == 404:
        action = "Check UAM_ZENDESK_BASE_URL, e.g. https://acme.zendesk.com."
        return PermanentError(where, f"there is no such address ({said})", action)
    if status in (400, 422):
        action = "Check that UAM_ZENDESK_START lies in the past; otherwise a stored cursor is no longer valid."
        return PermanentError(where, f"Zendesk does not accept the request ({said})", action)
    return None


def _modified(item: Object, name: str) -> str | None:
    value = item.get(name) or item.get("updated_at")
    if isinstance(value, int):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return _text(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _epoch(moment: datetime) -> int:
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _start_of(next_page: str | None) -> int | None:
    """start_time inside a next_page address."""
    found = parse_qs(urlsplit(next_page or "").query).get("start_time", [""])[0]
    return int(found) if found.isdigit() else None
