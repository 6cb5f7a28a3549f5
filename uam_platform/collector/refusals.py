"""Why a request is not taken, before any vendor's words for it.

Here: one exception with a reason. Not here: status codes and bodies, which are each vendor's own (`segment`, `posthog`, `amplitude`,
`mixpanel`, `webhooks`).
"""

from enum import StrEnum


class Reason(StrEnum):
    """What keeps a request out; also the label of the metric that counts them."""

    UNAUTHORIZED = "unauthorized"  # no known key, or a signature that does not fit
    UNREADABLE = "unreadable"  # no JSON, or not the shape of this endpoint
    TOO_LARGE = "too_large"
    INVALID = "invalid"  # readable, and refused by the vendor's own rules
    BUSY = "busy"  # the queue is full: come back later
    UNAVAILABLE = "unavailable"  # the disk does not take it: come back later
    WRONG_SIDE = "wrong_side"  # the endpoint wants a server key


class Refusal(Exception):  # noqa: N818 - no error of ours: an answer
    """A request is not taken.

    Args:
        reason: class of the refusal.
        detail: for the sender; never repeats what was sent.
        retry_after_seconds: when to come back, where that may help.
        raw: the body as sent, when it could not be read; kept aside if the sender is known.
        source: the sender, where its key stood inside the body.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        retry_after_seconds: int | None = None,
        raw: bytes | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail
        self.retry_after_seconds, self.raw, self.source = retry_after_seconds, raw, source
