"""Thresholds of the work on names: when two names may be one, and when an event is of low value.

Here: the typed models of `proposals` and `audit` in `rulebook/taxonomy.yaml`. Not here: the arithmetic (`uam_platform.governance`), the
events (`taxonomy`).
"""

from pydantic import Field

from uam_platform.policy.load import PolicyModel


class ProposalRule(PolicyModel):
    """From when on evidence counts that two names mean one thing."""

    moment_s: float = Field(5.0, gt=0, description="seconds within which two tellings are of one moment")
    least_rows: int = Field(20, ge=2, description="a name delivered more rarely shows no pattern, only words")
    least_alike: float = Field(0.6, gt=0, le=1, description="shared words, or how near the letters are")
    least_together: float = Field(
        0.5, gt=0, le=1, description="share of its rows that have the event within `moment_s`"
    )
    least_lift: float = Field(5.0, ge=1, description="times more often than by chance")
    least_neighbours: float = Field(0.8, gt=0, le=1, description="cosine of what comes before and after")
    least_rate_ratio: float = Field(0.5, gt=0, le=1, description="the rarer over the more frequent, per actor")
    shown: int = Field(3, ge=1, description="proposals per name")


class UsageRule(PolicyModel):
    """When a declared event is proposed for removal (R71, R81)."""

    window_days: int = Field(28, ge=7, description="days of which volume and cost are told")
    idle_days: int = Field(90, ge=7, description="not delivered for so long: the definition has gone out of use")
    new_days: int = Field(28, ge=0, description="younger definitions are left alone")
