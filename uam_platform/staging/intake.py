"""Takes complete loads in: splits each one once by event day and notes what it repeats.

Here: the order of writes that makes a killed intake invisible (the load's quarantine partition is published last and marks
it done). Not here: how a record is read (`split`), recognising repeats (`key_index`), the canonical table (`events`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import DELIVERIES, DELIVERY_KEYS, QUARANTINE, REPEATED_KEYS
from uam_platform.lake import loads
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.key_index import new_keys, repeats
from uam_platform.staging.split import split_load

OF_DELIVERIES: Final = "/kind=deliveries"


@dataclass(frozen=True)
class Intake:
    """What taking one load in did.

    Attributes:
        rows_in: records delivered.
        quarantined: records set aside.
    """

    rows_in: int
    quarantined: int


def pending(lake: Lake, manifest: LoadManifest) -> list[Load]:
    """Complete loads with event deliveries that have not been taken in, in load order."""
    done = set(taken_in(lake))
    return [load for load in manifest.loads() if load.files.get(loads.DELIVERIES) and load.load_id not in done]


def take_in(connection: Backend, lake: Lake, manifest: LoadManifest, load: Load, policy: TimePolicy) -> Intake:
    """Split one load by event day, index its event ids and publish its quarantine.

    Repeating it after a kill gives the same files.
    """
    split = split_load(connection, load, manifest, policy)
    try:
        keys = [f"{day}/load_id={load.load_id}" for day in split.event_dates]
        if keys:
            lake.publish(connection, DELIVERIES, split.deliveries, keys)
        others = [key for key in lake.keys(DELIVERY_KEYS) if key < load.load_id]
        new = new_keys(split.deliveries)
        grace_us = int(policy.grace / timedelta(microseconds=1))
        ranked = policy.same_action.told_best_by
        repeated = repeats(new, lake.read(connection, DELIVERY_KEYS, others), ranked, grace_us)
        lake.publish(connection, REPEATED_KEYS, repeated, [load.load_id])
        lake.publish(connection, DELIVERY_KEYS, new, [load.load_id])
        marker = f"{load.load_id}{OF_DELIVERIES}"
        set_aside = lake.publish(connection, QUARANTINE, split.quarantine, [marker])
    finally:
        split.drop(connection)
    return Intake(rows_in=split.rows_in, quarantined=set_aside.rows[marker])


def taken_in(lake: Lake) -> list[str]:
    """Loads that were taken in completely, in load order."""
    return [k.removesuffix(OF_DELIVERIES) for k in lake.keys(QUARANTINE) if k.endswith(OF_DELIVERIES)]


def touched_days(lake: Lake, load_id: str) -> list[str]:
    """Event days whose tables a load changes: those it delivers to, and those whose copy of an id is no longer the accepted one."""
    folder = lake.table_folder(DELIVERIES)
    days = {path.parent.name.split("=", 1)[1] for path in folder.glob(f"*/load_id={load_id}")}
    repeated = lake.files(REPEATED_KEYS, [load_id])
    lost = (
        pq.read_table(repeated, columns=["event_date"], partitioning=None).column(0).unique().to_pylist()
        if repeated
        else []
    )
    return sorted(days | {day.isoformat() for day in lost})


def delivery_keys_of(lake: Lake, days: Iterable[str]) -> list[str]:
    """Delivery partitions of the given days, of loads that were taken in completely."""
    done = set(taken_in(lake))
    return [key for day in days for key in lake.sub_keys(DELIVERIES, day) if key.rsplit("=", 1)[1] in done]
