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
from typing import Final, NamedTuple

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
    read = []
    for block in re.split(r"\nTree=\d+\n", text)[1:]:
        one = _read(dict(line.split("=", 1) for line in block.splitlines() if "=" in line))
        if one is None:
            return None
        read.append(one)
    alike: dict[_Shape, list[int]] = {}
    for number, one in enumerate(read):
        alike.setdefault(one.shape, []).append(number)
    found: dict[int, _Tree] = {}
    for shape, numbers in alike.items():
        found.update(zip(numbers, _of_one_shape(shape, [read[n] for n in numbers]), strict=True))
    return tuple(found[n] for n in range(len(read)))


class _Read(NamedTuple):
    """A tree as its text tells it: its shape, and its own numbers per split and leaf."""

    shape: "_Shape"
    inputs: tuple[int, ...]
    thresholds: tuple[float, ...]
    gap_goes_left: tuple[bool, ...]
    leaf_values: list[float]
    leaf_rows: list[float]
    split_rows: list[float]


def _read(fields: dict[str, str]) -> _Read | None:
    leaf_values = _floats(fields["leaf_value"])
    if int(fields["num_leaves"]) == 1:
        return _Read(_Shape((), (), ()), (), (), (), leaf_values, [1.0], [])
    kinds = [int(kind) for kind in fields["decision_type"].split()]
    missing = [kind >> _MISSING_SHIFT & 3 for kind in kinds]
    if len(kinds) > MOST_SPLITS or any(kind & _CATEGORICAL for kind in kinds) or not set(missing) <= {_NONE, _NAN}:
        return None
    thresholds = _floats(fields["threshold"])
    gap_left = [
        bool(kind & _DEFAULT_LEFT) if gap == _NAN else threshold >= 0.0  # without gaps in training one is read as 0
        for kind, gap, threshold in zip(kinds, missing, thresholds, strict=True)
    ]
    inputs = _integers(fields["split_feature"])
    told = sorted(set(inputs))
    shape = _Shape(
        _integers(fields["left_child"]), _integers(fields["right_child"]), tuple(told.index(name) for name in inputs)
    )
    rows = (_floats(fields["leaf_count"]), _floats(fields["internal_count"]))
    return _Read(shape, inputs, tuple(thresholds), tuple(gap_left), leaf_values, *rows)


def _of_one_shape(shape: "_Shape", read: list[_Read]) -> list[_Tree]:
    """Trees of one shape: their tables are computed together, number by number as they would be alone."""
    numbers = _Numbers(
        np.array([one.leaf_values for one in read]).T,
        np.array([one.leaf_rows for one in read]).T,
        np.array([one.split_rows for one in read]).T,
    )
    tables = np.array(list(shape.shapley(numbers))).reshape(shape.input_count, 1 << len(shape.inputs), len(read))
    expected = np.broadcast_to(shape.mean(0, frozenset(), numbers), (1 << len(shape.inputs), len(read)))[0]
    return [
        _Tree(
            one.inputs,
            one.thresholds,
            one.gap_goes_left,
            tuple(sorted(set(one.inputs))),
            np.ascontiguousarray(tables[:, :, n]),
            float(expected[n]),
        )
        for n, one in enumerate(read)
    ]


def _floats(text: str) -> list[float]:
    return [float(value) for value in text.split()]


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(value) for value in text.split())


class _Numbers(NamedTuple):
    """Numbers of trees of one shape: leaves x trees, leaves x trees, splits x trees."""

    leaves: Values
    leaf_rows: Values
    split_rows: Values


@dataclass(frozen=True)
class _Shape:
    """Splits and leaves of trees that differ in numbers only; a negative child is a leaf.

    Attributes:
        left: child of each split.
        right: child of each split.
        inputs: of each split its input, as a place among the tree's inputs.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    inputs: tuple[int, ...]

    @property
    def input_count(self) -> int:
        """Different inputs."""
        return len(set(self.inputs))

    def shapley(self, numbers: _Numbers) -> Iterator[Values]:
        """Shapley's value of each input, as ways x trees."""
        shape = (1 << len(self.inputs), numbers.leaves.shape[1])
        told = range(self.input_count)
        values = {
            frozenset(known): np.broadcast_to(self.mean(0, frozenset(known), numbers), shape)
            for size in range(len(told) + 1)
            for known in combinations(told, size)
        }
        for name in told:
            total: Values = np.zeros(shape)
            for known in values:
                if name not in known:
                    total += self._weight(len(known), len(told)) * (values[known | {name}] - values[known])
            yield total

    @staticmethod
    def _weight(known: int, count: int) -> float:
        return factorial(known) * factorial(count - known - 1) / factorial(count)

    def mean(self, node: int, known: frozenset[int], numbers: _Numbers) -> Values:
        """Mean of the leaves below a node, as ways x trees: the way's own at known inputs, the training rows' shares at others."""
        if not self.inputs:
            return numbers.leaves[0]
        if node < 0:
            return numbers.leaves[~node][None, :]
        low, high = self.mean(self.left[node], known, numbers), self.mean(self.right[node], known, numbers)
        if self.inputs[node] in known:
            goes_left = np.arange(1 << len(self.inputs)) >> node & 1
            return np.where(goes_left[:, None] == 1, low, high)
        left, right = self._rows(self.left[node], numbers), self._rows(self.right[node], numbers)
        return (left * low + right * high) / (left + right)

    @staticmethod
    def _rows(node: int, numbers: _Numbers) -> Values:
        return numbers.leaf_rows[~node] if node < 0 else numbers.split_rows[node]
