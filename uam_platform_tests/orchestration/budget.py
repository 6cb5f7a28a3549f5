"""How many materialisations a first run over a history makes, computed from the partitions.

Here: the count. Not here: the tests of the budget (`test_event_budget`) and of the count itself (`end_to_end`).
"""

from datetime import date, timedelta

import dagster as dg

from uam_platform.definitions import build
from uam_platform.orchestration.jobs import DAILY_TABLES, DELIVER, INGEST, SNAPSHOTS
from uam_platform.orchestration.partitions import computed_ranges, snapshot_grid
from uam_platform.orchestration.wiring import Wiring
from uam_platform.runner import Runner


def predicted(wiring: Wiring) -> int:
    """Materialisations of one run of all layers, when every day of the history has events."""
    keys = wiring.days.get_partition_keys()
    days = [date.fromisoformat(key) for key in keys]
    ranges = computed_ranges(days, wiring.rulebook.time.late_gap_days, wiring.settings.chunk_days, keys)
    grid = snapshot_grid(days[0], wiring.closed_as_of, wiring.rulebook.time)
    return (
        sum(per_job(wiring, INGEST))
        + sum(per_job(wiring, DELIVER))
        + sum(per_job(wiring, DAILY_TABLES)) * sum(width(*pair) for pair in ranges)
        + per_job(wiring, SNAPSHOTS)[0]
        + (tables_computed_with_history(wiring) if len(grid) > 1 else 0)
        + per_job(wiring, SNAPSHOTS)[1] * len(grid)
    )


def tables_computed_with_history(wiring: Wiring) -> int:
    """Assets without partitions that the run over past snapshots computes too."""
    runner = Runner(wiring, dg.DagsterInstance.ephemeral(), lambda _: None)
    layer = runner.definitions.resolve_job_def(SNAPSHOTS).asset_layer
    return sum(1 for key in runner.needed_by_history() if layer.get(key).partitions_def is None)


def width(low: str, high: str) -> int:
    """Days of an inclusive range."""
    return (date.fromisoformat(high) - date.fromisoformat(low) + timedelta(days=1)).days


def per_job(wiring: Wiring, job: str) -> tuple[int, int]:
    """Assets of a job: without and with partitions."""
    layer = build(wiring).resolve_job_def(job).asset_layer
    keys: list[dg.AssetKey] = list(layer.selected_asset_keys)
    partitioned = sum(1 for key in keys if layer.get(key).partitions_def is not None)
    return len(keys) - partitioned, partitioned
