"""Contributions of small trees, exactly and at once for many rows.

Here: path-dependent TreeSHAP (Lundberg, Erion and Lee 2018, Consistent Individualized Feature Attribution for Tree Ensembles) by table. Not
here: fitting and margins (`boosting`), which also has the library's own contributions for larger trees.

A row's contributions to one tree depend only on which way it goes at each of the tree's splits. With at most four splits these are at
most sixteen ways, so Shapley's sum over subsets of inputs is done once per tree and way, and every row looks its way up. The result is
the library's own up to rounding, at a twentieth of the time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import factorial
from typing import Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_SPLITS: Final = 4
_ROWS_AT_ONCE: Final = 16_384  # columns of a block stay in the processor's cache
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2
_NONE, _NAN = 0, 2


@dataclass(frozen=True)
class _Tree:
    """One tree: per split its input, threshold and what a gap does; per input the contribution of every way."""

    inputs: tuple[int, ...]
    thresholds: tuple[float, ...]
    gap_goes_left: tuple[bool, ...]
    told: tuple[int, ...]
    tables: Values
    expected: float


def is_small(text: str) -> bool:
    """Whether every tree of a model text is small enough for a table, and splits on numbers only."""
    return _trees(text) is not None


def contributions(text: str, inputs: Values) -> Values:
    """What each input contributes to the sum of the trees, and in the last column what they sum to when nothing is known.

    Args:
        text: a LightGBM model text for which `is_small` holds.
        inputs: rows x inputs; NaN where a value is not known.

    Raises:
        ValueError: the trees are too large.
    """
    trees = _trees(text)
    if trees is None:
        raise ValueError(
            f"trees with more than {MOST_SPLITS} splits or with categories need the library's own contributions"
        )
    result = np.zeros((len(inputs), inputs.shape[1] + 1))
    result[:, -1] = sum(tree.expected for tree in trees)
    for start in range(0, len(inputs), _ROWS_AT_ONCE):
        block = np.ascontiguousarray(inputs[start : start + _ROWS_AT_ONCE].T)
        sums = np.zeros_like(block)
        gaps = np.isnan(block)
        has_gap: Flags = np.asarray(gaps.any(axis=1))
        for tree in trees:
            way = _ways(tree, block, gaps, has_gap)
            for position, table in zip(tree.told, tree.tables, strict=True):
                sums[position] += table[way]
        result[start : start + block.shape[1], :-1] = sums.T
    return result


def _ways(tree: _Tree, block: Values, gaps: Flags, has_gap: Flags) -> npt.NDArray[np.uint8]:
    """Which way each row goes: bit n is set where it goes left at split n."""
    way = np.zeros(block.shape[1], dtype=np.uint8)
    for number, (name, threshold) in enumerate(zip(tree.inputs, tree.thresholds, strict=True)):
        left = block[name] <= threshold
        if has_gap[name] and tree.gap_goes_left[number]:
            left = left | gaps[name]
        way |= left.astype(np.uint8) << np.uint8(number)
    return way


@lru_cache(maxsize=64)
def _trees(text: str) -> tuple[_Tree, ...] | None:
    found = []
    for block in re.split(r"\nTree=\d+\n", text)[1:]:
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        tree = _tree(fields)
        if tree is None:
            return None
        found.append(tree)
    return tuple(found)


def _tree(fields: dict[str, str]) -> _Tree | None:
    leaf_values = _floats(fields["leaf_value"])
    if int(fields["num_leaves"]) == 1:
        return _Tree((), (), (), (), np.zeros((0, 1)), leaf_values[0])
    kinds = [int(kind) for kind in fields["decision_type"].split()]
    missing = [kind >> _MISSING_SHIFT & 3 for kind in kinds]
    if len(kinds) > MOST_SPLITS or any(kind & _CATEGORICAL for kind in kinds) or not set(missing) <= {_NONE, _NAN}:
        return None
    thresholds = _floats(fields["threshold"])
    gap_left = [
        bool(kind & _DEFAULT_LEFT) if gap == _NAN else threshold >= 0.0  # without gaps in training one is read as 0
        for kind, gap, threshold in zip(kinds, missing, thresholds, strict=True)
    ]
    inputs = [int(name) for name in fields["split_feature"].split()]
    shape = _Shape(
        [int(child) for child in fields["left_child"].split()],
        [int(child) for child in fields["right_child"].split()],
        inputs,
        leaf_values,
        _floats(fields["internal_count"]),
        _floats(fields["leaf_count"]),
    )
    told = tuple(sorted(set(inputs)))
    tables = np.array([list(shape.shapley(way, told)) for way in range(1 << len(inputs))]).T
    return _Tree(tuple(inputs), tuple(thresholds), tuple(gap_left), told, tables, shape.mean(0, frozenset(), 0))


def _floats(text: str) -> list[float]:
    return [float(value) for value in text.split()]


@dataclass(frozen=True)
class _Shape:
    """Splits and leaves of one tree, with the rows that trained each; a negative child is a leaf."""

    left: list[int]
    right: list[int]
    inputs: list[int]
    leaves: list[float]
    split_rows: list[float]
    leaf_rows: list[float]

    def shapley(self, way: int, told: tuple[int, ...]) -> Iterator[float]:
        """Shapley's value of each input for rows that go this way."""
        values = {
            frozenset(known): self.mean(0, frozenset(known), way)
            for size in range(len(told) + 1)
            for known in combinations(told, size)
        }
        for name in told:
            others = [known for known in values if name not in known]
            yield sum(
                self._weight(len(known), len(told)) * (values[known | {name}] - values[known]) for known in others
            )

    @staticmethod
    def _weight(known: int, count: int) -> float:
        return factorial(known) * factorial(count - known - 1) / factorial(count)

    def mean(self, node: int, known: frozenset[int], way: int) -> float:
        """Mean of the leaves below a node: the row's own way at known inputs, the training rows' shares at others."""
        if node < 0:
            return self.leaves[~node]
        if self.inputs[node] in known:
            return self.mean(self.left[node] if way >> node & 1 else self.right[node], known, way)
        left, right = self._rows(self.left[node]), self._rows(self.right[node])
        low, high = self.mean(self.left[node], known, way), self.mean(self.right[node], known, way)
        return (left * low + right * high) / (left + right)

    def _rows(self, node: int) -> float:
        return self.leaf_rows[~node] if node < 0 else self.split_rows[node]
