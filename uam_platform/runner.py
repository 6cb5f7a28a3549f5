"""Runs the layers one after the other in this process: ingest, touched days, snapshots, delivery.

Here: what the schedules and sensors do unattended, done at once for `uam run` and `uam demo`. Not here: the assets (the
stages), the UI.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import dagster as dg
import pyarrow.parquet as pq

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables import ACCOUNT_FEATURES, DELIVERIES, SCORES
from uam_platform.definitions import build
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.failures import RunError
from uam_platform.orchestration.jobs import DAILY_TABLES, DELIVER, INGEST, SNAPSHOTS
from uam_platform.orchestration.partitions import computed_ranges, range_tags, runs_of_keys
from uam_platform.orchestration.stale import (
    RESTATEMENT_TAG,
    add_snapshots,
    first_event_day,
    missing_snapshots,
    recorded_snapshots,
    stale_days,
)
from uam_platform.orchestration.wiring import Wiring

INPUTS = (
    tables.LOAD_RECONCILIATION,
    tables.PEOPLE,
    tables.MEMBERSHIPS,
    tables.HIERARCHY,
    tables.QUALITY_FINDINGS,
)
"""Tables by which it is judged what scores stand on."""
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Runner:
    """The layers over one instance.

    Attributes:
        wiring: settings, rulebook, partitions.
        instance: Dagster instance that records the runs.
        say: receives one line per finished piece of work.
        seconds: of each step so far, over all its partitions; steps of this process run one after the other.
    """

    wiring: Wiring
    instance: dg.DagsterInstance
    say: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.definitions = build(self.wiring)

    @property
    def lake(self) -> Lake:
        """The lake that is written."""
        return Lake(self.wiring.settings.lake_dir)

    def everything(self) -> None:
        """All layers once."""
        self.ingest()
        self.daily_tables()
        self.snapshots()
        self.deliver()

    def inputs(self) -> None:
        """What scores stand on: events, their books, identity, findings on quality; no snapshot of anything."""
        self.ingest()
        self.daily_tables()
        wanted = [asset_key(contract) for contract in INPUTS]
        self._run(SNAPSHOTS, {}, "books, identity, quality", only=self._upstream(wanted))

    def ingest(self) -> None:
        """Fetch what is new and split it by day."""
        self._run(INGEST, {}, "sources loaded and split by day")

    def daily_tables(self) -> None:
        """Recompute the days that loads touched, with a day either side for sessions."""
        stale = stale_days(self.instance, self.wiring)
        gap, chunk = self.wiring.rulebook.time.late_gap_days, self.wiring.settings.chunk_days
        for low, high in computed_ranges(stale, gap, chunk, self.wiring.days.get_partition_keys()):
            self._run(DAILY_TABLES, range_tags(low, high), f"events, sessions, daily activity {low} … {high}")

    def records(self) -> None:
        """Judge all landed API records again and compute their tables, without fetching anything."""
        keys = self.definitions.resolve_job_def(INGEST).asset_layer.selected_asset_keys
        mine = [key for key in sorted(keys) if key.path[0] == "staging" and key != asset_key(DELIVERIES)]
        self._run(INGEST, {}, "records judged again", only=mine)

    def snapshots(self) -> None:
        """Compute the snapshots of the grid that are missing; the latest alone, because only that one may act.

        What is about now (reviews, sequences, what customers say) is computed with the latest alone: history does not read it.
        """
        first = first_event_day(self.lake.keys(DELIVERIES), self.wiring)
        missing = missing_snapshots(self.instance, self.wiring, first)
        ordered = add_snapshots(self.instance, missing)
        latest = self.wiring.closed_as_of.isoformat()
        for keys in runs_of_keys([k for k in missing if k != latest], ordered):
            done = f"{len(keys)} snapshots {keys[0]} … {keys[-1]}"
            self._run(SNAPSHOTS, range_tags(keys[0], keys[-1]), done, only=self.needed_by_history())
        if latest in missing:
            self._run(SNAPSHOTS, {}, f"snapshot {latest}, the one that may act", partition=latest)

    def tables_of_snapshots(self, *contracts: Contract) -> None:
        """Compute only these tables of the snapshots, and what they are made from, for the whole grid in one run.

        No models, scores or alerts unless named: for whoever wants features of a history and nothing that acts.
        """
        first = first_event_day(self.lake.keys(DELIVERIES), self.wiring)
        keys = missing_snapshots(self.instance, self.wiring, first)
        add_snapshots(self.instance, keys)
        chosen = self._upstream([asset_key(contract) for contract in contracts])
        names = ", ".join(contract.name for contract in contracts)
        self._run(SNAPSHOTS, range_tags(keys[0], keys[-1]), f"{names} of {len(keys)} snapshots", only=chosen)

    def needed_by_history(self) -> list[dg.AssetKey]:
        """Assets of the snapshot job that have a partition per snapshot, and whatever those are made from."""
        layer = self.definitions.resolve_job_def(SNAPSHOTS).asset_layer
        partitioned = [key for key in layer.selected_asset_keys if layer.get(key).partitions_def is not None]
        return self._upstream(partitioned)

    def _upstream(self, keys: Sequence[dg.AssetKey]) -> list[dg.AssetKey]:
        """`keys` and what they are made from, within the snapshot job."""
        wanted = dg.AssetSelection.assets(*keys).upstream().required_multi_asset_neighbors()
        layer = self.definitions.resolve_job_def(SNAPSHOTS).asset_layer.selected_asset_keys
        return sorted(wanted.resolve(self.definitions.resolve_asset_graph()) & layer)

    def restate(self, as_of: date, reason: str) -> int:
        """Write a new version of a recorded snapshot; it plans no action and leaves the life cycle of alerts alone.

        Returns:
            The new snapshot_version.

        Raises:
            RunError: the snapshot was never recorded.
        """
        key = as_of.isoformat()
        if key not in recorded_snapshots(self.instance):
            raise RunError(f"snapshot {key} was never recorded, so there is nothing to restate")
        path = self.lake.files(SCORES, [key]) or self.lake.files(ACCOUNT_FEATURES, [key])
        before = pq.read_table(path, columns=["snapshot_version"]).column(0).to_pylist() if path else []
        version = max(before, default=0) + 1
        tags = {RESTATEMENT_TAG: str(version), "uam/reason": reason}
        self._run(SNAPSHOTS, tags, f"snapshot {key} restated as version {version}", partition=key)
        return version

    def deliver(self) -> None:
        """Deliver what the outbox holds."""
        self._run(DELIVER, {}, "outbox delivered")

    def where_the_time_went(self, count: int = 8) -> str:
        """The steps that took longest, in words; the first place to look before a machine is called too small."""
        total = sum(self.seconds.values())
        longest = sorted(self.seconds.items(), key=lambda item: -item[1])[:count]
        return f"{total:.0f} s in {len(self.seconds)} steps; longest: " + ", ".join(
            f"{k} {v:.1f} s" for k, v in longest
        )

    def _run(
        self,
        job: str,
        tags: Mapping[str, str],
        done: str,
        partition: str | None = None,
        only: Sequence[dg.AssetKey] | None = None,
    ) -> None:
        started = time.perf_counter()
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            tags=dict(tags),
            partition_key=partition,
            run_config=_QUIET,
            raise_on_error=False,
            asset_selection=only,
        )
        elapsed = time.perf_counter() - started
        for event in result.all_events:
            if event.is_step_success:
                taken = event.step_success_data.duration_ms / 1000
                self.seconds[event.step_key or job] = self.seconds.get(event.step_key or job, 0.0) + taken
        if not result.success:
            raise RunError(failure_message(result, job))
        self.say(f"{done} ({elapsed:.1f} s)")


def failure_message(result: dg.ExecuteInProcessResult, job: str) -> str:
    """What failed in words: step and innermost error, without a traceback."""
    lines = []
    for event in result.get_step_failure_events():
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        text = (error.message if error else "unknown error").strip()
        lines.append(f"  {event.step_key}: {text}")
    for check in result.get_asset_check_evaluations():
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
            lines.append(f"  check {check.asset_key.to_user_string()}/{check.check_name}: {_facts(check)}")
    return f"{job} failed (run {result.run_id}):\n" + ("\n".join(lines) or "  no step reported an error")


def _facts(check: dg.AssetCheckEvaluation) -> str:
    return check.description or ", ".join(f"{k}={v.value}" for k, v in check.metadata.items()) or "failed"
