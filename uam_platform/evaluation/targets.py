"""What a target asks for, and whether a number meets it: met, not met, not estimable.

Here: reading the words of a `Row.target` and the gate. Not here: which row has which target (its section), how worlds are pooled
(`pooled`). A gate asks the interval, not the value: its end on the wrong side must reach the target. Over several worlds no single one
may lie more than two standard deviations (of the worlds) beyond it either.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from uam_platform.evaluation.results import CONTRACT, Row

MET: Final = "met"
NOT_MET: Final = "not met"
NOT_ESTIMABLE: Final = "not estimable"
_NUMBER: Final = r"(-?[\d.,]+)"
_OUTLIER_SDS: Final = 2.0
_TRIALS_PER_RATE: Final = 3.0


@dataclass(frozen=True)
class Target:
    """Bounds that a number must keep.

    Attributes:
        low: least value, or None.
        high: largest value, or None.
        is_strict: the bound itself does not count.
        is_tolerant: only an interval that lies beyond the bound as a whole breaks it.
        is_over_contract: what is bounded is the distance to the contract baseline.
    """

    low: float | None = None
    high: float | None = None
    is_strict: bool = False
    is_tolerant: bool = False
    is_over_contract: bool = False


def read_target(text: str) -> Target | None:
    """The bounds a target names; None where it is empty or no bound can be read from it.

    Known forms: `≥ 0.80`, `≤ 28`, `bound ≤ 0.002`, `0.85 to 1.15`, `above 0`, `above contract`, `not above 0` (a guard: broken once the
    interval as a whole lies above), and a bare number, which must be hit exactly.
    """
    words = text.strip().removeprefix("bound ")
    if words == "above contract":
        return Target(low=0.0, is_strict=True, is_over_contract=True)
    if found := re.fullmatch(rf"not above {_NUMBER}", words):
        return Target(high=_float(found[1]), is_tolerant=True)
    if found := re.fullmatch(rf"{_NUMBER} to {_NUMBER}", words):
        return Target(low=_float(found[1]), high=_float(found[2]))
    if found := re.fullmatch(rf"(≥|≤|above|below)?\s*{_NUMBER}", words):
        bound, sign = _float(found[2]), found[1]
        is_low, is_high = sign in ("≥", "above", None), sign in ("≤", "below", None)
        return Target(bound if is_low else None, bound if is_high else None, is_strict=sign in ("above", "below"))
    return None


def verdict(row: Row, worlds: Sequence[float] = ()) -> str:
    """The verdict on a row, or an empty string where it has no target.

    Args:
        row: its interval decides; without one its value does.
        worlds: the same number per world, where several were pooled.
    """
    target = read_target(row.target)
    if target is None:
        return ""
    if row.value is None or not math.isfinite(row.value):
        return NOT_ESTIMABLE
    if target.is_over_contract:
        return _over_contract(row)
    if _has_too_few_trials(row, target):
        return NOT_ESTIMABLE
    if target.is_tolerant:
        return MET if _or(row.low, row.value) <= _or(target.high, math.inf) else NOT_MET
    is_exact = target.low == target.high
    low, high = (row.value, row.value) if is_exact else (_or(row.low, row.value), _or(row.high, row.value))
    return MET if _keeps(target, low, high) and _has_no_outlier(target, worlds) else NOT_MET


def _over_contract(row: Row) -> str:
    baseline = row.yardsticks.get(CONTRACT)
    if baseline is None or row.value is None:
        return NOT_ESTIMABLE
    return MET if _or(row.low, row.value) > baseline else NOT_MET


def _has_too_few_trials(row: Row, target: Target) -> bool:
    """A rate of at most x cannot be shown with fewer than 3 / x trials, not even without a hit."""
    trials = row.parts.get("trials")
    is_rare = target.low is None and target.high is not None and 0 < target.high < 1
    return is_rare and trials is not None and trials < _TRIALS_PER_RATE / _or(target.high, 1.0) - 1e-9


def _keeps(target: Target, low: float, high: float) -> bool:
    is_above = target.low is None or low > target.low or (low == target.low and not target.is_strict)
    is_below = target.high is None or high < target.high or (high == target.high and not target.is_strict)
    return is_above and is_below


def _has_no_outlier(target: Target, worlds: Sequence[float]) -> bool:
    if len(worlds) < 2:
        return True
    slack = _OUTLIER_SDS * float(np.std(worlds, ddof=1))
    is_above = target.low is None or min(worlds) >= target.low - slack
    return is_above and (target.high is None or max(worlds) <= target.high + slack)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _float(text: str) -> float:
    return float(text.replace(",", ""))
