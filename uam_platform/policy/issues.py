"""How issues are reported: every failure that the taxonomy marks as friction, by workflow (R9).

Here: the typed model of `rulebook/issues.yaml`. Not here: the report (`uam_platform.behavior.issues`), which events are friction
(`policy.taxonomy`), who is alerted (`policy.alerts`).
"""

from pydantic import Field

from uam_platform.policy.load import PolicyModel


class IssuePolicy(PolicyModel):
    """Windows and limits of the report on issues."""

    version: int = Field(ge=1)
    weeks: int = Field(13, ge=8, le=52, description="weeks of history shown")
    trend_from: float = Field(
        2.0, gt=0, description="change over its standard error, accounts apart, from which a trend is told"
    )
    ticket_within_days: int = Field(
        3, ge=1, le=28, description="a ticket of the same person this soon after belongs to it"
    )
