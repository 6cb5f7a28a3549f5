"""Dagster's bookkeeping is a budget: a demo of 1,000 accounts and 364 days makes at most 1,600 materialisations (docs/decisions/0040)."""

from pathlib import Path

from uam_platform.demo import CHUNK_DAYS
from uam_platform_tests.orchestration.budget import per_job, predicted
from uam_platform_tests.orchestration.wired import wired

BUDGET = 1600


def test_the_demo_keeps_the_budget(tmp_path: Path) -> None:
    wiring = wired(tmp_path, first_day="2025-01-06", now="2026-01-05T08:00:00", chunk_days=CHUNK_DAYS)
    assert len(wiring.days.get_partition_keys()) == 364
    assert predicted(wiring) <= BUDGET


def test_only_few_tables_are_partitioned_by_day(tmp_path: Path) -> None:
    assert per_job(wired(tmp_path), "daily_tables") == (0, 3)
