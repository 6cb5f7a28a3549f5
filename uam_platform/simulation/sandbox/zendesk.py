"""Zendesk's API: incremental exports, ticket audits, satisfaction ratings, chats.

Belongs here: HTTP, authentication, rate limits, error bodies. Does not belong here: JSON objects (`zendesk_shapes.py`), what is
measured, asked and heard beside tickets (`zendesk_feedback.py`), paging (`zendesk_export.py`), data (`zendesk_data.py`).
"""

import base64
import hmac
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox import zendesk_export, zendesk_feedback, zendesk_shapes
from uam_platform.simulation.sandbox.company import Company, Row
from uam_platform.simulation.sandbox.credentials import (
    ZENDESK_API_KEY,
    ZENDESK_CHAT_KEY,
    ZENDESK_EMAIL,
    ZENDESK_OAUTH_KEY,
)
from uam_platform.simulation.sandbox.faults import is_empty_page
from uam_platform.simulation.sandbox.rate_limits import Clock, FixedWindow, Verdict
from uam_platform.simulation.sandbox.zendesk_data import ZendeskData
from uam_platform.simulation.sandbox.zendesk_export import CursorPage, Export, T, TimePage

ACCOUNT_PER_MINUTE: Final = 400
_EXPORT_HEADER: Final = "zendesk-ratelimit-incremental-exports"
_ACCOUNT_URL: Final = "https://sandbox.zendesk.com"  # a record names its account, not the port it was served on

Handler = Callable[[Request], Response]
Shape = Callable[[Row, str], dict[str, Any]]


