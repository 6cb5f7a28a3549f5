"""What the churn plots are drawn from: reliability, precision and recall, gains in dollars.

Here: the points of each line, thinned to what an eye can see. Not here: drawing (`report`), numbers (`churn_metrics`).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from uam_platform.evaluation.churn_beside import NAMES, RANKING
from uam_platform.evaluation.churn_metrics import ORACLE_SCORE, SCORE, Judged
from uam_platform.evaluation.resampling import Values
from uam_platform.evaluation.results import Curve, Line
from uam_platform.evaluation.saved_dollars import rankings

POINTS: Final = 60
BINS: Final = 10


def curves(judged: Judged) -> tuple[Curve, ...]:
    """The curves of a churn section."""
    return (_reliability(judged), _precision_recall(judged), _gains(judged))


def _reliability(judged: Judged) -> Curve:
    x, y = reliability(judged.scores[SCORE], judged.churned)
    _, oracle = reliability(judged.scores[SCORE], judged.scores[ORACLE_SCORE])
    return Curve(
        "reliability", "Reliability", "foretold probability", "share that churned", x, y,
        {"by the oracle's probability": (x, oracle)}, "Ten equally filled bins of account-weeks; the diagonal is perfect.",
    )  # fmt: skip


def reliability(foretold: Values, outcome: Values) -> Line:
    """Mean foretold probability and mean outcome in ten equally filled bins."""
    order = np.argsort(foretold, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    return _line([foretold[b].mean() for b in bins], [outcome[b].mean() for b in bins])


def _precision_recall(judged: Judged) -> Curve:
    x, y = precision_recall(judged.scores[SCORE], judged.churned)
    lines = {NAMES[s]: precision_recall(judged.scores[s], judged.churned) for s in RANKING if s in judged.scores}
    return Curve(
        "precision_recall", "Precision and recall of account-weeks", "recall", "precision", x, y, lines,
        f"By realised churn; the base rate is {judged.churned.mean():.3f}.",
    )  # fmt: skip


def precision_recall(score: Values, churned: Values) -> Line:
    """Recall and precision from the highest score down."""
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(churned[order])
    if not len(hits) or not hits[-1]:
        return (), ()
    wanted = np.unique(np.searchsorted(hits, np.linspace(0.01, 1.0, POINTS) * hits[-1]))
    return _line(hits[wanted] / hits[-1], hits[wanted] / (wanted + 1))


def _gains(judged: Judged) -> Curve:
    expected = judged.scores[ORACLE_SCORE] * np.nan_to_num(judged.mrr)
    ranked: Mapping[str, Values] = rankings(judged)
    lines = {name: gains(values, expected) for name, values in ranked.items()}
    x, y = lines.pop(SCORE)
    return Curve(
        "gains_usd", "Gains in dollars", "share of account-weeks worked on", "share of the expected loss covered", x, y,
        lines, "Ranked by p x MRR; the expected loss is the oracle's.",
    )  # fmt: skip


def gains(ranking: Values, value: Values) -> Line:
    """Share of rows from the first down, and the share of the value they hold."""
    order = np.argsort(-ranking, kind="stable")
    covered = np.cumsum(value[order])
    if not len(covered) or not covered[-1]:
        return (), ()
    shares = np.linspace(0.0, 1.0, POINTS) ** 2  # dense where few accounts are worked on
    places = np.maximum(np.ceil(shares * len(covered)).astype(np.int64), 0)
    held = np.r_[0.0, covered][places]
    return _line(places / len(covered), held / covered[-1])


def _line(x: object, y: object) -> Line:
    return tuple(np.asarray(x, dtype=np.float64).tolist()), tuple(np.asarray(y, dtype=np.float64).tolist())
