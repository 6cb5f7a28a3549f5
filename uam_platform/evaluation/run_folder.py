"""What a run left behind: its lake tables, its ledger, what its destinations received.

Here: reading. Not here: the truth (`truth`), any judgement. Large tables stay in the engine and are named in SQL; small ones
come as frames.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pandas as pd

from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.ledger.models import OutboxRow

_OUTBOX_COLUMNS: Final = ("idempotency_key", "kind", "destination", "state")


class RunFolder:
    """One run directory, opened for reading only.

    Args:
        root: holds `lake`, `ledger.db` and, for a run against the sandbox, `sandbox/received`.
        received: folder with one file of received calls per destination, where it lies elsewhere.
    """

    def __init__(self, root: Path, received: Path | None = None) -> None:
        self.root = root
        self.lake = Lake(root / "lake")
        self.connection = connect()
        self._received = received or root / "sandbox" / "received"

    def close(self) -> None:
        """Give the engine back."""
        self.connection.disconnect()

    def view(self, contract: Contract, columns: Sequence[str] | None = None) -> str:
        """Name of a view over the published rows of a table (of no rows where nothing is published)."""
        name = f"run_{contract.stage}_{contract.name}"
        paths = self.lake.files(contract)
        wanted = ", ".join(columns or contract.column_names)
        if paths:
            files = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
            self.connection.raw_sql(
                f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {wanted} FROM read_parquet([{files}], hive_partitioning=false)"
            )
        else:
            self.connection.con.register(name, arrow_schema(contract).empty_table())
        return name

    def query(self, sql: str) -> pd.DataFrame:
        """Rows of a SELECT."""
        return self.connection.raw_sql(sql).df()

    def execute(self, sql: str) -> None:
        """Run a statement."""
        self.connection.raw_sql(sql)

    def frame(self, contract: Contract, columns: Sequence[str] | None = None, where: str = "true") -> pd.DataFrame:
        """Rows of a small table, ordered by its key."""
        wanted = list(columns or contract.column_names)
        name = self.view(contract)
        return self.query(f"SELECT {', '.join(wanted)} FROM {name} WHERE {where} ORDER BY {', '.join(contract.key)}")

    def outbox(self) -> pd.DataFrame | None:
        """Outbox rows of the ledger (key, kind, destination, state), or None where the run has no ledger."""
        path = self.root / "ledger.db"
        if not path.exists():
            return None
        wanted = ", ".join(_OUTBOX_COLUMNS)
        with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro", uri=True)) as ledger:
            rows = ledger.execute(f"SELECT {wanted} FROM {OutboxRow.__tablename__} ORDER BY 1").fetchall()
        return pd.DataFrame(rows, columns=list(_OUTBOX_COLUMNS))

    def received(self, destination: str = "slack") -> list[dict[str, Any]] | None:
        """Calls that a destination accepted, in order, or None where no destination kept records."""
        path = self._received / f"{destination}.jsonl"
        if not path.exists():
            return [] if self._received.is_dir() else None
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
