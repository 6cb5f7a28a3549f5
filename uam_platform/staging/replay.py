"""Judges loads again after a rule has changed, so that what was set aside comes in where it is accepted now.

Here: which deliveries and names today's rules accept, and taking a load in again as one step. Not here: the rules (`split`,
`taxonomy_names`), computing event days (`event_days`), API records, which are judged anew with every run (`records`).

Nothing is doubled: a load's partitions are replaced, not extended, and other loads that hold an id of the load say anew which copy of
it counts. A kill leaves the load as it was or as it is judged now (`Lake.together`).
"""

from collections import Counter
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import DELIVERY_KEYS, QUARANTINE, REFUSED_FIELDS, REPEATED_KEYS, UNKNOWN_EVENTS
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.policy.sources import SourceMap
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.intake import (
    OF_DELIVERIES,
    delivered_days,
    publish_intake,
    repeats_of,
)
from uam_platform.staging.key_index import new_keys
from uam_platform.staging.split import split_load
from uam_platform.staging.taxonomy_names import judged_names, name_keys

_ID = ("event_lo", "event_hi")


@dataclass(frozen=True)
class Rejudged:
    """What today's rules say of the deliveries of one load, beside what was stored.

    Attributes:
        load: the load.
        accepted: rows that were set aside and are accepted now, by the reason they were set aside for.
        refused: rows that were accepted and are set aside now, by reason.
        kept: rows that stay set aside, by today's reason.
        fields: rows in which a column that was kept out for lack of a purpose comes in, by column.
    """

    load: Load
    accepted: Counter[str]
    refused: Counter[str]
    kept: Counter[str]
    fields: Counter[str]

    @property
    def is_changed(self) -> bool:
        """Some row is judged otherwise, or holds more."""
        return bool(self.accepted or self.refused or self.fields)


@dataclass(frozen=True)
class AcceptedName:
    """A name that was set aside and that the taxonomy accepts now, on one event day of one load."""

    name: str
    event_name: str
    reason: str
    source: str
    load_id: str
    event_date: str
    rows: int


def rejudged(
    connection: Backend,
    lake: Lake,
    manifest: LoadManifest,
    load: Load,
    policy: TimePolicy,
    sources: SourceMap | None = None,
) -> Rejudged:
    """Judge the deliveries of one load again without storing anything."""
    stored = lake.read(connection, QUARANTINE, [f"{load.load_id}{OF_DELIVERIES}"])
    split = split_load(connection, load, manifest, policy, sources)
    before, now = _reasons(stored), _reasons(split.quarantine)
    split.drop(connection)
    return Rejudged(
        load=load,
        accepted=Counter(reason for row, reason in before.items() if row not in now),
        refused=Counter(reason for row, reason in now.items() if row not in before),
        kept=Counter(reason for row, reason in now.items() if row in before),
        fields=kept_out(connection, lake, load) - Counter(split.refused),
    )


def kept_out(connection: Backend, lake: Lake, load: Load) -> Counter[str]:
    """Rows of a load in which a column of the envelope was kept out, by column."""
    stored = lake.read(connection, REFUSED_FIELDS, [f"{load.load_id}{OF_DELIVERIES}"])
    rows = stored.select("field_name", "value_count").to_pyarrow()
    return Counter(dict(zip(rows["field_name"].to_pylist(), rows["value_count"].to_pylist(), strict=True)))


def _reasons(quarantine: ir.Table) -> dict[int, str]:
    rows = quarantine.select("row_no", "reason").to_pyarrow()
    return dict(zip(rows["row_no"].to_pylist(), rows["reason"].to_pylist(), strict=True))


def retake(
    connection: Backend,
    lake: Lake,
    manifest: LoadManifest,
    load: Load,
    policy: TimePolicy,
    sources: SourceMap | None = None,
) -> set[str]:
    """Take one load in again under today's rules, as one step.

    Returns:
        Event days whose tables it changes, ISO: of deliveries that are others than before, and of ids shared with other loads.
    """
    split = split_load(connection, load, manifest, policy, sources)
    before = delivered_days(lake, load.load_id)
    try:
        with lake.together():
            shared = _tell_later_loads(connection, lake, load, new_keys(split.deliveries), policy)
            intake = publish_intake(connection, lake, load, split, policy, before)
    finally:
        split.drop(connection)
    return shared | set(intake.changed_days)


def _tell_later_loads(connection: Backend, lake: Lake, load: Load, new: ir.Table, policy: TimePolicy) -> set[str]:
    """Publish anew what later loads say of ids that this load has otherwise than before; returns the days all these ids lie on."""
    stored = lake.read(connection, DELIVERY_KEYS, [load.load_id])
    columns = list(DELIVERY_KEYS.column_names)
    moved = stored.anti_join(new, columns).union(new.anti_join(stored, columns))
    name = f"moved_{load.load_id.replace('-', '_')}"
    changed = connection.create_table(name, moved.select(*_ID, "load_id", "event_date"), overwrite=True)
    try:
        others = lake.read(connection, DELIVERY_KEYS, _others(lake, load))
        sharing = others.semi_join(changed, _ID).select("load_id", "event_date").distinct().to_pyarrow()
        own_days = changed.select("event_date").distinct().to_pyarrow()
        for later in sorted({found for found in sharing["load_id"].to_pylist() if found > load.load_id}):
            keys = lake.read(connection, DELIVERY_KEYS, [later])
            earlier = lake.read(connection, DELIVERY_KEYS, [key for key in _others(lake, load) if key < later])
            lake.publish(connection, REPEATED_KEYS, repeats_of(keys, earlier.union(new), policy), [later])
    finally:
        connection.drop_table(name, force=True)
    return {day.isoformat() for found in (sharing, own_days) for day in found["event_date"].to_pylist()}


def _others(lake: Lake, load: Load) -> list[str]:
    return [key for key in lake.keys(DELIVERY_KEYS) if key != load.load_id]


def reach(connection: Backend, lake: Lake, load: Load) -> set[str]:
    """Event days that a load may change as it is stored: its own, and those of other loads that hold one of its ids."""
    own = lake.read(connection, DELIVERY_KEYS, [load.load_id])
    others = lake.read(connection, DELIVERY_KEYS, _others(lake, load))
    days = others.semi_join(own, _ID).select("event_date").distinct().to_pyarrow()["event_date"].to_pylist()
    return delivered_days(lake, load.load_id) | {day.isoformat() for day in days}


def accepted_names(connection: Backend, lake: Lake, taxonomy: Taxonomy) -> list[AcceptedName]:
    """Names among the unknown events that the taxonomy accepts now, by event day and load, in order."""
    unknown = lake.read(connection, UNKNOWN_EVENTS)
    grain = ("event_name_source", "reason", "source", "load_id", "event_date")
    counted = unknown.group_by(grain).aggregate(rows=unknown.count())
    told = counted.mutate(
        event_kind=ibis.literal("track")
    )  # calls are never unknown: whatever lies there was a track call
    keys = name_keys(taxonomy)
    judged = judged_names(told.select(*keys).distinct(), taxonomy)
    known = judged.filter(judged.reason.isnull()).select(*keys, "event_name")
    found = told.inner_join(known, keys).order_by(grain).to_pyarrow().to_pylist()
    return [
        AcceptedName(
            name=row["event_name_source"],
            event_name=row["event_name"],
            reason=row["reason"],
            source=row["source"],
            load_id=row["load_id"],
            event_date=row["event_date"].isoformat(),
            rows=row["rows"],
        )
        for row in found
    ]
