"""The condition language of the rulebook, evaluated over one snapshot of accounts.

Here: turning a `Condition` into a mask, and telling which numbers met it. Not here: the grammar and its checks
(`uam_platform.policy.alerts`), declines and seasons (`detect`, `suppress`).
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd

from uam_platform.policy.alerts import Condition

Thresholds = Mapping[tuple[str, float], float]
"""Value of (column, quantile) over the eligible accounts of the snapshot."""

_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def thresholds(snapshot: pd.DataFrame, condition: Condition) -> dict[tuple[str, float], float]:
    """Quantiles that `condition` refers to, over eligible accounts (all accounts where none is eligible)."""
    eligible = snapshot.loc[snapshot["is_eligible"].astype(bool)]
    population = eligible if len(eligible) else snapshot
    found: dict[tuple[str, float], float] = {}
    for one in condition.comparisons():
        if one.column is not None and one.quantile is not None:
            values = pd.to_numeric(population[one.column]).dropna()
            found[one.column, one.quantile] = float(values.quantile(one.quantile)) if len(values) else float("nan")
    return found


def meets(snapshot: pd.DataFrame, condition: Condition, limits: Thresholds) -> pd.Series:
    """Boolean mask: rows of `snapshot` that meet `condition`. A missing value meets no comparison but `is_unknown`."""
    if condition.all:
        mask = pd.Series(True, index=snapshot.index)
        for inner in condition.all:
            mask &= meets(snapshot, inner, limits)
        return mask
    if condition.any:
        mask = pd.Series(False, index=snapshot.index)
        for inner in condition.any:
            mask |= meets(snapshot, inner, limits)
        return mask
    return _compare(subject(snapshot, condition), condition, limits)


def subject(snapshot: pd.DataFrame, condition: Condition) -> pd.Series:
    """What a single comparison looks at: a column, or a ratio that is missing where its denominator is not above 0."""
    if condition.ratio is not None:
        above, below = (pd.to_numeric(snapshot[name]).astype("float64") for name in condition.ratio)
        return above / below.where(below > 0)
    return snapshot[str(condition.column)]


def actual(row: Mapping[Any, Any], condition: Condition) -> Any:
    """What a single comparison saw in one row: as `subject`, for evidence."""
    if condition.ratio is None:
        return row[str(condition.column)]
    above, below = (row[name] for name in condition.ratio)
    return float(above) / float(below) if not pd.isna(below) and below > 0 and not pd.isna(above) else None


def limit(condition: Condition, limits: Thresholds) -> Any:
    """The value a single comparison compares with."""
    if condition.quantile is not None:
        return limits[str(condition.column), condition.quantile]
    return list(condition.value) if isinstance(condition.value, tuple) else condition.value


def _compare(values: pd.Series, condition: Condition, limits: Thresholds) -> pd.Series:
    known = values.notna()
    if condition.op == "is_known":
        return known
    if condition.op == "is_unknown":
        return ~known
    wanted = limit(condition, limits)
    if condition.op in ("in", "not_in"):
        return known & (values.isin(wanted) == (condition.op == "in"))
    if not isinstance(wanted, str):
        values = values.astype("float64")
    met = _COMPARE[str(condition.op)](values, wanted)
    return known & met.fillna(False).astype(bool)
