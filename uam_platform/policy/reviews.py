"""Review rules people edit: what the weekly product-risk pack shows and who is told of it, and how alerts are audited.

Here: the typed model of `rulebook/reviews.yaml`. Not here: making the pack (`uam_platform.reviews`), alert rules (`policy.alerts`).
"""

from pydantic import Field, field_validator

from uam_platform.policy.load import PolicyModel

STRATA = ("told", "told_before", "held_back", "quiet")
"""What the alerts did about an account in a month."""


class Audit(PolicyModel):
    """The monthly audit of alerts (R167), and when verdicts are enough to propose another threshold (R168)."""

    answers: tuple[str, ...] = Field(min_length=1, description="ids of the questions in questions.yaml it decides on")
    drawn: dict[str, int] = Field(
        description="accounts drawn per month: of those told, told before, held back (of each reason) and quiet"
    )
    treated_days: int = Field(84, ge=1, description="after an alert, what becomes of an account says nothing on a miss")
    precision_goal: float = Field(0.6, gt=0, lt=1, description="share of a detector's alerts that are to be right")
    min_judged: int = Field(20, ge=5, description="judged alerts of a detector before a threshold is proposed")
    min_kept_ratio: float = Field(
        0.5, gt=0, lt=1, description="a proposal keeps at least this share of the alerts that were right"
    )

    @field_validator("drawn")
    @classmethod
    def _is_complete(cls, drawn: dict[str, int]) -> dict[str, int]:
        odd = sorted(set(drawn) - set(STRATA))
        if odd:
            raise ValueError(f"{odd[0]!r} is none of {', '.join(STRATA)}")
        missing = [name for name in STRATA if drawn.get(name, 0) < 1]
        if missing:
            raise ValueError(f"draw at least one account of each of {', '.join(missing)}: else recall cannot be told")
        return drawn


class ReviewPolicy(PolicyModel):
    """The weekly product-risk review (R164-R166)."""

    version: int = Field(ge=1)
    answers: tuple[str, ...] = Field(min_length=1, description="ids of the questions in questions.yaml it decides on")
    channel: str = Field(min_length=3, description="Slack channel of the digest, an id")
    digest_weekday: int = Field(0, ge=0, le=6, description="first weekday of the digest's week, 0 is Monday")
    compared_days: int = Field(7, ge=1, description="what changed is told against the snapshot this many days before")
    top_count: int = Field(10, ge=1, description="rows of each list")
    renewal_days: int = Field(90, ge=1, description="renewals this close are inspected")
    journey_days: int = Field(28, ge=1, description="failures and stalls of the last days")
    cohort_chance: float = Field(
        0.01, gt=0, le=0.2, description="what cohorts speak of is told below this probability by chance"
    )
    follow_up_days: int = Field(5, ge=1, description="an open alert without a verdict after this is overdue")
    audit: Audit
