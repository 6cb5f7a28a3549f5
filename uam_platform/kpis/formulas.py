"""Formulas applied: inputs to points, in whole hundredths, so that the lines of a worksheet sum to its score exactly.

Here: the arithmetic of one formula over many rows. Not here: the formulas (`rulebook/scores.yaml`), inputs (`inputs`), words
(`readings`).

A share of a weight is read off the knots once, rounded half up to 1/10,000, and everything after it is integer. Where a line of a
formula out of 100 is missing, its weight goes to the others in proportion, by largest remainder, so that the weights still make 100.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.policy.scores import Condition, Formula, Line

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

WHOLE: Final = 10_000
"""Hundredths of a point in a score of 100, and parts of a share."""


@dataclass(frozen=True)
class Applied:
    """A formula over rows; arrays are rows x lines, or rows.

    Attributes:
        earned: hundredths of a point that each line adds; 0 where it is missing or context.
        possible: the most it could add.
        missing: its input, or one it needs, is not known or too small to say anything.
        alone: the line stands without what it counts together with.
        known: enough of the weight is known for a score.
        total: sum of `earned`; of use only where `known`.
    """

    earned: Integers
    possible: Integers
    missing: Flags
    alone: Flags
    known: Flags
    total: Integers

    def score(self) -> npt.NDArray[np.float64]:
        """Totals in points, NaN where unknown."""
        return np.where(self.known, self.total / 100.0, np.nan)


def apply(formula: Formula, inputs: pd.DataFrame) -> Applied:
    """One formula over rows of inputs.

    Args:
        formula: lines, scale and least known share.
        inputs: one row per account and snapshot with every input the lines name; null where not known.
    """
    missing = _columns([_is_missing(line, inputs) for line in formula.lines])
    alone = _columns([~missing[:, n] & _alone(line, inputs) for n, line in enumerate(formula.lines)])
    shares = _columns([_shares(line, inputs) for line in formula.lines])
    shares[missing | alone] = 0
    weights = np.array([line.weight_hundredths for line in formula.lines], dtype=np.int64)
    possible = _scaled(formula, weights, missing)
    earned = (possible * shares + WHOLE // 2) // WHOLE
    known_weight = (weights * ~missing).sum(axis=1)
    known = known_weight >= formula.least_known_share * weights.sum()
    earned = np.where(known[:, None], earned, 0)
    return Applied(earned, possible, missing, alone, known & (known_weight > 0), earned.sum(axis=1))


def _columns(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.column_stack(arrays)


def _is_missing(line: Line, inputs: pd.DataFrame) -> Flags:
    values = inputs[line.input]
    missing = ~values.isin(list(line.words)) if line.words else values.isna()
    found: Flags = missing.to_numpy(dtype=bool).copy()
    for condition in line.needs:
        found |= _below(condition, inputs)
    for condition in line.only_with:
        found |= inputs[condition.input].isna().to_numpy(dtype=bool)
    return found


def _alone(line: Line, inputs: pd.DataFrame) -> Flags:
    found = np.zeros(len(inputs), dtype=bool)
    for condition in line.only_with:
        found |= _below(condition, inputs)
    return found


def _below(condition: Condition, inputs: pd.DataFrame) -> Flags:
    return ~(numbers(inputs[condition.input]) >= condition.at_least)


def _shares(line: Line, inputs: pd.DataFrame) -> Integers:
    if line.is_context:
        return np.zeros(len(inputs), dtype=np.int64)
    if line.words:
        exact = inputs[line.input].map(line.words).to_numpy(dtype=np.float64, na_value=0.0)
    else:
        xs, ys = zip(*line.knots, strict=True)
        exact = np.interp(np.nan_to_num(numbers(inputs[line.input])), xs, ys)
    return np.floor(np.nan_to_num(exact) * WHOLE + 0.5).astype(np.int64)


def numbers(values: pd.Series) -> npt.NDArray[np.float64]:
    """Values as floats, NaN where null."""
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _scaled(formula: Formula, weights: Integers, missing: Flags) -> Integers:
    """Weights by row, in hundredths of a point; of a formula out of 100 those present make 100 together."""
    if formula.scale == "sum":
        return np.where(missing, 0, weights)
    patterns, which = np.unique(missing, axis=0, return_inverse=True)
    scaled = np.array([_rescaled(np.where(absent, 0, weights)) for absent in patterns], dtype=np.int64)
    return scaled.reshape(len(patterns), len(weights))[np.ravel(which)]


def _rescaled(weights: Integers) -> Integers:
    total = int(weights.sum())
    if total in (0, WHOLE):
        return weights
    whole, rest = np.divmod(weights * WHOLE, total)
    first = np.argsort(-rest, kind="stable")[: WHOLE - int(whole.sum())]
    whole[first] += 1
    return whole
