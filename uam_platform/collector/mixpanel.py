"""Mixpanel's ingestion: /track, /import, /engage and /groups.

Here: where token or credentials stand, Mixpanel's rules of an event, its limits and answers. Not here: what an event means
(`uam_platform.connectors.collected_vendors`). https://developer.mixpanel.com/reference/ingestion-api

/import tells of every event it did not take and takes the others; /track and the profile calls answer 1 or 0, or in words with `verbose`.
"""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from uam_platform.collector.bodies import data_field, form, parsed, written
from uam_platform.collector.keys import Sender
from uam_platform.collector.reception import Face, Reception, endpoint, header_keys, retry_headers
from uam_platform.collector.refusals import Reason, Refusal
from uam_platform.contracts.collected import MIXPANEL, MIXPANEL_GROUP, MIXPANEL_PROFILE

MAX_BYTES: Final = 10 << 20
MAX_EVENTS: Final = 2000
_PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_CALLBACK: Final = re.compile(r"[A-Za-z_$][\w$.\[\]]{0,99}")

_ANSWERS: Final = {
    Reason.UNAUTHORIZED: (401, "Unauthorized"),
    Reason.UNREADABLE: (400, "Bad Request"),
    Reason.INVALID: (400, "Bad Request"),
    Reason.TOO_LARGE: (413, "Request Entity Too Large"),
    Reason.BUSY: (429, "Too Many Requests"),
    Reason.UNAVAILABLE: (503, "Service Unavailable"),
    Reason.WRONG_SIDE: (403, "Forbidden"),
}


def routes(reception: Reception) -> list[Route]:
    """/track, /import, /engage, /groups."""

    async def imported(request: Request, body: bytes) -> Response:
        return await _import(reception, request, body)

    def simple(dialect: str) -> Any:
        async def answer(request: Request, body: bytes) -> Response:
            return await _simple(reception, dialect, request, body)

        return endpoint(reception, Face(dialect, MAX_BYTES, simply_refused), answer)

    strict = endpoint(reception, Face(MIXPANEL, MAX_BYTES, refused), imported)
    named = {"/track": simple(MIXPANEL), "/engage": simple(MIXPANEL_PROFILE), "/groups": simple(MIXPANEL_GROUP)}
    found = [Route(path + end, answer, methods=["GET", "POST"]) for path, answer in named.items() for end in ("", "/")]
    return [*found, *(Route(f"/import{end}", strict, methods=["POST"]) for end in ("", "/"))]


def refused(refusal: Refusal) -> Response:
    """A refusal of /import."""
    status, words = _ANSWERS[refusal.reason]
    body: dict[str, Any] = {"code": status, "error": refusal.detail, "status": words}
    if refusal.reason is Reason.UNAUTHORIZED:
        body["error"] = "Invalid credentials"
    return JSONResponse(body, status, retry_headers(refusal))


def simply_refused(refusal: Refusal) -> Response:
    """A refusal of /track and the profile calls; busy is 503 there, the only code after which Mixpanel's clients come back."""
    status, _ = _ANSWERS[Reason.UNAVAILABLE if refusal.reason is Reason.BUSY else refusal.reason]
    return JSONResponse({"error": refusal.detail, "status": "error"}, status, retry_headers(refusal))


async def _import(reception: Reception, request: Request, body: bytes) -> Response:
    fields = form(request, body)
    sent = data_field(fields["data"]) if fields is not None and "data" in fields else body
    events = _entries(request, sent)
    tokens = [event["properties"].get("token") for event in events[:1] if _has_properties(event)]
    named = [fields.get("api_key"), fields.get("token")] if fields is not None else []
    sender = reception.sender([*header_keys(request), *named, *tokens])
    if len(events) > MAX_EVENTS:
        raise Refusal(Reason.TOO_LARGE, f"request exceeds max limit of {MAX_EVENTS} events")
    if not events:
        raise Refusal(Reason.UNREADABLE, "no data object in the body")
    if request.query_params.get("strict", "0") != "1":
        return await _loosely(reception, sender, events, request, fields or {})
    failed = [(position, wrong) for position, event in enumerate(events) if (wrong := _wrong(event)) is not None]
    bad = {position for position, _ in failed}
    for position in sorted(bad):
        await reception.keep_unreadable(sender.source, MIXPANEL, written(events[position]), "invalid")
    good = [event for position, event in enumerate(events) if position not in bad]
    count = await reception.land_events(sender, MIXPANEL, good)
    if not failed:
        return JSONResponse({"code": 200, "num_records_imported": count, "status": "OK"})
    records = [
        {"index": position, "insert_id": _insert_id(events[position]), "field": name, "message": message}
        for position, (name, message) in failed
    ]
    answer = {
        "code": 400,
        "error": "some data points in the request failed validation",
        "num_records_imported": count,
        "status": "Bad Request",
        "failed_records": records,
    }
    return JSONResponse(answer, 400)


