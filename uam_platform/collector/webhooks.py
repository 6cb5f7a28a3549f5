"""Signed deliveries at /webhooks/<name>: Segment's webhook destination, Zendesk, and any sender that signs as this platform does.

Here: each sender's signature, and what identifies a delivery, so that a repeated one is recognised. Not here: who may send and with which
secret (`keys`), the platform's own signature (`uam_platform.signatures`).

Segment: https://segment.com/docs/connections/destinations/catalog/webhooks/ (hex HMAC-SHA1 of the body; of a batch, of its first event).
Zendesk: https://developer.zendesk.com/documentation/webhooks/verifying/ (base64 HMAC-SHA256 of timestamp and body).
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from uam_platform.collector.bodies import parsed
from uam_platform.collector.keys import Sender, Webhook
from uam_platform.collector.reception import Face, Reception, endpoint, retry_headers
from uam_platform.collector.refusals import Reason, Refusal
from uam_platform.contracts import exchange
from uam_platform.contracts.collected import SEGMENT, SEGMENT_WEBHOOK
from uam_platform.signatures import REPLAY_SECONDS, SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError, check

MAX_BYTES: Final = 5 << 20
MAX_EVENTS: Final = 5000
_ID_HEADERS: Final = ("x-zendesk-webhook-invocation-id", "x-uam-delivery-id", "idempotency-key", "x-request-id")

_STATUS: Final = {
    Reason.UNAUTHORIZED: 401,
    Reason.UNREADABLE: 400,
    Reason.INVALID: 422,
    Reason.TOO_LARGE: 413,
    Reason.BUSY: 429,
    Reason.UNAVAILABLE: 503,
    Reason.WRONG_SIDE: 403,
}


def routes(reception: Reception) -> list[Route]:
    """/webhooks/<name>."""

    async def deliver(request: Request, body: bytes) -> Response:
        name = request.path_params["name"]
        webhook = reception.senders.webhooks.get(name)
        if webhook is None:
            raise Refusal(Reason.UNAUTHORIZED, "no webhook of this name is configured")
        _verify(webhook, request, body, reception.clock())
        if webhook.lands == "signals":
            return await _land_signals(reception, webhook, body)
        await _land(reception, webhook, request, body)
        return JSONResponse({"status": "accepted"})

    face = Face("webhook", MAX_BYTES, refused)
    return [Route("/webhooks/{name}", endpoint(reception, face, deliver), methods=["POST"])]


def refused(refusal: Refusal) -> Response:
    """A refusal of a delivery."""
    body = {"status": "refused", "reason": refusal.reason.value, "detail": refusal.detail}
    return JSONResponse(body, _STATUS[refusal.reason], retry_headers(refusal))


def _verify(webhook: Webhook, request: Request, body: bytes, now: datetime) -> None:
    verify = {"segment": _verify_segment, "zendesk": _verify_zendesk, "signed": _verify_own}[webhook.kind]
    verify(webhook.secrets, request, body, now.replace(tzinfo=UTC).timestamp())


def _verify_own(secrets: Sequence[str], request: Request, body: bytes, now_seconds: float) -> None:
    headers = request.headers
    try:
        check(secrets, headers.get(TIMESTAMP_HEADER), headers.get(SIGNATURE_HEADER), body, now_seconds)
    except SignatureError as error:
        raise Refusal(Reason.UNAUTHORIZED, str(error)) from None


def _verify_segment(secrets: Sequence[str], request: Request, body: bytes, _: float) -> None:
    given = request.headers.get("x-signature", "").lower()
    found = _json_or_none(body)
    first = found[0] if isinstance(found, list) and found else None
    signed = [body, *([orjson.dumps(first)] if isinstance(first, dict) else [])]
    wanted = [hmac.new(secret.encode(), text, hashlib.sha1).hexdigest() for secret in secrets for text in signed]
    if not any([_is_equal(each, given) for each in wanted]):
        raise Refusal(Reason.UNAUTHORIZED, "x-signature does not fit the body")


def _verify_zendesk(secrets: Sequence[str], request: Request, body: bytes, now_seconds: float) -> None:
    stamp = request.headers.get("x-zendesk-webhook-signature-timestamp", "")
    given = request.headers.get("x-zendesk-webhook-signature", "")
    if not any([_is_equal(wanted, given) for secret in secrets for wanted in zendesk_signatures(secret, stamp, body)]):
        raise Refusal(Reason.UNAUTHORIZED, "x-zendesk-webhook-signature does not fit timestamp and body")
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        raise Refusal(Reason.UNAUTHORIZED, "x-zendesk-webhook-signature-timestamp is not ISO 8601") from None
    signed_at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if abs(now_seconds - signed_at.timestamp()) > REPLAY_SECONDS:
        raise Refusal(Reason.UNAUTHORIZED, f"signed more than {REPLAY_SECONDS} seconds away from this server's clock")


def zendesk_signatures(secret: str, timestamp: str, body: bytes) -> tuple[str, str]:
    """Both orders in which Zendesk's documentation puts timestamp and body; neither can be made without the secret."""
    stamp = timestamp.encode()
    digests = [hmac.new(secret.encode(), text, hashlib.sha256).digest() for text in (stamp + body, body + stamp)]
    one, two = (base64.b64encode(digest).decode() for digest in digests)
    return one, two


