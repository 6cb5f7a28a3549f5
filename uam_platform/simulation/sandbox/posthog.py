"""PostHog's query API over the events that a second tool of the company records, and its list of persons.

Belongs here: HTTP, the personal key, limits, error bodies. Does not belong here: which events these are and how the query is read
(`posthog_events.py`).
"""

import hmac
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox.company import Company
from uam_platform.simulation.sandbox.credentials import POSTHOG_API_KEY, POSTHOG_PROJECT
from uam_platform.simulation.sandbox.faults import is_empty_page
from uam_platform.simulation.sandbox.posthog_events import COLUMNS, PostHogEvents, QueryError
from uam_platform.simulation.sandbox.rate_limits import Clock, FixedWindow

QUERIES_PER_HOUR: Final = 1_200
_SECONDS_PER_HOUR: Final = 3_600.0


class PostHogSurface:
    """Serves one project.

    Args:
        company: What to serve.
        now: Epoch seconds of the sandbox clock; what is taken in later is not there yet.
        per_minute: Lifts the hourly limit to this many a minute where it is more.
        clock: Monotonic seconds for the limit.
    """

    def __init__(self, company: Company, now: int, per_minute: int, clock: Clock) -> None:
        self._company, self._now = company, now
        self._limit = FixedWindow(max(QUERIES_PER_HOUR, per_minute * 60), _SECONDS_PER_HOUR, clock)

    @cached_property
    def _events(self) -> PostHogEvents:
        return PostHogEvents(self._company, self._now)

    def routes(self) -> list[BaseRoute]:
        """Routes below `/posthog`."""
        base = "/posthog/api/projects/{project}"
        return [
            Route(f"{base}/query/", self._guarded(self._query), methods=["POST"]),
            Route(f"{base}/persons/", self._guarded(self._persons), methods=["GET"]),
        ]

    def _guarded(self, answered: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            key = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(key, f"Bearer {POSTHOG_API_KEY}".encode()):
                return _error(401, "authentication_error", "authentication_failed", "Invalid personal API key.")
            if request.path_params["project"] != POSTHOG_PROJECT:
                return _error(404, "invalid_request", "not_found", "Project not found.")
            verdict = self._limit.take()
            if not verdict.is_allowed:
                detail = f"Request was throttled. Expected available in {verdict.resets_in_seconds} seconds."
                refused = _error(429, "throttled_error", "throttled", detail)
                refused.headers["retry-after"] = str(verdict.resets_in_seconds)
                return refused
            try:
                return await answered(request)
            except (ValueError, KeyError, TypeError, QueryError) as problem:
                return _error(400, "validation_error", "invalid_input", f"{problem}")

        return answer

    async def _persons(self, request: Request) -> Response:
        """One page, in the order of PostHog's own list; the next one stands in `next`."""
        limit, offset = (
            int(request.query_params.get(name, default)) for name, default in (("limit", 100), ("offset", 0))
        )
        found, is_stalled = self._events.persons, is_empty_page(request)
        following = offset if is_stalled else offset + limit
        url = request.url.include_query_params(limit=limit, offset=following)
        return JSONResponse({
            "next": str(url) if following < len(found) else None, "previous": None,
            "results": [] if is_stalled else found[offset:offset + limit],
        })  # fmt: skip

    async def _query(self, request: Request) -> Response:
        body = await request.json()
        query, is_stalled = str(body["query"]["query"]), is_empty_page(request)
        if query == "SELECT 1":
            return JSONResponse({"results": [[1]], "columns": ["1"], "types": [["1", "UInt8"]], "hasMore": False})
        rows, has_more, limit = self._events.page(query)
        return JSONResponse({
            "results": [] if is_stalled else rows, "columns": list(COLUMNS), "types": [[name, "String"] for name in COLUMNS],
            "hasMore": is_stalled or has_more, "limit": limit, "offset": 0, "is_cached": False, "timings": [],
        })  # fmt: skip


def _error(status: int, kind: str, code: str, detail: str) -> Response:
    body: dict[str, Any] = {"type": kind, "code": code, "detail": detail, "attr": None}
    return JSONResponse(body, status)
