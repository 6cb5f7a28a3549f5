"""Waiting and trying again, for transient failures only.

Here: one loop with exponential back-off that honours the vendor's own waiting time. Not here: which failure is transient
(the module that talks to the source decides that), HTTP (`http_json`).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from uam_platform.connectors.errors import TransientError

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Retry:
    """How patient a connector is.

    Attributes:
        attempts: calls in all, the first one included.
        first_wait_seconds: wait after the first failure; doubled each time.
        longest_wait_seconds: upper bound of one wait. Zendesk's export limit resets within 60 s, so it must exceed that.
        give_up_seconds: a vendor that asks for more than this is not waited for: a day's quota is used up.
        sleep: waits; a test gives its own.
    """

    attempts: int = 6
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 120.0
    give_up_seconds: float = math.inf
    sleep: Callable[[float], None] = time.sleep

    def call(self, action: Callable[[], ResultT], progress: Callable[[str], None]) -> ResultT:
        """Result of `action`, tried again after each `TransientError`.

        Args:
            action: does the call and classifies its failure.
            progress: told about every wait.

        Raises:
            TransientError: the last failure, when all attempts are used up or the wait asked for is too long.
        """
        for attempt in range(1, self.attempts):
            try:
                return action()
            except TransientError as error:
                if (error.retry_after_seconds or 0) > self.give_up_seconds:
                    raise
                wait = self._wait(attempt, error)
                progress(f"{error.where}: {error.what}; waiting {wait:g} s ({attempt} of {self.attempts} attempts)")
                self.sleep(wait)
        return action()

    def _wait(self, attempt: int, error: TransientError) -> float:
        asked = error.retry_after_seconds
        planned = self.first_wait_seconds * 2 ** (attempt - 1) if asked is None else asked
        return min(planned, self.longest_wait_seconds)
