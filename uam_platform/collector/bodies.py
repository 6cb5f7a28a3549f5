"""Request bodies as clients really send them: plain, gzip, deflate, base64, or inside a form.

Here: bytes to JSON within a size limit. Not here: what the JSON means (the module of each vendor).

Browsers cannot set headers on a beacon, so compression is also recognised by its first bytes. JSON that Python writes and JSON
does not know (NaN, Infinity) becomes null, as it does in every vendor's own store.
"""

import base64
import binascii
import json
import math
import zlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from starlette.requests import ClientDisconnect, Request

from uam_platform.collector.refusals import Reason, Refusal

_GZIP: Final = b"\x1f\x8b"
_FORM: Final = "application/x-www-form-urlencoded"


async def received(request: Request, max_bytes: int) -> bytes:
    """The body, unpacked.

    Args:
        request: as it comes in.
        max_bytes: limit before and after unpacking.

    Raises:
        Refusal: too large, cut off, or packed in no known way.
    """
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > max_bytes:
                raise Refusal(Reason.TOO_LARGE, f"request exceeds max limit of {max_bytes} bytes")
            parts.append(part)
    except ClientDisconnect:
        raise Refusal(Reason.UNREADABLE, "the connection ended inside the body") from None
    return unpacked(b"".join(parts), request.headers.get("content-encoding", ""), max_bytes)


def unpacked(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """`body` without compression.

    Raises:
        Refusal: the encoding is unknown, the stream damaged, or what it holds too large.
    """
    name = encoding.strip().lower()
    if name not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise Refusal(Reason.INVALID, f"Content-Encoding {name[:20]!r} is not supported: use gzip or deflate", raw=body)
    if body.startswith(_GZIP):
        return _inflated(body, 16 + zlib.MAX_WBITS, max_bytes)
    if name == "deflate":
        is_wrapped = len(body) > 1 and body[0] & 15 == 8 and (body[0] * 256 + body[1]) % 31 == 0
        return _inflated(body, zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS, max_bytes)
    return body  # also where a header announces gzip and a proxy has unpacked it


def _inflated(body: bytes, window: int, max_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(window)
    try:
        text = unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        raise Refusal(Reason.UNREADABLE, "the compressed body is damaged", raw=body) from None
    if len(text) > max_bytes:
        raise Refusal(Reason.TOO_LARGE, f"unpacked request exceeds max limit of {max_bytes} bytes")
    if not unpacker.eof:
        raise Refusal(Reason.UNREADABLE, "the compressed body is cut off", raw=body)
    return text


def parsed(text: bytes) -> Any:
    """JSON of a body.

    Raises:
        Refusal: it is none.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        lenient = json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
        return orjson.loads(
            json.dumps(lenient, ensure_ascii=False).encode("utf-8", "replace")
        )  # halves of emoji become ?
    except (ValueError, RecursionError):
        raise Refusal(Reason.UNREADABLE, "the body is not valid JSON", raw=text) from None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def written(value: Any) -> bytes:
    """One line of JSON.

    Raises:
        ValueError: nested too deep.
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # all that orjson reads and does not write
        raise ValueError("nested more than 254 levels deep") from None


def form(request: Request, text: bytes) -> Mapping[str, str] | None:
    """First values of a form body; None where the body is no form."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    looks_like_one = text[:5] in (b"data=", b"api_k") or text[:8] == b"verbose="
    if kind != _FORM and not looks_like_one:
        return None
    if text.lstrip()[:1] in (b"{", b"["):  # some clients send JSON under the default type of their HTTP library
        return None
    try:
        pairs = parse_qs(text.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise Refusal(Reason.UNREADABLE, "the form has too many fields", raw=text) from None
    return {name: values[0] for name, values in pairs.items()}


def data_field(value: str) -> bytes:
    """What a form's `data` holds: JSON, or base64 of JSON."""
    text = value.strip()
    if text[:1] in ("{", "["):
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(text.replace(" ", "+").encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return text.encode("utf-8", "replace")
