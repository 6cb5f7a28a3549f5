"""Mixpanel's API: the raw export of events and the query of profiles.

Belongs here: HTTP, authentication, limits, windows, error texts. Does not belong here: the lines (`second_tools.py`).
"""

import base64
import gzip
import hmac
import urllib.parse
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox import second_tools
from uam_platform.simulation.sandbox.company import Company
from uam_platform.simulation.sandbox.credentials import MIXPANEL_KEY, MIXPANEL_PROJECT, MIXPANEL_USER
from uam_platform.simulation.sandbox.faults import has_changed_schema, has_duplicates, is_unordered
from uam_platform.simulation.sandbox.rate_limits import Clock, FixedWindow

PAGE_SIZE: Final = 1000
_PACKED_ABOVE: Final = 1400
_SESSION: Final = "1783098602920-48ae025eb31982cf3de7614eeb0ae982"


class MixpanelSurface:
    """Serves the Mixpanel side of a company: what Segment forwards of some workspaces.

    Args:
        company: What to serve.
        now: Epoch seconds of the sandbox clock; nothing is received later.
        per_hour: Exports in an hour, and queries in an hour; really 60.
        clock: Monotonic seconds for the limits.
    """

    def __init__(self, company: Company, now: int, per_hour: int, clock: Clock) -> None:
        self._company = company
        self._now = datetime.fromtimestamp(now, UTC)
        self._exports = FixedWindow(per_hour, 3600.0, clock)
        self._queries = FixedWindow(per_hour, 3600.0, clock)

    @cached_property
    def _profiles(self) -> list[dict[str, Any]]:
        return second_tools.mixpanel_profiles(self._company)

    def routes(self) -> list[BaseRoute]:
        """Routes below `/mixpanel`: the export and the query API share one host here."""
        return [
            Route("/mixpanel/api/2.0/export", self._export),
            Route("/mixpanel/api/query/engage", self._engage, methods=["POST"]),
        ]

    def _export(self, request: Request) -> Response:
        refusal = _refusal(request)
        if refusal:
            return PlainTextResponse("Unable to authenticate request\n", 400)
        if not self._exports.take().is_allowed:
            return PlainTextResponse("too many export requests in the last hour\n", 429)
        try:
            first, last = (date.fromisoformat(request.query_params[key]) for key in ("from_date", "to_date"))
        except (KeyError, ValueError):
            return PlainTextResponse("from_date and to_date must be in the format yyyy-mm-dd\n", 400)
        if last > self._now.date():
            return PlainTextResponse("to_date cannot be later than today\n", 400)
        lines = second_tools.mixpanel_lines(
            self._company,
            first,
            last,
            self._now,
            is_in_ms=request.query_params.get("time_in_ms") == "true",
            is_changed=has_changed_schema(request),
        )
        lines = lines[::-1] if is_unordered(request) else lines
        limit = int(request.query_params.get("limit", len(lines)))
        return _text([line for line in lines[:limit] for _ in range(1 + has_duplicates(request))], request)

    async def _engage(self, request: Request) -> Response:
        refusal = _refusal(request)
        if refusal:
            return JSONResponse({"request": f"/api/query/engage?{request.url.query}", "error": refusal}, 403)
        if not self._queries.take().is_allowed:
            return JSONResponse({"error": "rate limit exceeded"}, 429)
        form = urllib.parse.parse_qs((await request.body()).decode())
        page = int(form.get("page", ["0"])[0])
        if page and form.get("session_id") != [_SESSION]:
            return JSONResponse({"error": "request for page in uncached query for params"}, 400)
        found = self._profiles
        body = {
            "results": found[page * PAGE_SIZE : (page + 1) * PAGE_SIZE],
            "page": page,
            "session_id": _SESSION,
            "page_size": PAGE_SIZE,
            "total": len(found),
            "status": "ok",
            "computed_at": self._now.isoformat(),
        }
        return JSONResponse(body)


def _refusal(request: Request) -> str:
    """Why a call is refused; empty when it is not."""
    pair = base64.b64encode(f"{MIXPANEL_USER}:{MIXPANEL_KEY}".encode()).decode()
    if not hmac.compare_digest(request.headers.get("authorization", ""), f"Basic {pair}"):
        return "Invalid service account credentials"
    if request.query_params.get("project_id") != MIXPANEL_PROJECT:
        return "User is not a member of this project"
    return ""


def _text(lines: list[str], request: Request) -> Response:
    content = "".join(f"{line}\n" for line in lines).encode()
    if len(content) <= _PACKED_ABOVE or "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(content, media_type="text/plain")
    packed = gzip.compress(content, compresslevel=1, mtime=0)
    return Response(packed, media_type="text/plain", headers={"content-encoding": "gzip"})
