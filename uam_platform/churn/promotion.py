"""Champion and challenger: a newly trained model may serve only if it is not worse than the one that serves now.

Here: both models on the latest closed outcomes, and the verdict. Not here: whether behaviour beats chance (`gate`), who serves a snapshot
(`registry`), the check that tells it (`checks`).

Judged are the account-weeks of the latest weeks whose outcome is final and known to the new model, each scored by the fold of either
model that never saw the account. The loss is the log loss, a proper score: it punishes a bad ranking and a bad calibration alike.
Whole accounts are drawn, the same for both (Efron & Tibshirani 1993, ch. 8, clusters as units), so that the difference is paired. The
challenger stays out only where the interval of the difference lies above 0 as a whole; with too few endings nothing can be told and it
serves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.churn.artefact import Artefact
from uam_platform.churn.score import probabilities
from uam_platform.policy.churn import ChurnPolicy

Values = npt.NDArray[np.float64]

_LEAST = 1e-6


@dataclass(frozen=True)
class Comparison:
    """What the latest closed outcomes say of two models.

    Attributes:
        champion_as_of: training day of the model that serves.
        is_promoted: the challenger serves from its training day on.
        churned_accounts: distinct accounts that left in the judged weeks.
        champion_loss: mean log loss of the champion; None where too few accounts left.
        challenger_loss: of the challenger.
        low: lower end of the interval of challenger minus champion.
        high: upper end.
    """

    champion_as_of: date
    is_promoted: bool
    churned_accounts: int
    champion_loss: float | None = None
    challenger_loss: float | None = None
    low: float | None = None
    high: float | None = None


def compare(
    rows: pd.DataFrame,
    champion: Mapping[int, Artefact],
    challenger: Mapping[int, Artefact],
    champion_as_of: date,
    policy: ChurnPolicy,
    seed: int,
) -> Comparison:
    """The verdict on a challenger.

    Args:
        rows: `training_rows` of the challenger: account_features columns, week, fold, is_churned.
        champion: artefact by fold of the model that serves.
        challenger: artefact by fold of the new one.
        champion_as_of: training day of the champion.
        policy: weeks, draws, percentile.
        seed: of the draws.
    """
    rule = policy.promotion
    latest = rows.loc[rows["week"] > rows["week"].max() - rule.weeks] if len(rows) else rows
    churned_accounts = int(latest.loc[latest["is_churned"], "account_id"].nunique())
    if churned_accounts < rule.least_churned_accounts:
        return Comparison(champion_as_of, True, churned_accounts)
    losses = [_loss(latest, models) for models in (champion, challenger)]
    difference = losses[1] - losses[0]
    low, high = _interval(difference, latest["account_id"], rule.draws, rule.percentile, seed)
    return Comparison(
        champion_as_of, low <= 0, churned_accounts, float(losses[0].mean()), float(losses[1].mean()), low, high
    )


def _loss(rows: pd.DataFrame, models: Mapping[int, Artefact]) -> Values:
    """Log loss of each row by the model of its fold."""
    found = np.empty(len(rows))
    folds = rows["fold"].to_numpy()
    for fold in np.unique(folds):
        own = folds == fold
        found[own] = probabilities(rows.loc[own], models[int(fold)])
    kept = np.clip(found, _LEAST, 1 - _LEAST)
    return np.asarray(-np.log(np.where(rows["is_churned"].to_numpy(dtype=bool), kept, 1 - kept)))


def _interval(difference: Values, accounts: pd.Series, draws: int, percentile: float, seed: int) -> tuple[float, float]:
    """Central interval of the mean difference when whole accounts are drawn."""
    codes, names = pd.factorize(accounts, sort=True)
    sums = np.bincount(codes, weights=difference, minlength=len(names))
    sizes = np.bincount(codes, minlength=len(names)).astype(np.float64)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    means = (weights @ sums) / np.maximum(weights @ sizes, 1.0)
    low, high = np.quantile(means, [1 - percentile, percentile])
    return float(low), float(high)


def told(row: Mapping[Any, Any]) -> str:
    """The verdict of one row of the registry in words with numbers."""
    champion = row.get("champion_as_of")
    if champion is None or pd.isna(champion):
        return "the first model: nothing to compare it with"
    champion = str(champion)[:10]  # a frame may hold the day as a time
    count = f"{int(row['judged_churned_account_count'])} accounts left in the judged weeks"
    mine, theirs = row["challenger_loss"], row["champion_loss"]
    if mine is None or pd.isna(mine):
        return f"promoted unjudged, for {count}: too few to compare it with the model of {champion}"
    low, high = row["loss_difference_low"], row["loss_difference_high"]
    verdict = "promoted" if row["is_promoted"] else f"kept out, the model of {champion} goes on serving"
    return (
        f"{verdict}: log loss {mine:.5f} against {theirs:.5f} of the model of {champion}, difference "
        f"{low:+.5f} to {high:+.5f}; {count}"
    )
