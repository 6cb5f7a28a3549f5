"""Segment's HTTP Tracking API: /v1/identify, track, page, screen, group, alias and batch.

Here: where the write key stands, what a call must look like, Segment's limits and answers. Not here: what an event means
(`uam_platform.connectors.collected_events`), deliveries of its webhook destination (`webhooks`).
https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from uam_platform.collector.bodies import parsed
from uam_platform.collector.reception import Face, Reception, endpoint, header_keys, retry_headers
from uam_platform.collector.refusals import Reason, Refusal
from uam_platform.contracts.collected import SEGMENT

CALLS: Final = ("identify", "track", "page", "screen", "group", "alias")
MAX_EVENT_BYTES: Final = 32 << 10
MAX_BATCH_BYTES: Final = 500 << 10
MAX_BATCH_EVENTS: Final = 2500
_SHARED: Final = ("context", "integrations")  # a batch may give them once for all its events

_STATUS: Final = {
    Reason.UNAUTHORIZED: 401,
    Reason.UNREADABLE: 400,
    Reason.INVALID: 400,
    Reason.TOO_LARGE: 400,  # Segment knows no 413
    Reason.BUSY: 429,
    Reason.UNAVAILABLE: 503,
    Reason.WRONG_SIDE: 403,
}


def routes(reception: Reception) -> list[Route]:
    """Endpoints below /v1."""
    face = Face(SEGMENT, MAX_BATCH_BYTES, refused)

    async def batch(request: Request, body: bytes) -> Response:
        return await _batch(reception, request, body)

    async def call(request: Request, body: bytes) -> Response:
        return await _call(reception, request, body)

    paths = [(f"/v1/{kind}", call) for kind in CALLS]
    paths += [(f"/v1/{kind[0]}", call) for kind in CALLS if kind[0] in "tipga" and kind != "screen"]  # analytics.js
    named = dict([*paths, ("/v1/batch", batch), ("/v1/b", batch), ("/v1/import", batch)])
    return [Route(path, endpoint(reception, face, answer), methods=["POST"]) for path, answer in named.items()]


def refused(refusal: Refusal) -> Response:
    """A refusal as Segment's clients read it."""
    headers = retry_headers(refusal)
    if refusal.reason is Reason.BUSY:
        headers["X-RateLimit-Reset"] = headers["Retry-After"]
    body = {"success": False, "code": refusal.reason.value, "message": refusal.detail}
    return JSONResponse(body, _STATUS[refusal.reason], headers)


def _accepted() -> Response:
    return JSONResponse({"success": True})


def _object(body: bytes) -> dict[str, Any]:
    found = parsed(body)
    if not isinstance(found, dict):
        raise Refusal(Reason.UNREADABLE, "the body is not a JSON object", raw=body)
    return found


async def _call(reception: Reception, request: Request, body: bytes) -> Response:
    event = _object(body)
    sender = reception.sender([*header_keys(request), event.pop("writeKey", None)])
    if len(body) > MAX_EVENT_BYTES:
        raise Refusal(
            Reason.TOO_LARGE, f"request exceeds max limit of {MAX_EVENT_BYTES} bytes", raw=body, source=sender.source
        )
    event["type"] = _kind(request.url.path)
    await reception.land_events(sender, SEGMENT, [event], event.get("sentAt"))
    return _accepted()


def _kind(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return name if name in CALLS else next(kind for kind in CALLS if kind[0] == name)


async def _batch(reception: Reception, request: Request, body: bytes) -> Response:
    found = _object(body)
    sender = reception.sender([*header_keys(request), found.get("writeKey")])
    events = found.get("batch")
    if not isinstance(events, list):
        raise Refusal(Reason.UNREADABLE, "batch is not a list of events", raw=body, source=sender.source)
    if len(events) > MAX_BATCH_EVENTS:
        raise Refusal(
            Reason.TOO_LARGE, f"a batch has at most {MAX_BATCH_EVENTS} events", raw=body, source=sender.source
        )
    shared = {name: found[name] for name in _SHARED if isinstance(found.get(name), dict) and found[name]}
    limit = MAX_EVENT_BYTES if len(body) > MAX_EVENT_BYTES else None
    whole = [_with(shared, event) for event in events] if shared else events
    await reception.land_events(sender, SEGMENT, whole, found.get("sentAt"), limit)
    return _accepted()


def _with(shared: Mapping[str, Mapping[str, Any]], event: Any) -> Any:
    """An event with what its batch says for all; its own values count first."""
    if not isinstance(event, dict):
        return event
    own = {name: event[name] if isinstance(event.get(name), dict) else {} for name in shared}
    return {**event, **{name: {**common, **own[name]} for name, common in shared.items()}}
