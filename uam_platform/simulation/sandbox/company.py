"""Reads the company directory that the sandbox serves.

Belongs here: where the tables are and how they become rows. Does not belong here: any vendor's wire shape (the
modules named after the vendors) and the known truth of the world, which lies beside this directory and is never read.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_DELIVERY_PREFIX = "received_date="


@dataclass(frozen=True)
class DeliveryDay:
    """The deliveries Segment received on one UTC day."""

    received_on: date
    path: Path


class Company:
    """One simulated company on disk, grain: one directory written by the world generator.

    Raises:
        FileNotFoundError: When `root` holds no `world.json`, or a table is read that does not exist.
    """

    def __init__(self, root: Path) -> None:
        if not (root / "world.json").is_file():
            raise FileNotFoundError(
                f"{root / 'world.json'} is missing: pass the company/ folder that a simulation wrote"
            )
        self.root = root

    @cached_property
    def world(self) -> Row:
        """Size, seed and period of the world, without any truth."""
        loaded: Row = json.loads((self.root / "world.json").read_text(encoding="utf-8"))
        return loaded

    @property
    def end(self) -> datetime:
        """End of the simulated period (UTC); nothing in the company is younger."""
        parsed = datetime.fromisoformat(str(self.world["end"]).replace("Z", "+00:00"))
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)

    def delivery_days(self) -> list[DeliveryDay]:
        """List the days on which Segment received something, oldest first."""
        paths = sorted((self.root / "deliveries").glob(f"{_DELIVERY_PREFIX}*.parquet"))
        return [DeliveryDay(date.fromisoformat(path.stem.removeprefix(_DELIVERY_PREFIX)), path) for path in paths]

    def has(self, table: str) -> bool:
        """Whether the company keeps a small table of this name."""
        return (self.root / f"{table}.parquet").is_file()

    def rows(self, table: str) -> list[Row]:
        """Read one small table whole, as one dictionary per row with aware UTC timestamps."""
        import pyarrow.parquet as pq

        rows: list[Row] = pq.ParquetFile(self.root / f"{table}.parquet").read().to_pylist()
        return rows

    def column_kinds(self, table: str) -> dict[str, str]:
        """Tell for each column of a table whether it holds a `datetime`, `date`, `number`, `boolean` or `string`."""
        import pyarrow.parquet as pq

        schema = pq.read_schema(self.root / f"{table}.parquet")
        return {field.name: _kind(str(field.type)) for field in schema}


def _kind(arrow_type: str) -> str:
    if arrow_type.startswith("timestamp"):
        return "datetime"
    if arrow_type.startswith("date"):
        return "date"
    if arrow_type == "bool":
        return "boolean"
    return "number" if arrow_type.startswith(("int", "uint", "double", "float", "decimal")) else "string"
