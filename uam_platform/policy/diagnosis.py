"""What a decline is most likely due to: explanations, and the signs that speak for and against each.

Here: the typed model of the `diagnosis` part of `rulebook/churn.yaml`. Not here: the arithmetic (`uam_platform.churn.diagnosis`), the
comparisons that signs are made of (`policy.surprise`).
"""

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from uam_platform.policy.load import PolicyModel
from uam_platform.policy.surprise import Measure, Peers, numeric_feature


class Ramp(PolicyModel):
    """A level as a sign: 0 at `nothing` and beyond, 1 at `full` and beyond."""

    column: str
    nothing: float
    full: float

    @field_validator("column")
    @classmethod
    def _is_known(cls, column: str) -> str:
        return numeric_feature(column)

    @model_validator(mode="after")
    def _has_a_slope(self) -> "Ramp":
        if self.nothing == self.full:
            raise ValueError("nothing and full must differ")
        return self


class Sign(PolicyModel):
    """One observation, and the explanations it speaks for (points above 0) and against (below 0).

    Attributes:
        measure: a surprise in standard deviations; or
        ramp: a level from 0 to 1.
        least_tenure_days: younger customers do not show it: there is nothing yet to compare with.
        feature: the model input whose words tell it; absent: it is never told.
        points: log odds per standard deviation, or for the whole ramp, by explanation.
        why: the business sense of it.
    """

    measure: Measure | None = None
    ramp: Ramp | None = None
    least_tenure_days: int = Field(0, ge=0)
    feature: str | None = None
    points: dict[str, float] = Field(min_length=1)
    why: Annotated[str, Field(min_length=10)]

    @model_validator(mode="after")
    def _is_one_thing(self) -> "Sign":
        if (self.measure is None) == (self.ramp is None):
            raise ValueError("a sign is either a measure or a ramp")
        return self


class Explanation(PolicyModel):
    """One thing that a decline may be due to.

    Attributes:
        title: in words, before the numbers.
        themes: themes of the model's inputs whose words tell it.
        start: points without any sign: the higher, the less it takes to believe it.
        other_reading: the harmless reading of the same numbers.
    """

    title: str = Field(min_length=3)
    themes: tuple[str, ...] = Field(min_length=1)
    start: float = 0.0
    other_reading: str = Field(min_length=10)


class Diagnosis(Peers):
    """All explanations and signs; empty: reasons are told theme by theme."""

    version: int = Field(1, ge=1)
    explanations: dict[str, Explanation] = Field(default_factory=dict)
    signs: dict[str, Sign] = Field(default_factory=dict)
    least_share: float = Field(0.1, ge=0, lt=1, description="a less likely explanation is not told")

    @model_validator(mode="after")
    def _fits_together(self) -> "Diagnosis":
        for name, sign in self.signs.items():
            if unknown := sorted(set(sign.points) - set(self.explanations)):
                raise ValueError(f"sign {name}: no explanation {', '.join(unknown)}")
        themes = [theme for one in self.explanations.values() for theme in one.themes]
        if len(themes) != len(set(themes)):
            raise ValueError("a theme belongs to one explanation")
        return self
