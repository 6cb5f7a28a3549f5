"""The pieces of work of the identity benchmark, each run in a process of its own.

Here: components by every way, and what one more day costs. Not here: their order (`identity`), the graph they work on (`graphs`).
Reading the edges and writing the result are in none of the times.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from uam_platform.lake.engine import EngineLimits, connect

SEED: Final = 20250107
NEW_EDGES: Final = 20_000  # of one more day
_JOINING: Final = 0.1  # share of them between identifiers that were there; the others bring a new one


def ours(limits: EngineLimits, graph: str, out: str) -> dict[str, float]:
    """Components by the platform, from keys."""
    from uam_platform.identity.components import components

    left, right = load(graph, "left", "right")
    found, seconds = _timed(lambda: components(left, right))
    _save(out, found.keys, found.labels)
    return seconds


def by_scipy(limits: EngineLimits, graph: str, out: str) -> dict[str, float]:
    """Components by SciPy, from numbers."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, right = load(graph, "left_node", "right_node")
    size = int(max(left.max(), right.max())) + 1

    def work() -> Any:
        matrix = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
        return connected_components(matrix, directed=False)[1]

    label, seconds = _timed(work)
    keys = np.empty(size, dtype=np.int64)
    keys[left], keys[right] = load(graph, "left", "right")
    least = np.full(int(label.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, label, keys)
    _save(out, keys, least[label])
    return seconds


def by_networkx(limits: EngineLimits, graph: str, out: str) -> dict[str, float]:
    """Components by networkx, from lists of keys."""
    import networkx as nx

    left, right = (column.tolist() for column in load(graph, "left", "right"))

    def work() -> list[set[int]]:
        plain = nx.Graph()
        plain.add_edges_from(zip(left, right, strict=True))
        return list(nx.connected_components(plain))

    found, seconds = _timed(work)
    keys = np.array([key for part in found for key in part])
    _save(out, keys, np.repeat([min(part) for part in found], [len(part) for part in found]))
    return seconds


def by_stars(limits: EngineLimits, graph: str, out: str) -> dict[str, float]:
    """Components by large-star and small-star inside the engine, from keys."""
    import ibis
    import pyarrow as pa

    from uam_platform.identity.components_at_scale import components_at_scale, kept_in

    left, right = load(graph, "left", "right")
    connection, folder = connect(limits), Path(out)
    folder.mkdir(parents=True)
    edges = connection.create_table("edges", ibis.memtable(pa.table({"left": left, "right": right})))
    found, seconds = _timed(lambda: components_at_scale(edges, kept_in(connection, folder)).to_pyarrow())
    _save(out, found["key"].to_numpy(), found["label"].to_numpy())
    return {**seconds, "rounds": len(list(folder.glob("round-*"))) // 2}


def one_more_day(limits: EngineLimits, labels: str, identifiers: int, out: str) -> dict[str, float]:
    """What a day's edges change in the labels of all days before; half of their ends are new identifiers."""
    from uam_platform.identity.components_growth import Growing, Labels

    keys, found = load(labels, "keys", "labels")
    is_history = _in_a_history(found, identifiers)
    order = np.argsort(keys[is_history])
    rows = Labels(keys[is_history][order], np.zeros(len(order), dtype=np.int64), found[is_history][order])
    history, rng = Growing(rows), np.random.default_rng(SEED)
    history.changes(rows.keys[:2], rows.keys[:2], 1)  # what is kept with the labels is made here, once
    left, right = rng.choice(rows.keys, NEW_EDGES), rng.integers(1, 2**62, NEW_EDGES)
    is_joining = rng.random(NEW_EDGES) < _JOINING
    right[is_joining] = rng.choice(rows.keys, int(is_joining.sum()))
    changed, seconds = _timed(lambda: history.changes(left, right, 1))
    return {**seconds, "identifiers": len(order), "changed": len(changed.keys)}


def _in_a_history(labels: Any, identifiers: int) -> Any:
    """Whether each identifier belongs to the people, drawn at random, who have about so many of them."""
    people, sizes = np.unique(labels, return_counts=True)
    drawn = np.random.default_rng(SEED).permutation(len(people))
    return np.isin(labels, people[drawn[np.cumsum(sizes[drawn]) <= identifiers]])


def one_more_day_of_tables(limits: EngineLimits, people: int, out: str) -> dict[str, float]:
    """What a day costs the identity tables, see `identity_days`."""
    from uam_platform.bench.identity_days import one_more_day as of_tables

    return of_tables(limits, people, out)


TASKS: Final[Mapping[str, Callable[..., dict[str, float]]]] = {
    "components": ours,
    "components scipy": by_scipy,
    "components networkx": by_networkx,
    "components stars": by_stars,
    "components day": one_more_day,
    "identity day": one_more_day_of_tables,
}


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What the work gives, and its seconds on the clock and on all cores together."""
    clock, cores = time.perf_counter(), time.process_time()
    found = work()
    return found, {"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cores}


def load(folder: str, *names: str) -> list[Any]:
    """Columns written below a folder."""
    return [np.load(Path(folder) / f"{name}.npy") for name in names]


def _save(folder: str, keys: Any, labels: Any) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    order = np.argsort(keys)
    np.save(Path(folder) / "keys.npy", keys[order])
    np.save(Path(folder) / "labels.npy", labels[order])
