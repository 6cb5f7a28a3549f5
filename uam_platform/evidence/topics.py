"""Which topics and signals a sentence carries, by the rulebook's patterns.

Here: matching. Not here: the patterns (`rulebook/topics.yaml`), words that no topic knows yet (`emerging`).
"""

import re
from dataclasses import dataclass

from uam_platform.policy.topics import TopicPolicy


@dataclass(frozen=True)
class Signals:
    """Flags of a sentence; `reasons` names the rules that fired."""

    is_escalation: bool
    is_renewal_concern: bool
    is_buying_signal: bool

    @property
    def any(self) -> bool:
        """At least one flag is set."""
        return self.is_escalation or self.is_renewal_concern or self.is_buying_signal

    @property
    def reasons(self) -> tuple[str, ...]:
        """Names of the rules."""
        flags = {
            "escalation": self.is_escalation,
            "renewal_concern": self.is_renewal_concern,
            "buying_signal": self.is_buying_signal,
        }
        return tuple(name for name, is_set in flags.items() if is_set)

    def __or__(self, other: "Signals") -> "Signals":
        return Signals(
            self.is_escalation or other.is_escalation,
            self.is_renewal_concern or other.is_renewal_concern,
            self.is_buying_signal or other.is_buying_signal,
        )


NO_SIGNALS = Signals(False, False, False)


class Reader:
    """Reads sentences by the rulebook."""

    def __init__(self, policy: TopicPolicy) -> None:
        self._least = policy.least_points
        self._topics = {
            name: [(re.compile(pattern), points) for pattern, points in topic.patterns.items()]
            for name, topic in policy.topics.items()
        }
        self._signals = tuple(
            [re.compile(pattern) for pattern in signal.patterns]
            for signal in (policy.signals.escalation, policy.signals.renewal_concern, policy.signals.buying_signal)
        )
        self.boilerplate = re.compile("|".join(f"(?:{p})" for p in policy.boilerplate) or r"(?!)")

    def topic(self, sentence: str) -> tuple[str | None, float]:
        """The topic with the most points, and its points; None below the least."""
        lowered = sentence.lower()
        best, most = None, 0.0
        for name, patterns in self._topics.items():
            points = sum(weight for pattern, weight in patterns if pattern.search(lowered))
            if points > most:
                best, most = name, points
        return (best, most) if most >= self._least else (None, most)

    def signals(self, sentence: str) -> Signals:
        """The signals of a sentence."""
        lowered = sentence.lower()
        return Signals(*(any(p.search(lowered) for p in patterns) for patterns in self._signals))
