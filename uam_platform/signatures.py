"""Signatures of requests between this platform and others: HMAC-SHA256 over time and body, with a window against replay.

Here: signing, checking, and nothing else, so that whoever sends and whoever receives share one rule. Not here: vendors' own signatures
(`uam_platform.collector.webhooks`), secrets (the caller's settings).

`X-UAM-Timestamp` carries whole epoch seconds, `X-UAM-Signature` is `v1=` and the hex of HMAC-SHA256(secret, timestamp + "." + body).
While a secret is being replaced, a sender may give several signatures, separated by commas, and a receiver may take several secrets.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

TIMESTAMP_HEADER: Final = "X-UAM-Timestamp"
SIGNATURE_HEADER: Final = "X-UAM-Signature"
REPLAY_SECONDS: Final = 300
"""How far the two clocks may differ; what is replayed inside the window is recognised by its id."""


class SignatureError(ValueError):
    """A request is not signed, wrongly signed, or too old; the message says which."""


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The signature header of a body.

    Args:
        secret: what both sides know.
        timestamp: epoch seconds, sent beside it.
        body: the bytes as sent.
    """
    digest = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"v1={digest}"


def check(
    secrets: str | Sequence[str],
    timestamp: str | None,
    given: str | None,
    body: bytes,
    now_seconds: float,
    window_seconds: float | None = REPLAY_SECONDS,
) -> None:
    """Return when the body was signed with a secret within the last five minutes.

    Args:
        secrets: what both sides know; several while it is being replaced.
        timestamp: the timestamp header as received.
        given: the signature header as received.
        body: the bytes as received.
        now_seconds: epoch seconds of the receiver.
        window_seconds: how far the two clocks may differ; None for files, which may lie for days.

    Raises:
        SignatureError: a header is missing or unreadable, the clocks differ by more than the window, or no signature fits.
    """
    if not timestamp or not given:
        raise SignatureError(f"not signed: {TIMESTAMP_HEADER} and {SIGNATURE_HEADER} are required")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise SignatureError(f"{TIMESTAMP_HEADER} is not whole epoch seconds")
    if window_seconds is not None and abs(now_seconds - int(timestamp)) > window_seconds:
        raise SignatureError(f"signed more than {window_seconds:g} seconds away from this server's clock")
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    wanted = [signature(secret, int(timestamp), body).encode() for secret in known]
    offered = [part.strip().encode("utf-8", "replace") for part in given.split(",")]
    if not any([hmac.compare_digest(one, part) for one in wanted for part in offered]):
        raise SignatureError("the signature does not fit the body")