async def _loosely(
    reception: Reception, sender: Sender, events: Sequence[Any], request: Request, fields: Any
) -> Response:
    await reception.land_events(sender, MIXPANEL, events)
    return _said(request, fields, 1, None)


def _entries(request: Request, text: bytes) -> list[Any]:
    """Events of a JSON list, one object, or lines; a line that is no JSON stays as its text, to be told and kept."""
    if "ndjson" not in request.headers.get("content-type", ""):
        found = parsed(text)
        return found if isinstance(found, list) else [found]
    entries: list[Any] = []
    for line in text.split(b"\n"):
        if not line.strip():
            continue
        try:
            entries.append(parsed(line))
        except Refusal:
            entries.append(line.decode("utf-8", "backslashreplace"))
    return entries


def _has_properties(event: Any) -> bool:
    return isinstance(event, dict) and isinstance(event.get("properties"), dict)


def _insert_id(event: Any) -> str:
    given = event["properties"].get("$insert_id") if _has_properties(event) else None
    return given if isinstance(given, str) else ""


def _wrong(event: Any) -> tuple[str, str] | None:
    """The first rule of strict import that an event breaks: field and message."""
    if not isinstance(event, dict):
        return "", "event is not a JSON object"
    if not isinstance(event.get("event"), str) or not event["event"]:
        return "event", "'event' is invalid: must not be missing or blank"
    if not isinstance(event.get("properties"), dict):
        return "properties", "'properties' is invalid: must be an object"
    properties = event["properties"]
    time = properties.get("time")
    if isinstance(time, bool) or not isinstance(time, int | float) or time <= 0:
        return "properties.time", "'properties.time' is invalid: must be specified as seconds since epoch"
    if not isinstance(properties.get("$insert_id"), str) or not properties["$insert_id"]:
        return "properties.$insert_id", "'properties.$insert_id' is invalid: must not be missing or blank"
    if not isinstance(properties.get("distinct_id"), str):
        return "properties.distinct_id", "'properties.distinct_id' is invalid: must be a string"
    return None


async def _simple(reception: Reception, dialect: str, request: Request, body: bytes) -> Response:
    fields = (form(request, body) or {}) if body else {}
    query = request.query_params
    named = fields.get("data", query.get("data"))
    sent = body if named is None else data_field(named)
    found = parsed(sent)
    entries = found if isinstance(found, list) else [found]
    candidates = [fields.get("token"), fields.get("api_key"), *_tokens(entries), *header_keys(request)]
    sender = reception.sender(candidates)
    if len(entries) > MAX_EVENTS:
        raise Refusal(Reason.TOO_LARGE, f"request exceeds max limit of {MAX_EVENTS} events")
    if not any(isinstance(entry, dict) for entry in entries):
        await reception.keep_unreadable(sender.source, dialect, sent, "not_json")
        return _said(request, fields, 0, "data, missing or empty")
    await reception.land_events(sender, dialect, entries)
    return _said(request, fields, 1, None)


def _tokens(entries: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for entry in entries[:1]:
        if isinstance(entry, dict):
            found.append(entry.get("$token"))
        if _has_properties(entry):
            found.append(entry["properties"].get("token"))
    return found


def _said(request: Request, fields: Any, status: int, error: str | None) -> Response:
    """1 or 0 in the form the request asks for."""
    query = request.query_params
    callback = query.get("callback", "")
    if query.get("img") == "1":
        return Response(_PIXEL, media_type="image/gif")
    if _CALLBACK.fullmatch(callback):
        return Response(f"{callback}({status});", media_type="text/javascript")
    if query.get("verbose", fields.get("verbose")) in ("1", "true"):
        return Response(json.dumps({"error": error, "status": status}), media_type="application/json")
    return PlainTextResponse(str(status))
