"""Late data: exactly the touched days (and their neighbours) are recomputed, and what was recorded stays as it was.

The company is read at two moments of its history (`readings`).
"""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform_tests.end_to_end.readings import History

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DAILY = (tables.EVENTS, tables.SESSIONS, tables.ACTOR_DAYS)
SNAPSHOT = (tables.ACCOUNT_FEATURES, tables.SCORES, tables.SCORE_REASONS, tables.REVENUE_AT_RISK, tables.CANDIDATES)


def rows(out: Path, contract: Contract, but: tuple[str, ...] = ()) -> pd.DataFrame:
    frame = Lake(out / "lake").read(connect(), contract).to_pandas().drop(columns=list(but))
    return frame.sort_values(list(contract.key), ignore_index=True)


def around(days: list[date]) -> set[str]:
    return {(day + timedelta(days=n)).isoformat() for day in days for n in (-1, 0, 1)}


def test_later_loads_bring_late_events_of_earlier_days(history: History) -> None:
    for earlier, later in zip(history.readings, history.readings[1:], strict=False):
        first_new = earlier.now.date()
        assert [d for d in later.stale if d < first_new - timedelta(days=1)], "the company delivers late events"


def test_exactly_the_touched_days_and_their_neighbours_are_recomputed(history: History) -> None:
    for reading in history.readings[1:]:
        allowed = around(reading.stale)
        bridged = {d for d in reading.computed if d not in allowed}
        assert {d.isoformat() for d in reading.stale} <= reading.computed
        assert len(reading.computed) < len([k for k in reading.versions if k.startswith("staging/events/")])
        for day in bridged:
            near = [abs((date.fromisoformat(day) - d).days) for d in reading.stale]
            assert min(near) <= 2, f"{day} lies in no gap that may be bridged"


def test_the_sensor_asks_for_what_was_computed_and_then_for_nothing(history: History) -> None:
    for reading in history.readings:
        asked = {
            (date.fromisoformat(low) + timedelta(days=n)).isoformat()
            for low, high in reading.requested
            for n in range((date.fromisoformat(high) - date.fromisoformat(low)).days + 1)
        }
        assert asked == reading.computed
        assert reading.requested_after == []


def test_partitions_of_untouched_days_keep_their_content(history: History) -> None:
    for earlier, later in zip(history.readings, history.readings[1:], strict=False):
        for contract in DAILY:
            prefix = f"{contract.stage}/{contract.name}/"
            changed = {k for k, v in earlier.versions.items() if k.startswith(prefix) and later.versions[k] != v}
            assert {k.removeprefix(prefix) for k in changed} <= around(later.stale)


def test_recorded_snapshots_stay_byte_identical(history: History) -> None:
    for earlier, later in zip(history.readings, history.readings[1:], strict=False):
        recorded = {k: v for k, v in earlier.versions.items() for c in SNAPSHOT if k.startswith(f"{c.stage}/{c.name}/")}
        assert len(recorded) >= len(SNAPSHOT) * 2
        assert {k: later.versions[k] for k in recorded} == recorded


def test_events_that_came_in_several_loads_are_those_that_come_in_one(history: History) -> None:
    where_it_came_from = ("load_id", "row_no")
    several, one = (rows(out, tables.EVENTS, where_it_came_from) for out in (history.folder, history.at_once))
    assert len(several) > 1000
    pd.testing.assert_frame_equal(several, one)


def test_sessions_and_activity_do_not_depend_on_how_many_loads_brought_the_events(history: History) -> None:
    for contract in (tables.SESSIONS, tables.ACTOR_DAYS):
        several, one = (rows(out, contract) for out in (history.folder, history.at_once))
        pd.testing.assert_frame_equal(several, one)
