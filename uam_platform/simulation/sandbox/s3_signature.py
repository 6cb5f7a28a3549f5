"""Checks AWS Signature Version 4 on requests to the archive.

Belongs here: the canonical request and its HMAC. Does not belong here: what an S3 error looks like on the wire
(`s3_xml.py`). Source: "Create a signed AWS API request", AWS Identity and Access Management user guide. Presigned URLs
and chunked uploads are not accepted: the archive is read-only. The request's age is not checked, for the sandbox has
no wall clock.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from starlette.requests import Request

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_FORMAT: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+),\s*SignedHeaders=(?P<headers>[^,]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Refusal:
    """Why a signature was refused, in S3's own error codes."""

    code: str
    message: str
    status: int = 403


def refuse(request: Request, access_key: str, signing_key: str) -> Refusal | None:
    """Return why the request must be refused, or None when its signature is right."""
    header = request.headers.get("authorization")
    if header is None:
        return Refusal("AccessDenied", "Access Denied")
    match = _FORMAT.fullmatch(header.strip())
    if match is None:
        return Refusal("AuthorizationHeaderMalformed", "The authorization header is malformed.", 400)
    if match["key"] != access_key:
        return Refusal("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    expected = _signature(request, match["scope"], match["headers"].split(";"), signing_key)
    if hmac.compare_digest(expected, match["signature"]):
        return None
    return Refusal("SignatureDoesNotMatch", "The request signature we calculated does not match the one you provided.")


def _signature(request: Request, scope: str, signed_headers: list[str], signing_key: str) -> str:
    digest = hashlib.sha256(_canonical_request(request, signed_headers).encode()).hexdigest()
    stamp = request.headers.get("x-amz-date", "")
    key = f"AWS4{signing_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode(), "sha256").hexdigest()


def _canonical_request(request: Request, signed_headers: list[str]) -> str:
    raw_path: bytes = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    headers = "".join(f"{name}:{_collapsed(request.headers.get(name, ''))}\n" for name in signed_headers)
    payload = request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    query = _canonical_query(request.scope["query_string"].decode("latin-1"))
    path = raw_path.decode("latin-1").partition("?")[0]
    return "\n".join((request.method, path, query, headers, ";".join(signed_headers), payload))


def _canonical_query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, _, v in pairs))


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _collapsed(value: str) -> str:
    return " ".join(value.split())
