"""Scores of the weekly grid beside what really happened and what the latent oracle knew.

Here: which account-weeks are judged, their realised outcome and soft truth. Not here: the metrics (`churn_metrics`).

Population: paying, tenure of at least 14 days, no notice known by `as_of`. Outcome: the subscription ends in (as_of, as_of + 56 days];
an account that is acquired or merged away in that time is censored and leaves the population.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_FEATURES, SCORES
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import GRID_WEEKDAY, HORIZON, Truth

LEAST_TENURE: Final = pd.Timedelta(days=14)


@dataclass(frozen=True)
class ScoredWeeks:
    """What is judged, and what was left aside.

    Attributes:
        rows: account_id, as_of, is_churned, p_oracle, churn_probability, model_rung, mrr_usd (NaN where unknown), tier; ordered by
            as_of and account.
        features: account_features of the same rows, in the same order; empty where the run has none for a row.
        censored_count: scored rows left aside because the account was acquired or merged away within the horizon.
        outside_count: scored rows that are not in the population (ended, under notice, too young).
        unscored_count: account-weeks of the population in judged snapshots that got no score.
        snapshot_count: judged snapshots.
    """

    rows: pd.DataFrame
    features: pd.DataFrame
    censored_count: int
    outside_count: int
    unscored_count: int
    snapshot_count: int


def scored_weeks(run: RunFolder, truth: Truth) -> ScoredWeeks:
    """The judged account-weeks of a run."""
    scores = _scores(run)
    weeks = population(truth)
    known = weeks[weeks["as_of"].isin(scores["as_of"].unique())]
    joined = known.merge(scores, on=["account_id", "as_of"], how="left", validate="1:1")
    is_scored = joined["churn_probability"].notna()
    is_kept = is_scored & ~joined["is_censored"]
    rows = joined[is_kept].drop(columns="is_censored").sort_values(["as_of", "account_id"], ignore_index=True)
    features = _features(run, rows)
    mrr = features["mrr_usd_cents"].to_numpy(dtype=np.float64, na_value=np.nan) / 100.0
    return ScoredWeeks(
        rows=rows.assign(mrr_usd=mrr, tier=features["tier"].fillna("unknown").astype(str)),
        features=features,
        censored_count=int((is_scored & joined["is_censored"]).sum()),
        outside_count=len(scores) - int(is_scored.sum()),
        unscored_count=int((~is_scored).sum()),
        snapshot_count=scores["as_of"].nunique(),
    )


def population(truth: Truth) -> pd.DataFrame:
    """Account-weeks that truly are eligible: account_id, as_of, p_oracle, is_churned, is_censored."""
    weeks = truth.frame("health")[["account_id", "as_of", "p_churn_56d"]].rename(columns={"p_churn_56d": "p_oracle"})
    accounts = truth.frame("accounts")[["account_id", "started_at"]]
    weeks = weeks.merge(accounts, on="account_id", how="left", validate="m:1")
    is_grid = weeks["as_of"].dt.weekday == GRID_WEEKDAY
    weeks = weeks[is_grid & (weeks["as_of"] - weeks["started_at"] >= LEAST_TENURE)].drop(columns="started_at")
    return with_outcome(weeks, truth.frame("churn"))


def with_outcome(weeks: pd.DataFrame, churn: pd.DataFrame) -> pd.DataFrame:
    """`weeks` with is_churned and is_censored by the account's next end after `as_of`."""
    ends = (
        churn[["account_id", "ended_at", "is_censored"]]
        .rename(columns={"is_censored": "is_sold"})
        .astype({"account_id": weeks["account_id"].dtype})
    )
    matched = pd.merge_asof(
        weeks.sort_values("as_of", kind="stable"),
        ends.sort_values("ended_at", kind="stable"),
        left_on="as_of",
        right_on="ended_at",
        by="account_id",
        direction="forward",
        allow_exact_matches=False,
    )
    ends_soon = matched["ended_at"].notna() & (matched["ended_at"] - matched["as_of"] <= HORIZON)
    is_sold = matched["is_sold"].astype("boolean").fillna(False).astype(bool)
    return matched.drop(columns=["ended_at", "is_sold"]).assign(
        is_churned=ends_soon & ~is_sold, is_censored=ends_soon & is_sold
    )


def _scores(run: RunFolder) -> pd.DataFrame:
    found = run.frame(SCORES, ("account_id", "as_of", "churn_probability", "model_rung"), "dayofweek(as_of) = 1")
    return _dated(found)


def _features(run: RunFolder, rows: pd.DataFrame) -> pd.DataFrame:
    found = _dated(run.frame(ACCOUNT_FEATURES, where="dayofweek(as_of) = 1"))
    return rows[["account_id", "as_of"]].merge(found, on=["account_id", "as_of"], how="left", validate="1:1")


def _dated(found: pd.DataFrame) -> pd.DataFrame:
    return found.assign(as_of=pd.to_datetime(found["as_of"]).astype("datetime64[us]"))
