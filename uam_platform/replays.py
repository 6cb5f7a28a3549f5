"""Replays what was set aside after a rule has changed: plans it, takes loads in again, computes their days and records.

Here: the order of steps, and the note by which a replay that was cut short goes on. Not here: judging and taking in one load
(`staging.replay`), the runs (`runner`), what people see (`cli_quarantine`).

Order: the note says which loads and days are at stake; each load is taken in again as one step; the days are recorded as touched and
computed; the books of the loads are made anew; the note goes. Doing any of it twice changes nothing.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg

from uam_platform.connectors.registry import source_names
from uam_platform.contracts.tables import DELIVERIES, EVENTS, QUARANTINE, REFUSED_FIELDS, UNKNOWN_EVENTS
from uam_platform.instances import PROJECT, persistent_instance, scratch_instance
from uam_platform.lake.atomic import write_atomically
from uam_platform.lake.loads import Load
from uam_platform.lake.resource import Warehouse
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.wiring import wire
from uam_platform.policy.company import rulebook_for
from uam_platform.runner import Runner
from uam_platform.settings import Settings
from uam_platform.staging.assets import recorded_through
from uam_platform.staging.balance import OF_RECORDS, reconcile_loads
from uam_platform.staging.intake import taken_in
from uam_platform.staging.reconcile import DELIVERY
from uam_platform.staging.renamed import Renamed, days_of, renamed
from uam_platform.staging.replay import AcceptedName, Rejudged, accepted_names, reach, rejudged, retake

NO_PURPOSE: Final = "no_purpose"
"""Stands as a reason for fields that were kept out."""
NOTE: Final = "_replay.json"
Row = tuple[str, str, str, int, str]
"""A record set aside: load, kind, source, row, reason."""


@dataclass(frozen=True)
class Wanted:
    """Which of what was set aside is looked at; empty means all. Events under names that changed only where asked for."""

    reason: str | None = None
    source: str | None = None
    load: str | None = None
    is_renamed: bool = False


@dataclass(frozen=True)
class Plan:
    """What today's rules accept of what was set aside.

    Attributes:
        loads: loads of which rows are judged otherwise.
        held: loads of which rows that were accepted would be set aside now; they are replayed only when named.
        names: names that are accepted now, by day and load.
        has_records: API records are looked at: they are judged anew as a whole.
        resumed: loads and days of a replay that was cut short.
        renamed: stored events that today's taxonomy names otherwise or refuses; only where they are asked for.
    """

    loads: tuple[Rejudged, ...]
    held: tuple[Rejudged, ...]
    names: tuple[AcceptedName, ...]
    has_records: bool
    resumed: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    renamed: tuple[Renamed, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing to do."""
        return not (self.loads or self.names or self.has_records or any(self.resumed) or self.renamed)


@dataclass
class Outcome:
    """What a replay did.

    Attributes:
        loads: loads taken in again.
        days: event days computed again.
        accepted: rows accepted now, by (source, reason they were set aside for).
        kept: rows of the loads looked at that stay set aside, by (source, reason).
        fields: rows in which a field comes in that had no purpose before, by (source, field).
    """

    loads: list[str] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    fields: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass
