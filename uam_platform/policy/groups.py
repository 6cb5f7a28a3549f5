"""Findings on a workflow that fails in several accounts, and what explains a single account's trouble away.

Here: the typed model of a detector's `group` and of `context` in `rulebook/alerts.yaml`. Not here: the arithmetic
(`uam_platform.alerts.groups`, `uam_platform.alerts.context`).
"""

import re
from typing import Literal

from pydantic import Field, field_validator

from uam_platform.policy.load import PolicyModel
from uam_platform.policy.patterns import check_compile


class Group(PolicyModel):
    """When failures of one workflow in several accounts are one finding.

    An account is affected when its failures of the window lie beyond what its own earlier rate of failures per use explains. The
    workflow is a finding when more accounts are affected than chance gives.
    """

    subject: Literal["workflow", "workflow_error"]
    side: Literal["client", "server"] | None = Field(None, description="only failures that this layer reported")
    window_days: int = Field(14, ge=1)
    before_days: int = Field(56, ge=7, description="days before the window that say what is usual")
    min_failures: int = Field(3, ge=1, description="failures of one account in the window")
    min_surprise: float = Field(2.0, gt=0, description="standard deviations beyond the account's own past")
    max_use_ratio: float | None = Field(
        None, gt=0, description="uses per day against before at most this: adoption is blocked"
    )
    min_accounts: int = Field(3, ge=2)
    chance_ratio: float = Field(
        0.03, gt=0, lt=0.5, description="share of accounts that chance alone makes look affected"
    )
    max_chance: float = Field(
        0.001, gt=0, lt=0.5, description="largest probability of so many affected accounts by chance"
    )
    new_flag_days: int = Field(42, ge=1, description="a flag first seen within this time is a new release")
    min_flag_ratio: float = Field(
        0.6, gt=0, le=1, description="share of the affected accounts that see the same new flag"
    )


class Announced(PolicyModel):
    """A change or an absence that was told beforehand: by an announcement of this kind, or by the name of a flag that was switched on.

    With `explains` only these signals are forgiven, and what is left of the harm score decides. Without it trouble of any kind is
    expected and the loud score decides.
    """

    flags: tuple[str, ...] = Field((), description="patterns on the name of a flag that stands for it")
    days: int = Field(ge=1, description="where nobody said when it ends, trouble is expected this long after it begins")
    after_days: int = Field(0, ge=0, description="windows of counts still hold it this long after its end")
    explains: tuple[str, ...] = Field((), description="harm signals that it explains; what others say still counts")
    max_presence_ratio: float | None = Field(
        None,
        gt=0,
        description="explains only where sessions stand at most at this share of before; absent: for everybody it is for",
    )

    @field_validator("flags")
    @classmethod
    def _compile(cls, flags: tuple[str, ...]) -> tuple[str, ...]:
        check_compile(flags)
        return flags

    def names(self, flag: str) -> bool:
        """Whether the flag stands for such a change."""
        return any(re.search(pattern, flag) for pattern in self.flags)


class Season(PolicyModel):
    """A fall that nobody announced and that the calendar still explains: the account's own year before, or its peers now."""

    peer_column: Literal["industry", "utc_offset_minutes"] | None = Field(
        None, description="peers are accounts alike in this; absent: the account's own past"
    )
    max_ratio: float = Field(
        0.8, gt=0, lt=1, description="last year, or for the peers' median: use at most this share of before"
    )
    worse_ratio: float = Field(
        0.75, gt=0, description="the account's own share at least this part of that one, else it is worse"
    )
    min_before: int = Field(
        20, ge=1, description="core completions of the 28 days before, on average, that carry a comparison"
    )
    min_peers: int = Field(20, ge=3, description="fewer peers explain nothing")
    explains: tuple[str, ...] = Field(min_length=1, description="harm signals that it explains")


class Region(PolicyModel):
    """Where the people of an account work, read off the hours at which they work; calendars are kept by region."""

    window_days: int = Field(84, ge=7)
    min_events: int = Field(100, ge=1, description="fewer in the window: not known where")
    min_concentration: float = Field(
        0.35,
        gt=0,
        lt=1,
        description="mean resultant length of the hours; below it people work around the clock or everywhere",
    )
    middle_hour: float = Field(
        12.5, ge=0, lt=24, description="local time in the middle of what is done on a working day"
    )
    tolerance_minutes: int = Field(60, ge=1, description="an announced region further away is another one")


class Context(PolicyModel):
    """What explains a surge of trouble in one account: it is held back unless core work itself has fallen.

    In an announced change work may fall too; there only a score far above the limit speaks for itself.
    """

    work_signal: str = Field(description="harm signal that tells whether the account's own work has suffered")
    min_work_surprise: float = Field(1.0, description="from here on the account speaks for itself")
    rollout_days: int = Field(14, ge=1, description="days after an account first sees a flag")
    announced: dict[str, Announced] = Field(
        {}, description="changes and absences told beforehand, by kind of announcement"
    )
    seasons: dict[str, Season] = Field(
        {}, description="falls that were not announced and belong to the time of the year"
    )
    region: Region = Region()
    loud_score: float = Field(
        4.5, gt=0, description="from this harm score on an account speaks for itself in an announced change too"
    )
    automation_rise_ratio: float = Field(1.5, gt=1, description="server-side runs per day against before")
    automation_session_ratio: float = Field(0.8, gt=0, lt=1, description="sessions against before at most this")
