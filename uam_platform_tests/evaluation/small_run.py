"""Builds run folders and truth folders for the evaluation tests: by hand row by row, or faithfully from a simulated world."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.contracts.model import Column, Contract, Type
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.simulation.world.schemas import LOST_EVENTS, TRUTH, TRUTH_DELIVERIES

FOREVER = date(9999, 12, 31)
ALWAYS = {
    "valid_from_date": date(2020, 1, 1),
    "valid_to_date": FOREVER,
    "known_from_date": date(2020, 1, 1),
    "known_to_date": FOREVER,
}
_ZERO: dict[Type, Any] = {
    Type.STRING: "x",
    Type.BOOL: False,
    Type.INT16: 0,
    Type.INT32: 0,
    Type.INT64: 0,
    Type.FLOAT64: 0.0,
    Type.DATE: date(2025, 1, 6),
    Type.TIMESTAMP: datetime.fromisoformat("2025-01-06"),
}
_SCHEMAS = {**TRUTH, "deliveries": TRUTH_DELIVERIES, "lost_events": LOST_EVENTS}


def publish(run: Path, contract: Contract, rows: Iterable[Mapping[str, Any]]) -> None:
    """Publish rows into the lake of a run; columns that a row does not name get a plain value, or null where that is allowed."""
    filled = [{c.name: row.get(c.name, _plain(c, contract)) for c in contract.columns} for row in rows]
    for number, row in enumerate(filled):
        if "row_no" in row and not row["row_no"]:
            row["row_no"] = number
    publish_table(run, contract, pa.Table.from_pylist(filled, schema=arrow_schema(contract)))


def publish_table(run: Path, contract: Contract, table: pa.Table) -> None:
    """Publish a whole table, all its partitions."""
    if contract.partition and not table.num_rows:
        return
    keys = sorted({str(v) for v in table[contract.partition].to_pylist()}) if contract.partition else None
    connection = connect()
    try:
        Lake(run / "lake").publish(connection, contract, ibis.memtable(table), keys)
    finally:
        connection.disconnect()


def _plain(column: Column, contract: Contract) -> Any:
    if column.name in contract.nullable:
        return None
    return column.allowed[0] if column.allowed else column.minimum or _ZERO[column.type]


def write_truth(world: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]], **about: Any) -> None:
    """Write a world folder with the given truth rows; tables that are not named are empty."""
    (world / "truth").mkdir(parents=True)
    (world / "company").mkdir()
    described = {"accounts": 2, "days": 60, "seed": 1, "difficulty": "default", "world_version": "1"} | about
    (world / "company" / "world.json").write_text(json.dumps(described))
    for name, schema in _SCHEMAS.items():
        rows = [{field: row.get(field) for field in schema.names} for row in tables.get(name, ())]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), world / "truth" / f"{name}.parquet")


def at(text: str) -> datetime:
    """A UTC time of a truth table."""
    return datetime.fromisoformat(text + "+00:00")
