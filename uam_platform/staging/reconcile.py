"""Proves that nothing was lost: per load, rows in = accepted + quarantined + duplicates.

Here: counting what became of a load and saying where it does not add up. Not here: making the tables counted
(`split`, `events`, `records`), failing a run over it (`assets`, `checks`).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final

import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts.tables import LOAD_RECONCILIATION
from uam_platform.lake.loads import DELIVERIES, Load

DELIVERY: Final = "delivery"
_COLUMNS: Final = list(LOAD_RECONCILIATION.column_names)
_OUTCOMES: Final = ("accepted_count", "quarantined_count", "duplicate_count")


def reconcile(
    loads: Sequence[Load],
    *,
    events: ir.Table,
    unknown_events: ir.Table,
    duplicates_log: ir.Table,
    quarantine: ir.Table,
    record_counts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What became of each load.

    Args:
        loads: complete loads that were taken in, and whose event days were all computed since.
        events: EVENTS; those of other loads are ignored, as in the next three.
        unknown_events: UNKNOWN_EVENTS; counted as quarantined, for they wait for a person.
        duplicates_log: DUPLICATES_LOG.
        quarantine: QUARANTINE; rows of API records in it are ignored, for `record_counts` has them.
        record_counts: `RecordTables.counts`, already in the shape of the result.

    Returns:
        LOAD_RECONCILIATION: one row per load and kind of record, sorted by its key.
    """
    wanted = [load for load in loads if load.files.get(DELIVERIES)]
    lines = quarantine.filter(quarantine.source_object == DELIVERY)
    accepted, unknown, repeated, set_aside = (
        _rows_by_load(table, wanted) for table in (events, unknown_events, duplicates_log, lines)
    )
    rows = [
        {
            "source": load.source,
            "load_id": load.load_id,
            "source_object": DELIVERY,
            "rows_in_count": load.rows.get(DELIVERIES, 0),
            "accepted_count": accepted.get(load.load_id, 0),
            "quarantined_count": set_aside.get(load.load_id, 0) + unknown.get(load.load_id, 0),
            "duplicate_count": repeated.get(load.load_id, 0),
        }
        for load in wanted
    ]
    parts = [pd.DataFrame(rows, columns=_COLUMNS)]
    if record_counts is not None:
        known = {load.load_id for load in loads}
        parts.append(record_counts.loc[record_counts["load_id"].isin(known), _COLUMNS])
    frame = reduce(lambda a, b: pd.concat([a, b]) if len(a) else b, parts)
    return frame.sort_values(list(LOAD_RECONCILIATION.key), ignore_index=True)


def _rows_by_load(table: ir.Table, loads: Iterable[Load]) -> Mapping[str, int]:
    ids = [load.load_id for load in loads]
    if not ids:
        return {}
    mine = table.filter(table.load_id.isin(ids))
    counted = mine.group_by("load_id").aggregate(rows=mine.count()).to_pyarrow()
    return dict(zip(counted["load_id"].to_pylist(), counted["rows"].to_pylist(), strict=True))


def imbalance(frame: pd.DataFrame) -> list[str]:
    """One message per load and kind of record that does not add up; empty when all do.

    Args:
        frame: LOAD_RECONCILIATION.
    """
    outcome = frame[list(_OUTCOMES)].sum(axis=1)
    wrong = frame.assign(missing=frame["rows_in_count"] - outcome).query("missing != 0")
    return [_message(row) for row in wrong.to_dict("records")]


def _message(row: Mapping[Any, Any]) -> str:
    missing = int(row["missing"])
    what = f"{missing:,} rows have no outcome" if missing > 0 else f"{-missing:,} rows are counted twice"
    todo = (
        "recompute the event days of this load" if row["source_object"] == DELIVERY else "recompute the record tables"
    )
    return (
        f"load {row['load_id']}, {row['source_object']}: {what} ({row['rows_in_count']:,} in; "
        f"{row['accepted_count']:,} accepted, {row['quarantined_count']:,} quarantined, "
        f"{row['duplicate_count']:,} duplicates); {todo}"
    )
