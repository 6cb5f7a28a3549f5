"""What explains trouble of one account away: a rollout, automation, a holiday, a workflow that fails in many accounts at once.

Here: reason codes from the tables beside the features. Not here: what the calendar explains (`calendar`), season of declines, silence,
confidence and owner (`suppress`), finding the workflows (`groups`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pandas as pd

from uam_platform.alerts.calendar import Calendar, Excuses
from uam_platform.alerts.groups import between, visible
from uam_platform.alerts.harm import LEFT, PREFIX
from uam_platform.policy.groups import Context
from uam_platform.policy.harm import HARM_SCORE

REASONS = ("announced", "season", "part_of", "rollout", "automation")
"""Reason codes in the order in which they are asked; announced and season are followed by their kind, part_of by the fingerprint of
the finding on the workflow."""

_WINDOW = timedelta(days=28)


@dataclass(frozen=True)
class Around:
    """What a snapshot knows beside features and scores.

    `days` and `flags`: WORKFLOW_DAYS and FLAG_STARTS as `groups.dated`; `part_of`: account -> fingerprint of a finding on a workflow;
    `calendar`: announcements and what they need; `excuses`: what it explains in this snapshot.
    """

    days: pd.DataFrame
    flags: pd.DataFrame
    part_of: Mapping[str, str] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    excuses: Excuses = field(default_factory=dict)


def explained(
    hits: pd.DataFrame, as_of: date, around: Around, policy: Context, limit: float | None = None
) -> pd.Series:
    """Reason code per hit, missing where the account speaks for itself or nothing explains the trouble.

    Args:
        hits: findings with harm score and the surprise of `policy.work_signal`.
        as_of: the snapshot.
        around: tables beside the features.
        policy: windows and limits.
        limit: of the detector on the harm score; what is left of the score without explained signals must reach it.
    """
    affected = hits["account_id"].map(dict(around.part_of))
    found = "part_of:" + affected.astype("object")
    found = found.where(affected.notna(), None)
    masks = {
        "rollout": hits["account_id"].isin(rolled_out(around.flags, as_of, policy)),
        "automation": automated(hits, around.days, as_of, policy),
    }
    for code, mask in masks.items():
        found = found.where(found.notna() | ~mask, code)
    speaks_for_itself = hits[PREFIX + policy.work_signal] >= policy.min_work_surprise
    quiet = found.astype("object").mask(speaks_for_itself, None)
    if limit is not None:
        excused = hits["account_id"].map({a: e[0].reason for a, e in around.excuses.items()}).astype("object")
        quiet = quiet.mask(excused.notna() & (hits[LEFT] < limit), excused)
    kinds = hits["account_id"].map(announced(around, as_of, hits["decision_at"].iloc[0], policy)).astype("object")
    is_expected = kinds.notna() & (hits[HARM_SCORE] < policy.loud_score)
    return quiet.mask(is_expected, "announced:" + kinds.fillna(""))


def excused_work(hits: pd.DataFrame, excuses: Excuses, policy: Context) -> pd.Series:
    """Reason code per hit of a decline of work, missing where the calendar does not explain that work fell."""
    why = {
        account: next((e.reason for e in found if policy.work_signal in e.signals), None)
        for account, found in excuses.items()
    }
    return hits["account_id"].map(why).astype("object")


def announced(around: Around, as_of: date, decision_at: datetime, policy: Context) -> dict[str, str]:
    """Kind of the announced change that an account is going through; the kind that the rulebook names first counts.

    An announcement names the account, or a flag of such a name was first seen. Kinds that explain single signals are not asked here.
    """
    seen = visible(around.flags, as_of)
    found: dict[str, str] = {}
    for kind, change in policy.announced.items():
        if change.explains:
            continue
        told = around.calendar.in_force(kind, change, as_of, decision_at)
        for account in told["account_id"].dropna() if len(told) else ():
            found.setdefault(str(account), kind)
        since = pd.Timestamp(as_of) - timedelta(days=change.days)
        meant = [flag for flag in seen["feature_flag"].unique() if change.names(flag)]
        own = seen[seen["feature_flag"].isin(meant)]
        first = own.groupby(["account_id", "feature_flag"])["first_date"].min()
        for account in first[first >= since].index.get_level_values("account_id"):
            found.setdefault(str(account), kind)
    return found


def rolled_out(flags: pd.DataFrame, as_of: date, policy: Context) -> set[str]:
    """Accounts that first saw a feature flag within `rollout_days`."""
    first = visible(flags, as_of).groupby(["account_id", "feature_flag"])["first_date"].min()
    recent = first[first >= pd.Timestamp(as_of) - timedelta(days=policy.rollout_days)]
    return set(recent.index.get_level_values("account_id"))


def automated(hits: pd.DataFrame, days: pd.DataFrame, as_of: date, policy: Context) -> pd.Series:
    """Hits whose server-side runs rose while people came less often: work moved into schedules."""
    end = pd.Timestamp(as_of)
    runs = visible(between(days, end - 2 * _WINDOW, end), as_of)
    runs = runs[runs["side"] == "server"]
    is_recent = runs["event_date"] >= end - _WINDOW
    recent = runs[is_recent].groupby("account_id")["use_count"].sum()
    before = runs[~is_recent].groupby("account_id")["use_count"].sum()
    rise = hits["account_id"].map(recent).fillna(0) / hits["account_id"].map(before)
    sessions = hits["session_28d_count"].astype("float64") / hits["session_prior_28d_count"].astype("float64")
    return (rise >= policy.automation_rise_ratio) & (sessions <= policy.automation_session_ratio)
