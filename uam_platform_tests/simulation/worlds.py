"""A simulated world as the tests of this folder ask it."""

from pathlib import Path
from typing import Any

import duckdb

from uam_platform.simulation.world.generate import WorldSummary


class World:
    """A world with one way to ask it: SQL in which {company} and {truth} are its folders."""

    def __init__(self, out: Path, summary: WorldSummary) -> None:
        self.out, self.summary = out, summary
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.format(company=self.out / "company", truth=self.out / "truth")).fetchall()

    def value(self, sql: str) -> Any:
        return self.rows(sql)[0][0]
