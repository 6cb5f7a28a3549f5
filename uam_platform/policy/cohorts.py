"""What accounts are told apart by, when a cluster may be shown, and the three cohorts known by name (R107 to R111).

Here: the typed model of `rulebook/cohorts.yaml`. Not here: clustering and rules (`uam_platform.behavior.cohorts`).
"""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from uam_platform.policy.load import PolicyModel

InputName = Literal[
    "core_per_person",
    "core_per_session",
    "sessions_per_person",
    "feature_count",
    "admin_share",
    "intent_share",
    "friction_rate",
    "active_day_share",
]


class ScalerRule(PolicyModel):
    """How inputs are made comparable, once."""

    fit_snapshots: int = Field(ge=1, description="the first snapshots with enough accounts")
    least_accounts: int = Field(ge=5, description="a snapshot with fewer is not fitted on")
    clip: float = Field(gt=0, description="scaled values beyond it count as it")


class ClusterRule(PolicyModel):
    """Parameters of HDBSCAN."""

    min_size_share: float = Field(gt=0, lt=1)
    min_size: int = Field(ge=2)
    min_samples: int = Field(ge=1)
    fit_limit: int = Field(ge=100, description="more accounts than this follow their nearest fitted neighbour")


class StabilityRule(PolicyModel):
    """When a cluster is one that resamples find again (Hennig 2007, cluster-wise Jaccard)."""

    resamples: int = Field(ge=2)
    resample_share: float = Field(gt=0, lt=1)
    least_ratio: float = Field(ge=0, le=1)


class IdentityRule(PolicyModel):
    """When a cluster is the one of the weeks before."""

    least_overlap: float = Field(ge=0, le=1)
    largest_distance: float = Field(ge=0)
    memory_weeks: int = Field(ge=1)


class HeldRule(PolicyModel):
    """How long a rule must hold before an account belongs, and how rarely before it leaves."""

    of_weeks: int = Field(ge=1)
    enter_weeks: int = Field(ge=1)
    stay_weeks: int = Field(ge=1)

    @model_validator(mode="after")
    def _staying_is_easier(self) -> Self:
        if not self.stay_weeks <= self.enter_weeks <= self.of_weeks:
            raise ValueError("write stay_weeks <= enter_weeks <= of_weeks")
        return self


class ShallowRule(PolicyModel):
    """C1: people come often and do little of value."""

    name: str
    least_sessions: int = Field(ge=1)
    sessions_per_person_at_least: float = Field(gt=0, description="times the median of the snapshot")
    features_at_least: float = Field(gt=0, description="times the median of the snapshot")
    core_per_session_at_most: float = Field(gt=0, description="times the median of the snapshot")


class DependentRule(PolicyModel):
    """C2: nearly all value through one workflow."""

    name: str
    share_at_least: float = Field(gt=0, le=1)
    least_value_count: int = Field(ge=1)
    chance_z: float = Field(ge=0, description="one-sided: the share is that high even after so many standard errors")
    value_of: Mapping[str, tuple[str, ...]] = Field(description="value actions without workflow, by workflow")


class EvaluatorRule(PolicyModel):
    """C3: administrators look at prices, plans, security and settings and hardly work with the product."""

    name: str
    events: tuple[str, ...]
    least_looks: int = Field(ge=1)
    looks_share_at_least: float = Field(gt=0, le=1)
    admins_share_at_least: float = Field(gt=0, le=1)


class CohortPolicy(PolicyModel):
    """Everything about cohorts."""

    version: int = Field(ge=1, description="raised to re-fit the frozen scaler")
    window_days: Literal[84] = Field(description="the window of account_features that inputs are of")
    inputs: tuple[InputName, ...] = Field(min_length=2)
    scaler: ScalerRule
    clusters: ClusterRule
    stability: StabilityRule
    identity: IdentityRule
    held: HeldRule
    shallow: ShallowRule
    dependent: DependentRule
    evaluators: EvaluatorRule

    def names(self) -> dict[str, str]:
        """Named cohort -> what it is called."""
        return {"C1": self.shallow.name, "C2": self.dependent.name, "C3": self.evaluators.name}