def _is_equal(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))


def _json_or_none(body: bytes) -> Any:
    try:
        return parsed(body)
    except Refusal:
        return None


async def _land(reception: Reception, webhook: Webhook, request: Request, body: bytes) -> None:
    found = _json_or_none(body)
    if found is None:
        await reception.keep_unreadable(webhook.name, "webhook", body)
        raise Refusal(Reason.UNREADABLE, "the body is not valid JSON; its bytes were kept")
    if webhook.kind == "segment" or (webhook.kind == "signed" and webhook.lands == "events"):
        events = found if isinstance(found, list) else [found]
        if len(events) > MAX_EVENTS:
            raise Refusal(Reason.TOO_LARGE, f"a delivery has at most {MAX_EVENTS} events")
        dialect = SEGMENT_WEBHOOK if webhook.kind == "segment" else SEGMENT
        await reception.land_events(Sender(webhook.name, webhook.side), dialect, events)
        return
    kind = "zendesk_webhook" if webhook.kind == "zendesk" else "webhook"
    payload = found if isinstance(found, dict) else {"body": found}
    await reception.land_record(webhook.name, kind, _delivery_id(request, found, body), _time(found), payload)


async def _land_signals(reception: Reception, webhook: Webhook, body: bytes) -> Response:
    """Land each envelope under its own id; what is wrong with one is told to the sender, and set aside by staging."""
    found = _json_or_none(body)
    if found is None:
        await reception.keep_unreadable(webhook.name, "webhook", body)
        raise Refusal(Reason.UNREADABLE, "the body is not valid JSON; its bytes were kept")
    told = exchange.items(found)
    if len(told) > exchange.MOST_ITEMS:
        raise Refusal(Reason.TOO_LARGE, f"a delivery has at most {exchange.MOST_ITEMS} signals")
    records = [(_signal_id(item), None, item if isinstance(item, dict) else {"body": item}) for item in told]
    if records:
        await reception.land_records(webhook.name, exchange.SIGNAL, records)
    wrong = [(number, fault) for number, item in enumerate(told) if (fault := exchange.problem(item))]
    problems = [{"index": number, "reason": reason, "detail": detail} for number, (reason, detail) in wrong]
    return JSONResponse({"status": "accepted", "received": len(told), "problems": problems})


def _signal_id(item: Any) -> str:
    """The sender's id, else the content's: what nobody can read is kept under something."""
    own = exchange.own_id(item) if isinstance(item, dict) else None
    if own is not None:
        return own
    return hashlib.sha256(orjson.dumps(item, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _delivery_id(request: Request, found: Any, body: bytes) -> str:
    """What a repeated delivery has in common with the first: the event's own id, else the delivery's, else its content."""
    own = found.get("id") if isinstance(found, dict) else None
    if isinstance(own, str | int) and not isinstance(own, bool) and own != "":
        return str(own)
    named = (request.headers.get(name) for name in _ID_HEADERS)
    return next((value for value in named if value), hashlib.sha256(body).hexdigest())


def _time(found: Any) -> str | None:
    """The sender's own time where it is one that can be read."""
    given = found.get("time") or found.get("updated_at") if isinstance(found, dict) else None
    if not isinstance(given, str):
        return None
    try:
        datetime.fromisoformat(given)
    except ValueError:
        return None
    return given
