"""Connected components of a graph in memory: edges between 64-bit keys, or between small node numbers.

Here: the components of edges that fit into memory. Not here: edges that do not fit (`components_at_scale`), components that grow day by day
(`components_growth`), what a component means (`persons`).

Method: every root hooks onto a smaller (or every smaller one onto a larger) neighbour, trees are flattened by pointer jumping, edges inside
a tree are dropped, until none is left (Shiloach and Vishkin 1982). In each round after the first the direction is taken in which more roots
hook, which are at least half of them, so there are at most log2(nodes) + 1 rounds, whatever the graph. Only whole-array steps: measured
at half to four fifths of the time of SciPy's `connected_components` with the building of its matrix (500,000 and 1.5 million nodes).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint64]
Nodes = npt.NDArray[np.signedinteger[Any]]
Number = TypeVar("Number", np.int64, np.uint64)

_SCATTER: Final = np.uint64(0x9E3779B97F4A7C15)  # odd, so multiplying by it is one to one (Knuth's multiplicative hash)
_GATHER: Final = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))  # and this undoes it
_CHUNK: Final = 1 << 20  # looked up at once: positions and keys of a chunk stay in the cache
_LONGEST_PROBE: Final = 64


@dataclass(frozen=True)
class Components:
    """Every key that an edge names, once, and its component.

    Attributes:
        keys: the keys, in an order of no meaning that depends on the set of keys only.
        labels: the least key of each key's component.
    """

    keys: Ints
    labels: Ints


def components(left: Ints, right: Ints) -> Components:
    """Components of edges between arbitrary int64 keys; edges may repeat, point both ways and join a key to itself.

    Keys become nodes by sorting and finding them (two thirds of the time), for both ends at once in two threads.
    """
    with ThreadPoolExecutor(2) as both:
        ends = list(both.map(_scattered, (left, right)))
        codes = distinct(np.concatenate(list(both.map(distinct, ends))))
        nodes = list(both.map(Finder(codes), ends))
    least_node = least_nodes(len(codes), *nodes)
    keys = (codes * _GATHER).view(np.int64)
    least = keys.copy()
    np.minimum.at(least, least_node, keys)
    return Components(keys, least[least_node])


def least_nodes(size: int, left: Nodes, right: Nodes) -> Nodes:
    """Components of a graph of nodes 0 … size - 1.

    Args:
        size: number of nodes.
        left: one end of each edge.
        right: the other end.

    Returns:
        For each node the least node of its component.
    """
    kind = _kind(size)
    parent: Nodes = np.arange(size, dtype=kind)
    left, right = left.astype(kind, copy=False), right.astype(kind, copy=False)
    is_first = True
    while len(left):
        low, high = np.minimum(left, right), np.maximum(left, right)
        if not is_first and _count(size, low) > _count(size, high):
            low, high = high, low
        is_first = False
        parent[high] = (
            low  # of several neighbours any one: parents are strictly smaller (or all larger), so no cycle arises
        )
        parent = _flat(parent)
        left, right = parent[left], parent[right]
        is_open = left != right
        left, right = left[is_open], right[is_open]
    backwards = np.arange(size - 1, -1, -1, dtype=kind)
    least: Nodes = np.empty(size, dtype=kind)
    least[parent[::-1]] = backwards  # written last, so kept: the least node of each tree
    return least[parent]


def _count(size: int, nodes: Nodes) -> int:
    is_there = np.zeros(size, dtype=bool)
    is_there[nodes] = True
    return int(np.count_nonzero(is_there))


def _flat(parent: Nodes) -> Nodes:
    while True:
        above: Nodes = parent[parent]
        if np.array_equal(above, parent):
            return parent
        parent = above


def _scattered(keys: Ints) -> Codes:
    return keys.astype(np.int64, copy=False).view(np.uint64) * _SCATTER


def distinct(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Distinct values, ascending."""
    ordered = np.sort(values)
    is_new = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return ordered[is_new]


class Finder:
    """Positions in a sorted array of distinct, scattered codes; several times faster than a binary search for each.

    The upper bits of a code are its slot, of which there are at least as many as codes; a slot knows where its codes begin. Should
    scattering have failed (very many codes in one slot), a binary search does it.

    Args:
        codes: distinct codes, ascending.
    """

    def __init__(self, codes: Codes) -> None:
        bits = max(1, len(codes).bit_length()) + 1
        self._codes, self._shift = codes, np.uint64(64 - bits)
        counts = np.bincount((codes >> self._shift).astype(np.int64), minlength=1 << bits)
        self._longest = int(counts.max(initial=0))
        self._begin = (np.cumsum(counts) - counts).astype(_kind(len(codes)))

    def __call__(self, wanted: Codes) -> Nodes:
        """Position of each of `wanted`, all of which must be there."""
        if self._longest > _LONGEST_PROBE:
            return np.searchsorted(self._codes, wanted)
        found: Nodes = np.empty_like(self._begin, shape=len(wanted))
        for start in range(0, len(wanted), _CHUNK):
            found[start : start + _CHUNK] = self._probe(wanted[start : start + _CHUNK])
        return found

    def _probe(self, wanted: Codes) -> Nodes:
        at: Nodes = self._begin[wanted >> self._shift]
        missed = np.flatnonzero(self._codes[at] != wanted)
        while len(missed):
            at[missed] += 1
            missed = missed[self._codes[at[missed]] != wanted[missed]]
        return at


def _kind(size: int) -> type[np.signedinteger[Any]]:
    return np.int32 if size < 2**31 else np.int64
