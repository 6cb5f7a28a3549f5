"""PostHog's capture: /capture, /e, /track of old clients, /batch, /i/v0/e, /i/v0/ai/batch and the v1 batch; flags are answered emptily.

Here: where the token stands, the forms a body may have, PostHog's answers. Not here: what an event means
(`uam_platform.connectors.collected_vendors`), telling its /batch from Amplitude's (`app`).
https://posthog.com/docs/api/capture; v1 as the official SDKs speak it (a result per event).

Flags and surveys are a product that this platform does not have: the answer says "none", with which every SDK goes on.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from uam_platform.collector.bodies import data_field, form, parsed, unpacked
from uam_platform.collector.reception import Answer, Face, Reception, endpoint, header_keys, retry_headers
from uam_platform.collector.refusals import Reason, Refusal
from uam_platform.contracts.collected import POSTHOG

MAX_BYTES: Final = 20 << 20
_CAPTURE: Final = ("/capture", "/e", "/i/v0/e", "/i/v0/ai/batch")
_V1: Final = "/i/v1/analytics/events"
_FLAGS: Final = ("/flags", "/decide")

_CODES: Final = {
    Reason.UNAUTHORIZED: (401, "authentication_error", "invalid_api_key"),
    Reason.UNREADABLE: (400, "validation_error", "invalid_payload"),
    Reason.INVALID: (400, "validation_error", "invalid_payload"),
    Reason.TOO_LARGE: (413, "validation_error", "payload_too_large"),
    Reason.BUSY: (429, "throttled_error", "rate_limited"),
    Reason.UNAVAILABLE: (503, "server_error", "service_unavailable"),
    Reason.WRONG_SIDE: (403, "authentication_error", "permission_denied"),
}


def routes(reception: Reception) -> list[Route]:
    """Endpoints of capture and of flags, each with and without the last slash."""
    face = Face(POSTHOG, MAX_BYTES, refused)
    capture = endpoint(reception, face, capture_answer(reception))

    async def v1(request: Request, body: bytes) -> Response:
        return await _v1(reception, request, body)

    async def flags(request: Request, body: bytes) -> Response:
        return JSONResponse(_NO_FLAGS)  # whoever asks: there is nothing to protect

    async def config(_: Request) -> Response:
        return JSONResponse(_NO_FLAGS)

    named = [(path, capture) for path in _CAPTURE]
    named += [(_V1, endpoint(reception, face, v1)), *((path, endpoint(reception, face, flags)) for path in _FLAGS)]
    found = [Route(path + end, answer, methods=["POST"]) for path, answer in named for end in ("", "/")]
    return [
        *found,
        Route("/e/", capture, methods=["GET"]),
        Route("/array/{token}/config", config),
        Route("/array/{token}/config.js", _config_script),
    ]


def refused(refusal: Refusal) -> Response:
    """A refusal as PostHog's clients read it."""
    status, kind, code = _CODES[refusal.reason]
    body = {"type": kind, "code": code, "detail": refusal.detail, "attr": None}
    return JSONResponse(body, status, retry_headers(refusal))


def capture_answer(reception: Reception) -> Answer:
    """What answers a legacy capture: one event, a list of events, or a batch."""

    async def answer(request: Request, body: bytes) -> Response:
        found = _content(request, body)
        events, keys, sent_at = _events(found, body)
        sender = reception.sender([*keys, *header_keys(request)])
        await reception.land_events(sender, POSTHOG, _without_key(events, found), sent_at)
        return JSONResponse({"status": "Ok"})

    return answer


def _content(request: Request, body: bytes) -> Any:
    """JSON of a capture: as the body, in a form's or the query's `data`, packed as `compression` says."""
    named = request.query_params.get("data")
    fields = form(request, body) if body else None
    if fields is not None and "data" in fields:
        named = fields["data"]
    if named is None:
        return parsed(_unwrapped(request, body))
    text = data_field(named)
    found = parsed(unpacked(text, "", MAX_BYTES))
    if isinstance(found, dict) and fields is not None:
        return {**{name: fields[name] for name in ("api_key", "token") if name in fields}, **found}
    return found


