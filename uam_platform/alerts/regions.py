"""Where the people of an account work, by the hours at which they work.

Here: the offset of an account's clocks from UTC, estimated, and the announced region nearest to it. Not here: the counts by hour
(`uam_platform.behavior.working_hours`), what a region's calendar explains (`calendar`).

Hours are directions on a clock; their mean direction (Mardia and Jupp 2000, chapter 2) is the middle of what is done, which people
everywhere do around the same local time. Where the hours do not point anywhere nothing is said.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.alerts.groups import visible
from uam_platform.policy.groups import Region

_TURN: Final = 2.0 * np.pi
_DAY_MINUTES: Final = 24 * 60


def offsets(hours: pd.DataFrame, as_of: date, policy: Region) -> Mapping[str, float]:
    """Minutes that the clocks of an account are ahead of UTC, for accounts of which it can be told.

    Args:
        hours: WORKING_HOURS as `groups.dated`.
        as_of: the snapshot; counts known by then, of the window before it, are read.
        policy: window and limits.
    """
    if hours.empty:
        return {}
    seen = visible(hours[hours["known_date"] >= pd.Timestamp(as_of) - timedelta(days=policy.window_days)], as_of)
    angle = (seen["utc_hour"].to_numpy(float) + 0.5) / 24.0 * _TURN
    count = seen["event_count"].to_numpy(float)
    parts = pd.DataFrame(
        {
            "account_id": seen["account_id"],
            "east": count * np.cos(angle),
            "north": count * np.sin(angle),
            "count": count,
        }
    )
    sums = parts.groupby("account_id").sum()
    length = np.hypot(sums["east"], sums["north"]) / sums["count"].where(sums["count"] > 0)
    told = sums[(sums["count"] >= policy.min_events) & (length >= policy.min_concentration)]
    middle = np.arctan2(told["north"], told["east"]) / _TURN * 24.0
    ahead = (policy.middle_hour - middle) * 60.0
    wrapped = (ahead + _DAY_MINUTES / 2) % _DAY_MINUTES - _DAY_MINUTES / 2
    return {str(account): float(minutes) for account, minutes in wrapped.items()}


def nearest(estimated: pd.Series, announcements: pd.DataFrame, policy: Region) -> pd.Series:
    """The region of the calendar nearest to each estimate, missing where none is near enough."""
    regions = np.sort(announcements["utc_offset_minutes"].dropna().astype(float).unique())
    if not len(regions):
        return pd.Series(float("nan"), index=estimated.index)
    away = np.abs(estimated.to_numpy(float)[:, None] - regions[None, :])
    away = np.minimum(away, _DAY_MINUTES - away)
    place = np.where(np.isnan(away), np.inf, away).argmin(axis=1)
    close = away[np.arange(len(away)), place] <= policy.tolerance_minutes
    return pd.Series(np.where(close, regions[place], np.nan), index=estimated.index)
