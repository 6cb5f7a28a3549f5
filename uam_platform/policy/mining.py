"""What is looked for before customers leave or grow, and when it counts as found.

Here: the typed model of `rulebook/mining.yaml`. Not here: the search (`uam_platform.behavior.mined_patterns` and the modules it names),
sequences that people declare (`policy.sequences`).
"""

from typing import Annotated

from pydantic import Field

from uam_platform.policy.load import PolicyModel
from uam_platform.policy.surprise import Measure, Peers


class Steps(PolicyModel):
    """Which runs of actions within a session are patterns."""

    longest: int = Field(3, ge=2, le=3, description="most actions of a pattern")
    between: int = Field(1, ge=0, le=2, description="other actions that may lie between two of its actions")
    left_out: tuple[str, ...] = Field((), description="events that mean nothing by themselves, such as signing in")


class Controls(PolicyModel):
    """Whom an account is compared with: others of the same snapshot that did not leave or grow within the horizon."""

    per_case: int = Field(4, ge=1, le=20)
    caliper_log: float = Field(
        0.7, gt=0, description="most difference in log sessions of twelve weeks, plus the penalty"
    )
    other_tier_log: float = Field(0.3, ge=0, description="what another tier counts, in log sessions")


class Replication(PolicyModel):
    """A finding must come again in outcomes that lie later."""

    later_share: float = Field(0.4, gt=0, lt=1, description="share of the outcomes, the latest, that are kept apart")
    max_chance: float = Field(0.05, gt=0, lt=0.5)


class Shift(Measure):
    """A change of one behaviour, as a surprise; small on purpose."""

    label: Annotated[str, Field(min_length=3)] = Field(description="what is seen, for people")


class Shifts(Peers):
    """Small shifts that may repeat across accounts before a notice (R112)."""

    moves_from: float = Field(0.7, gt=0, description="surprise in standard deviations from which a shift is there")
    longest: int = Field(2, ge=1, le=3, description="most shifts that are looked at together")
    measures: dict[str, Shift] = Field(min_length=1)


class MiningPolicy(PolicyModel):
    """The search and its limits."""

    version: int = Field(ge=1)
    window_days: int = Field(56, ge=7, le=180, description="days before the snapshot that are searched")
    growth_types: tuple[str, ...] = Field(("Expansion",), description="opportunity types that are growth when won")
    min_accounts: int = Field(8, ge=3, description="accounts with a pattern, cases and controls together, to be tested")
    false_discovery_ratio: float = Field(0.05, gt=0, lt=0.5)
    steps: Steps
    controls: Controls
    replication: Replication
    shifts: Shifts
