"""Keeps the books of the loads: which are reconciled, which still have to be, and where the quarantine of records goes.

Here: reading and publishing per load. Not here: the counting (`reconcile`), the order of taking a load in (`intake`).
"""

from collections.abc import Iterable, Sequence
from typing import Final

import ibis
import pandas as pd
import pyarrow as pa
from ibis.backends.duckdb import Backend

from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import (
    DUPLICATES_LOG,
    EVENTS,
    LOAD_RECONCILIATION,
    QUARANTINE,
    REFUSED_FIELDS,
    UNKNOWN_EVENTS,
)
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.staging.intake import OF_DELIVERIES, taken_in, touched_days
from uam_platform.staging.reconcile import imbalance, reconcile

OF_RECORDS: Final = "/kind=records"


def reconcile_open_loads(connection: Backend, lake: Lake, manifest: LoadManifest) -> pd.DataFrame:
    """Reconcile the loads that were not yet, or did not add up; only their own event days are read.

    A load with events of a day that is not computed yet, such as today, waits until that day is closed.

    Returns:
        LOAD_RECONCILIATION of the loads looked at.
    """
    return _reconciled(connection, lake, _open_loads(connection, lake, manifest))


def reconcile_loads(connection: Backend, lake: Lake, manifest: LoadManifest, load_ids: Iterable[str]) -> pd.DataFrame:
    """Make the books of these loads anew, as after a replay; those with a day that is not computed yet stay open."""
    wanted, computed = set(load_ids), set(lake.keys(EVENTS))
    loads = [load for load in manifest.loads() if load.load_id in wanted]
    ready = [load for load in loads if computed.issuperset(touched_days(lake, load.load_id))]
    return _reconciled(connection, lake, ready)


def _reconciled(connection: Backend, lake: Lake, open_loads: Sequence[Load]) -> pd.DataFrame:
    days = sorted({day for load in open_loads for day in touched_days(lake, load.load_id)})
    frame = reconcile(
        open_loads,
        events=lake.read(connection, EVENTS, days),
        unknown_events=lake.read(connection, UNKNOWN_EVENTS, days),
        duplicates_log=lake.read(connection, DUPLICATES_LOG, days),
        quarantine=lake.read(connection, QUARANTINE, [f"{load.load_id}{OF_DELIVERIES}" for load in open_loads]),
    )
    publish_by_load(connection, lake, frame, [load.load_id for load in open_loads], OF_DELIVERIES)
    return frame


def _open_loads(connection: Backend, lake: Lake, manifest: LoadManifest) -> list[Load]:
    books = lake.read(connection, LOAD_RECONCILIATION).to_pandas()
    unbalanced = {i for i in books["load_id"].unique() if imbalance(books[books["load_id"] == i])}
    done = {k.removesuffix(OF_DELIVERIES) for k in lake.keys(LOAD_RECONCILIATION) if k.endswith(OF_DELIVERIES)}
    wanted = set(taken_in(lake)) - (done - unbalanced)
    computed = set(lake.keys(EVENTS))
    return [
        load
        for load in manifest.loads()
        if load.load_id in wanted and computed.issuperset(touched_days(lake, load.load_id))
    ]


def publish_by_load(connection: Backend, lake: Lake, frame: pd.DataFrame, load_ids: Iterable[str], suffix: str) -> None:
    """Publish reconciliation rows, one partition per load and kind of record."""
    keys = [f"{load_id}{suffix}" for load_id in load_ids]
    if keys:
        schema = arrow_schema(LOAD_RECONCILIATION)
        table = pa.Table.from_pandas(frame[list(schema.names)], schema=schema, preserve_index=False)
        lake.publish(connection, LOAD_RECONCILIATION, ibis.memtable(table), keys)


def publish_record_books(
    connection: Backend,
    lake: Lake,
    quarantine: pd.DataFrame,
    counts: pd.DataFrame,
    refused: pd.DataFrame,
    load_ids: Iterable[str],
) -> None:
    """Publish what became of the API records of each load: quarantine, fields kept out, and reconciliation."""
    load_ids = list(load_ids)
    if not load_ids:
        return
    for contract, found in ((QUARANTINE, quarantine), (REFUSED_FIELDS, refused)):
        schema = arrow_schema(contract)
        rows = pa.Table.from_pandas(found[list(schema.names)], schema=schema, preserve_index=False)
        lake.publish(connection, contract, ibis.memtable(rows), [f"{i}{OF_RECORDS}" for i in load_ids])
    publish_by_load(connection, lake, counts, load_ids, OF_RECORDS)
