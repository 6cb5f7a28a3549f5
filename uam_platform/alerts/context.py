"""What explains trouble of one account away: a rollout, automation, a workflow that fails in many accounts at once.

Here: reason codes from the tables beside the features. Not here: season, silence, confidence and owner (`suppress`), finding the
workflows (`groups`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pandas as pd

from uam_platform.alerts.groups import between, visible
from uam_platform.alerts.harm import PREFIX
from uam_platform.policy.groups import Context
from uam_platform.policy.harm import HARM_SCORE

REASONS = ("announced", "part_of", "rollout", "automation")
"""Reason codes in the order in which they are asked; announced is followed by the kind of change, part_of
by the fingerprint of the finding on the workflow."""

_WINDOW = timedelta(days=28)


@dataclass(frozen=True)
class Around:
    """What a snapshot knows beside features and scores.

    `days` and `flags`: WORKFLOW_DAYS and FLAG_STARTS as `groups.dated`; `part_of`: account -> fingerprint of a finding on a workflow.
    """

    days: pd.DataFrame
    flags: pd.DataFrame
    part_of: Mapping[str, str] = field(default_factory=dict)


def explained(hits: pd.DataFrame, as_of: date, around: Around, policy: Context) -> pd.Series:
    """Reason code per hit, missing where the account speaks for itself or nothing explains the trouble.

    Args:
        hits: findings with harm score and the surprise of `policy.work_signal`.
        as_of: the snapshot.
        around: tables beside the features.
        policy: windows and limits.
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
    kinds = hits["account_id"].map(announced(around.flags, as_of, policy)).astype("object")
    is_expected = kinds.notna() & (hits[HARM_SCORE] < policy.loud_score)
    return quiet.mask(is_expected, "announced:" + kinds.fillna(""))


def announced(flags: pd.DataFrame, as_of: date, policy: Context) -> dict[str, str]:
    """Kind of the announced change that an account is going through; the kind that the rulebook names first counts."""
    seen = visible(flags, as_of)
    found: dict[str, str] = {}
    for kind, change in policy.announced.items():
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
