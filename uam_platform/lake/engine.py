"""The embedded engine: one DuckDB in memory behind Ibis, with limits.

Here: opening a connection with the limits of the machine, and casting a table to its contract. Not here: where files lie
(`store`), checking them (`validation`).
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import ibis_schema


@dataclass(frozen=True)
class EngineLimits:
    """What the engine may use.

    Attributes:
        memory: DuckDB memory limit, e.g. "4GB"; beyond it the engine spills to `spill`.
        threads: worker threads; results do not depend on it.
        spill: folder for temporary files.
    """

    memory: str = "4GB"
    threads: int = 2
    spill: Path | None = None


def connect(limits: EngineLimits | None = None) -> Backend:
    """A fresh in-memory DuckDB connection, clock and zone fixed to UTC."""
    limits = limits or EngineLimits()
    ibis.options.sql.fuse_selects = (
        False  # DuckDB folds nested selects itself; Ibis took as long for it as for all the rest
    )
    connection = ibis.duckdb.connect(threads=limits.threads, memory_limit=limits.memory)
    connection.raw_sql("SET TimeZone='UTC'")
    connection.raw_sql("SET enable_progress_bar=false")
    connection.raw_sql("SET preserve_insertion_order=true")  # partitions of a sorted table are written in its order
    if limits.spill is not None:
        limits.spill.mkdir(parents=True, exist_ok=True)
        folder = str(limits.spill).replace("'", "''")
        connection.raw_sql(f"SET temp_directory='{folder}'")
    return connection


def parser_engine(threads: int, memory: str) -> duckdb.DuckDBPyConnection:
    """A fresh in-memory DuckDB without Ibis, for sources that parse lines with it; silent, because progress is ours to tell."""
    connection = duckdb.connect(config={"threads": threads, "memory_limit": memory})
    connection.execute("SET enable_progress_bar=false")
    return connection


def conform(table: ir.Table, contract: Contract) -> ir.Table:
    """`table` with the contract's columns in stored order and type.

    Raises:
        KeyError: a column of the contract is missing; the message names table and columns.
    """
    missing = [n for n in contract.column_names if n not in table.columns]
    if missing:
        raise KeyError(f"{contract.stage}/{contract.name}: missing columns {missing}")
    schema = ibis_schema(contract)
    if table.schema() == schema:
        return table
    return table.select(
        **{name: table[name] if table[name].type() == kind else table[name].cast(kind) for name, kind in schema.items()}
    )


def with_all_columns(table: ir.Table, contract: Contract) -> ir.Table:
    """`table` with the contract's columns in stored order; those it lacks are null."""
    kinds = ibis_schema(contract)
    return table.select(
        **{name: table[name] if name in table.columns else ibis.null(kind) for name, kind in kinds.items()}
    )


def empty(contract: Contract) -> ir.Table:
    """A table of the contract without rows."""
    return ibis.memtable([], schema=ibis_schema(contract))
