"""Rows of the churn sections: a value, its interval, and the same metric of every yardstick that has it.

Here: how a row is put together. Not here: which rows there are (`churn_quality`, `churn_dollars`), the metrics (`churn_metrics`).
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

from uam_platform.evaluation.churn_metrics import BASELINE, ORACLE_SCORE, Estimate, Judged
from uam_platform.evaluation.results import BASE_RATE, CONTRACT, HAND, LOGISTIC, ORACLE, REFERENCE, Row
from uam_platform.evaluation.yardsticks import BASE_SCORE, HAND_SCORE, LOGISTIC_SCORE, REFERENCE_SCORE

NAMES: Final[Mapping[str, str]] = {
    ORACLE_SCORE: ORACLE,
    REFERENCE_SCORE: REFERENCE,
    LOGISTIC_SCORE: LOGISTIC,
    HAND_SCORE: HAND,
    BASELINE: CONTRACT,
    BASE_SCORE: BASE_RATE,
}
"""Column of a yardstick -> its name on the scoreboard, in printing order."""

RANKING: Final = (ORACLE_SCORE, REFERENCE_SCORE, LOGISTIC_SCORE, HAND_SCORE, BASELINE)
PROBABILITIES: Final = (ORACLE_SCORE, REFERENCE_SCORE, LOGISTIC_SCORE, BASELINE)


def beside(judged: Judged, scores: tuple[str, ...], metric: Callable[[str], float]) -> dict[str, float | None]:
    """A metric of those yardsticks that were computed, by their names on the scoreboard."""
    return {NAMES[score]: finite(metric(score)) for score in scores if score in judged.scores}


def row(
    metric: str,
    found: Estimate,
    unit: str = "ratio",
    note: str = "",
    target: str = "",
    yardsticks: Mapping[str, float | None] | None = None,
    parts: Mapping[str, float] | None = None,
) -> Row:
    """A row; a number that does not exist is None."""
    known = {name: value for name, value in (parts or {}).items() if math.isfinite(value)}
    return Row(
        metric, finite(found.value), found.low, found.high, unit, yardsticks or {}, note, target,
        known if len(known) == len(parts or {}) else {},
    )  # fmt: skip


def finite(value: float | None) -> float | None:
    """The value, or None where it is none."""
    return value if value is not None and math.isfinite(value) else None
