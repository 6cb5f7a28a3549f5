"""What is out of date: days that a load touched and nobody recomputed, snapshots of the grid that are missing.

Here: comparing what the instance recorded. It is a set, not a tick: a skipped tick or a killed run leaves nothing behind.
Not here: requesting runs (the stages' sensors and schedules, `uam_platform.runner`).
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import dagster as dg

from uam_platform.contracts.tables import ACTOR_DAYS, DELIVERIES, EVENTS, SESSIONS
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.partitions import AS_OF, snapshot_grid
from uam_platform.orchestration.wiring import Wiring

ALERT_STATE = dg.AssetKey(["alerts", "alert_state"])
RESTATEMENT_TAG = "uam/restatement"
_PAGE = 500


def touched_days(instance: dg.DagsterInstance) -> dict[str, int]:
    """Event days that loads touched, with the storage id of the latest record that says so."""
    touched: dict[str, int] = {}
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(asset_key(DELIVERIES), limit=_PAGE, cursor=cursor)
        for record in page.records:
            metadata = record.asset_materialization.metadata if record.asset_materialization else {}
            value = metadata.get("touched_days")
            for day in value.value if value is not None else ():  # type: ignore[union-attr]
                touched[str(day)] = max(record.storage_id, touched.get(str(day), 0))
        if not page.has_more:
            return touched
        cursor = page.cursor


def stale_days(instance: dg.DagsterInstance, wiring: Wiring) -> list[date]:
    """Touched days inside the partitions of which some daily table is older than the load that touched them."""
    built = [
        instance.get_latest_storage_id_by_partition(asset_key(table), dg.DagsterEventType.ASSET_MATERIALIZATION)
        for table in (EVENTS, SESSIONS, ACTOR_DAYS)
    ]
    known = set(wiring.days.get_partition_keys())
    return sorted(
        date.fromisoformat(day)
        for day, storage_id in touched_days(instance).items()
        if day in known and any(table.get(day, 0) < storage_id for table in built)
    )


def missing_snapshots(instance: dg.DagsterInstance, wiring: Wiring, first_day: date) -> list[str]:
    """Snapshot days of the grid that were never recorded, ascending."""
    grid = snapshot_grid(first_day, wiring.closed_as_of, wiring.rulebook.time)
    recorded = recorded_snapshots(instance)
    return [day.isoformat() for day in grid if day.isoformat() not in recorded]


def recorded_snapshots(instance: dg.DagsterInstance) -> set[str]:
    """Snapshot days that were computed to the end: up to the life cycle of their alerts."""
    return instance.get_materialized_partitions(ALERT_STATE)


def add_snapshots(instance: dg.DagsterInstance, keys: Iterable[str]) -> list[str]:
    """Register snapshot days as partitions; returns all registered ones in Dagster's order."""
    name = AS_OF.name or ""
    existing = set(instance.get_dynamic_partitions(name))
    new = sorted(set(keys) - existing)
    if new:
        instance.add_dynamic_partitions(name, new)
    return list(instance.get_dynamic_partitions(name))


def first_event_day(lake_days: Iterable[str], wiring: Wiring) -> date:
    """First day with deliveries, not before the first partition."""
    days = [d.split("/")[0] for d in lake_days]
    first = date.fromisoformat(min(days)) if days else wiring.settings.first_day
    return max(first, wiring.settings.first_day)


def late_sources(instance: dg.DagsterInstance, wiring: Wiring) -> list[str]:
    """Connected sources that were not read since the decision time of the latest closed snapshot."""
    needed = wiring.rulebook.time.decision_at(wiring.closed_as_of)
    late = []
    for source in wiring.sources:
        event = instance.get_latest_materialization_event(dg.AssetKey(["raw", source]))
        record = event.asset_materialization if event else None
        value = record.metadata.get("complete_until") if record else None
        if value is None or datetime.fromisoformat(str(value.value)) < needed:
            late.append(source)
    return late


def refuse_unasked_restatement(instance: dg.DagsterInstance, keys: Iterable[str], run_tags: Mapping[str, str]) -> None:
    """A recorded snapshot is history: it changes only by an explicit restatement.

    Raises:
        dagster.Failure: the run would rewrite recorded snapshots without being a restatement.
    """
    recorded = sorted(set(keys) & recorded_snapshots(instance))
    if recorded and RESTATEMENT_TAG not in run_tags:
        shown = ", ".join(recorded[:3]) + (f" and {len(recorded) - 3} more" if len(recorded) > 3 else "")
        raise dg.Failure(
            description=f"snapshots {shown} are recorded and stay as they are; to write a new version of one on purpose run "
            f"`uam restate --as-of {recorded[0]} --reason '…'`",
            allow_retries=False,
        )
