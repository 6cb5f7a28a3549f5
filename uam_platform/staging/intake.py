"""Takes complete loads in: splits each one once by event day and notes what it repeats.

Here: the order of writes that makes a killed intake invisible (the load's quarantine partition is published last and marks
it done). Not here: how a record is read (`split`), recognising repeats (`key_index`), the canonical table (`events`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import DELIVERIES, DELIVERY_KEYS, QUARANTINE, REFUSED_FIELDS, REPEATED_KEYS
from uam_platform.lake import loads
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.policy.sources import DELIVERY, SourceMap
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.key_index import new_keys, repeats
from uam_platform.staging.split import Split, split_load

OF_DELIVERIES: Final = "/kind=deliveries"
_NEW_KEYS: Final = "keys_of_a_load"  # read twice, and to find the ids of a load costs more than to store them


@dataclass(frozen=True)
class Intake:
    """What taking one load in did.

    Attributes:
        rows_in: records delivered.
        quarantined: records set aside.
        changed_days: event days whose deliveries of this load are others than before, ISO.
    """

    rows_in: int
    quarantined: int
    changed_days: tuple[str, ...] = ()


def pending(lake: Lake, manifest: LoadManifest) -> list[Load]:
    """Complete loads with event deliveries that have not been taken in, in load order."""
    done = set(taken_in(lake))
    return [load for load in manifest.loads() if load.files.get(loads.DELIVERIES) and load.load_id not in done]


def take_in(
    connection: Backend,
    lake: Lake,
    manifest: LoadManifest,
    load: Load,
    policy: TimePolicy,
    sources: SourceMap | None = None,
) -> Intake:
    """Split one load by event day, index its event ids and publish its quarantine.

    Repeating it after a kill gives the same files.
    """
    split = split_load(connection, load, manifest, policy, sources)
    try:
        return publish_intake(connection, lake, load, split, policy)
    finally:
        split.drop(connection)


def publish_intake(
    connection: Backend,
    lake: Lake,
    load: Load,
    split: Split,
    policy: TimePolicy,
    days: Iterable[str] = (),
) -> Intake:
    """Publish what a load was judged to be; its quarantine comes last, because it marks the load as taken in.

    Args:
        connection: engine.
        lake: takes the tables.
        load: the load.
        split: its judgement.
        policy: rank of the sources and grace.
        days: further event days that an earlier judgement put rows on.
    """
    keys = [f"{day}/load_id={load.load_id}" for day in sorted({*split.event_dates, *days})]
    changed = lake.publish(connection, DELIVERIES, split.deliveries, keys, is_sorted=True).changed if keys else ()
    earlier = lake.read(connection, DELIVERY_KEYS, [key for key in lake.keys(DELIVERY_KEYS) if key < load.load_id])
    new = connection.create_table(_NEW_KEYS, new_keys(split.deliveries), overwrite=True)
    lake.publish(connection, REPEATED_KEYS, repeats_of(new, earlier, policy), [load.load_id])
    lake.publish(connection, DELIVERY_KEYS, new, [load.load_id])
    connection.drop_table(_NEW_KEYS)
    marker = f"{load.load_id}{OF_DELIVERIES}"
    publish_refused(connection, lake, load, split.refused)
    set_aside = lake.publish(connection, QUARANTINE, split.quarantine, [marker])
    changed_days = tuple(sorted(key.split("/")[0] for key in changed))
    return Intake(rows_in=split.rows_in, quarantined=set_aside.rows[marker], changed_days=changed_days)


def publish_refused(connection: Backend, lake: Lake, load: Load, counts: Mapping[str, int]) -> None:
    """Publish which columns of a load's deliveries were kept out for lack of a purpose; also that none is any more."""
    key = f"{load.load_id}{OF_DELIVERIES}"
    if counts or lake.pointer(REFUSED_FIELDS, key):
        same = {"source": load.source, "source_object": DELIVERY, "load_id": load.load_id}
        rows = [{**same, "field_name": name, "value_count": count} for name, count in counts.items()]
        table = pa.Table.from_pylist(rows, schema=arrow_schema(REFUSED_FIELDS))
        lake.publish(connection, REFUSED_FIELDS, ibis.memtable(table), [key])


def repeats_of(new: ir.Table, earlier: ir.Table, policy: TimePolicy) -> ir.Table:
    """REPEATED_KEYS of a load with keys `new` after loads with keys `earlier`, by the rank and grace of the rulebook."""
    return repeats(new, earlier, policy.same_action.told_best_by, int(policy.grace / timedelta(microseconds=1)))


def taken_in(lake: Lake) -> list[str]:
    """Loads that were taken in completely, in load order."""
    return [k.removesuffix(OF_DELIVERIES) for k in lake.keys(QUARANTINE) if k.endswith(OF_DELIVERIES)]


def delivered_days(lake: Lake, load_id: str) -> set[str]:
    """Event days that a load delivers to."""
    folder = lake.table_folder(DELIVERIES)
    return {path.parent.name.split("=", 1)[1] for path in folder.glob(f"*/load_id={load_id}")}


def touched_days(lake: Lake, load_id: str) -> list[str]:
    """Event days whose tables a load changes: those it delivers to, and those whose copy of an id is no longer the accepted one."""
    repeated = lake.files(REPEATED_KEYS, [load_id])
    lost = (
        pq.read_table(repeated, columns=["event_date"], partitioning=None).column(0).unique().to_pylist()
        if repeated
        else []
    )
    return sorted(delivered_days(lake, load_id) | {day.isoformat() for day in lost})


def delivery_keys_of(lake: Lake, days: Iterable[str]) -> list[str]:
    """Delivery partitions of the given days, of loads that were taken in completely."""
    done = set(taken_in(lake))
    return [key for day in days for key in lake.sub_keys(DELIVERIES, day) if key.rsplit("=", 1)[1] in done]
