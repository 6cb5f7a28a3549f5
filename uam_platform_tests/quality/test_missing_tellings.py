"""Blocked trackers and drifted front ends stand out; few counts, one busy person and ordinary losses do not."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.quality.intervals import exceeds, wilson
from uam_platform.quality.missing_tellings import missing_tellings
from uam_platform.temporal.discoveries import standing_out
from uam_platform_tests.quality.cases import POLICY, day

Lost = Callable[[int, int], float]


def runs(
    lost: Lost, people: int = 60, days: int = 90, browsers: tuple[str, ...] = ("chrome", "firefox"), **more
) -> pd.DataFrame:
    """One run per person and day; the missing share of each is what `lost` says of day and person."""
    rng = np.random.default_rng(7)
    rows = [
        {
            "twin": more.get("twin", "workflow_runs"), "event_date": day(number), "actor_key": person,
            "browser": browsers[person % len(browsers)], "device_type": "desktop",
            "app_version": f"5.{number // 30}.0", "context_basis": "twin", "server_count": 1,
            "matched_count": int(rng.random() >= lost(number, person)), "renamed_count": 0, "client_count": 1,
            "renamed_to": None,
        }
        for number in range(days)
        for person in range(people)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def hits(frame: pd.DataFrame, days: range = range(60, 93)) -> pd.DataFrame:
    """What may open a finding; what may only keep one open is left out."""
    found = missing_tellings(frame, [day(n) for n in days], POLICY)
    return found[found["is_clear"].astype(bool)].reset_index(drop=True)


def test_ordinary_losses_make_no_finding() -> None:
    assert hits(runs(lambda number, person: 0.02)).empty


def test_a_browser_that_blocks_stands_out_and_no_other_does() -> None:
    found = hits(runs(lambda number, person: 0.5 if person % 2 else 0.01))
    assert set(zip(found["finding_kind"], found["finding_part"], strict=True)) == {("blocked_tracking", "firefox")}
    assert found["size_ratio"].between(0.4, 0.6).all()


def test_one_busy_person_who_blocks_everything_makes_no_finding() -> None:
    frame = runs(lambda number, person: 1.0 if person == 3 else 0.0, people=20)
    frame.loc[frame["actor_key"] == 3, "server_count"] = 40
    assert hits(frame).empty


def test_people_whom_no_client_shows_are_told_together_when_they_are_many() -> None:
    frame = runs(lambda number, person: 1.0 if person < 12 else 0.01)
    frame.loc[frame["actor_key"] < 12, ["browser", "app_version", "context_basis"]] = ["unknown", "unknown", "unseen"]
    found = hits(frame)
    assert set(zip(found["finding_kind"], found["finding_part"], strict=True)) == {("blocked_tracking", "")}
    assert found["facts"].iloc[-1]["silent_people"] == 12


def test_a_version_that_loses_an_event_is_drift_and_no_blocking() -> None:
    found = hits(runs(lambda number, person: 0.7 if number >= 60 else 0.02))
    assert set(zip(found["finding_kind"], found["finding_part"], strict=True)) == {("front_end_drift", "5.2.0")}
    assert set(found["finding_subject"]) == {"workflow_started"}
    assert set(found["since_date"]) == {day(60)}
    assert found["as_of"].min() <= day(60 + POLICY.settled_days + 3)


def test_a_fall_of_the_whole_twin_by_no_more_than_is_declared_is_no_drift() -> None:
    found = hits(runs(lambda number, person: 0.12 if number >= 60 else 0.04))
    assert "front_end_drift" not in set(found["finding_kind"])


def test_the_name_under_which_the_event_came_is_told() -> None:
    frame = runs(lambda number, person: 0.7 if number >= 60 else 0.0)
    lost = frame["matched_count"] == 0
    frame.loc[lost, ["renamed_count", "renamed_to"]] = [1, "workflow_begin"]
    facts = hits(frame)["facts"].iloc[-1]
    assert (facts["renamed_to"], facts["renamed"]) == ("workflow_begin", hits(frame)["affected_count"].iloc[-1])


def test_few_runs_and_few_people_are_not_judged() -> None:
    assert hits(runs(lambda number, person: 0.6, people=POLICY.drift.least_actors - 1)).empty


@pytest.mark.parametrize("seed", range(4))
def test_over_many_equal_cells_false_discoveries_stay_rare(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cell = np.repeat(np.arange(400), 30)
    chances = exceeds(rng.binomial(20, 0.05, 12000), np.full(12000, 20), np.full(400, 0.05), cell)
    assert standing_out(chances, 0.01).sum() <= 2


def test_what_one_person_did_says_nothing() -> None:
    assert exceeds([50], [50], [0.05], [0]) == [1.0]
    assert exceeds([50, 0], [50, 50], [0.05], [0, 0]) > [0.05]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=40), st.floats(0.001, 0.2))
def test_discoveries_are_the_smallest_chances_and_grow_with_the_limit(chances: list[float], limit: float) -> None:
    found = standing_out(chances, limit)
    values = np.array(chances)
    if found.any():
        assert values[found].max() <= limit
        assert not (~found & (values < values[found].max())).any()
    assert found.sum() <= standing_out(chances, min(2 * limit, 1.0)).sum()


@given(st.integers(0, 500), st.integers(1, 500))
@settings(max_examples=40, deadline=None)
def test_wilson_s_interval_holds_the_share(part: int, whole: int) -> None:
    low, high = wilson(np.float64(min(part, whole)), np.float64(whole))
    assert 0 <= low <= min(part, whole) / whole <= high <= 1
