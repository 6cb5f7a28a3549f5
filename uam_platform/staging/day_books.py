"""Proves day by day that no delivery is lost or counted twice: delivered = events + unknown names + repeats.

Here: counting by source and event day, and saying where it does not add up. Not here: the books of whole loads (`reconcile`), API records
(`table_books`), making the tables counted (`event_days`), failing a run over it (`checks`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import DELIVERIES, DUPLICATES_LOG, EVENTS, UNKNOWN_EVENTS
from uam_platform.lake.store import Lake
from uam_platform.staging.intake import delivery_keys_of

_KEY: Final = ("source", "event_date")
_OUTCOMES: Final = ("event_count", "unknown_count", "repeat_count")
_NO_ROWS: Final = (*_KEY, "delivered_count", *_OUTCOMES)


def day_books(
    deliveries: ir.Table, events: ir.Table, unknown_events: ir.Table, duplicates_log: ir.Table
) -> pd.DataFrame:
    """What became of the deliveries of some event days.

    Args:
        deliveries: DELIVERIES of the days, of all loads that were taken in.
        events: EVENTS of the same days, as in the next two.
        unknown_events: UNKNOWN_EVENTS.
        duplicates_log: DUPLICATES_LOG.

    Returns:
        source, event_date, delivered_count, event_count, unknown_count, repeat_count; one row per source and day with any of them, sorted.
    """
    tables = dict(zip(_NO_ROWS[2:], (deliveries, events, unknown_events, duplicates_log), strict=True))
    found = ibis.union(*(table.select(*_KEY, outcome=ibis.literal(name)) for name, table in tables.items()))
    counted = found.group_by(_KEY).aggregate(**{name: (found.outcome == name).sum() for name in tables})
    books = counted.to_pandas()
    books["event_date"] = pd.to_datetime(books["event_date"]).dt.date
    return books[list(_NO_ROWS)].sort_values(list(_KEY), ignore_index=True)


def published_day_books(connection: Backend, lake: Lake, days: Sequence[str]) -> pd.DataFrame:
    """`day_books` of what the lake holds of these event days (ISO)."""
    deliveries = lake.read(connection, DELIVERIES, delivery_keys_of(lake, days))
    outcomes = (lake.read(connection, contract, days) for contract in (EVENTS, UNKNOWN_EVENTS, DUPLICATES_LOG))
    return day_books(deliveries, *outcomes)


def day_imbalance(books: pd.DataFrame) -> list[str]:
    """One message per source and event day that does not add up; empty when all do.

    Args:
        books: as `day_books` gives them.
    """
    lost = books["delivered_count"] - books[list(_OUTCOMES)].sum(axis=1)
    return [_message(row) for row in books.assign(lost=lost).loc[lost != 0].to_dict("records")]


def _message(row: Mapping[Any, Any]) -> str:
    lost = int(row["lost"])
    what = f"{lost:,} deliveries are in no table" if lost > 0 else f"{-lost:,} rows stand for no delivery"
    return (
        f"{row['source']} on {row['event_date']}: {what} ({row['delivered_count']:,} delivered; {row['event_count']:,} in events, "
        f"{row['unknown_count']:,} in unknown_events, {row['repeat_count']:,} in duplicates_log); compute that event day again"
    )
