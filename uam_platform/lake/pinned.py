"""Readings that are named after their content, and what is computed over them once per engine.

A published partition never changes under its path, so a reading named after its paths means the same rows for as long as the engine
lives. Asked for again it is the same table, and an expression over nothing but such tables needs to be computed only once, however
many assets of a run ask for it. Here: both memories. Not here: which paths are published (`store`), what is worth keeping (callers).
"""

import hashlib
import uuid
from collections.abc import Callable, Hashable, Sequence
from typing import Final
from weakref import WeakKeyDictionary

import duckdb
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

_PREFIX: Final = "pinned_"
_READINGS: Final[WeakKeyDictionary[duckdb.DuckDBPyConnection, dict[str, ir.Table]]] = WeakKeyDictionary()
_KEPT: Final[WeakKeyDictionary[duckdb.DuckDBPyConnection, dict[tuple[ops.Node, Hashable], ir.Table]]] = (
    WeakKeyDictionary()
)


def pinned(connection: Backend, title: str, paths: Sequence[str], read: Callable[[str], ir.Table]) -> ir.Table:
    """The reading of `paths`, made by `read(name)` unless this engine has it.

    Args:
        connection: the engine.
        title: readable part of the table's name.
        paths: files whose content never changes under their path.
        read: makes the reading under the name it is given.
    """
    digest = hashlib.blake2b("\n".join(paths).encode(), digest_size=8).hexdigest()
    name = f"{_PREFIX}{title}_{digest}"
    known = _READINGS.setdefault(connection.con, {})
    if name not in known:
        known[name] = read(name)
    return known[name]


def computed_once(table: ir.Table, what: Hashable, compute: Callable[[ir.Table], ir.Table]) -> ir.Table:
    """`compute(table)` as a stored table, computed when first asked for; merely the expression where `table` may change.

    Args:
        table: a reading, or an expression over readings.
        what: what `compute` does; equal for callables that do the same.
        compute: makes the expression; not called when this engine has its result.
    """
    op = table.op()
    leaves = op.find((ops.DatabaseTable, ops.InMemoryTable, ops.UnboundTable))
    if not leaves or not all(isinstance(leaf, ops.DatabaseTable) and leaf.name.startswith(_PREFIX) for leaf in leaves):
        return compute(table)
    connection = leaves[0].source
    if not isinstance(connection, Backend):
        return compute(table)
    kept = _KEPT.setdefault(connection.con, {})
    if (op, what) not in kept:
        kept[op, what] = connection.create_table(f"kept_{uuid.uuid4().hex[:12]}", compute(table))
    return kept[op, what]
