"""Public calendars: holidays by region, quiet seasons by industry.

Belongs here: dates anybody could look up, and the table of them that the company keeps. Does not belong here: the daily
rhythm of work (``clock``) or which account closes down (``health``). A region is known by the offset of its clocks.
"""

from datetime import date
from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import Array, date_of, day_number
from uam_platform.simulation.world.population import INDUSTRIES

HOLIDAYS: dict[int, tuple[tuple[str, int, int], ...]] = {
    -480: (("Independence Day", 6, 30), ("Thanksgiving", 11, 24)),
    -300: (("Spring break", 3, 17), ("Thanksgiving", 11, 24)),
    0: (("Spring bank holidays", 5, 5), ("Summer bank holidays", 8, 18)),
    60: (("Easter", 4, 14), ("Summer closing", 8, 4)),
    120: (("Easter", 4, 21), ("Midsummer", 6, 16)),
    330: (("Holi", 3, 10), ("Diwali", 10, 20)),
    480: (("Spring festival", 1, 27), ("Golden week", 9, 29)),
}
"""Clock offset in minutes -> (name, month, day on which closing begins); weeks close from that day's Monday on."""
SEASONS: dict[str, tuple[int, int]] = {
    "Software": (7, 28), "Retail": (1, 13), "Manufacturing": (7, 14), "Healthcare": (8, 4), "Finance": (4, 28),
    "Logistics": (2, 3), "Education": (6, 30), "Media": (1, 20),
}  # fmt: skip
"""Industry -> month and day on which its quiet weeks begin."""
_HOLIDAY_DAYS, _SEASON_DAYS = 21, 49


def holiday_week(offset_min: int, near_week: int) -> int:
    """Return the week in which a region closes, the closest to ``near_week``."""
    return _closest([(month, day) for _, month, day in HOLIDAYS[int(offset_min)]], near_week)


def season_week(industry: int, near_week: int) -> int:
    """Return the week in which the quiet season of an industry begins, the closest to ``near_week``."""
    return _closest([SEASONS[INDUSTRIES[industry]]], near_week)


def _closest(starts: list[tuple[int, int]], near_week: int) -> int:
    year = date_of(near_week * 7).year
    weeks = [day_number(date(each, month, day)) // 7 for each in (year - 1, year, year + 1) for month, day in starts]
    return int(min(weeks, key=lambda week: (abs(week - near_week), week)))


def calendar_rows(days: int) -> list[dict[str, Any]]:
    """Return the company's copy of the public calendar for the years of the world, by start and name; ends are exclusive."""
    rows = []
    for year in range(date_of(0).year, date_of(days).year + 1):
        for offset, starts in HOLIDAYS.items():
            for name, month, day in starts:
                rows.append(_entry(name, "holiday", offset, None, date(year, month, day), _HOLIDAY_DAYS))
        for industry, (month, day) in SEASONS.items():
            rows.append(_entry(f"{industry} season", "season", None, industry, date(year, month, day), _SEASON_DAYS))
    return sorted(rows, key=lambda row: (row["starts_on"], row["name"], row["utc_offset_min"] or 0))


def _entry(name: str, kind: str, offset: int | None, industry: str | None, on: date, length: int) -> dict[str, Any]:
    first = day_number(on) // 7 * 7
    return {
        "name": name, "kind": kind, "utc_offset_min": offset, "industry": industry, "starts_on": date_of(first),
        "ends_on": date_of(first + length),
    }  # fmt: skip


def aligned(first: Array, is_holiday: Array, is_season: Array, offset: Array, industry: Array) -> Array:
    """Return first weeks moved to the calendar where an episode follows one."""
    moved = first.copy()
    for index in np.flatnonzero(is_holiday):
        moved[index] = holiday_week(int(offset[index]), int(first[index]))
    for index in np.flatnonzero(is_season):
        moved[index] = season_week(int(industry[index]), int(first[index]))
    return moved
