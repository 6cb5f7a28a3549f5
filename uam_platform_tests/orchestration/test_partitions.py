"""Laws of partition arithmetic: the snapshot grid, bridged ranges, runs of keys, widening."""

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from uam_platform.orchestration.partitions import (
    bridged_ranges,
    computed_ranges,
    day_partitions,
    runs_of_keys,
    snapshot_grid,
)
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.scratch import settings_of

DAYS = st.integers(0, 400).map(lambda n: date(2025, 1, 6) + timedelta(days=n))
TIME = load_rulebook().time


@given(st.sets(DAYS), st.integers(0, 5), st.integers(1, 40))
def test_bridged_ranges_cover_all_days_and_hold_what_they_promise(days: set[date], gap: int, chunk: int) -> None:
    ranges = bridged_ranges(days, gap, chunk)
    covered = {first + timedelta(days=n) for first, last in ranges for n in range((last - first).days + 1)}
    assert days <= covered
    assert {d for pair in ranges for d in pair} <= days, "a range starts and ends with a touched day"
    assert all((last - first).days < chunk for first, last in ranges)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))
    untouched = sorted(covered - days)
    assert all(any((d - t).days in range(1, gap + 1) for t in days) for d in untouched), "only short gaps are bridged"


@given(st.sets(DAYS), st.integers(0, 5))
def test_without_a_limit_ranges_are_as_few_as_the_gap_allows(days: set[date], gap: int) -> None:
    ranges = bridged_ranges(days, gap, 10_000)
    assert all((after[0] - before[1]).days > gap + 1 for before, after in itertools.pairwise(ranges))


@given(st.lists(st.integers(0, 60).map(str), unique=True), st.data())
def test_runs_of_keys_are_neighbours_in_the_given_order_and_cover_what_is_wanted(
    ordered: list[str], data: st.DataObject
) -> None:
    wanted = data.draw(st.sets(st.sampled_from(ordered))) if ordered else set()
    runs = runs_of_keys(wanted, ordered)
    assert sorted(k for run in runs for k in run) == sorted(wanted)
    for run in runs:
        start = ordered.index(run[0])
        assert ordered[start : start + len(run)] == run
    ends = [(ordered.index(run[0]), ordered.index(run[-1])) for run in runs]
    assert all(after[0] - before[1] > 1 for before, after in itertools.pairwise(ends)), "runs are maximal"


@given(DAYS, st.integers(0, 500))
def test_the_grid_has_mondays_through_history_and_every_one_of_the_last_days(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    grid = snapshot_grid(first, last, TIME)
    earliest = first + timedelta(days=TIME.first_snapshot_after_days)
    assert grid == sorted(set(grid))
    assert all(earliest <= d <= last for d in grid)
    recent = [last - timedelta(days=n) for n in range(TIME.daily_snapshot_days)]
    assert {d for d in recent if d >= earliest} <= set(grid)
    mondays = [earliest + timedelta(days=n) for n in range((last - earliest).days + 1)]
    assert {d for d in mondays if d.weekday() == 0} <= set(grid)
    assert all(d.weekday() == 0 or d in recent for d in grid)


@given(DAYS, st.integers(30, 200))
def test_as_time_goes_by_the_grid_only_drops_days_it_need_not_keep(first: date, length: int) -> None:
    today = snapshot_grid(first, first + timedelta(days=length), TIME)
    tomorrow = snapshot_grid(first, first + timedelta(days=length + 1), TIME)
    assert set(tomorrow) - set(today) == {first + timedelta(days=length + 1)}
    assert all(d.weekday() != 0 for d in set(today) - set(tomorrow))


@given(st.sets(st.integers(0, 59)), st.integers(0, 3), st.integers(1, 20))
def test_computing_the_ranges_in_order_brings_every_touched_day_and_its_neighbours_up_to_date(
    touched: set[int], gap: int, chunk: int
) -> None:
    keys = [(date(2025, 1, 6) + timedelta(days=n)).isoformat() for n in range(60)]
    ranges = computed_ranges([date.fromisoformat(keys[n]) for n in touched], gap, chunk, keys)
    computed_at: dict[int, list[int]] = {}  # by day: the runs that computed it
    for run, (low, high) in enumerate(ranges):
        for n in range(keys.index(low), keys.index(high) + 1):
            computed_at.setdefault(n, []).append(run)
    for n in touched:
        for around in {max(n - 1, 0), n, min(n + 1, 59)}:
            # sessions of a day read the events of its neighbours: they are right if computed with or after those events
            assert computed_at[around][-1] >= computed_at[n][0]


def test_of_two_chunks_that_meet_only_the_later_takes_a_day_of_the_other_in_again() -> None:
    keys = [(date(2025, 1, 6) + timedelta(days=n)).isoformat() for n in range(60)]
    ranges = computed_ranges([date.fromisoformat(k) for k in keys], 2, 31, keys)
    assert ranges == [(keys[0], keys[30]), (keys[30], keys[59])]


def test_with_a_fixed_clock_the_days_end_with_the_last_closed_one() -> None:
    days = day_partitions(settings_of({}, first_day="2025-01-06", now="2025-03-07T08:00:00"))
    keys = days.get_partition_keys()
    assert (keys[0], keys[-1], len(keys)) == ("2025-01-06", "2025-03-06", 60)
