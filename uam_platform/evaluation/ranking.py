"""How well a score ranks: ROC-AUC and average precision with fractional weights.

Here: the two metrics, sorted once and evaluated for many weightings. Not here: what is weighted (`churn_metrics`). With 0/1 weights
both equal scikit-learn's `roc_auc_score` and `average_precision_score`; ties count half, respectively as one threshold.
"""

import numpy as np

from uam_platform.evaluation.resampling import Values


class Ranking:
    """Rows ordered by one score, highest first."""

    def __init__(self, score: Values) -> None:
        self._order = np.argsort(-score, kind="stable")
        ordered = score[self._order]
        self._starts = (
            np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.array([], dtype=int)
        )

    def auc(self, positive: Values, negative: Values) -> float:
        """Share of (positive, negative) weight pairs in the right order; NaN without either."""
        above, below = self._tied(positive), self._tied(negative)
        pairs = above.sum() * below.sum()
        if pairs <= 0:
            return float("nan")
        later = below.sum() - np.cumsum(below)
        return float((above * (later + below / 2)).sum() / pairs)

    def average_precision(self, positive: Values, negative: Values) -> float:
        """Mean precision over the positives, thresholds at distinct scores; NaN without positives."""
        hits, others = self._tied(positive), self._tied(negative)
        total = hits.sum()
        if total <= 0:
            return float("nan")
        found, rows = np.cumsum(hits), np.cumsum(hits + others)
        precision = np.divide(found, rows, out=np.zeros_like(found), where=rows > 0)
        return float((precision * hits).sum() / total)

    def _tied(self, weights: Values) -> Values:
        if not len(self._starts):
            return np.zeros(0)
        return np.asarray(np.add.reduceat(weights[self._order], self._starts), dtype=np.float64)
