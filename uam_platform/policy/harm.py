"""How much an account's behaviour has turned for the worse: one declared score.

Here: the typed model of the `harm` part of `rulebook/alerts.yaml`. Not here: the comparisons it is made of (`policy.surprise`), the
arithmetic (`uam_platform.alerts.harm`), the detectors whose conditions read the score (`policy.alerts`).
"""

from typing import Annotated

from pydantic import Field

from uam_platform.policy.load import PolicyModel
from uam_platform.policy.surprise import Measure, Peers

HARM_SCORE = "harm_score"
"""Column that conditions may read beside features, score and revenue."""


class Signal(Measure):
    """One comparison and its points."""

    label: Annotated[str, Field(min_length=3)] = Field(description="what is counted, for people")
    weight: float = Field(gt=0, description="points per standard deviation")
    is_told: bool = Field(True, description="false: it only tells what other signals mean and is no news itself")
    why: Annotated[str, Field(min_length=10)] = Field(
        description="why it belongs in the score, and where its weight comes from"
    )


class HarmMemory(PolicyModel):
    """How evidence builds up over the weeks: what was seen before counts too, less each week.

    The score is a mean of the weighted sums of this snapshot and of those 7, 14, ... days before, with weights 1, `kept_ratio`,
    `kept_ratio` squared and so on: an exponentially weighted moving average (Roberts 1959) of a few weeks.
    """

    weeks: int = Field(0, ge=0, le=8, description="earlier weeks that count")
    kept_ratio: float = Field(0.5, gt=0, lt=1, description="weight of a week beside the week after it")

    def weights(self) -> tuple[float, ...]:
        """Weights of this snapshot and of the weeks before, this one first."""
        return tuple(self.kept_ratio**week for week in range(self.weeks + 1))


class HarmScore(Peers):
    """The weighted sum of signed surprises, averaged over a few weeks; improvement counts against harm."""

    signals: dict[str, Signal] = Field(min_length=1)
    shown: int = Field(3, ge=1, description="signals named in the summary")
    memory: HarmMemory = HarmMemory()