class Replayer:
    """A replay over one instance and its lake."""

    runner: Runner
    warehouse: Warehouse

    @property
    def _note(self) -> Path:
        return self.warehouse.lake.root / NOTE

    def plan(self, wanted: Wanted) -> Plan:
        """Judge again what was set aside, without changing anything."""
        policy = self.runner.wiring.intake_time
        lake, connection, manifest = self.warehouse.lake, self.warehouse.connection, self.warehouse.manifest
        sources = self.runner.wiring.rulebook.sources
        judged = [rejudged(connection, lake, manifest, load, policy, sources) for load in self._loads(wanted)]
        changed = [one for one in judged if one.is_changed]
        names = accepted_names(connection, lake, self.runner.wiring.rulebook.taxonomy)
        return Plan(
            loads=tuple(one for one in changed if not one.refused or wanted.load),
            held=tuple(one for one in changed if one.refused and not wanted.load),
            names=tuple(one for one in names if _is_wanted(wanted, one.reason, one.source, one.load_id)),
            has_records=bool(self._records(wanted)) or self._fields(wanted, of_deliveries=False) != set(),
            resumed=self._cut_short(),
            renamed=tuple(self._renamed()) if wanted.is_renamed else (),
        )

    def _renamed(self) -> Iterable[Renamed]:
        """Stored events that today's taxonomy names otherwise, e.g. after a synonym was withdrawn."""
        events, unknown = (self.warehouse.lake.read(self.warehouse.connection, c) for c in (EVENTS, UNKNOWN_EVENTS))
        found = renamed(events, unknown, self.runner.wiring.rulebook.taxonomy)
        return (one for one in found if not one.is_released)

    def _loads(self, wanted: Wanted) -> list[Load]:
        """Loads with deliveries set aside that are wanted; a load named by id is looked at in any case."""
        stored = self.warehouse.lake.read(self.warehouse.connection, QUARANTINE)
        found = stored.filter(stored.source_object == DELIVERY).select("load_id", "reason", "source").distinct()
        rows = found.to_pyarrow().to_pylist()
        ids = {r["load_id"] for r in rows if _is_wanted(wanted, r["reason"], r["source"], r["load_id"])}
        ids |= self._fields(wanted, of_deliveries=True)
        if wanted.load:
            ids |= {wanted.load} & set(taken_in(self.warehouse.lake))
        return [load for load in self.warehouse.manifest.loads() if load.load_id in ids]

    def _fields(self, wanted: Wanted, *, of_deliveries: bool) -> set[str]:
        """Loads with fields that were kept out for lack of a purpose and have one now."""
        sources = self.runner.wiring.rulebook.sources
        rows = self.warehouse.lake.read(self.warehouse.connection, REFUSED_FIELDS).to_pyarrow().to_pylist()
        return {
            row["load_id"]
            for row in rows
            if (row["source_object"] == DELIVERY) == of_deliveries
            and not sources.refusal(row["source"], row["source_object"], row["field_name"])
            and _is_wanted(wanted, NO_PURPOSE, row["source"], row["load_id"])
        }

    def _records(self, wanted: Wanted) -> Counter[Row]:
        """API records set aside that are wanted."""
        lake = self.warehouse.lake
        keys = [key for key in lake.keys(QUARANTINE) if key.endswith(OF_RECORDS)]
        rows = lake.read(self.warehouse.connection, QUARANTINE, keys).to_pyarrow().to_pylist()
        return Counter(
            (row["load_id"], row["source_object"], row["source"], row["row_no"], row["reason"])
            for row in rows
            if _is_wanted(wanted, row["reason"], row["source"], row["load_id"])
        )

    def carry_out(self, plan: Plan, wanted: Wanted, say: Callable[[str], None]) -> Outcome:
        """Take the loads of a plan in again, compute what follows, and count what became accepted."""
        outcome = Outcome()
        records = self._records(wanted)
        loads = self._of_ids([*(one.load.load_id for one in plan.loads), *plan.resumed[0]])
        days = {name.event_date for name in plan.names} | set(plan.resumed[1]) | set(days_of(plan.renamed))
        days |= self._retake(loads, days, set(plan.resumed[0]), say)
        self._compute(days)
        if plan.has_records:
            self.runner.records()
        outcome.loads, outcome.days = [load.load_id for load in loads], sorted(days)
        touched = {*outcome.loads, *(one.load_id for one in plan.names), *(one.load_id for one in plan.renamed)}
        reconcile_loads(self.warehouse.connection, self.warehouse.lake, self.warehouse.manifest, touched)
        self._count(outcome, plan, records, self._records(wanted))
        self._note.unlink(missing_ok=True)
        return outcome

    def _retake(self, loads: Iterable[Load], days: set[str], resumed: set[str], say: Callable[[str], None]) -> set[str]:
        """Take loads in again one by one; returns the days they change. The note holds at any time what is left to do."""
        lake, connection, manifest = self.warehouse.lake, self.warehouse.connection, self.warehouse.manifest
        waiting, changed = [load.load_id for load in loads], set(days)
        for load in loads:
            at_stake = reach(connection, lake, load)
            self._write_note(waiting, changed | at_stake)
            changed |= retake(
                connection, lake, manifest, load, self.runner.wiring.intake_time, self.runner.wiring.rulebook.sources
            )
            if load.load_id in resumed:
                changed |= at_stake | reach(connection, lake, load)
            say(f"load {load.load_id} taken in again")
            waiting.remove(load.load_id)
            self._write_note(waiting, changed)
        if changed:
            self._write_note([], changed)
        return changed

    def _compute(self, days: set[str]) -> None:
        """Record the days as touched, which makes them due for the sensor too, and compute them."""
        if not days:
            return
        instance = self.runner.instance
        metadata: dict[str, Any] = {
            "touched_days": dg.MetadataValue.json(sorted(days)),
            "loads": 0,
            "through_load": recorded_through(instance),
        }
        instance.report_runless_asset_event(dg.AssetMaterialization(asset_key(DELIVERIES), metadata=metadata))
        self.runner.daily_tables()

    def _count(self, outcome: Outcome, plan: Plan, before: Counter[Row], after: Counter[Row]) -> None:
        for one in plan.loads:
            for counted, reasons in ((outcome.accepted, one.accepted), (outcome.kept, one.kept)):
                counted.update({(one.load.source, reason): n for reason, n in reasons.items()})
            outcome.fields.update({(one.load.source, name): n for name, n in one.fields.items()})
        for name in plan.names:
            outcome.accepted[(name.source, f"{name.reason} {name.name}")] += name.rows
        for counted, rows in ((outcome.accepted, before - after), (outcome.kept, after)):
            counted.update((source, reason) for _, _, source, _, reason in rows)

    def _of_ids(self, ids: Iterable[str]) -> list[Load]:
        wanted = set(ids)
        return [load for load in self.warehouse.manifest.loads() if load.load_id in wanted]

    def _write_note(self, loads: Iterable[str], days: Iterable[str]) -> None:
        write_atomically(self._note, json.dumps({"loads": sorted(loads), "days": sorted(days)}))

    def _cut_short(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Loads and days that a replay which was cut short still had to do."""
        if not self._note.exists():
            return (), ()
        left = json.loads(self._note.read_text(encoding="utf-8"))
        return tuple(left["loads"]), tuple(left["days"])


def _is_wanted(wanted: Wanted, reason: str, source: str, load_id: str) -> bool:
    pairs = ((wanted.reason, reason), (wanted.source, source), (wanted.load, load_id))
    return all(asked is None or asked == found for asked, found in pairs)


def replayer(run: Path | None, say: Callable[[str], None]) -> Replayer:
    """A replayer over the project's instance, or over the one in the folder of `uam run --out`.

    A run's folder does not keep its settings: the first day is that of its deliveries and the clock stands after its last day, unless
    `UAM_FIRST_DAY` and `UAM_NOW` say otherwise.

    Raises:
        FileNotFoundError: nothing has run there, or the folder has no instance of its own.
    """
    settings = Settings() if run is None else _settings_of_run(run)
    if not settings.lake_dir.is_dir():
        raise FileNotFoundError(f"{settings.lake_dir}: nothing was loaded there; name the folder of a run with --run")
    if run is None:
        os.chdir(PROJECT)  # the instance's folders are relative to it
    instance = persistent_instance() if run is None else scratch_instance(run)
    wiring = wire(settings, rulebook_for(settings), source_names(settings))
    warehouse = Warehouse(
        data_dir=str(settings.data_dir), memory=settings.engine_memory, threads=settings.engine_threads
    )
    return Replayer(Runner(wiring, instance, say), warehouse)


def _settings_of_run(run: Path) -> Settings:
    if not (run / "dagster" / "dagster.yaml").exists():
        raise FileNotFoundError(
            f"--run {run}: no folder of `uam run`; for the demo and your own instance leave --run out and set UAM_DATA_DIR"
        )
    settings = Settings(data_dir=run, ledger_url=None)
    days = sorted(key.split("/")[0] for key in Lake(settings.lake_dir).keys(DELIVERIES))
    if not days:
        return settings
    after = datetime.fromisoformat(days[-1]) + timedelta(days=1, hours=8)
    derived = {"first_day": date.fromisoformat(days[0]), "now": after}
    given = settings.model_fields_set
    return settings.model_copy(update={name: value for name, value in derived.items() if name not in given})
