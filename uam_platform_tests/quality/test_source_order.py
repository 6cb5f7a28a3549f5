"""Sources whose clocks stand apart and runs that end before they start are told; lengths of runs and single wrong clocks are not."""

from typing import Any

import pandas as pd
import pytest

from uam_platform.contracts.tables import SOURCE_ORDER_DAYS
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.quality.source_order import out_of_order, source_order_days
from uam_platform_tests.judged import verdicts
from uam_platform_tests.quality.cases import POLICY, day, event, events, run

PAIRS = POLICY.order.least_pairs + 5


def logged(number: int, run_id: str, minutes: float) -> dict[str, Any]:
    """What the backend's log says of a run that ended at eleven, by a clock that is `minutes` off."""
    return event(number, "job_completed", "server", source="backend_logs", workflow_id=run_id, hour=11 + minutes / 60)


def told(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return source_order_days(connect(), events(rows), POLICY)


def runs(minutes: float, off: range = range(PAIRS)) -> list[dict[str, Any]]:
    """Runs of two days, of which the log's clock is off for those in `off`."""
    return [
        row
        for number in range(2)
        for n in range(PAIRS)
        for row in (*run(number, f"{number}-{n}"), logged(number, f"{number}-{n}", minutes if n in off else 0.01))
    ]


def hits(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return out_of_order(told(rows), day(30), POLICY)


@pytest.mark.parametrize(("minutes", "is_told"), [(0.05, False), (60, True), (-60, True)])
def test_a_source_that_is_an_hour_off_is_told_either_way(minutes: float, is_told: bool) -> None:
    found = hits(runs(minutes))
    assert set(zip(found["source"], found["finding_part"], strict=True)) == (
        {("backend_logs", "segment")} if is_told else set()
    )
    if is_told:
        assert f"{-60 * minutes:,.0f} s after" in found["facts"].iloc[0]["said"]
        assert list(found["as_of"]) == [day(n + POLICY.settled_days + 1) for n in range(2)]


def test_a_few_wrong_clocks_move_no_median() -> None:
    assert hits(runs(600, off=range(4))).empty


def test_runs_that_end_before_they_start_are_told_when_they_are_many() -> None:
    def late_start(number: int, n: int) -> list[dict[str, Any]]:
        start, end = run(number, f"{number}-{n}")
        return [start | {"occurred_us": end["occurred_us"] + 60_000_000}, end]

    many = [row for n in range(PAIRS) for row in (late_start(0, n) if n < PAIRS // 2 else run(0, f"0-{n}"))]
    few = [row for n in range(PAIRS) for row in (late_start(0, n) if n < 1 else run(0, f"0-{n}"))]
    assert hits(few).empty
    (said,) = hits(many)["facts"]
    assert f"{PAIRS // 2} of {PAIRS} runs end before they start" in said["said"]


def test_rows_keep_the_contract_and_say_how_many_times_are_exact() -> None:
    rows = runs(60)
    rows[0] |= {"time_confidence": "skew_repaired"}
    frame = told(rows)
    assert verdicts(as_table(frame, SOURCE_ORDER_DAYS), SOURCE_ORDER_DAYS)[""].is_valid
    first = frame[(frame["order_kind"] == "start_to_end") & (frame["event_date"] == day(0))].iloc[0]
    assert (first["pair_count"], first["exact_count"], first["apart_ms"]) == (PAIRS, PAIRS - 1, 3_600_000)
