"""Columns of PostHog events into lines of JSON, so that Parquet, query answers and JSON lines are read by one shape; pure.

Here: the SQL. Not here: what a line means (`posthog_lines`), where columns come from (`posthog_export`, `posthog_query`).
"""

from collections.abc import Mapping
from typing import Final

from uam_platform.connectors.api_records import quoted
from uam_platform.connectors.posthog_lines import SKIPPED_EVENTS

COLUMNS: Final = ("uuid", "event", "distinct_id", "timestamp", "created_at", "_inserted_at")
OBJECTS: Final = ("properties", "person_properties")


def line_query(types: Mapping[str, str], relation: str) -> str:
    """SQL for one line per row of `relation`, in its order; columns that it does not have are left out.

    Args:
        types: DuckDB type by column name.
        relation: SQL that can stand behind FROM.
    """
    fields = ", ".join(f"{quoted(name)}: {_value(name, types[name])}" for name in (*COLUMNS, *OBJECTS) if name in types)
    skipped = f"WHERE coalesce(event, '') NOT IN {SKIPPED_EVENTS}" if "event" in types else ""
    return f"SELECT to_json({{{fields}}})::VARCHAR AS line FROM {relation} {skipped}"


def _value(name: str, kind: str) -> str:
    if name in OBJECTS:
        return f"CASE WHEN json_valid({name}::VARCHAR) THEN {name}::VARCHAR::JSON END"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({name} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind.startswith("TIMESTAMP"):
        return f"strftime({name}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"{name}::VARCHAR"
