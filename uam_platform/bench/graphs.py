"""Graphs of identifiers that people might leave behind, as integer edges on disk: the input of the identity benchmark.

Here: the made-up edges. Not here: what is measured on them (`identity`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
_TAIL = 1.6  # exponent of how many identifiers a person has: most have a few, the largest some ten thousand
_MOST = 50_000


@dataclass(frozen=True)
class Edges:
    """Edges between identifiers, in arrival order.

    Attributes:
        left: 63-bit key of one end.
        right: of the other.
        left_node: the same as a number from 0 on.
        right_node: the same.
        size: number of identifiers; each is named by an edge.
    """

    left: Ints
    right: Ints
    left_node: npt.NDArray[np.int32]
    right_node: npt.NDArray[np.int32]
    size: int

    def save(self, folder: Path) -> None:
        """Write all columns below `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("left", "right", "left_node", "right_node"):
            np.save(folder / f"{name}.npy", getattr(self, name))


def people(identifiers: int, edges: int, seed: int) -> Edges:
    """Edges inside people whose numbers of identifiers have a heavy tail.

    Args:
        identifiers: number of identifiers.
        edges: number of edges, at least one per identifier.
        seed: of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.pareto(_TAIL, identifiers) * 2 + 1, _MOST).astype(np.int64)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), identifiers)) + 1]
    sizes[-1] -= int(sizes.sum()) - identifiers
    begin = np.cumsum(sizes) - sizes
    person = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    left = np.concatenate([np.arange(identifiers), rng.integers(0, identifiers, edges - identifiers)])
    left = rng.permutation(left).astype(np.int32)
    right = begin[person[left]] + (rng.random(edges) * sizes[person[left]]).astype(np.int64)
    number = rng.permutation(identifiers).astype(np.int32)  # people's identifiers do not lie side by side
    keys = rng.integers(1, 2**62, identifiers)
    left_node, right_node = number[left], number[right]
    return Edges(keys[left_node], keys[right_node], left_node, right_node, identifiers)
