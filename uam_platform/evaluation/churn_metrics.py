"""Metrics of churn probabilities against the realised outcome and the soft truth, each with its account-cluster interval.

Here: numbers. Not here: which rows are judged (`churn_rows`), how the section reads (`churn`). Metrics that are sums over rows are
resampled by adding up accounts; rankings are sorted once per score and re-weighted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.evaluation.ranking import Metric, Ranking
from uam_platform.evaluation.resampling import Codes, Values, account_sums, account_weights, interval, safe_ratio
from uam_platform.evaluation.yardsticks import BASE_SCORE, CONTRACT_SCORE, HAND_SCORE, LOGISTIC_SCORE, REFERENCE_SCORE

SCORE: Final = "churn_probability"
BASELINE: Final = CONTRACT_SCORE
ORACLE_SCORE: Final = "p_oracle"
_YARDSTICKS: Final = (ORACLE_SCORE, REFERENCE_SCORE, LOGISTIC_SCORE, HAND_SCORE, BASELINE, BASE_SCORE)
_CLIP: Final = 1e-6
_BINS: Final = 10

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; NaN or None where it does not exist."""

    value: float
    low: float | None = None
    high: float | None = None


class Judged:
    """Account-weeks to be judged, with the resampling weights of their accounts.

    Args:
        rows: `churn_rows.ScoredWeeks.rows` with the columns of `yardsticks`; a yardstick without a column is not there.
        seed: of the resampling; every metric and every score sees the same draws, so that differences are paired.
    """

    def __init__(self, rows: pd.DataFrame, seed: int) -> None:
        codes, names = pd.factorize(rows["account_id"], sort=True)
        self.codes: Codes = np.asarray(codes, dtype=np.int64)
        self.accounts = len(names)
        self.weights = account_weights(self.accounts, seed)
        self.churned: Values = rows["is_churned"].to_numpy(dtype=np.float64)
        self.mrr: Values = rows["mrr_usd"].to_numpy(dtype=np.float64)
        self.as_of = rows["as_of"]
        self.tier = (
            rows["tier"].to_numpy(dtype=object) if "tier" in rows else np.full(len(rows), "unknown", dtype=object)
        )
        self.scores: dict[str, Values] = {
            name: rows[name].to_numpy(dtype=np.float64) for name in (SCORE, *_YARDSTICKS) if name in rows
        }
        self.churned_accounts = int(rows.loc[rows["is_churned"], "account_id"].nunique())
        self._rankings = {name: Ranking(values, self.codes, self.accounts) for name, values in self.scores.items()}
        self._drawn: dict[tuple[str, str], tuple[float, Values]] = {}

    def ranking(self, metric: str, score: str) -> tuple[float, Values]:
        """`auc`, `ap` or `soft_auc` of a score: the value and its draws; soft pairs weigh p_i (1 - p_j) by the oracle."""
        if (metric, score) not in self._drawn:
            truth = self._truth(metric)
            drawn = self._rankings[score].draws(_kind(metric), truth, 1 - truth, self.weights)
            self._drawn[metric, score] = self.ranked(metric, score), drawn
        return self._drawn[metric, score]

    def ranked(self, metric: str, score: str) -> float:
        """The value of `ranking` alone, at a hundredth of the cost."""
        truth = self._truth(metric)
        return self._rankings[score].value(_kind(metric), truth, 1 - truth)

    def _truth(self, metric: str) -> Values:
        return self.scores[ORACLE_SCORE] if metric == "soft_auc" else self.churned

    def combined(self, formula: Callable[..., Values | float], *parts: tuple[float, Values]) -> Estimate:
        """A formula of metrics, applied to the values and, draw by draw, to their draws."""
        value = float(formula(*(np.float64(p[0]) for p in parts)))
        return Estimate(value, *interval(np.asarray(formula(*(p[1] for p in parts)))))

    def of_sums(self, formula: Callable[[Values], Values], *columns: Values) -> Estimate:
        """A formula of sums over rows; it gets the sums as columns (last axis) and returns one value per line."""
        sums = account_sums(self.codes, self.accounts, *columns)
        value = float(formula(sums.sum(axis=0)[None, :])[0])
        return Estimate(value, *interval(formula(self.weights @ sums)))


def _kind(metric: str) -> Metric:
    return "ap" if metric == "ap" else "auc"


def share_of(own: Values | float, reference: Values | float, nothing: float) -> Values:
    """(own - nothing) / (reference - nothing): how much of the reference's margin is reached; NaN without a margin."""
    margin = np.asarray(reference, dtype=np.float64) - nothing
    return np.divide(np.asarray(own) - nothing, margin, out=np.full(margin.shape, np.nan), where=margin > 0)


def brier_skill(judged: Judged, score: str, reference: str | None) -> Estimate:
    """1 - Brier / Brier of the reference score, or of the pooled base rate where there is none."""
    own = (judged.scores[score] - judged.churned) ** 2
    if reference is not None:
        other = (judged.scores[reference] - judged.churned) ** 2
        return judged.of_sums(lambda s: 1 - safe_ratio(s[:, 0], s[:, 1]), own, other)
    ones = np.ones_like(own)
    return judged.of_sums(
        lambda s: 1 - safe_ratio(s[:, 0], s[:, 1] * (1 - safe_ratio(s[:, 1], s[:, 2]))), own, judged.churned, ones
    )


