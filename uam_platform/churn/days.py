"""Snapshot days as numbers, whatever type a frame carries them in.

Here: reading day and timestamp columns. Not here: which days are compared and why (`labels`, `train`).
"""

from datetime import date, datetime

import pandas as pd


def as_days(column: pd.Series) -> pd.Series:
    """Days or naive UTC timestamps of any type as datetime64 with microseconds; unknown stays NaT."""
    return pd.to_datetime(column).astype("datetime64[us]")


def as_day(value: date | datetime | pd.Timestamp) -> pd.Timestamp:
    """One day or timestamp as a pandas timestamp with microseconds."""
    return pd.Timestamp(value).as_unit("us")
