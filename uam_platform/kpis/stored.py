"""Reads from the lake what the scores are made of.

Here: which tables and partitions. Not here: what is made of them (`inputs`).
"""

from collections.abc import Sequence

import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import (
    ACCOUNT_ACTIONS,
    ACCOUNT_FEATURES,
    ACCOUNT_THEMES,
    EVENTS,
    JOURNEYS,
    OPPORTUNITIES,
    TICKET_EVENTS,
)
from uam_platform.kpis.inputs import Facts
from uam_platform.lake.store import Lake


def stored_facts(
    connection: Backend, lake: Lake, keys: Sequence[str], server_only: frozenset[str] = frozenset()
) -> Facts:
    """Facts of the named snapshots.

    Args:
        connection: engine.
        lake: holds the tables; what is not published is empty, and so not known.
        keys: snapshots, ISO days.
        server_only: events of which only a server's word counts.
    """
    first = lake.read(connection, TICKET_EVENTS).known_date.min().to_pandas()
    return Facts(
        features=lake.read(connection, ACCOUNT_FEATURES, keys).to_pandas(),
        actions=lake.read(connection, ACCOUNT_ACTIONS, keys).to_pandas(),
        opportunities=lake.read(connection, OPPORTUNITIES).to_pandas(),
        journeys=lake.read(connection, JOURNEYS).to_pandas(),
        themes=lake.read(connection, ACCOUNT_THEMES).to_pandas(),
        server_only=server_only,
        told_sides=_told_sides(connection, lake, server_only),
        first_ticket_date=None if pd.isna(first) else pd.Timestamp(first),
    )


def _told_sides(connection: Backend, lake: Lake, server_only: frozenset[str]) -> pd.DataFrame:
    """Since when each side tells of each event that only a server may tell: event_name, side, known_date."""
    events = lake.read(connection, EVENTS)
    mine = events.filter(events.event_name.isin(sorted(server_only)))
    return mine.group_by("event_name", "side").aggregate(known_date=mine.known_date.min()).to_pandas()
