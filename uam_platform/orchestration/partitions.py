"""Partitions: days of event tables, the snapshot grid, contiguous ranges and the missing set.

Here: arithmetic over partition keys. Not here: which asset uses which (the stages), when they run (`schedules` and
`sensors` of the stages).
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import dagster as dg

from uam_platform.policy.time import TimePolicy
from uam_platform.settings import Settings

AS_OF = dg.DynamicPartitionsDefinition(name="as_of")
"""Snapshot days that exist: added by the snapshot schedule, Mondays through history and each of the last days."""


def day_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """UTC days from the first day; with a fixed clock they end with the last closed day."""
    end = f"{settings.now:%Y-%m-%d}" if settings.now else None
    return dg.DailyPartitionsDefinition(start_date=settings.first_day.isoformat(), end_date=end)


def snapshot_grid(first_day: date, last_as_of: date, policy: TimePolicy) -> list[date]:
    """The snapshot days of a history.

    Args:
        first_day: first day with events.
        last_as_of: latest closed snapshot day.
        policy: time rules.

    Returns:
        Mondays from `first_snapshot_after_days` after the first day on, and every day of the last `daily_snapshot_days`,
        ascending.
    """
    start = first_day + timedelta(days=policy.first_snapshot_after_days)
    daily_from = last_as_of - timedelta(days=policy.daily_snapshot_days - 1)
    count = (last_as_of - start).days + 1
    days = (start + timedelta(days=i) for i in range(max(count, 0)))
    return [d for d in days if d.weekday() == 0 or d >= daily_from]


def bridged_ranges(days: Iterable[date], gap_days: int, chunk_days: int) -> list[tuple[date, date]]:
    """Days grouped into ranges.

    Args:
        days: touched days.
        gap_days: at most so many untouched days are bridged, because one longer run is cheaper than two.
        chunk_days: longest range, so that a range fits into memory.

    Returns:
        Inclusive ranges (first, last), ascending, that together cover all days.
    """
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if ranges:
            first, last = ranges[-1]
            if (day - last).days <= gap_days + 1 and (day - first).days < chunk_days:
                ranges[-1] = (first, day)
                continue
        ranges.append((day, day))
    return ranges


def runs_of_keys(wanted: Iterable[str], ordered: Sequence[str]) -> list[list[str]]:
    """`wanted` keys grouped into runs that are neighbours in `ordered`, the order Dagster resolves ranges in."""
    keep = set(wanted)
    runs: list[list[str]] = []
    open_run = False
    for key in ordered:
        if key in keep:
            if open_run:
                runs[-1].append(key)
            else:
                runs.append([key])
        open_run = key in keep
    return runs


def range_tags(first: str, last: str) -> dict[str, str]:
    """Run tags by which a single run computes a range of partitions."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def computed_ranges(days: Iterable[date], gap_days: int, chunk_days: int, keys: Sequence[str]) -> list[tuple[str, str]]:
    """What to recompute for touched days: bridged ranges with a day either side, because sessions cross midnight.

    Of two chunks that meet, only the later one takes the neighbouring day of the other in again.

    Args:
        days: touched days inside the partitions.
        gap_days: see `bridged_ranges`.
        chunk_days: see `bridged_ranges`.
        keys: all day partitions, ascending.

    Returns:
        Inclusive ranges (first key, last key) in the order they must be computed.
    """
    ranges = bridged_ranges(days, gap_days, chunk_days)
    starts = {first for first, _ in ranges}
    one = timedelta(days=1)
    return [
        (
            max((first - one).isoformat(), keys[0]),
            min((last if last + one in starts else last + one).isoformat(), keys[-1]),
        )
        for first, last in ranges
    ]
