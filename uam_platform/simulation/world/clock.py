"""World time: day numbers, weeks, calendar dates and the rhythm of working life.

Belongs here: the start of the world, conversions, the public calendar. Does not belong here: anything about one
account (``population``, ``drivers``). Inside the world time is a day number (day 0 is the first Monday) or integer
microseconds since the Unix epoch.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

START = datetime(2025, 1, 6, tzinfo=UTC)
START_DATE = START.date()
START_US = int(START.timestamp()) * 1_000_000
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
HORIZON_DAYS = 56
BEYOND_DAYS = 63
"""The world lives this long after its last visible day, so that the last labels are known to the truth."""

_WEEKDAY_WEIGHT = np.array([1.08, 1.12, 1.10, 1.05, 0.85, 0.12, 0.10])
_CHRISTMAS_WEIGHT = 0.35
_AUGUST_WEIGHT = 0.88


def date_of(day: int) -> date:
    """Return the calendar date of a day number (negative: before the world)."""
    return START_DATE + timedelta(days=day)


def day_number(on: date) -> int:
    """Return the day number of a calendar date."""
    return (on - START_DATE).days


def instant(day: float) -> datetime:
    """Return the UTC instant of a fractional day number, to the second."""
    return START + timedelta(seconds=round(day * 86_400))


def to_us(day: Array) -> Array:
    """Return epoch microseconds of fractional day numbers."""
    return np.int64(START_US) + np.rint(day * 86_400).astype(np.int64) * SECOND_US


def add_months(on: date, months: int) -> date:
    """Return the same day of the month ``months`` later; days are 1 to 28, so it always exists."""
    index = on.year * 12 + on.month - 1 + months
    return date(index // 12, index % 12 + 1, on.day)


def is_christmas(on: date) -> bool:
    """Say whether most offices are closed between the years."""
    return (on.month == 12 and on.day >= 20) or (on.month == 1 and on.day <= 3)


def calendar_weight(first_day: int, last_day: int) -> Array:
    """Return the public rhythm of work per day in ``[first_day, last_day)``: weekday, Christmas, August."""
    weights = _WEEKDAY_WEIGHT[np.arange(first_day, last_day) % 7].copy()
    for index, day in enumerate(range(first_day, last_day)):
        on = date_of(day)
        if is_christmas(on):
            weights[index] *= _CHRISTMAS_WEIGHT
        elif on.month == 8:
            weights[index] *= _AUGUST_WEIGHT
    return weights
