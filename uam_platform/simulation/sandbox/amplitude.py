"""Amplitude's API: the export of raw events and the list of event types.

Belongs here: HTTP, authentication, windows, packing, error bodies. Does not belong here: the lines (`second_tools.py`).
"""

import base64
import gzip
import hmac
import io
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.simulation.sandbox import second_tools
from uam_platform.simulation.sandbox.company import Company
from uam_platform.simulation.sandbox.credentials import AMPLITUDE_KEY, AMPLITUDE_SIGNING_KEY
from uam_platform.simulation.sandbox.faults import has_changed_schema, has_duplicates, is_unordered

PART_LINES: Final = 2_000
_LONGEST: Final = timedelta(days=365)
_MEMBER_DATE: Final = (2025, 1, 1, 0, 0, 0)  # of a zip member, so that equal answers have equal bytes


class AmplitudeSurface:
    """Serves what Amplitude holds of a company.

    Args:
        company: What to serve.
        now: Epoch seconds of the sandbox clock; nothing is uploaded later.
    """

    def __init__(self, company: Company, now: int) -> None:
        self._company = company
        self._now = datetime.fromtimestamp(now, UTC)

    def routes(self) -> list[BaseRoute]:
        """Routes below `/amplitude`."""
        return [
            Route("/amplitude/api/2/export", self._export),
            Route("/amplitude/api/2/events/list", self._types),
            Route("/amplitude/{rest:path}", _no_such_address),
        ]

    def _export(self, request: Request) -> Response:
        if not _is_authenticated(request):
            return PlainTextResponse("Invalid API key or secret key\n", 401)
        try:
            start = _hour(request.query_params["start"])
            end = _hour(request.query_params["end"]) + timedelta(hours=1)
        except (KeyError, ValueError):
            return _error(400, "start and end must have the format YYYYMMDDTHH")
        if end <= start or end - start > _LONGEST:
            return _error(400, "The window must be positive and at most 365 days.")
        changed = has_changed_schema(request)
        lines = second_tools.amplitude_lines(self._company, start, min(end, self._now), is_changed=changed)
        if not lines:
            return _error(404, "Raw data files were not found.")
        lines = lines[::-1] if is_unordered(request) else lines
        return Response(_packed(lines, 1 + has_duplicates(request)), media_type="application/zip")

    def _types(self, request: Request) -> Response:
        if not _is_authenticated(request):
            return PlainTextResponse("Invalid API key or secret key\n", 401)
        found = second_tools.amplitude_types(self._company)
        data = [
            {"name": name, "value": name, "display": name, "totals": count, "hidden": False, "deleted": False}
            for name, count in found
        ]
        return JSONResponse({"data": data})


def _packed(lines: list[tuple[str, str]], times: int) -> bytes:
    """A zip with gzip members of at most `PART_LINES` lines, one or several for each upload hour."""
    app, packed = second_tools.AMPLITUDE_APP, io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for hour, held in groupby(lines, key=lambda item: item[0]):
            texts = [line for _, line in held for _ in range(times)]
            for part, first in enumerate(range(0, len(texts), PART_LINES)):
                content = "".join(f"{text}\n" for text in texts[first : first + PART_LINES]).encode()
                member = zipfile.ZipInfo(f"{app}/{app}_{hour}#{part}.json.gz", _MEMBER_DATE)
                archive.writestr(member, gzip.compress(content, compresslevel=1, mtime=0))
    return packed.getvalue()


def _hour(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H").replace(tzinfo=UTC)


def _is_authenticated(request: Request) -> bool:
    pair = base64.b64encode(f"{AMPLITUDE_KEY}:{AMPLITUDE_SIGNING_KEY}".encode()).decode()
    return hmac.compare_digest(request.headers.get("authorization", ""), f"Basic {pair}")


def _error(status: int, details: str) -> Response:
    said: dict[str, Any] = {"http_code": status, "type": "unspecified", "message": "Unspecified Error"}
    return JSONResponse({"error": {**said, "metadata": {"details": details}}}, status)


def _no_such_address(_: Request) -> Response:
    return PlainTextResponse("404 page\n", 404)
