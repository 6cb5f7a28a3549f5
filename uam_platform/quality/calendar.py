"""Days on which less is expected, because an absence was announced.

Here: the days. Not here: whose absence it is (alerts ask that of accounts); a source is everybody's.
"""

from datetime import date, timedelta
from typing import Final

import pandas as pd

ABSENCES: Final = ("public_holiday", "shutdown", "maintenance")
_LONGEST_DAYS: Final = 21
"""A season or an absence without an end explains no single day."""


def holidays(announcements: pd.DataFrame, as_of: date) -> list[date]:
    """Days before `as_of` inside an announced absence that was known before them, sorted.

    Args:
        announcements: ANNOUNCEMENTS.
        as_of: snapshot day.
    """
    found: set[date] = set()
    chosen = announcements[announcements["announced_kind"].isin(ABSENCES) & announcements["ends_at"].notna()]
    for row in chosen.to_dict("records"):
        first, end = row["starts_at"].date(), (row["ends_at"] - timedelta(microseconds=1)).date()
        if (end - first).days <= _LONGEST_DAYS:
            days = (first + timedelta(days=n) for n in range((end - first).days + 1))
            known = pd.Timestamp(row["known_date"]).date()  # dates of a table come as midnights
            found |= {day for day in days if known <= day < as_of}
    return sorted(found)
