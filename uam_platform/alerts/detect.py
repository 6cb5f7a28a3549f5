"""Finding: which accounts of a snapshot meet a detector, and how far beyond noise.

Here: joining the inputs of one snapshot, conditions and declines. Not here: why a finding is held back (`suppress`), its
order and budget (`rank`), its words and evidence (`wording`).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pandas as pd

from uam_platform.alerts import conditions
from uam_platform.ledger.inputs import Coverage
from uam_platform.policy.alerts import ACTIONS, AlertPolicy, Decline, Detector, Season

SCORE_COLUMNS = ["churn_probability", "score_low", "score_high", "baseline_probability", "model_rung"]
MONEY_COLUMNS = [
    "account_name",
    "owner_id",
    "owner_name",
    "owner_email",
    "revenue_at_risk_usd_cents",
    "expected_saved_usd_cents",
]
_CENTS = ["arr_usd_cents", "revenue_at_risk_usd_cents", "expected_saved_usd_cents"]
DECLINE_COLUMNS = ["recent_count", "before_count", "decline_ratio", "decline_chance", "peer_ratio", "peer_chance"]


def is_missing(value: Any) -> bool:
    """None, NaN, NaT or NA, whichever the engine returned for null."""
    return bool(pd.isna(value))


def as_dates(values: pd.Series) -> pd.Series:
    """Calendar days as `datetime.date`, whatever the engine returned (date, timestamp, text)."""
    return pd.to_datetime(values).dt.date


def snapshots(
    features: pd.DataFrame, scores: pd.DataFrame, revenue: pd.DataFrame
) -> Iterator[tuple[date, pd.DataFrame]]:
    """One frame per as_of, oldest first: features with score and revenue (1:1 on account; missing where unscored)."""
    keys = ["account_id", "as_of"]
    joined = _dated(features)
    scored = _dated(scores)[keys + SCORE_COLUMNS]
    money = _dated(revenue)[keys + MONEY_COLUMNS]
    joined = joined.merge(scored, how="left", on=keys, validate="1:1").merge(money, how="left", on=keys, validate="1:1")
    for as_of in sorted(set(joined["as_of"])):
        yield as_of, joined[joined["as_of"] == as_of].sort_values("account_id").reset_index(drop=True)


def with_actions(snapshot: pd.DataFrame, own: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """`snapshot` with how often each account took the actions of `groups` in 28 days; 0 where `own`, its ACCOUNT_ACTIONS, has no row."""
    counted = {group: own[own["action_group"] == group].set_index("account_id")["action_28d_count"] for group in groups}
    columns = {ACTIONS + g: snapshot["account_id"].map(c).fillna(0).astype("int64") for g, c in counted.items()}
    return snapshot.assign(**columns)


def coverage(
    features: pd.DataFrame, scores: pd.DataFrame, revenue: pd.DataFrame, policy: AlertPolicy
) -> list[Coverage]:
    """How many eligible accounts each detector could judge, per snapshot: input of the rule that resolves nothing."""
    found = []
    for as_of, rows in snapshots(features, scores, revenue):
        eligible = rows[rows["is_eligible"].astype(bool)]
        is_failed = eligible["churn_probability"].isna() | eligible["revenue_at_risk_usd_cents"].isna()
        failed = frozenset(eligible.loc[is_failed, "account_id"])
        found += [Coverage(as_of, name, len(eligible), failed) for name in policy.detectors]
    return found


def judgeable(snapshot: pd.DataFrame) -> pd.DataFrame:
    """Rows of `snapshot` with a score and dollars, which detectors look at; whole cents."""
    rows = snapshot[snapshot["churn_probability"].notna() & snapshot["revenue_at_risk_usd_cents"].notna()]
    return rows.astype(dict.fromkeys(_CENTS, "int64"))


def detect(judged: pd.DataFrame, snapshot: pd.DataFrame, detector: Detector, season: Season) -> pd.DataFrame:
    """Rows of `judged` that meet the detector, with `DECLINE_COLUMNS` (missing for a detector without decline)."""
    limits = conditions.thresholds(snapshot, detector.conditions)
    hits = judged[conditions.meets(judged, detector.conditions, limits)].copy()
    if detector.decline is None:
        return hits.assign(**dict.fromkeys(DECLINE_COLUMNS, float("nan")))
    return _declined(hits, snapshot, detector.decline, season)


def _declined(hits: pd.DataFrame, snapshot: pd.DataFrame, decline: Decline, season: Season) -> pd.DataFrame:
    recent = hits[decline.recent].astype("float64")
    before = hits[decline.before].astype("float64")
    measured = hits.assign(
        recent_count=recent,
        before_count=before,
        decline_ratio=recent / before.where(before > 0),
        decline_chance=chance(recent, before, pd.Series(1.0, index=hits.index), decline.dispersion),
        peer_ratio=peer_ratio(hits, snapshot, decline, season),
    )
    trend = measured["peer_ratio"].clip(upper=1.0)
    measured["peer_chance"] = chance(recent, before, trend, decline.dispersion)
    return measured[
        (before >= decline.min_before)
        & (measured["decline_ratio"] <= decline.max_ratio)
        & (measured["decline_chance"] <= decline.max_chance)
    ]


def chance(recent: pd.Series, before: pd.Series, trend: pd.Series, dispersion: float) -> pd.Series:
    """Probability of at most `recent` events if the rate only followed `trend`.

    Conditional test of two Poisson rates over equal windows (Przyborowski and Wilenski 1940): given their sum, the recent
    count is binomial with p = trend / (1 + trend); counts are divided by `dispersion`, because activity comes in bursts.
    """
    from scipy.special import betainc

    low = recent.to_numpy(float) / dispersion
    high = before.to_numpy(float) / dispersion
    share = trend.to_numpy(float)
    tail = betainc(high.clip(1e-9), low + 1.0, 1.0 / (1.0 + share))
    return pd.Series(tail, index=recent.index)


def peer_ratio(hits: pd.DataFrame, snapshot: pd.DataFrame, decline: Decline, season: Season) -> pd.Series:
    """Median of recent / before over the peers of each hit, over all accounts where peers are few, 1 where nobody votes."""
    voters = snapshot[snapshot["is_eligible"].astype(bool) & (snapshot[decline.before] >= season.min_before)]
    ratios = voters[decline.recent].astype("float64") / voters[decline.before].astype("float64")
    overall = float(ratios.median()) if len(ratios) else 1.0
    grouped = ratios.groupby(voters[season.peer_column]).agg(["median", "size"])
    medians = grouped.loc[grouped["size"] >= season.min_peers, "median"]
    return hits[season.peer_column].map(medians).astype("float64").fillna(overall)


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(as_of=as_dates(frame["as_of"]))
