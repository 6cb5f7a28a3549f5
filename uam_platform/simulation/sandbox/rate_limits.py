"""Rate limiters on an injected clock.

Belongs here: counting calls. Does not belong here: how a vendor tells a client about its limit (each surface words
that itself). Clocks return seconds and only need to be monotonic.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass(frozen=True)
class Verdict:
    """Outcome of one call: allowed or not, calls left, whole seconds until the limit eases."""

    is_allowed: bool
    remaining: int
    resets_in_seconds: int


class FixedWindow:
    """At most `limit` calls in each window of `window_seconds`, as request-per-minute limits count."""

    def __init__(self, limit: int, window_seconds: float, clock: Clock) -> None:
        self.limit = limit
        self._window_seconds = window_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._opened_at = -math.inf
        self._used = 0

    def take(self) -> Verdict:
        """Count one call and tell whether it is within the limit."""
        with self._lock:
            now = self._clock()
            if now - self._opened_at >= self._window_seconds:
                self._opened_at, self._used = now, 0
            resets_in = max(1, math.ceil(self._opened_at + self._window_seconds - now))
            if self._used >= self.limit:
                return Verdict(False, 0, resets_in)
            self._used += 1
            return Verdict(True, self.limit - self._used, resets_in)


class TokenBucket:
    """One call per `1 / per_second` seconds with a short burst, separately for each key."""

    def __init__(self, per_second: float, burst: int, clock: Clock) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> Verdict:
        """Take one token of `key` if there is one."""
        with self._lock:
            now = self._clock()
            level, since = self._levels.get(key, (float(self._burst), now))
            level = min(float(self._burst), level + (now - since) * self._per_second)
            if level < 1.0:
                self._levels[key] = (level, now)
                return Verdict(False, 0, max(1, math.ceil((1.0 - level) / self._per_second)))
            self._levels[key] = (level - 1.0, now)
            return Verdict(True, int(level - 1.0), 1)
