"""When a workflow has stalled, a feature was abandoned, onboarding failed, and failures repeat (R4, R5, R12).

Here: the typed model of `rulebook/journeys.yaml`. Not here: finding them (`uam_platform.behavior.journeys`).
"""

from pydantic import Field

from uam_platform.policy.load import PolicyModel


class StallRule(PolicyModel):
    """A started run that neither completed nor failed in time, while whoever started it went on working."""

    started: tuple[str, ...]
    ended: tuple[str, ...]
    after_hours: float = Field(gt=0, description="longer than this is stalled")
    active_within_days: int = Field(ge=1, le=28, description="the same actor is seen on a later day, so soon")
    reason: str


class AbandonRule(PolicyModel):
    """A feature that an account used on one day only, although it stayed active."""

    silent_days: int = Field(ge=7, le=90, description="days without another use")
    min_active_days: int = Field(ge=1, description="days in them on which the account did anything")
    reason: str


class OnboardingRule(PolicyModel):
    """Setup of a new account that brought no first value, or brought it in another order."""

    started: str
    usual_step: str
    first_value: tuple[str, ...]
    other_value: tuple[str, ...] = Field((), description="brings value too, but is not where the usual path leads")
    within_days: int = Field(ge=1, le=180)
    new_days: int = Field(ge=0, description="the account's first activity lies at most so many days before its setup")
    silent_days: int = Field(ge=1, description="no activity in the last so many of these days: given up")
    reason: str


class FailureRule(PolicyModel):
    """The same workflow of an account failing again and again."""

    failed: tuple[str, ...]
    at_least: int = Field(ge=2)
    within_days: int = Field(ge=1, le=90)
    reason: str


class JourneyPolicy(PolicyModel):
    """All thresholds of journeys."""

    stalled_workflow: StallRule
    abandoned_feature: AbandonRule
    onboarding: OnboardingRule
    repeated_failure: FailureRule
