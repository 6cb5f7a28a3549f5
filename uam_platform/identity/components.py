"""Connected components of a graph in memory: edges between 64-bit keys, or between small node numbers.

Here: the components of edges that fit into memory. Not here: edges that do not fit (`components_at_scale`), components that grow day by day
(`components_growth`), what a component means (`persons`).

Method: every root hooks onto a smaller (or every smaller one onto a larger) neighbour, trees are flattened by pointer jumping, edges inside
a tree are dropped, until none is left (Shiloach and Vishkin 1982). In each round after the first the direction is taken in which more roots
hook, which are at least half of them, so there are at most log2(nodes) + 1 rounds, whatever the graph. A share of the edges goes first,
because most others then lie inside a tree (after Sutton, Ben-Nun and Barak 2018, "Optimizing Parallel Graph Connectivity Computation via
Subgraph Sampling"). Only whole-array steps, in chunks that stay in the cache.
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
_CHUNK: Final = 1 << 17  # looked up at once: what is made of a chunk stays in the cache
_FIRST_SHARE: Final = (
    3  # one edge in three is hooked first: of the others most then lie inside a tree and are read once
)
_FEW: Final = 16  # once edges are fewer than one per so many nodes, only the nodes at their ends are looked at
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

    Keys become nodes by sorting and finding them (half of the time), for both ends at once in two threads.
    """
    with ThreadPoolExecutor(2) as both:
        codes = distinct(np.concatenate(list(both.map(_distinct_codes, (left, right)))))
        nodes = list(both.map(Finder(codes).of_keys, (left, right)))
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
    first = len(left) // _FIRST_SHARE if len(left) > _CHUNK else 0
    parent = _hooked(parent, left[:first], right[:first])
    parent = _hooked(parent, *_open(parent, left[first:], right[first:]))
    backwards = np.arange(size - 1, -1, -1, dtype=kind)
    least: Nodes = np.empty(size, dtype=kind)
    least[parent[::-1]] = backwards  # written last, so kept: the least node of each tree
    return least[parent]


def _hooked(parent: Nodes, left: Nodes, right: Nodes) -> Nodes:
    """Flat trees, joined by edges between their roots."""
    is_first = True
    while len(left) * _FEW >= len(parent):
        if not len(left):
            return parent
        low, high = np.minimum(left, right), np.maximum(left, right)
        if not is_first and _count(len(parent), low) > _count(len(parent), high):
            low, high = high, low
        is_first = False
        parent[high] = (
            low  # of several neighbours any one: parents are strictly smaller (or all larger), so no cycle arises
        )
        parent = _flat(parent)
        left, right = _open(parent, left, right)
    roots = distinct(
        np.concatenate([left, right])
    )  # few are left: their graph is small, and its rounds do not read all nodes
    parent[roots] = roots[least_nodes(len(roots), *(np.searchsorted(roots, side) for side in (left, right)))]
    return parent[parent]


def _open(parent: Nodes, left: Nodes, right: Nodes) -> tuple[Nodes, Nodes]:
    """Edges between two trees, as edges between their roots."""
    parts = []
    for start in range(0, len(left), _CHUNK):
        ends = [parent.take(side[start : start + _CHUNK], mode="clip") for side in (left, right)]
        is_open = ends[0] != ends[1]
        parts.append([side.compress(is_open) for side in ends])
    if not parts:
        return left[:0], right[:0]
    low, high = (np.concatenate(column) for column in zip(*parts, strict=True))
    return low, high


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


def _distinct_codes(keys: Ints) -> Codes:
    codes = _scattered(keys)
    codes.sort()
    return _without_repeats(codes)


def distinct(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Distinct values, ascending."""
    return _without_repeats(np.sort(values))


def _without_repeats(ordered: npt.NDArray[Number]) -> npt.NDArray[Number]:
    is_new = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return ordered.compress(is_new)


class Finder:
    """Positions in a sorted array of distinct, scattered codes; several times faster than a binary search for each.

    The upper bits of a code are its slot, of which there are at least twice as many as codes. A slot with one code knows its position, so
    that the code itself is not looked at; one with several knows where they begin. Should scattering have failed (very many codes in
    one slot), a binary search does it.

    Args:
        codes: distinct codes, ascending.
    """

    def __init__(self, codes: Codes) -> None:
        bits = max(1, len(codes).bit_length()) + 1
        self._codes, self._shift = codes, np.uint64(64 - bits)
        slots = (codes >> self._shift).view(np.int64)
        begin = np.flatnonzero(np.diff(slots, prepend=-1))
        length = np.diff(begin, append=len(codes))
        self._longest = int(length.max(initial=0))
        kind = _kind(len(codes))
        self._at = np.zeros(1 << bits, dtype=kind)
        self._at[slots[begin]] = np.where(length == 1, begin, ~begin)

    def of_keys(self, wanted: Ints) -> Nodes:
        """Position of the code of each key, all of which must be there."""
        found: Nodes = np.empty_like(self._at, shape=len(wanted))
        for start in range(0, len(wanted), _CHUNK):
            found[start : start + _CHUNK] = self(_scattered(wanted[start : start + _CHUNK]))
        return found

    def __call__(self, wanted: Codes) -> Nodes:
        """Position of each of `wanted`, all of which must be there."""
        if self._longest > _LONGEST_PROBE:
            return np.searchsorted(self._codes, wanted)
        at: Nodes = self._at.take((wanted >> self._shift).view(np.int64), mode="clip")
        several = np.flatnonzero(at < 0)
        place, sought = ~at[several], wanted[several]
        missed = np.flatnonzero(self._codes[place] != sought)
        while len(missed):
            place[missed] += 1
            missed = missed[self._codes[place[missed]] != sought[missed]]
        at[several] = place
        return at


def _kind(size: int) -> type[np.signedinteger[Any]]:
    return np.int32 if size < 2**31 else np.int64