class ZendeskSurface:
    """Serves the Zendesk side of a company.

    Args:
        company: What to serve.
        now: Epoch seconds of the sandbox clock.
        incremental_per_minute: Calls per minute to the incremental exports; the real limit is 10.
        clock: Monotonic seconds for the rate limits.
    """

    def __init__(self, company: Company, now: int, incremental_per_minute: int, clock: Clock) -> None:
        self._company = company
        self._now = now
        self._account = FixedWindow(max(ACCOUNT_PER_MINUTE, incremental_per_minute), 60.0, clock)
        self._exports = FixedWindow(incremental_per_minute, 60.0, clock)

    @cached_property
    def _data(self) -> ZendeskData:
        return ZendeskData(self._company, self._now)

    def routes(self) -> list[BaseRoute]:
        """Routes below `/zendesk`; each exists with and without `.json`."""
        exports: dict[str, Handler] = {
            "incremental/tickets/cursor": self._tickets_by_cursor,
            "incremental/users/cursor": self._users_by_cursor,
            "incremental/tickets": self._tickets_by_time,
            "incremental/ticket_events": self._ticket_events,
            "incremental/ticket_metric_events": self._metric_events,
            "incremental/organizations": self._organizations,
        }
        others: dict[str, Handler] = {
            "satisfaction_ratings": self._ratings,
            "chat/incremental/chats": self._chats,
            "users/me": _me,
            "tickets/{ticket_id:int}/audits": self._audits,
        }
        routes: list[BaseRoute] = []
        for path, handler in exports.items():
            routes += _both(f"/zendesk/api/v2/{path}", self._guarded(handler, is_export=True))
        for path, handler in others.items():
            routes += _both(f"/zendesk/api/v2/{path}", self._guarded(handler, is_export=False))
        return [*routes, Route("/zendesk/{rest:path}", _not_found)]

    def _guarded(self, handler: Handler, *, is_export: bool) -> Handler:
        """Wrap a handler in authentication, rate limits and the reading of its parameters."""

        def guarded(request: Request) -> Response:
            if not _is_authenticated(request):
                return JSONResponse({"error": "Couldn't authenticate you"}, 401)
            account = self._account.take()
            export = self._exports.take() if is_export and account.is_allowed else None
            if not account.is_allowed or (export and not export.is_allowed):
                answer = _throttled(account if not account.is_allowed else export)
            else:
                answer = _answered(handler, request)
            answer.headers.update(self._limit_headers(account, export))
            return answer

        return guarded

    def _limit_headers(self, account: Verdict, export: Verdict | None) -> dict[str, str]:
        headers = {
            "x-zendesk-api-version": "v2",
            "x-rate-limit": str(self._account.limit),
            "ratelimit-limit": str(self._account.limit),
            "x-rate-limit-remaining": str(account.remaining),
            "ratelimit-remaining": str(account.remaining),
            "ratelimit-reset": str(account.resets_in_seconds),
        }
        if export:
            state = f"total={self._exports.limit}; remaining={export.remaining}; resets={export.resets_in_seconds}"
            headers[_EXPORT_HEADER] = state
        return headers

    def _tickets_by_cursor(self, request: Request) -> Response:
        page, url = self._cursor_page(request, self._data.tickets), _url(request)
        tickets = [zendesk_shapes.ticket(row, _ACCOUNT_URL) for row in page.items]
        sideloads = self._sideloads(page.items, request.query_params.get("include", ""), _ACCOUNT_URL)
        return JSONResponse({"tickets": tickets, **sideloads, **zendesk_export.cursor_body(page, url)})

    def _users_by_cursor(self, request: Request) -> Response:
        page = self._cursor_page(request, self._data.users)
        users = [zendesk_shapes.user(row, _ACCOUNT_URL) for row in page.items]
        return JSONResponse({"users": users, **zendesk_export.cursor_body(page, _url(request))})

    def _tickets_by_time(self, request: Request) -> Response:
        page = self._time_page(request, self._data.tickets)
        tickets = [zendesk_shapes.ticket(row, _ACCOUNT_URL) for row in page.items]
        sideloads = self._sideloads(page.items, request.query_params.get("include", ""), _ACCOUNT_URL)
        return JSONResponse({"tickets": tickets, **sideloads, **zendesk_export.time_body(page, _url(request))})

    def _organizations(self, request: Request) -> Response:
        page = self._time_page(request, self._data.organizations)
        organizations = [zendesk_shapes.organization(row, _ACCOUNT_URL) for row in page.items]
        return JSONResponse({"organizations": organizations, **zendesk_export.time_body(page, _url(request))})

    def _ticket_events(self, request: Request) -> Response:
        page = self._time_page(request, self._data.audits)
        has_comments = "comment_events" in request.query_params.get("include", "").split(",")
        events = [zendesk_shapes.ticket_event(rows, has_comments) for rows in page.items]
        return JSONResponse({"ticket_events": events, **zendesk_export.time_body(page, _url(request))})

    def _metric_events(self, request: Request) -> Response:
        page = self._time_page(request, self._data.metric_events)
        events = [zendesk_feedback.metric_event(row) for row in page.items]
        body = zendesk_export.time_body(page, _url(request))
        del body["end_of_stream"]  # this export does not tell it
        return JSONResponse({"ticket_metric_events": events, **body})

    def _ratings(self, request: Request) -> Response:
        start_time = int(request.query_params.get("start_time", 0))
        due = [row for row in self._data.ratings if zendesk_shapes.epoch(row["created_at"]) >= start_time]
        size = max(
            1, min(int(request.query_params.get("page[size]", zendesk_feedback.LISTED)), zendesk_feedback.LISTED)
        )
        items = [zendesk_feedback.rating(row, _ACCOUNT_URL) for row in due]
        after = request.query_params.get("page[after]", "")
        return JSONResponse(zendesk_feedback.listing("satisfaction_ratings", items, after, size, _url(request)))

    def _chats(self, request: Request) -> Response:
        start_time, limit = int(request.query_params.get("start_time", 0)), int(request.query_params.get("limit", 1000))
        start_id = request.query_params.get("start_id", "")
        return JSONResponse(self._data.chats.page(start_time, start_id, max(1, min(limit, 1000)), _url(request)))

    def _audits(self, request: Request) -> Response:
        ticket_id = request.path_params["ticket_id"]
        row = self._data.ticket_by_id.get(ticket_id)
        if row is None or row["status"] == "deleted":
            return _not_found(request)
        audits = [zendesk_shapes.audit(rows) for rows in self._data.audits_by_ticket.get(ticket_id, [])]
        return JSONResponse({"audits": audits, "next_page": None, "previous_page": None, "count": len(audits)})

    def _cursor_page(self, request: Request, export: Export[Row]) -> CursorPage[Row]:
        size = _per_page(request)
        cursor = request.query_params.get("cursor")
        if cursor is None:
            page, position = export.from_start(self._start_time(request), size), (self._start_time(request), -1)
        else:
            position = zendesk_export.decode(cursor)
            page = export.after(position, size)
        return CursorPage([], position, False) if is_empty_page(request) else page

    def _time_page(self, request: Request, export: Export[T]) -> TimePage[T]:
        start_time = self._start_time(request)
        if is_empty_page(request):
            return TimePage([], start_time, start_time, False)
        return export.in_time(start_time, _per_page(request))

    def _start_time(self, request: Request) -> int:
        """Read start_time.

        Raises:
            ValueError: When it is missing, no number, or within the newest minute.
        """
        start_time = int(request.query_params["start_time"]) if "start_time" in request.query_params else None
        if start_time is None:
            raise ValueError("Missing parameter: start_time")
        if start_time > self._now - zendesk_export.WITHHELD_SECONDS:
            raise ValueError("Too recent start_time. Use a start_time older than 60 seconds")
        return start_time

    def _sideloads(self, tickets: Iterable[Row], include: str, base: str) -> dict[str, Any]:
        data, wanted = self._data, set(include.split(","))
        rows = list(tickets)
        sideloads: dict[str, Any] = {}
        if "users" in wanted:
            people = {row[key] for row in rows for key in ("requester_id", "assignee_id")}
            sideloads["users"] = _known(people, data.user_by_id, zendesk_shapes.user, base)
        if "organizations" in wanted:
            ids = {row["organization_id"] for row in rows}
            sideloads["organizations"] = _known(ids, data.organization_by_id, zendesk_shapes.organization, base)
        if "metric_sets" in wanted:
            sets = [zendesk_shapes.metric_set(row, data.events_of(row["ticket_id"]), base) for row in rows]
            sideloads["metric_sets"] = sets
        return sideloads


