"""How well a score ranks: ROC-AUC and average precision with fractional weights, also for many resamplings at once.

Here: the two metrics over rows ordered once. Not here: what is weighted (`churn_metrics`). With 0/1 weights both equal scikit-learn's
`roc_auc_score` and `average_precision_score`; ties count half, respectively as one threshold.

Resamplings see the rows in at most 2,048 bins of equal scores or neighbouring ranks, which turns 500 passes over all rows into one
matrix product; the draws are then shifted by what binning does to the value itself.
"""

from typing import Final, Literal

import numpy as np

from uam_platform.evaluation.resampling import Codes, Values

BINS: Final = 2048
Metric = Literal["auc", "ap"]


class Ranking:
    """Rows ordered by one score, highest first.

    Args:
        score: one per row.
        accounts: account code per row, 0 to `count` - 1.
        count: number of accounts.
    """

    def __init__(self, score: Values, accounts: Codes, count: int) -> None:
        self._accounts, self._count = accounts, count
        order = np.argsort(-score, kind="stable")
        ordered = score[order]
        starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.zeros(0, dtype=bool)
        group = np.cumsum(starts) - 1
        self._group = np.empty(len(score), dtype=np.int64)
        self._group[order] = group
        first = np.flatnonzero(starts)
        bins = first * BINS // max(len(score), 1) if len(first) > BINS else np.arange(len(first))
        self._bin = np.unique(bins, return_inverse=True)[1][self._group] if len(first) else self._group

    def value(self, metric: Metric, positive: Values, negative: Values) -> float:
        """The metric over all rows; NaN where it does not exist."""
        return float(_measured(metric, *(_added(self._group, w)[None, :] for w in (positive, negative)))[0])

    def draws(self, metric: Metric, positive: Values, negative: Values, weights: Values) -> Values:
        """The metric per line of `weights` (draws x accounts)."""
        drawn = _measured(metric, *(weights @ self._by_account(w) for w in (positive, negative)))
        binned = _measured(metric, *(_added(self._bin, w)[None, :] for w in (positive, negative)))[0]
        return drawn + (self.value(metric, positive, negative) - binned)

    def _by_account(self, values: Values) -> Values:
        width = int(self._bin.max()) + 1 if len(self._bin) else 0
        cells = np.bincount(self._accounts * width + self._bin, weights=values, minlength=self._count * width)
        return np.asarray(cells, dtype=np.float64).reshape(self._count, width)


def _added(places: Codes, values: Values) -> Values:
    return np.asarray(np.bincount(places, weights=values), dtype=np.float64)


def _measured(metric: Metric, positive: Values, negative: Values) -> Values:
    """The metric per line; columns are thresholds, highest score first."""
    total = positive.sum(axis=1)
    if metric == "ap":
        found, rows = np.cumsum(positive, axis=1), np.cumsum(positive + negative, axis=1)
        precision = np.divide(found, rows, out=np.zeros_like(found), where=rows > 0)
        hits, whole = (precision * positive).sum(axis=1), total
    else:
        below = negative.sum(axis=1)
        later = below[:, None] - np.cumsum(negative, axis=1)
        hits, whole = (positive * (later + negative / 2)).sum(axis=1), total * below
    return np.divide(hits, whole, out=np.full(len(total), np.nan), where=whole > 0)