def _unwrapped(request: Request, body: bytes) -> bytes:
    """A body that a browser sent as base64 text without saying so in a form."""
    if request.query_params.get("compression") != "base64":
        return body
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        return body


def _events(found: Any, body: bytes) -> tuple[list[Any], list[Any], Any]:
    """Events, candidates for the key, and the sending time."""
    if isinstance(found, list):
        return found, [key for event in found[:1] for key in _keys_of(event)], None
    if not isinstance(found, dict):
        raise Refusal(Reason.UNREADABLE, "the body is neither an event nor a batch", raw=body)
    sent_at = found.get("sent_at")
    for name in ("batch", "data"):
        if isinstance(found.get(name), list):
            return (
                found[name],
                [*_keys_of(found), *(key for event in found[name][:1] for key in _keys_of(event))],
                sent_at,
            )
    if "batch" in found:
        raise Refusal(Reason.UNREADABLE, "batch is not a list of events", raw=body)
    return [found], _keys_of(found), sent_at


def _keys_of(event: Any) -> list[Any]:
    if not isinstance(event, dict):
        return []
    inner = event.get("properties")
    properties: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
    return [event.get("api_key"), event.get("token"), event.get("$token"), properties.get("token")]


def _without_key(events: list[Any], found: Any) -> list[Any]:
    """Events without the key they came with."""
    if events and events[0] is found:
        return [{name: value for name, value in found.items() if name not in ("api_key", "token")}]
    return events


async def _v1(reception: Reception, request: Request, body: bytes) -> Response:
    found = parsed(body)
    sender = reception.sender(header_keys(request))
    events = found.get("batch") if isinstance(found, dict) else None
    if not isinstance(events, list) or not events:
        raise Refusal(Reason.UNREADABLE, "batch is not a list of events", raw=body, source=sender.source)
    sent_at = request.headers.get("posthog-request-timestamp") or found.get("created_at")
    library = request.headers.get("posthog-sdk-info", "").partition("/")[0]
    results, good = _judged(events, library)
    await reception.land_events(sender, POSTHOG, good, sent_at)
    request_id = request.headers.get("posthog-request-id")
    headers = (
        {"PostHog-Request-Id": request_id} if request_id and request_id.isascii() and request_id.isprintable() else {}
    )
    return JSONResponse({"results": results}, headers=headers)


def _judged(events: list[Any], library: str) -> tuple[dict[str, dict[str, str]], list[Any]]:
    """A result for each event by its uuid, and the events to keep.

    An event without a name or an id is dropped by PostHog; here it is kept all the same, to be set aside with its bytes.
    """
    results: dict[str, dict[str, str]] = {}
    kept = []
    for event in events:
        if not isinstance(event, dict):
            kept.append(event)
            continue
        inner = event.get("properties")
        properties = inner if isinstance(inner, dict) else {}
        kept.append({**event, "properties": {"$lib": library, **properties}})
        if isinstance(event.get("uuid"), str):
            is_whole = isinstance(event.get("event"), str) and isinstance(event.get("distinct_id"), str)
            verdict = {"result": "ok"} if is_whole else {"result": "drop", "details": "missing event or distinct_id"}
            results[event["uuid"]] = verdict
    return results, kept


_NO_FLAGS: Final[dict[str, Any]] = {
    "featureFlags": {},
    "featureFlagPayloads": {},
    "flags": {},
    "errorsWhileComputingFlags": False,
    "requestId": "00000000-0000-0000-0000-000000000000",
    "evaluatedAt": 0,
    "quotaLimited": [],
    "supportedCompression": ["gzip", "gzip-js"],
    "config": {"enable_collect_everything": True},
    "hasFeatureFlags": False,
    "isAuthenticated": False,
    "toolbarParams": {},
    "sessionRecording": False,
    "surveys": False,
    "heatmaps": False,
    "siteApps": [],
    "defaultIdentifiedOnly": True,
    "autocapture_opt_out": False,
    "captureDeadClicks": False,
    "capturePerformance": False,
}


async def _config_script(_: Request) -> Response:
    return Response("", media_type="text/javascript")
