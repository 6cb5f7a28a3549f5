"""The company read at moments of its history: the sandbox serves only what had happened by then.

Here: the readings, what each asked for and computed, and a word that a person said before the first. Not here: the tests.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg

from uam_platform.ledger import feedback
from uam_platform.ledger.engine import open_ledger
from uam_platform.orchestration.sensors import touched_days_sensor
from uam_platform.orchestration.stale import stale_days
from uam_platform.runner import Runner
from uam_platform_tests.end_to_end import chain

START_TAG, END_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
MOMENTS = [datetime.fromisoformat(f"2025-{day}T08:00:00") for day in ("02-21", "02-25")]
SAID = MOMENTS[0] - timedelta(hours=20)
"""After the decision on the snapshot of 20 February, before that on the one of the 21st: when somebody asked for silence."""


@dataclass(frozen=True)
class Reading:
    """One reading of the company and what it did.

    Attributes:
        now: the moment.
        stale: touched days after the ingest.
        requested: ranges the sensor asked for then.
        computed: days whose daily tables were materialised.
        requested_after: what the sensor asked for at the end.
        versions: content hashes of all partitions at the end.
    """

    now: datetime
    stale: list[date]
    requested: list[tuple[str, str]]
    computed: set[str]
    requested_after: list[tuple[str, str]]
    versions: dict[str, str]


@dataclass(frozen=True)
class History:
    """The readings in turn, and one of the last moment alone."""

    folder: Path
    readings: list[Reading]
    at_once: Path


def read_history(company: Path, folder: Path, rules: Path) -> History:
    """Read the company at both moments; the day before the first somebody asked for silence of the one detector, for a day."""
    ledger = open_ledger(f"sqlite:///{folder / 'out' / 'ledger.db'}")
    feedback.silence(
        ledger, SAID, SAID + timedelta(days=1), "import was wrong", "kim", SAID, detector="renewal_at_risk"
    )
    ledger.close()
    readings = [_read(company, folder / "out", rules, now) for now in MOMENTS]
    with chain.reader(company, folder / "at-once", rules, MOMENTS[-1]) as runner:
        runner.ingest()
        runner.daily_tables()
    return History(folder / "out", readings, folder / "at-once")


def _read(company: Path, out: Path, rules: Path, now: datetime) -> Reading:
    with chain.reader(company, out, rules, now) as runner:
        before = _latest_records(runner)
        runner.ingest()
        stale, requested = stale_days(runner.instance, runner.wiring), _requests(runner)
        runner.daily_tables()
        computed = {day for day, record in _latest_records(runner).items() if before.get(day) != record}
        runner.snapshots()
        return Reading(now, stale, requested, computed, _requests(runner), chain.versions(out))


def _requests(runner: Runner) -> list[tuple[str, str]]:
    with dg.build_sensor_context(instance=runner.instance) as context:
        found = touched_days_sensor(runner.wiring).evaluate_tick(context)
    return [(r.tags[START_TAG], r.tags[END_TAG]) for r in found.run_requests or ()]


def _latest_records(runner: Runner) -> dict[str, int]:
    return dict(
        runner.instance.get_latest_storage_id_by_partition(
            dg.AssetKey(["behavior", "actor_days"]), dg.DagsterEventType.ASSET_MATERIALIZATION
        )
    )
