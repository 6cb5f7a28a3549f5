"""Connected components of edges that do not fit into memory: large-star and small-star as Ibis expressions, for DuckDB and Spark.

Here: the rounds, and when they end. Not here: edges that fit (`components`: the same result, many times faster), where a round's table is
kept (the caller says).

Source: Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii, "Connected Components in MapReduce and Beyond", 2014. Both steps keep the
components and move edges towards the least key; about log²(keys) rounds at most, four or five on graphs of people. A round reads
what the one before has written, so that the plan of a round does not contain those before it.
"""

from collections.abc import Callable
from pathlib import Path

import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

Keep = Callable[[ir.Table], ir.Table]


def components_at_scale(edges: ir.Table, keep: Keep) -> ir.Table:
    """Every key that an edge names, once, with the least key of its component.

    Args:
        edges: left, right: 64-bit keys; edges may repeat, point both ways and join a key to itself.
        keep: writes a table and gives what was written (see `kept_in`).

    Returns:
        key, label.
    """
    ends = edges.select(high=ibis.greatest(edges.left, edges.right), low=ibis.least(edges.left, edges.right))
    stars = keep(ends.filter(ends.high != ends.low).distinct())
    while not _are_stars(stars):
        stars = keep(_small_star(keep(_large_star(stars))))
    keys = ibis.union(edges.select(key=edges.left), edges.select(key=edges.right), distinct=True)
    found = keys.left_join(stars, keys.key == stars.high)
    return found.select(found.key, label=ibis.coalesce(found.low, found.key))


def kept_in(connection: BaseBackend, folder: Path) -> Keep:
    """Keeps each table as Parquet below `folder`, on any engine that writes and reads it; the caller removes the folder."""
    count = iter(range(10**6))

    def keep(table: ir.Table) -> ir.Table:
        path = folder / f"round-{next(count):03}.parquet"
        connection.to_parquet(table, path)
        return connection.read_parquet(path)

    return keep


def _large_star(rows: ir.Table) -> ir.Table:
    """Every larger neighbour of a key is tied to the least of the key and its neighbours."""
    both = rows.select(key=rows.high, other=rows.low).union(rows.select(key=rows.low, other=rows.high))
    least = both.group_by("key").aggregate(least=both.other.min())
    tied = both.inner_join(least, "key")
    tied = tied.filter(tied.other > tied.key)
    return tied.select(high=tied.other, low=ibis.least(tied.key, tied.least)).distinct()


def _small_star(rows: ir.Table) -> ir.Table:
    """A key and its smaller neighbours are tied to the least of these."""
    least = rows.group_by("high").aggregate(least=rows.low.min())
    tied = rows.inner_join(least, "high")
    tied = tied.filter(tied.low != tied.least)
    moved = tied.select(high=tied.low, low=tied.least)
    return moved.union(least.select(high=least.high, low=least.least), distinct=True)


def _are_stars(rows: ir.Table) -> bool:
    """Whether every key has one centre and no centre has one: then the stars are the components."""
    counts = rows.aggregate(rows=rows.count(), keys=rows.high.nunique())
    found = counts.to_pyarrow().to_pylist()[0]
    if found["rows"] != found["keys"]:
        return False
    centres = rows.select(high=rows.low).distinct()
    return not rows.semi_join(centres, "high").count().to_pyarrow().as_py()
