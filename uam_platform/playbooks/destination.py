"""What a destination is, and what can become of a delivery.

Here: the outcome classes and the protocol every destination module keeps. Not here: any vendor (`slack`), the run that uses
them (`deliver`).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from uam_platform.ledger.outbox import OutboxAction


class Result(StrEnum):
    """Classes of outcome; only a clear rejection may be sent again without looking first."""

    SENT = "sent"
    TRANSIENT = "transient"  # certainly not accepted, worth another attempt
    PERMANENT = "permanent"  # certainly not accepted, and never will be as it is
    UNKNOWN = "unknown"  # accepted perhaps


class Scope(StrEnum):
    """What a rejection is about: then nothing else goes there in this run."""

    ACTION = "action"
    TARGET = "target"  # a channel that is archived or that we are not in
    DESTINATION = "destination"  # a token that was revoked


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt.

    Attributes:
        result: its class.
        external_ref: where it is, if sent.
        error: the destination's word for it.
        retry_after_seconds: pause the destination asked for.
        scope: what a rejection is about.
        is_throttled: rejected only for coming too fast.
    """

    result: Result
    external_ref: str | None = None
    error: str | None = None
    retry_after_seconds: float | None = None
    scope: Scope = Scope.ACTION
    is_throttled: bool = False


class StoppedError(Exception):
    """A step decided what becomes of an attempt; the steps after it were not taken.

    Attributes:
        outcome: of the attempt.
        status: HTTP status of the answer that decided it; 0 where there was none.
    """

    def __init__(self, outcome: Outcome, status: int = 0) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome
        self.status = status


class Presence(StrEnum):
    """Whether an action is at its destination."""

    FOUND = "found"
    ABSENT = "absent"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Lookup:
    """What a look at the destination showed.

    Attributes:
        presence: whether it is there.
        external_ref: where it is, if found.
        error: why nothing could be told.
        retry_after_seconds: pause the destination asked for.
        is_throttled: not answered only for asking too often.
        certain_after_seconds: seconds after the attempt from which on `ABSENT` holds; before that it may only not show yet.
    """

    presence: Presence
    external_ref: str | None = None
    error: str | None = None
    retry_after_seconds: float | None = None
    is_throttled: bool = False
    certain_after_seconds: float = 0.0


class Destination(Protocol):
    """One system that actions are delivered to."""

    def deliver(self, action: OutboxAction, now: datetime) -> Outcome:
        """Try once; never raises for what the destination or the network does."""

    def reconcile(self, action: OutboxAction) -> Lookup:
        """Look whether the action arrived; ABSENT only if that is certain."""
