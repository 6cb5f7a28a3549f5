"""Who left or grew, and whom each is compared with: matched sets of one case and its controls, at one snapshot.

Here: choosing cases and controls. Not here: what they did (`mining_grams`, `mining_shifts`), whether it differs (`mining_chance`).

A case is an account at its last weekly snapshot before it left (within the label's horizon, no notice known, as the label demands) or
before the opportunity was opened with which it grew. Controls are accounts of the same snapshot to which that did not happen, nearest in
how often they come, so that a pattern is not found merely because its accounts come more often. No account is in two sets of an outcome.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.policy.mining import Controls, MiningPolicy

CHURN: Final = "churn"
EXPANSION: Final = "expansion"
COLUMNS: Final = ["outcome", "set_no", "account_id", "as_of", "is_case", "is_later", "arr_usd_cents"]
FEATURE_COLUMNS: Final = ("account_id", "as_of", "is_eligible", "tier", "session_84d_count", "arr_usd_cents")
_GROWN_WITHIN: Final = timedelta(days=84)


def matched_sets(
    features: pd.DataFrame, labels: pd.DataFrame, opportunities: pd.DataFrame, policy: MiningPolicy
) -> pd.DataFrame:
    """All sets of both outcomes.

    Args:
        features: FEATURE_COLUMNS of weekly snapshots.
        labels: LABELS.
        opportunities: OPPORTUNITIES.
        policy: controls, replication.

    Returns:
        COLUMNS, one row per member; `set_no` counts over both outcomes, `is_later` marks sets kept for replication.
    """
    eligible = features.loc[features["is_eligible"].astype(bool)]
    eligible = eligible.assign(as_of=_days(eligible["as_of"]))
    eligible = eligible.sort_values(["as_of", "account_id"], ignore_index=True)
    found = [
        _matched(CHURN, _with_churn(eligible, labels), policy),
        _matched(EXPANSION, _with_growth(eligible, opportunities, policy), policy),
    ]
    sets = pd.concat(found, ignore_index=True)
    sets["set_no"] = pd.factorize(sets["outcome"] + sets["set_no"].astype(str))[0]
    return sets[COLUMNS]


def _with_churn(eligible: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Rows whose outcome is final; `happens` is churn within the horizon."""
    closed = labels.loc[labels["is_label_closed"].astype(bool) & labels["is_churned"].notna()]
    outcomes = closed[["account_id", "is_churned"]].assign(as_of=_days(closed["as_of"]))
    rows = eligible.merge(outcomes, "inner", ["account_id", "as_of"], validate="1:1")
    return rows.assign(happens=rows["is_churned"].astype(bool)).drop(columns="is_churned")


def _with_growth(eligible: pd.DataFrame, opportunities: pd.DataFrame, policy: MiningPolicy) -> pd.DataFrame:
    """Rows whose next twelve weeks are over; `happens` is that an opportunity is opened within a week that is won later."""
    won = opportunities.loc[
        opportunities["is_won"].astype(bool) & opportunities["opportunity_type"].isin(policy.growth_types)
    ]
    opened = won[["account_id"]].assign(opened_at=pd.to_datetime(won["created_at"]))
    last = eligible["as_of"].max() if len(eligible) else pd.Timestamp(0)
    rows = eligible.loc[eligible["as_of"] + _GROWN_WITHIN <= last]
    pairs = rows[["account_id", "as_of"]].reset_index().merge(opened, on="account_id")
    soon = pairs.loc[(pairs["opened_at"] >= pairs["as_of"]) & (pairs["opened_at"] < pairs["as_of"] + _GROWN_WITHIN)]
    now = soon.loc[soon["opened_at"] < soon["as_of"] + timedelta(days=7)]
    happens = pd.Series(rows.index.isin(now["index"]), index=rows.index)
    is_open = pd.Series(rows.index.isin(soon["index"]), index=rows.index)
    return rows.assign(happens=happens).loc[happens | ~is_open]  # who grows a little later is neither case nor control


def _matched(outcome: str, rows: pd.DataFrame, policy: MiningPolicy) -> pd.DataFrame:
    cases = rows.loc[rows["happens"]].drop_duplicates("account_id", keep="last")
    others = rows.loc[~rows["happens"]]
    members = list(_members(cases, others, policy.controls))
    sets = pd.concat(members, ignore_index=True) if members else rows.iloc[:0].assign(set_no=0, is_case=False)
    days = sets.loc[sets["is_case"], "as_of"].sort_values()
    first = days.iloc[int(len(days) * (1 - policy.replication.later_share))] if len(days) else pd.Timestamp(0)
    return sets.assign(outcome=outcome, is_later=sets["as_of"] >= first)


def _members(cases: pd.DataFrame, others: pd.DataFrame, rule: Controls) -> Iterator[pd.DataFrame]:
    """Each case with its controls; the oldest chooses first, and who was chosen, or is a case, is chosen no more."""
    taken = set(cases["account_id"])
    by_day = dict(iter(others.groupby("as_of")))
    for number, (position, case) in enumerate(cases.iterrows()):
        near = by_day.get(case["as_of"], others.iloc[:0])
        near = near.loc[~near["account_id"].isin(taken)]
        distance = np.abs(np.log1p(near["session_84d_count"]) - np.log1p(float(case["session_84d_count"])))
        distance = distance + rule.other_tier_log * (near["tier"] != case["tier"])
        order = distance.loc[distance <= rule.caliper_log].sort_values(kind="stable").index[: rule.per_case]
        if len(order):
            taken |= set(near.loc[order, "account_id"])
            both = pd.concat([cases.loc[[position]], near.loc[order]])
            yield both.assign(set_no=number, is_case=[True] + [False] * len(order))


def _days(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values).astype("datetime64[us]")
