"""What each source delivered per event day: rows, rows by name, rows without a field.

Here: DAILY_PROFILES, one scan of events. Not here: which days are odd (`odd_days`).

Only rows that were known when their day was closed are counted, so that a day's profile never changes afterwards. A field is counted for
the events that ever carried it.
"""

from typing import Final

import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import DAILY_PROFILES

VOLUME: Final = "volume"
NAME: Final = "name"
MISSING: Final = "missing"
FIELDS: Final = (
    "feature workflow workflow_id workspace_id_source device_type browser app_version plan_tier app_area duration_ms "
    "error_code quantity amount_usd_cents"
).split()
"""Fields of an event whose absence is watched."""
_FACTS: Final = "event_date known_date source side event_kind event_name event_name_source".split()
_COLUMNS: Final = list(DAILY_PROFILES.column_names)


def daily_profiles(connection: Backend, events: ir.Table, unknown: ir.Table, ticket_events: ir.Table) -> pd.DataFrame:
    """DAILY_PROFILES, sorted by its key.

    Args:
        connection: engine.
        events: EVENTS of the days looked at.
        unknown: UNKNOWN_EVENTS of the same days.
        ticket_events: TICKET_EVENTS; of help desks, which have no events of their own.
    """
    views = {"profiled_events": events.select([*_FACTS, *FIELDS]), "profiled_unknown": unknown}
    views["profiled_tickets"] = ticket_events.select("source", "known_date")
    for name, table in views.items():
        connection.create_view(name, table, overwrite=True)
    try:
        rows = connection.raw_sql(_ROWS).df()
        parts = connection.raw_sql(_parts_query()).df()
    finally:
        for name in views:
            connection.drop_view(name, force=True)
    found = pd.concat([rows, _without_field(parts)], ignore_index=True)
    found["event_date"] = pd.to_datetime(found["event_date"]).dt.date
    return found[_COLUMNS].sort_values(list(DAILY_PROFILES.key), ignore_index=True)


_ROWS: Final = f"""
    WITH named AS (
        SELECT event_date, source, side, event_name_source AS name FROM profiled_events
        WHERE known_date = event_date AND event_kind = 'track'
        UNION ALL SELECT event_date, source, side, event_name_source FROM profiled_unknown WHERE known_date = event_date
    )
    SELECT event_date, source, side, '{NAME}' AS profile_kind, name AS profile_subject, count(*) AS profile_row_count,
        0::BIGINT AS profile_part_count FROM named GROUP BY ALL
    UNION ALL
    SELECT event_date, source, side, '{VOLUME}', '', count(*), 0::BIGINT FROM profiled_events
    WHERE known_date = event_date GROUP BY ALL
    UNION ALL
    SELECT known_date, source, 'server', '{VOLUME}', '', count(*), 0::BIGINT FROM profiled_tickets GROUP BY ALL
"""


def _parts_query() -> str:
    present = ", ".join(f"count({name}) AS {name}" for name in FIELDS)
    return f"""
        SELECT event_date, source, side, event_name, count(*) AS profile_row_count, {present} FROM profiled_events
        WHERE known_date = event_date AND event_kind = 'track' GROUP BY ALL
    """


def _without_field(parts: pd.DataFrame) -> pd.DataFrame:
    """Rows without a field, by event and field, for the events that ever carried it."""
    keys = ["event_date", "source", "side", "event_name", "profile_row_count"]
    tall = parts.melt(keys, FIELDS, "field", "present")
    carried = tall.groupby(["source", "side", "event_name", "field"])["present"].transform("max") > 0
    kept = tall[carried]
    return kept.assign(
        profile_kind=MISSING,
        profile_subject=kept["event_name"] + "." + kept["field"].astype(str),
        profile_part_count=kept["profile_row_count"] - kept["present"],
    )
