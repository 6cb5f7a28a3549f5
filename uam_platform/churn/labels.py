"""Did the relationship end within the horizon?

Here: dated facts to one label per eligible account and snapshot. Not here: who is eligible (`uam_platform.behavior`), which rows
may be trained on (`train`).
"""

from datetime import datetime

import numpy as np
import pandas as pd

from uam_platform.churn.days import as_day, as_days
from uam_platform.churn.folds import account_folds
from uam_platform.policy.churn import ChurnPolicy

_NEVER = pd.Timestamp("2262-01-01").as_unit("us")


def labels(
    features: pd.DataFrame,
    subscriptions: pd.DataFrame,
    activity: pd.DataFrame,
    policy: ChurnPolicy,
    closed_until: datetime,
    groups: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Labels of the eligible rows.

    `subscription_end`: churned when the account's paid relationship ends in [decision_at, as_of + horizon] and no term starts
    within the grace after that end. `inactivity`: churned without any activity in [as_of, as_of + horizon).
    `recorded_event`: churned when the event that records it happened in [as_of, as_of + horizon).
    A label is null while it is open, and for good where the account left by acquisition or merger, or where the relationship turned
    out to have ended before the decision (the row should not have been eligible): both are marked censored.

    Args:
        features: account_id, as_of, decision_at, is_eligible (account_features).
        subscriptions: contract terms (subscriptions contract); may be empty for `inactivity`.
        activity: account_id, event_date of all activity, or with `recorded_event` of the recorded outcomes; may be empty for
            `subscription_end`.
        policy: horizon, grace, kind, folds.
        closed_until: naive UTC time up to which the sources are complete.
        groups: account_id, parent_account_id for the folds (see `account_folds`).

    Returns:
        One row per eligible (account_id, as_of) with the columns of the labels contract, sorted by its key.
    """
    rows = features.loc[features["is_eligible"].astype(bool), ["account_id", "as_of", "decision_at"]]
    rows = rows.reset_index(drop=True)
    if rows.empty:
        found = _no_outcomes()  # pandas joins no two empty frames of text
    elif policy.label_kind == "subscription_end":
        found = _by_subscription(rows, subscriptions, policy, closed_until)
    else:
        found = _by_activity(rows, activity, policy)
    is_closed = as_days(rows["as_of"]) + pd.Timedelta(days=policy.label_lag_days) <= as_day(closed_until)
    is_known = is_closed & ~found["is_censored"]
    result = rows.assign(
        is_churned=found["is_churned"].astype("boolean").where(is_known),
        is_label_closed=is_closed,
        is_censored=found["is_censored"] & is_closed,
        ended_at=found["ended_at"].where(is_closed),
        fold=account_folds(rows["account_id"], policy.folds, groups),
    )
    return result.sort_values(["account_id", "as_of"], ignore_index=True)


def paid_spells(subscriptions: pd.DataFrame, policy: ChurnPolicy) -> pd.DataFrame:
    """Unbroken paid relationships: terms joined where the next one starts no later than the grace after the end before it.

    Args:
        subscriptions: contract terms, any order.
        policy: grace, rolling billing periods, censoring reasons.

    Returns:
        One row per spell: account_id, started_at, ended_at (NaT while nothing ends it), is_censoring; sorted by account and start.
    """
    terms = pd.DataFrame(
        {
            "account_id": subscriptions["account_id"],
            "started_at": as_days(subscriptions["started_at"]),
            "end": _term_ends(subscriptions, policy),
            "is_censoring": _is_censoring(subscriptions["end_reason"], policy),
        }
    ).sort_values(["account_id", "started_at", "end"], ignore_index=True)
    reached = terms.groupby("account_id")["end"].cummax()
    before = reached.groupby(terms["account_id"]).shift()
    is_new = before.isna() | (terms["started_at"] > before + pd.Timedelta(days=policy.renewal_grace_days))
    spells = (
        terms.assign(spell=is_new.cumsum())
        .sort_values(["spell", "end"], kind="stable")
        .groupby("spell", sort=True)
        .agg(
            account_id=("account_id", "first"),
            started_at=("started_at", "min"),
            ended_at=("end", "last"),
            is_censoring=("is_censoring", "last"),
        )
        .reset_index(drop=True)
    )
    return spells.assign(ended_at=spells["ended_at"].where(spells["ended_at"] < _NEVER))


def _term_ends(subscriptions: pd.DataFrame, policy: ChurnPolicy) -> pd.Series:
    """A term ends when it was ended, else at its agreed end; a rolling one goes on until the account's next term, or for ever."""
    ended, agreed = as_days(subscriptions["ended_at"]), as_days(subscriptions["term_end_at"])
    is_rolling = subscriptions["billing_period"].isin(policy.rolling_billing_periods)
    rolled = _next_starts(subscriptions)
    return ended.fillna(rolled.where(is_rolling, agreed)).fillna(_NEVER)


def _next_starts(subscriptions: pd.DataFrame) -> pd.Series:
    """Start of the account's next term that starts strictly later; NaT for the last."""
    starts = pd.DataFrame({"account_id": subscriptions["account_id"], "start": as_days(subscriptions["started_at"])})
    steps = starts.drop_duplicates().sort_values(["account_id", "start"])
    steps["next_start"] = steps.groupby("account_id")["start"].shift(-1)
    return starts.merge(steps, on=["account_id", "start"], how="left", validate="m:1")["next_start"].set_axis(
        subscriptions.index
    )


def _is_censoring(reasons: pd.Series, policy: ChurnPolicy) -> pd.Series:
    words = {w.lower() for w in policy.censoring_reasons}
    found = [not words.isdisjoint(str(r).lower().replace(",", " ").split()) for r in reasons.fillna("")]
    return pd.Series(found, index=reasons.index, dtype=bool)


def _by_subscription(
    rows: pd.DataFrame, subscriptions: pd.DataFrame, policy: ChurnPolicy, closed_until: datetime
) -> pd.DataFrame:
    known = subscriptions.loc[as_days(subscriptions["known_at"]) <= as_day(closed_until)]
    spells = paid_spells(known, policy).rename(columns={"started_at": "spell_started_at"})
    keyed = rows.assign(row=np.arange(len(rows)), decision_at=as_days(rows["decision_at"]))
    matched = pd.merge_asof(
        keyed.sort_values("decision_at"),
        spells.sort_values("spell_started_at"),
        left_on="decision_at",
        right_on="spell_started_at",
        by="account_id",
    ).sort_values("row", ignore_index=True)
    horizon_end = as_days(matched["as_of"]) + pd.Timedelta(days=policy.horizon_days)
    is_over = matched["spell_started_at"].isna() | (matched["ended_at"] < matched["decision_at"])
    ends = matched["ended_at"].between(matched["decision_at"], horizon_end)
    is_censoring = matched["is_censoring"].astype("boolean").fillna(False).astype(bool)
    return pd.DataFrame(
        {
            "is_churned": ends & ~is_censoring,
            "is_censored": is_over | (ends & is_censoring),
            "ended_at": matched["ended_at"].where(ends | is_over),
        }
    )


def _no_outcomes() -> pd.DataFrame:
    kinds = {"is_churned": "bool", "is_censored": "bool", "ended_at": "datetime64[us]"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _by_activity(rows: pd.DataFrame, activity: pd.DataFrame, policy: ChurnPolicy) -> pd.DataFrame:
    days = pd.DataFrame({"account_id": activity["account_id"], "next_day": as_days(activity["event_date"])})
    keyed = rows.assign(row=np.arange(len(rows)), day=as_days(rows["as_of"]))
    matched = pd.merge_asof(
        keyed.sort_values("day"),
        days.drop_duplicates().sort_values("next_day"),
        left_on="day",
        right_on="next_day",
        by="account_id",
        direction="forward",
    ).sort_values("row", ignore_index=True)
    happens = matched["next_day"] < matched["day"] + pd.Timedelta(days=policy.horizon_days)
    if policy.label_kind == "recorded_event":
        ended = matched["next_day"].where(happens)
        return pd.DataFrame({"is_churned": happens, "is_censored": False, "ended_at": ended})
    nothing = pd.Series(pd.NaT, index=matched.index, dtype="datetime64[us]")
    return pd.DataFrame({"is_churned": ~happens, "is_censored": False, "ended_at": nothing})
