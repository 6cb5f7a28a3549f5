"""Amplitude's HTTP V2 and batch upload, and its older identify calls.

Here: where the API key stands, Amplitude's rules of a request, its limits and answers. Not here: what an event means
(`uam_platform.connectors.collected_vendors`), telling its /batch from PostHog's (`app`).
https://amplitude.com/docs/apis/analytics/http-v2, https://amplitude.com/docs/apis/analytics/batch-event-upload
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from uam_platform.collector.bodies import form, parsed, written
from uam_platform.collector.keys import Sender
from uam_platform.collector.reception import Answer, Face, Reception, endpoint, header_keys, retry_headers
from uam_platform.collector.refusals import Reason, Refusal
from uam_platform.contracts.collected import AMPLITUDE

MAX_BYTES: Final = 1 << 20
MAX_BATCH_BYTES: Final = 20 << 20
MAX_EVENTS: Final = 2000
MIN_ID_LENGTH: Final = 5
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - clocks of the platform are naive UTC

_STATUS: Final = {
    Reason.UNAUTHORIZED: 400,  # as Amplitude: an unknown key is a bad request
    Reason.UNREADABLE: 400,
    Reason.INVALID: 400,
    Reason.TOO_LARGE: 413,
    Reason.BUSY: 429,
    Reason.UNAVAILABLE: 503,
    Reason.WRONG_SIDE: 400,
}


@dataclass(frozen=True)
class Verdicts:
    """Positions of events that break Amplitude's rules, by field.

    Attributes:
        missing: a required field is absent.
        invalid: a field has a wrong type.
        short: an id is shorter than allowed.
    """

    missing: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    invalid: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    short: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def positions(self) -> list[int]:
        """All of them."""
        found = (self.missing, self.invalid, self.short)
        return sorted({n for named in found for positions in named.values() for n in positions})


class InvalidEventsError(Refusal):
    """Events that break Amplitude's rules.

    Args:
        verdicts: which and why.
    """

    def __init__(self, verdicts: Verdicts) -> None:
        super().__init__(Reason.INVALID, "Request has events with missing or invalid fields")
        self.verdicts = verdicts


def routes(reception: Reception) -> list[Route]:
    """/2/httpapi, /httpapi, /identify and /groupidentify; /batch is shared with PostHog."""
    face = Face(AMPLITUDE, MAX_BYTES, refused)
    upload = endpoint(reception, face, upload_answer(reception))

    async def identify(request: Request, body: bytes) -> Response:
        return await _identify(reception, request, body)

    operations = endpoint(reception, face, identify)
    return [
        Route("/2/httpapi", upload, methods=["POST"]),
        Route("/httpapi", upload, methods=["POST"]),
        Route("/identify", operations, methods=["POST"]),
        Route("/groupidentify", operations, methods=["POST"]),
    ]


def refused(refusal: Refusal) -> Response:
    """A refusal as Amplitude's clients read it."""
    status = _STATUS[refusal.reason]
    body: dict[str, Any] = {"code": status, "error": refusal.detail}
    if refusal.reason is Reason.UNAUTHORIZED:
        body |= {"error": "Invalid API key: it is not known to this collector"}
    elif isinstance(refusal, InvalidEventsError):
        body |= {
            "events_with_missing_fields": refusal.verdicts.missing,
            "events_with_invalid_fields": refusal.verdicts.invalid,
            "events_with_invalid_id_lengths": refusal.verdicts.short,
        }
    elif refusal.reason is Reason.BUSY:
        body |= {"throttled_events": [], "throttled_devices": {}, "throttled_users": {}}
    return JSONResponse(body, status, retry_headers(refusal))


def upload_answer(reception: Reception) -> Answer:
    """What answers an upload of events."""

    async def answer(request: Request, body: bytes) -> Response:
        found = _content(request, body)
        sender = reception.sender([found.get("api_key"), *header_keys(request)])
        events = found.get("events")
        if not isinstance(events, list) or not events:
            raise Refusal(Reason.UNREADABLE, "Request missing required field events", raw=body, source=sender.source)
        if len(events) > MAX_EVENTS:
            raise Refusal(Reason.TOO_LARGE, f"Payload has more than {MAX_EVENTS} events")
        await _check(reception, sender, events, _min_id_length(found.get("options")))
        count = await reception.land_events(sender, AMPLITUDE, events, found.get("client_upload_time"))
        now_ms = int((reception.clock() - _EPOCH).total_seconds() * 1000)
        return JSONResponse(
            {"code": 200, "server_upload_time": now_ms, "payload_size_bytes": len(body), "events_ingested": count}
        )

    return answer


def _content(request: Request, body: bytes) -> dict[str, Any]:
    fields = form(request, body)
    if fields is not None:  # the first version of the API
        events = parsed(fields.get("event", "[]").encode())
        return {"api_key": fields.get("api_key"), "events": events if isinstance(events, list) else [events]}
    found = parsed(body)
    if not isinstance(found, dict):
        raise Refusal(Reason.UNREADABLE, "Invalid request body: not a JSON object", raw=body)
    return found


def _min_id_length(options: Any) -> int:
    given = options.get("min_id_length") if isinstance(options, dict) else None
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 1 else MIN_ID_LENGTH


async def _check(reception: Reception, sender: Sender, events: Sequence[Any], min_id_length: int) -> None:
    """Amplitude takes a request whole or not at all; its clients send again what was not named, and drop what was.

    Raises:
        InvalidEventsError: events have no type, no id, or a field of a wrong type; their bytes are kept aside.
    """
    verdicts = _verdicts(events, min_id_length)
    if not verdicts.positions:
        return
    for position in verdicts.positions:
        await reception.keep_unreadable(sender.source, AMPLITUDE, written(events[position]), "invalid")
    raise InvalidEventsError(verdicts)


def _verdicts(events: Sequence[Any], min_id_length: int) -> Verdicts:
    found = Verdicts()
    for position, event in enumerate(events):
        if not isinstance(event, dict):
            found.invalid["event"].append(position)
            continue
        if not isinstance(event.get("event_type"), str) or not event["event_type"]:
            found.missing["event_type"].append(position)
        given = {name: event[name] for name in ("user_id", "device_id") if event.get(name) not in (None, "")}
        if not given:
            found.missing["user_id"].append(position)
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, str | int):
                found.invalid[name].append(position)
            elif len(str(value)) < min_id_length:
                found.short[name].append(position)
        time = event.get("time")
        if time is not None and (isinstance(time, bool) or not isinstance(time, int | float)):
            found.invalid["time"].append(position)
    return found


async def _identify(reception: Reception, request: Request, body: bytes) -> Response:
    """https://amplitude.com/docs/apis/analytics/identify: a form with the key and what is said of users or groups."""
    fields = form(request, body) or {}
    sender = reception.sender([fields.get("api_key"), *header_keys(request)])
    is_group = request.url.path == "/groupidentify"
    said = parsed(fields.get("identification", "").encode())
    events = [
        _operation(one, is_group) if isinstance(one, dict) else one
        for one in (said if isinstance(said, list) else [said])
    ]
    await reception.land_events(sender, AMPLITUDE, events)
    return PlainTextResponse("success")


def _operation(said: dict[str, Any], is_group: bool) -> dict[str, Any]:
    if not is_group:
        return {**said, "event_type": "$identify"}
    groups = {str(said.get("group_type")): said.get("group_value")}
    return {**said, "event_type": "$groupidentify", "groups": groups}
