"""Backfills never act: only the latest closed snapshot, alone, from a run without backfill or range tags."""

from pathlib import Path

import pytest

from uam_platform.alerts.assets import may_act
from uam_platform.orchestration.partitions import range_tags
from uam_platform_tests.orchestration.wired import wired

LATEST = "2025-03-07"


@pytest.mark.parametrize(
    ("tags", "keys", "expected"),
    [
        ({}, [LATEST], True),
        ({"dagster/partition": LATEST}, [LATEST], True),
        ({"dagster/backfill": "abc"}, [LATEST], False),
        (range_tags(LATEST, LATEST), [LATEST], False),
        ({}, ["2025-03-06"], False),
        ({}, ["2025-03-06", LATEST], False),
        ({}, ["2025-03-08"], False),
    ],
    ids=["latest alone", "by its partition", "backfill", "range", "an older snapshot", "several", "not closed yet"],
)
def test_only_the_latest_closed_snapshot_alone_may_act(
    tags: dict[str, str], keys: list[str], expected: bool, tmp_path: Path
) -> None:
    assert may_act(tags, keys, wired(tmp_path)) is expected


def test_before_the_decision_time_yesterday_is_the_latest_closed_snapshot(tmp_path: Path) -> None:
    early = wired(tmp_path, now="2025-03-07T05:59:59")
    assert may_act({}, ["2025-03-06"], early)
    assert not may_act({}, [LATEST], early)
