"""Reads from the lake what alerts know beside features and scores: flags and whom they reached, the calendar, last year.

Here: which tables and partitions. Not here: what follows from them (`context`, `calendar`, `groups`).
"""

from datetime import date, timedelta

import pandas as pd

from uam_platform.alerts.calendar import NEAR, YEAR, Calendar
from uam_platform.alerts.groups import dated
from uam_platform.contracts import tables
from uam_platform.lake.resource import Warehouse
from uam_platform.temporal.asof import FOREVER


def flags_seen(warehouse: Warehouse) -> pd.DataFrame:
    """FLAG_STARTS of what events carry and of what the flag system says it switched on; the earliest first day counts."""
    lake, connection = warehouse.lake, warehouse.connection
    carried = lake.read(connection, tables.FLAG_STARTS).to_pandas()
    exposures = lake.read(connection, tables.FLAG_EXPOSURES).to_pandas()
    links = lake.read(connection, tables.HIERARCHY).to_pandas()
    if exposures.empty:
        return carried
    both = pd.concat([carried, exposed(exposures, links)], ignore_index=True)
    return both.assign(**{name: both[name].map(_day) for name in ("first_date", "known_date", "known_to_date")})


def exposed(exposures: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Rows of the FLAG_STARTS contract for exposures that name an account, or a workspace of one on that day.

    Args:
        exposures: FLAG_EXPOSURES.
        links: HIERARCHY.
    """
    days = exposures.assign(first_date=pd.to_datetime(exposures["exposed_at"]).dt.date)
    named = days[days["account_id"].notna()]
    spaces = days[days["account_id"].isna() & (days["workspace_key"] != 0)].drop(columns="account_id")
    owned = spaces.merge(links[["workspace_key", "account_id", "valid_from_date", "valid_to_date"]], on="workspace_key")
    first = pd.to_datetime(owned["first_date"]).dt.date
    begins, ends = (owned[name].map(_day) for name in ("valid_from_date", "valid_to_date"))
    owned = owned[(begins <= first) & (first < ends)]
    both = pd.concat([named, owned], ignore_index=True)
    both = both.assign(feature_flag=both["flag_key"], known_to_date=FOREVER)
    return both[list(tables.FLAG_STARTS.column_names)].drop_duplicates().reset_index(drop=True)


def known_calendar(warehouse: Warehouse, first: date, last: date, weeks: int) -> Calendar:
    """What the snapshots from `first` to `last`, and the weeks before that their harm score remembers, know of the calendar."""
    lake, connection = warehouse.lake, warehouse.connection
    low = first - timedelta(days=7 * weeks + 6) - YEAR - NEAR
    wanted = (low.isoformat(), (last - YEAR + NEAR).isoformat())
    keys = [key for key in lake.keys(tables.ACCOUNT_FEATURES) if wanted[0] <= key <= wanted[1]]
    return Calendar(
        announcements=lake.read(connection, tables.ANNOUNCEMENTS).to_pandas(),
        industries=lake.read(connection, tables.ACCOUNTS).to_pandas(),
        hours=dated(lake.read(connection, tables.WORKING_HOURS).to_pandas()),
        last_year=lake.read(connection, tables.ACCOUNT_FEATURES, keys).to_pandas(),
        releases=lake.read(connection, tables.RELEASES).to_pandas(),
    )


def _day(value: object) -> date:
    """A day, whatever the engine returned; the end of time is beyond what timestamps hold."""
    return value if type(value) is date else date.fromisoformat(str(value)[:10])