def _answered(handler: Handler, request: Request) -> Response:
    try:
        return handler(request)
    except ValueError as problem:
        return JSONResponse({"error": "InvalidValue", "description": str(problem)}, 422)


def _known(ids: set[int | None], rows: dict[int, Row], shape: Shape, base: str) -> list[dict[str, Any]]:
    return [shape(rows[key], base) for key in sorted(key for key in ids if key is not None) if key in rows]


def _both(path: str, handler: Handler) -> list[BaseRoute]:
    return [Route(f"{path}.json", handler), Route(path, handler)]


def _is_authenticated(request: Request) -> bool:
    pair = base64.b64encode(f"{ZENDESK_EMAIL}/token:{ZENDESK_API_KEY}".encode()).decode()
    is_chat = request.url.path.startswith("/zendesk/api/v2/chat/")
    accepted = [f"Bearer {ZENDESK_CHAT_KEY}"] if is_chat else [f"Basic {pair}", f"Bearer {ZENDESK_OAUTH_KEY}"]
    given = request.headers.get("authorization", "").encode()
    return any(hmac.compare_digest(given, known.encode()) for known in accepted)


def _me(request: Request) -> Response:
    return JSONResponse({"user": {"id": 1, "name": "Reader", "email": ZENDESK_EMAIL, "role": "admin", "active": True}})


def _throttled(verdict: Verdict | None) -> Response:
    wait = verdict.resets_in_seconds if verdict else 1
    body = {
        "error": "APIRateLimitExceeded",
        "description": "Number of allowed incremental export API requests exceeded",
    }
    return JSONResponse(body, 429, {"retry-after": str(wait)})


def _not_found(request: Request) -> Response:
    return JSONResponse({"error": "RecordNotFound", "description": "Not found"}, 404)


def _per_page(request: Request) -> int:
    size = int(request.query_params.get("per_page", zendesk_export.PAGE_SIZE))
    return max(1, min(size, zendesk_export.PAGE_SIZE))


def _url(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
