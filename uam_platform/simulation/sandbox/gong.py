"""Gong's API: users, calls, calls in full, transcripts.

Belongs here: HTTP, authentication, limits, cursors, error bodies. Does not belong here: JSON objects (`gong_shapes.py`). A call is
served once its recording can be read; private calls are never.
"""

import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox import gong_shapes
from uam_platform.simulation.sandbox.company import Company, Row
from uam_platform.simulation.sandbox.credentials import GONG_ACCESS_KEY, GONG_ACCESS_KEY_VALUE
from uam_platform.simulation.sandbox.faults import is_empty_page
from uam_platform.simulation.sandbox.rate_limits import Clock, FixedWindow, TokenBucket

PAGE_SIZE: Final = 100
CALLS_PER_SECOND: Final = 3
CALLS_PER_DAY: Final = 10_000
_EMPTY: Final = "No calls found corresponding to the provided filters"
_SECONDS_PER_DAY: Final = 86_400.0

Object = dict[str, Any]
Answer = Callable[[Request, Object], Response]


class GongSurface:
    """Serves the recorded calls of a company.

    Args:
        company: What to serve.
        now: Epoch seconds of the sandbox clock; recordings that can be read only later are not there yet.
        per_minute: Lifts the limit of three calls a second to this many a minute where it is more.
        clock: Monotonic seconds for the limits.
    """

    def __init__(self, company: Company, now: int, per_minute: int, clock: Clock) -> None:
        self._company = company
        self._now = datetime.fromtimestamp(now, UTC)
        per_second = max(CALLS_PER_SECOND, per_minute // 60)
        self._rate = TokenBucket(per_second, per_second, clock)
        self._quota = FixedWindow(max(CALLS_PER_DAY, per_minute * 60), _SECONDS_PER_DAY, clock)

    def routes(self) -> list[BaseRoute]:
        """Routes below `/gong`."""
        return [
            Route("/gong/v2/users", self._guarded(self._users), methods=["GET"]),
            Route("/gong/v2/calls", self._guarded(self._list), methods=["GET"]),
            Route("/gong/v2/calls/extensive", self._guarded(self._extensive), methods=["POST"]),
            Route("/gong/v2/calls/transcript", self._guarded(self._transcripts), methods=["POST"]),
        ]

    def _guarded(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """Wrap an answer in authentication, limits and the reading of its body."""

        async def guarded(request: Request) -> Response:
            if not _is_authenticated(request):
                return _error(401, "Invalid or missing access credentials")
            for verdict in (self._rate.take(GONG_ACCESS_KEY), self._quota.take()):
                if not verdict.is_allowed:
                    refused = _error(429, "API request limit exceeded")
                    refused.headers["retry-after"] = str(verdict.resets_in_seconds)
                    return refused
            try:
                body = json.loads(await request.body() or b"{}")
                return answer(request, body)
            except (ValueError, KeyError, TypeError, AttributeError) as problem:
                return _error(400, f"Malformed request: {problem}")

        return guarded

    @cached_property
    def _calls(self) -> list[Row]:
        rows = self._rows("gong_calls")
        readable = [
            row for row in rows if row["readable_at"] and row["readable_at"] <= self._now and not row["isPrivate"]
        ]
        return sorted(readable, key=lambda row: (row["started"], row["id"]))

    @cached_property
    def _lines(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self._rows("gong_transcripts"):
            found.setdefault(row["call_id"], []).append(row)
        return {call: sorted(lines, key=lambda line: line["start_ms"]) for call, lines in found.items()}

    def _rows(self, table: str) -> list[Row]:
        """Rows of a table; none where the company was written before calls were recorded."""
        return self._company.rows(table) if (self._company.root / f"{table}.parquet").is_file() else []

    def _users(self, request: Request, _: Object) -> Response:
        rows = sorted(self._rows("gong_users"), key=lambda row: str(row["id"]))
        page, records = _page(rows, request.query_params.get("cursor"), request)
        return JSONResponse({"requestId": "0", "records": records, "users": [gong_shapes.user(row) for row in page]})

    def _list(self, request: Request, _: Object) -> Response:
        query = request.query_params
        window = {"fromDateTime": query["fromDateTime"], "toDateTime": query["toDateTime"]}
        return self._answered(request, window, query.get("cursor"), "calls", gong_shapes.basics)

    def _extensive(self, request: Request, body: Object) -> Response:
        selector = body.get("contentSelector") or {}

        def shape(row: Row) -> Object:
            return gong_shapes.call(row, json.loads(row["parties"]), self._lines.get(row["id"], []), selector)

        return self._answered(request, body["filter"], body.get("cursor"), "calls", shape)

    def _transcripts(self, request: Request, body: Object) -> Response:
        def shape(row: Row) -> Object:
            return gong_shapes.transcript(row["id"], self._lines.get(row["id"], []))

        return self._answered(request, body["filter"], body.get("cursor"), "callTranscripts", shape)

    def _answered(
        self, request: Request, wanted: Object, cursor: str | None, key: str, shape: Callable[[Row], Object]
    ) -> Response:
        found = self._filtered(wanted)
        if not found:
            return _error(404, _EMPTY)
        page, records = _page(found, cursor, request)
        return JSONResponse({"requestId": "0", "records": records, key: [shape(row) for row in page]})

    def _filtered(self, wanted: Object) -> list[Row]:
        first, end = _moment(wanted.get("fromDateTime")), _moment(wanted.get("toDateTime"))
        ids = set(map(str, wanted["callIds"])) if wanted.get("callIds") else None
        return [
            row
            for row in self._calls
            if (first is None or row["scheduled"] >= first)  # a web conference counts by the time it was planned for
            and (end is None or row["scheduled"] < end)
            and (ids is None or row["id"] in ids)
        ]


def _page(rows: list[Row], cursor: str | None, request: Request) -> tuple[list[Row], Object]:
    """One page and its `records`: totals, and a cursor while more follows.

    Raises:
        ValueError: the cursor is none of ours.
    """
    first = int(base64.urlsafe_b64decode(cursor.encode())) if cursor else 0
    page = [] if is_empty_page(request) else rows[first : first + PAGE_SIZE]
    records: Object = {"totalRecords": len(rows), "currentPageSize": len(page), "currentPageNumber": first // PAGE_SIZE}
    following = first + len(page)
    if following < len(rows):
        records["cursor"] = base64.urlsafe_b64encode(str(following).encode()).decode()
    return page, records


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return found


def _is_authenticated(request: Request) -> bool:
    pair = base64.b64encode(f"{GONG_ACCESS_KEY}:{GONG_ACCESS_KEY_VALUE}".encode()).decode()
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Basic {pair}".encode())


def _error(status: int, text: str) -> Response:
    return JSONResponse({"requestId": "0", "errors": [text]}, status)
