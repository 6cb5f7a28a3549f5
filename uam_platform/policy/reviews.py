"""Review rules people edit: what the weekly product-risk pack shows and who is told of it.

Here: the typed model of `rulebook/reviews.yaml`. Not here: making the pack (`uam_platform.reviews`), alert rules (`policy.alerts`).
"""

from pydantic import Field

from uam_platform.policy.load import PolicyModel


class ReviewPolicy(PolicyModel):
    """The weekly product-risk review (R164-R166)."""

    version: int = Field(ge=1)
    channel: str = Field(min_length=3, description="Slack channel of the digest, an id")
    digest_weekday: int = Field(0, ge=0, le=6, description="first weekday of the digest's week, 0 is Monday")
    compared_days: int = Field(7, ge=1, description="what changed is told against the snapshot this many days before")
    top_count: int = Field(10, ge=1, description="rows of each list")
    renewal_days: int = Field(90, ge=1, description="renewals this close are inspected")
    journey_days: int = Field(28, ge=1, description="failures and stalls of the last days")
    follow_up_days: int = Field(5, ge=1, description="an open alert without a verdict after this is overdue")
