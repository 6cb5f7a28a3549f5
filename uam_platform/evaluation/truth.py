"""The truth of a simulated world: what really was, as frames.

Here: the only place of the platform that opens `truth/`. Not here: what a run made of it (`run_folder`). Times are returned as
naive UTC, as in the lake.
"""

import json
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow.parquet as pq

HORIZON: Final = pd.Timedelta(days=56)
GRID_WEEKDAY: Final = 0  # snapshots that are judged lie on Mondays 00:00 UTC


class TruthError(ValueError):
    """The folder is no simulated world; the message says what is missing and what to do."""


class Truth:
    """Truth tables below one world folder."""

    def __init__(self, world: Path) -> None:
        self.root = world / "truth"
        self._world_file = world / "company" / "world.json"
        missing = [str(path) for path in (self.root, self._world_file) if not path.exists()]
        if missing:
            raise TruthError(
                f"{world} is no simulated world: {', '.join(missing)} not found; make one with `uam simulate`"
            )

    def world(self) -> dict[str, Any]:
        """Size, seed, difficulty and time span of the world."""
        found: dict[str, Any] = json.loads(self._world_file.read_text(encoding="utf-8"))
        return found

    def path(self, table: str) -> str:
        """Parquet file of a truth table, for the engine.

        Raises:
            TruthError: the world has no such table.
        """
        path = self.root / f"{table}.parquet"
        if not path.exists():
            raise TruthError(f"{path} not found; the world was written by another version: simulate it again")
        return str(path)

    def has(self, table: str) -> bool:
        """The world has this truth table; worlds of older versions lack some."""
        return (self.root / f"{table}.parquet").exists()

    def columns(self, table: str) -> tuple[str, ...]:
        """Column names of a truth table."""
        return tuple(pq.read_schema(self.path(table)).names)

    def company_path(self, table: str) -> str:
        """Parquet files of a table of the company, for what both sides know (a workflow's name, a ticket's raise)."""
        return str(self._world_file.parent / f"{table}.parquet")

    def has_company(self, table: str) -> bool:
        """The company has files of this table."""
        return any(self._world_file.parent.glob(f"{table}.parquet"))

    def frame(self, table: str) -> pd.DataFrame:
        """A truth table with naive UTC timestamps in microseconds."""
        found = pd.read_parquet(self.path(table))
        for name, kind in found.dtypes.items():
            if isinstance(kind, pd.DatetimeTZDtype):
                found[name] = found[name].dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
        return found
