"""What customers speak about: topics, signals and the words of tone.

Here: the typed model of `rulebook/topics.yaml`. Not here: applying it to texts (`uam_platform.evidence`).
"""

from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyModel
from uam_platform.policy.patterns import check_compile


class Topic(PolicyModel):
    """One topic: how it is recognised, and what to do about it."""

    meaning: str = Field(min_length=1)
    do: str = Field(min_length=1, description="what the reader of a theme does next")
    patterns: dict[str, float] = Field(min_length=1, description="regular expression on lower-case text -> points")
    examples: tuple[str, ...] = Field(min_length=1)


class Signal(PolicyModel):
    """One kind of statement that somebody should act on."""

    reason: str = Field(min_length=1, description="why it is worth acting on")
    patterns: tuple[str, ...] = Field(min_length=1)


class Signals(PolicyModel):
    """The signals that statements may carry."""

    escalation: Signal
    renewal_concern: Signal
    buying_signal: Signal


class SentimentRules(PolicyModel):
    """A lexicon with negation and intensity."""

    words: dict[str, float] = Field(
        min_length=1, description="word or words -> points from -4 to 4; a star is any ending"
    )
    intensifiers: dict[str, float]
    negations: tuple[str, ...]
    reach: int = Field(ge=1, le=6)
    scale: float = Field(gt=0, description="points at which a text is half way to the end of the scale")


class TopicPolicy(PolicyModel):
    """Topics, signals and tone."""

    version: int = Field(ge=1)
    owner: str
    least_points: float = Field(gt=0)
    own_points: float = Field(gt=0, description="a comment with fewer speaks of what its ticket is about")
    window_days: int = Field(ge=7, le=182)
    cohort_window_days: int = Field(84, ge=7, le=364, description="how far back the words of a cohort's members count")
    broad_share: float = Field(gt=0, lt=1)
    least_accounts: int = Field(ge=1)
    loud_share: float = Field(gt=0, le=1)
    topics: dict[str, Topic]
    signals: Signals
    sentiment: SentimentRules
    boilerplate: tuple[str, ...] = Field((), description="sentences that say nothing")

    @model_validator(mode="after")
    def _patterns_compile(self) -> "TopicPolicy":
        for name, topic in self.topics.items():
            check_compile(topic.patterns, f"topics.{name}")
        for name, signal in self.signals:
            check_compile(signal.patterns, f"signals.{name}")
        check_compile(self.boilerplate, "boilerplate")
        return self
