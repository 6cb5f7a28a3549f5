"""Precision and recall of alerts when the budget is swept.

Here: alerts by nothing but a ranking of account-weeks, from the highest 0.1 % of them to the highest 30 %. Not here: the alerts
the run sent (`alerts`), how scores rank churn (`churn`). A detector can do better than its score: it may wait for evidence and
name a cause. The latent distress shows how far any alert could come; churn itself ranks harm badly, since contracts decide when.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_FEATURES, SCORES
from uam_platform.evaluation.alert_matching import Alert, match, openings
from uam_platform.evaluation.alert_watch import Watch
from uam_platform.evaluation.results import ORACLE, RANDOM, Curve, Row
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth

LEVELS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3)
"""Shares of account-weeks that lie above the threshold."""

BY_SCORE: Final = "churn probability"
BY_DOLLARS: Final = "expected dollars"
BY_HARM: Final = "latent distress"
SENT: Final = "alerts sent"
_PRECISION, _RECALL = 0.60, 0.50


@dataclass(frozen=True)
class Point:
    """Precision and recall of one set of alerts."""

    precision: float
    recall: float


def sweep(
    run: RunFolder, truth: Truth, watch: Watch, sent: Sequence[Alert], seed: int
) -> tuple[list[Row], list[Curve]]:
    """Rows and the precision-recall curve; neither where the run has no scores."""
    ranked = _rankings(run, truth, seed)
    if ranked.empty:
        return [], []
    lines = {
        name: _line(ranked, name, watch) for name in (BY_SCORE, BY_DOLLARS, ORACLE, BY_HARM, RANDOM) if name in ranked
    }
    return list(_rows(lines)), [_curve(lines, point(sent, watch))]


def point(alerts: Sequence[Alert], watch: Watch) -> Point:
    """Precision over all alerts, recall over the countable episodes; NaN without either."""
    matched = match(alerts, watch.episodes)
    countable = watch.countable()
    hits = sum(e.episode_id in matched for e in countable)
    nan = float("nan")
    return Point(len(matched) / len(alerts) if alerts else nan, hits / len(countable) if countable else nan)


def threshold_alerts(ranked: pd.DataFrame, score: str, level: float) -> list[Alert]:
    """Openings when every account-week of the highest share `level` is reported: while it goes on it is one alert.

    Args:
        ranked: account_id, as_of and the column `score`, ordered by as_of and account.
        score: highest first; ties in the order of the rows.
        level: share of the account-weeks.
    """
    rows = max(1, round(level * len(ranked)))
    high = ranked.nlargest(rows, score)
    return openings(high.assign(fingerprint=high["account_id"], detector=score, decision="alert"))


def _rankings(run: RunFolder, truth: Truth, seed: int) -> pd.DataFrame:
    scores, features = run.view(SCORES), run.view(ACCOUNT_FEATURES)
    found = run.query(f"""
        SELECT s.account_id, s.as_of, s.churn_probability AS "{BY_SCORE}",
            s.churn_probability * coalesce(f.mrr_usd_cents, 0) AS "{BY_DOLLARS}"
        FROM {scores} s LEFT JOIN (SELECT account_id, as_of, mrr_usd_cents FROM {features}) f USING (account_id, as_of)
        ORDER BY s.as_of, s.account_id
    """)
    found["as_of"] = pd.to_datetime(found["as_of"]).astype("datetime64[us]")
    latent = truth.frame("health")[["account_id", "as_of", "p_churn_56d", "distress"]]
    joined = found.merge(
        latent.rename(columns={"p_churn_56d": ORACLE, "distress": BY_HARM}), on=["account_id", "as_of"], how="left"
    )
    joined = joined.fillna({ORACLE: 0.0, BY_HARM: 0.0})
    return joined.assign(**{RANDOM: np.random.default_rng(seed).random(len(joined))})


def _line(ranked: pd.DataFrame, score: str, watch: Watch) -> list[Point]:
    """Points up to the largest recall: below some threshold alerts never end, so that new harm opens none."""
    points = [point(threshold_alerts(ranked, score, level), watch) for level in LEVELS]
    recalls = [-1.0 if np.isnan(p.recall) else p.recall for p in points]
    return points[: int(np.argmax(recalls)) + 1]


def _rows(lines: Mapping[str, Sequence[Point]]) -> Iterator[Row]:
    at_recall = {n: max((p.precision for p in line if p.recall >= _RECALL), default=None) for n, line in lines.items()}
    at_precision = {
        n: max((p.recall for p in line if p.precision >= _PRECISION), default=None) for n, line in lines.items()
    }
    note = "alerts by a threshold on the ranking alone, any cause, no conditions of detectors"
    for metric, found in (
        ("precision of the ranking at recall 0.50", at_recall),
        ("recall of the ranking at precision 0.60", at_precision),
    ):
        beside = {name: value for name, value in found.items() if name != BY_SCORE}
        yield Row(metric, found.get(BY_SCORE), yardsticks=beside, note=note + "; – where no threshold reaches it")


def _curve(lines: Mapping[str, Sequence[Point]], sent: Point) -> Curve:
    drawn = {name: (tuple(p.recall for p in line), tuple(p.precision for p in line)) for name, line in lines.items()}
    x, y = drawn.pop(BY_SCORE)
    drawn[SENT] = ((sent.recall,), (sent.precision,))
    return Curve(
        "precision_recall", "Alerts when the budget is swept", "recall of severe episodes", "precision", x, y, drawn,
        f"each point is a threshold, from the highest {LEVELS[0]:.1%} of account-weeks down as far as recall grows; the platform's "
        f"line ranks by {BY_SCORE}",
    )  # fmt: skip