def soft_distance(judged: Judged, score: Values) -> Estimate:
    """Root of the mean squared difference to the oracle's probability."""
    squares = (score - judged.scores[ORACLE_SCORE]) ** 2
    return judged.of_sums(lambda s: np.sqrt(safe_ratio(s[:, 0], s[:, 1])), squares, np.ones_like(squares))


def dollars(judged: Judged, score: str, cap: float = np.inf, rows: Mask | None = None) -> Estimate:
    """D: sum of p x MRR over sum of the oracle's p x MRR; rows without known MRR are left out.

    Args:
        judged: account-weeks.
        score: whose dollars.
        cap: MRR above it counts as the cap.
        rows: those that count; all where absent.
    """
    mrr = _capped_mrr(judged, cap, rows)
    own, oracle = judged.scores[score] * mrr, judged.scores[ORACLE_SCORE] * mrr
    return judged.of_sums(lambda s: safe_ratio(s[:, 0], s[:, 1]), own, oracle)


def dollar_sum(judged: Judged, score: str, cap: float = np.inf, rows: Mask | None = None) -> float:
    """Sum of p x MRR, as `dollars` divides it."""
    return float(judged.scores[score] @ _capped_mrr(judged, cap, rows))


def _capped_mrr(judged: Judged, cap: float, rows: Mask | None) -> Values:
    return np.asarray(np.minimum(np.nan_to_num(judged.mrr), cap) * (1.0 if rows is None else rows))


def realised_z(judged: Judged, score: str) -> float:
    """Sum of (p - y) x MRR in its own standard deviations, on snapshots 56 days apart counted back from the last."""
    weeks = (judged.as_of.max() - judged.as_of).dt.days // 7
    used = ((weeks % 8) == 0).to_numpy() & np.isfinite(judged.mrr)
    p, mrr = judged.scores[score][used], judged.mrr[used]
    spread = np.sqrt((p * (1 - p) * mrr**2).sum())
    return float(((p - judged.churned[used]) * mrr).sum() / spread) if spread > 0 else float("nan")


def calibration_error(judged: Judged, score: str) -> Estimate:
    """Expected calibration error: mean absolute difference of foretold and realised rate over ten equally filled bins."""
    order = np.argsort(np.argsort(judged.scores[score], kind="stable"), kind="stable")
    bins = order * _BINS // max(len(order), 1)
    gap = judged.scores[score] - judged.churned
    columns = [gap * (bins == number) for number in range(_BINS)]
    return judged.of_sums(lambda s: safe_ratio(np.abs(s[:, :-1]).sum(axis=1), s[:, -1]), *columns, np.ones_like(gap))


def calibration(judged: Judged, score: str) -> tuple[Estimate, Estimate]:
    """Slope and intercept: logit y = intercept + slope x logit p, and the intercept with the slope held at 1 (Cox 1958).

    Fitted by Newton's method; the draws take one Newton step from the fit, which needs only sums per account.
    """
    p = np.clip(judged.scores[score], _CLIP, 1 - _CLIP)
    logit = np.log(p / (1 - p))
    slope = _logistic(judged, np.column_stack([np.ones_like(logit), logit]), np.zeros_like(logit), 1)
    return slope, _logistic(judged, np.ones((len(logit), 1)), logit, 0)


def _logistic(judged: Judged, inputs: Values, offset: Values, wanted: int) -> Estimate:
    width = inputs.shape[1]
    fit = np.zeros(width)
    if width == 2:
        fit[1] = 1.0
    for _ in range(30):
        gradient, curvature = _newton_parts(inputs, offset, judged.churned, fit)
        step = np.linalg.lstsq(curvature.sum(axis=0).reshape(width, width), gradient.sum(axis=0), rcond=None)[0]
        fit = fit + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-10:
            break
    gradient, curvature = _newton_parts(inputs, offset, judged.churned, fit)
    sums = account_sums(judged.codes, judged.accounts, *gradient.T, *curvature.T)
    drawn = judged.weights @ sums
    matrices = drawn[:, width:].reshape(-1, width, width)
    steps = np.einsum("dij,dj->di", np.linalg.pinv(matrices), drawn[:, :width])
    return Estimate(float(fit[wanted]), *interval(fit[wanted] + steps[:, wanted]))


def _newton_parts(inputs: Values, offset: Values, churned: Values, fit: Values) -> tuple[Values, Values]:
    fitted = 1 / (1 + np.exp(-np.clip(inputs @ fit + offset, -30, 30)))
    gradient = inputs * (churned - fitted)[:, None]
    spread = (fitted * (1 - fitted))[:, None, None]
    curvature = spread * inputs[:, :, None] * inputs[:, None, :]
    return gradient, curvature.reshape(len(inputs), -1)
