"""What a timeline is made of: its lines, and the lake and ledger they are read from.

Here: the two shapes and plain rows. Not here: which lines there are (`timeline`, `timeline_changes`), the page (`timeline_page`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.model import Contract
from uam_platform.lake.store import Lake
from uam_platform.ledger.engine import Ledger


@dataclass(frozen=True)
class Line:
    """One thing that happened: when, of which kind, in words, where its rows are, and how many they are."""

    at: datetime
    kind: str
    text: str
    pointer: str
    count: int = 1


@dataclass(frozen=True)
class Store:
    """Where a timeline is read from."""

    lake: Lake
    connection: Backend
    ledger: Ledger | None

    def rows(self, contract: Contract, account_id: str) -> list[dict[str, Any]]:
        """Rows of a table that name the account."""
        table = self.lake.read(self.connection, contract)
        return plain_rows(table.filter(table.account_id == account_id).to_pandas())


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for every missing value and plain datetimes."""
    cleaned = frame.astype(object).where(frame.notna(), None)
    return [
        {str(k): v.to_pydatetime() if isinstance(v, pd.Timestamp) else v for k, v in row.items()}
        for row in cleaned.to_dict("records")
    ]
