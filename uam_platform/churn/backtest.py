"""How good recorded scores were, once the labels are closed.

Here: metrics over scores and labels that a check or a report shows. Not here: comparison with simulated truth
(`uam_platform.evaluation`), plots (`plots`).
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from uam_platform.churn.calibration import log_odds
from uam_platform.churn.days import as_days

MINIMUM_CHURNED_ACCOUNTS = 30  # below, a metric is noise: it is None


@dataclass(frozen=True)
class Backtest:
    """Metrics of scores whose labels are closed; None where not estimable.

    Attributes:
        rows: scored account-snapshots.
        churned_rows: of them churned.
        churned_accounts: distinct accounts among those.
        base_rate: share of churned rows.
        mean_score: mean churn_probability.
        roc_auc, average_precision: ranking.
        baseline_roc_auc, baseline_average_precision: the same of the contract baseline.
        brier_skill: 1 - Brier / Brier of always saying base_rate.
        brier_skill_over_baseline: 1 - Brier / Brier of the contract baseline.
        calibration_slope, calibration_intercept: of a logistic regression of the outcome on the score's log odds; ideal 1 and 0.
    """

    rows: int
    churned_rows: int
    churned_accounts: int
    base_rate: float | None = None
    mean_score: float | None = None
    roc_auc: float | None = None
    average_precision: float | None = None
    baseline_roc_auc: float | None = None
    baseline_average_precision: float | None = None
    brier_skill: float | None = None
    brier_skill_over_baseline: float | None = None
    calibration_slope: float | None = None
    calibration_intercept: float | None = None

    def as_metadata(self) -> dict[str, float | int | str]:
        """Values for metadata; a metric that is not estimable says so."""
        return {name: "not estimable" if value is None else value for name, value in asdict(self).items()}


def closed_scores(scores: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Scores beside their closed, uncensored labels: scores columns and `churned` (0 or 1); one row per account and snapshot."""
    known = labels.loc[labels["is_label_closed"].astype(bool) & labels["is_churned"].notna()]
    outcome = pd.DataFrame(
        {"account_id": known["account_id"], "day": as_days(known["as_of"]), "churned": known["is_churned"].astype(int)}
    )
    keyed = scores.assign(day=as_days(scores["as_of"]))
    return keyed.merge(outcome, on=["account_id", "day"], how="inner", validate="1:1").drop(columns="day")


def backtest(scores: pd.DataFrame, labels: pd.DataFrame, minimum: int = MINIMUM_CHURNED_ACCOUNTS) -> Backtest:
    """Metrics of scores against their closed labels.

    Args:
        scores: scores contract.
        labels: labels contract.
        minimum: distinct churned accounts below which nothing but counts is given.
    """
    rows = closed_scores(scores, labels)
    churned = rows["churned"].to_numpy(dtype="float64")
    accounts = int(rows.loc[rows["churned"] == 1, "account_id"].nunique())
    counts = Backtest(rows=len(rows), churned_rows=int(churned.sum()), churned_accounts=accounts)
    if accounts < minimum or counts.churned_rows == len(rows):
        return counts
    return replace(counts, **_metrics(rows, churned))


def _metrics(rows: pd.DataFrame, churned: np.ndarray) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    score, baseline = rows["churn_probability"].to_numpy(), rows["baseline_probability"].to_numpy()
    rate = float(churned.mean())
    brier = brier_score_loss(churned, score)
    margin = log_odds(np.clip(score, 1e-6, 1 - 1e-6)).reshape(-1, 1)
    line = LogisticRegression(C=np.inf, max_iter=200).fit(margin, churned)
    return {
        "base_rate": rate,
        "mean_score": float(score.mean()),
        "roc_auc": float(roc_auc_score(churned, score)),
        "average_precision": float(average_precision_score(churned, score)),
        "baseline_roc_auc": float(roc_auc_score(churned, baseline)),
        "baseline_average_precision": float(average_precision_score(churned, baseline)),
        "brier_skill": float(1 - brier / (rate * (1 - rate))),
        "brier_skill_over_baseline": float(1 - brier / brier_score_loss(churned, baseline)),
        "calibration_slope": float(line.coef_[0][0]),
        "calibration_intercept": float(line.intercept_[0]),
    }
