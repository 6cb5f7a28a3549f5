"""What each vendor says when it throttles, fails or refuses a token.

Belongs here: status, headers and body of an error that a fault injects. Does not belong here: when a fault happens
(`faults.py`) and the errors that a surface gives of its own accord.
"""

import json
from typing import Any, Final

from starlette.responses import Response

_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_XML: Final = "application/xml"

Answer = tuple[int, str, str]
"""Status, media type, body."""


def answer(kind: str, path: str, seconds: float) -> Response:
    """Build the vendor's answer to a fault.

    Args:
        kind: `429`, `429_no_retry_after`, `500`, `500_after_commit`, `200_error` or `expired_token`.
        path: Path of the call; its first part names the vendor.
        seconds: Value of Retry-After where the kind has one; 0 means one second.
    """
    meaning = {"429_no_retry_after": "429", "500_after_commit": "500"}.get(kind, kind)
    status, media_type, body = _VENDORS.get(path.split("/")[1], _S3)[meaning]
    headers = {"retry-after": str(max(1, round(seconds)))} if kind == "429" else {}
    return Response(body, status, headers, media_type)


def _json(status: int, body: Any) -> Answer:
    return status, _JSON, json.dumps(body)


def _xml(status: int, code: str, message: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return status, _XML, text


def _posthog(status: int, kind: str, code: str, detail: str) -> Answer:
    return _json(status, {"type": kind, "code": code, "detail": detail, "attr": None})


def _salesforce(status: int, code: str, message: str) -> Answer:
    return _json(status, [{"message": message, "errorCode": code}])


def _jira(status: int, message: str) -> Answer:
    return _json(status, {"errorMessages": [message], "errors": {}})


def _linear(status: int, code: str, message: str) -> Answer:
    return _json(status, {"errors": [{"message": message, "extensions": {"code": code}}], "data": None})


_S3: Final = {
    "429": _xml(503, "SlowDown", "Please reduce your request rate."),
    "500": _xml(500, "InternalError", "We encountered an internal error. Please try again."),
    "200_error": _xml(200, "InternalError", "We encountered an internal error. Please try again."),
    "expired_token": _xml(400, "ExpiredToken", "The provided token has expired."),
}
_VENDORS: Final[dict[str, dict[str, Answer]]] = {
    "zendesk": {
        "429": _json(429, {"error": "APIRateLimitExceeded", "description": "Number of allowed API requests exceeded"}),
        "500": _json(500, {"error": {"title": "Internal server error", "message": "An unexpected error occurred"}}),
        "200_error": _json(200, {"errors": [{"code": "InternalError", "title": "Error", "detail": "Try again"}]}),
        "expired_token": _json(401, {"error": "Couldn't authenticate you"}),
    },
    "posthog": {
        "429": _posthog(429, "throttled_error", "throttled", "Request was throttled."),
        "500": _posthog(500, "server_error", "error", "A server error occurred."),
        "200_error": _json(200, {"error": "Query timed out"}),
        "expired_token": _posthog(401, "authentication_error", "authentication_failed", "Invalid personal API key."),
    },
    "gong": {
        "429": _json(429, {"requestId": "0", "errors": ["API request limit exceeded"]}),
        "500": _json(500, {"requestId": "0", "errors": ["Failed to complete the operation"]}),
        "200_error": _json(200, {"requestId": "0", "errors": ["Failed to complete the operation"]}),
        "expired_token": _json(401, {"requestId": "0", "errors": ["Invalid or missing access credentials"]}),
    },
    "salesforce": {
        "429": _salesforce(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        "500": _salesforce(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId."),
        "200_error": _salesforce(200, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
        "expired_token": _salesforce(401, "INVALID_SESSION_ID", "Session expired or invalid"),
    },
    "jira": {
        "429": _jira(429, "Rate limit exceeded."),
        "500": _jira(500, "Internal server error"),
        "200_error": _jira(200, "Something went wrong on our end."),
        "expired_token": _jira(401, "Client must be authenticated to access this resource."),
    },
    "linear": {
        "429": _linear(400, "RATELIMITED", "Rate limit exceeded"),
        "500": _linear(500, "INTERNAL_SERVER_ERROR", "Internal server error"),
        "200_error": _linear(200, "INTERNAL_SERVER_ERROR", "Internal server error"),
        "expired_token": _linear(401, "AUTHENTICATION_ERROR", "Authentication required, not authenticated"),
    },
    "exchange": {
        "429": _json(429, {"status": "refused", "detail": "too many envelopes"}),
        "500": _json(500, {"status": "failed"}),
        "200_error": _json(503, {"status": "failed"}),  # a receiver that has no way to say no with a 200
        "expired_token": _json(401, {"status": "refused", "detail": "the signature does not fit the body"}),
    },
    "mixpanel": {
        "429": (429, _TEXT, "too many export requests in the last hour\n"),
        "500": (500, _TEXT, "Internal server error\n"),
        "200_error": (200, _TEXT, "terminated early\n"),
        "expired_token": (400, _TEXT, "Unable to authenticate request\n"),
    },
    "amplitude": {
        "429": _json(429, {"error": "Too many requests for this project."}),
        "500": _json(500, {"error": {"http_code": 500, "type": "unspecified", "message": "Unspecified Error"}}),
        "200_error": _json(200, {"error": {"http_code": 500, "type": "unspecified", "message": "Unspecified Error"}}),
        "expired_token": (401, _TEXT, "Invalid API key or secret key\n"),
    },
    "slack": {
        "429": _json(429, {"ok": False, "error": "ratelimited"}),
        "500": _json(500, {"ok": False, "error": "internal_error"}),
        "200_error": _json(200, {"ok": False, "error": "internal_error"}),
        "expired_token": _json(200, {"ok": False, "error": "token_expired"}),
    },
}
