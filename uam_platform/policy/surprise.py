"""What a count is held against: the account's own past and its peers.

Here: the typed model of one such comparison, as rules of the rulebook use it. Not here: the arithmetic
(`uam_platform.temporal.surprise`), which comparisons count how much (`policy.harm`, `policy.diagnosis`).
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from uam_platform.contracts.model import Type
from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.policy.load import PolicyModel

_NUMBERS = (Type.INT16, Type.INT32, Type.INT64, Type.FLOAT64)


def numeric_feature(column: str) -> str:
    """The column itself.

    Raises:
        ValueError: `account_features` has no such numeric column.
    """
    if column not in ACCOUNT_FEATURES.column_names or VOCABULARY[column].type not in _NUMBERS:
        raise ValueError(f"no numeric column {column!r} in account_features")
    return column


Feature = Annotated[str, Field(min_length=3)]


class Measure(PolicyModel):
    """A count over a recent window beside what was to be expected, as a signed surprise in standard deviations.

    With `before` the account's own past says what to expect: a window that ends where the recent one begins, or with
    `before_includes_recent` a longer one with the same end. Without it the peers do. With `per` the counts are taken per event
    of the same windows: a rate, not a volume.
    """

    recent: Feature
    before: Feature | None = Field(
        None, description="absent: compared with the median rate of peers, which needs `per`"
    )
    recent_days: int = Field(28, ge=1)
    before_days: int = Field(28, ge=1, description="days before the recent window that `before` covers")
    before_includes_recent: bool = False
    per: tuple[Feature, ...] = Field((), max_length=2, description="event counts of the same windows, recent first")
    bad: Literal["fall", "rise"]
    dispersion: float = Field(2.0, ge=1, description="variance over mean of the counts; 1 is pure Poisson")
    max_z: float = Field(6.0, gt=0, description="a single signal counts no further than this")

    @field_validator("recent", "before")
    @classmethod
    def _columns(cls, column: str | None) -> str | None:
        return None if column is None else numeric_feature(column)

    @field_validator("per")
    @classmethod
    def _exposures(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(numeric_feature(column) for column in columns)

    @model_validator(mode="after")
    def _is_comparable(self) -> "Measure":
        if self.recent == self.before:
            raise ValueError(f"compares {self.recent!r} with itself")
        if len(self.per) != (1 if self.before is None else len(self.per) and 2):
            raise ValueError("per names the event count of each window: two with `before`, one without")
        return self


class Peers(PolicyModel):
    """Whose trend counts."""

    min_peers: int = Field(20, ge=3, description="fewer accounts of the same tier: compare with all accounts")
    min_before: int = Field(10, ge=1, description="accounts below this earlier count do not vote on the trend of peers")
    noise_ratio: float = Field(
        0.0,
        ge=0,
        lt=2,
        description="relative standard deviation by which rates move while nothing is wrong; 0: counts vary by chance alone",
    )
