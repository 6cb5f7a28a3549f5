"""Client beside server, as a table: counts, under-count ratio and interval by day, browser, device class and app version.

Here: CLIENT_SERVER_DAYS from the joined runs. Not here: the join (`twins`), findings (`missing_tellings`).
"""

from typing import Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import CLIENT_SERVER_DAYS
from uam_platform.quality.intervals import wilson

_COUNTS: Final = ("client_count", "server_count", "matched_count", "renamed_count")


def client_server_days(runs: pd.DataFrame) -> pd.DataFrame:
    """CLIENT_SERVER_DAYS of `twins.told_runs`."""
    key = list(CLIENT_SERVER_DAYS.key)
    grouped = runs.groupby(key, sort=True)
    found = grouped[list(_COUNTS)].sum()
    found["actor_count"] = grouped["actor_key"].nunique()
    has_server = found["server_count"] > 0
    whole = found["server_count"].where(has_server)
    missing = whole - found["matched_count"]
    low, high = wilson(missing.to_numpy(float), whole.to_numpy(float))
    found["undercount_ratio"] = missing / whole
    found["undercount_low_ratio"], found["undercount_high_ratio"] = np.asarray(low), np.asarray(high)
    return found.reset_index()[list(CLIENT_SERVER_DAYS.column_names)]
