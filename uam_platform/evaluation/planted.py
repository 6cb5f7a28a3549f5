"""True events beside what the run made of their deliveries, whichever tool delivered them.

Here: the engine tables that the sections on events share: `planted`, one row per true event that was delivered, and `stored`, the accepted
events. Not here: the metrics (`deduplication`, `identity`).
"""

from typing import Final

from uam_platform.contracts.tables import DELIVERIES, DUPLICATES_LOG, EVENTS, UNKNOWN_EVENTS
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform.temporal import keys

SOURCE: Final = "segment"
READABLE_DEFECTS: Final = ("user_id_number",)
"""Defects that leave an event readable: a numeric user id is taken as text, the event itself is sound."""


def event_id(message_id: str, source: str = SOURCE) -> tuple[str, str]:
    """SQL of the two halves of the event id of a vendor's message id."""
    text = f"'{source}|' || {message_id}"
    return keys.sql_key63_upper(text), keys.sql_key63(text)


def plant(run: RunFolder, truth: Truth) -> None:
    """Create the temporary tables `planted` and `stored`.

    planted: one row per delivered message: true_event_no, event_hi, event_lo, true_person_id, true_account_id, usable_count (readable
    deliveries), first_count (those of the first tool), delivery_count (of the first tool, with unreadable ones), stored_count (copies among
    events and unknown events), logged_count (copies in the duplicates log). The first tool's messages are the truth's, those of other
    tools the ones that the run read and the truth knows.
    stored: accepted events: event_hi, event_lo, actor_key, workspace_key, event_date.
    """
    event_columns = ("event_hi", "event_lo", "actor_key", "workspace_key", "event_date")
    events = run.view(EVENTS, event_columns)
    unknown, repeats = run.view(UNKNOWN_EVENTS), run.view(DUPLICATES_LOG)
    readable = ", ".join(f"'{name}'" for name in READABLE_DEFECTS)
    high, low = event_id("message_id")
    others = _of_other_tools(run, truth)
    run.execute(f"CREATE OR REPLACE TEMP TABLE stored AS SELECT {', '.join(event_columns)} FROM {events}")
    run.execute(f"""
        CREATE OR REPLACE TEMP TABLE planted AS
        WITH delivered AS (
            SELECT true_event_no, message_id, any_value(true_person_id) AS true_person_id,
                any_value(true_account_id) AS true_account_id, count(*) AS delivery_count,
                count(*) FILTER (defect IS NULL OR defect IN ({readable})) AS first_count
            FROM read_parquet('{truth.path("deliveries")}') GROUP BY true_event_no, message_id
        ), first_tool AS (SELECT * EXCLUDE (message_id), {high} AS event_hi, {low} AS event_lo FROM delivered),
        told AS ({_told(run)}),
        messages AS (
            SELECT * FROM first_tool
            UNION ALL BY NAME
            SELECT DISTINCT *, 0 AS delivery_count, 0 AS first_count FROM ({others})
            WHERE (event_lo, event_hi) IN (SELECT (event_lo, event_hi) FROM told)
        ), keyed AS (
            SELECT messages.*, first_count + coalesce(other_count, 0) AS usable_count
            FROM messages LEFT JOIN told USING (event_lo, event_hi)
        ),
        kept AS (
            SELECT event_hi, event_lo, count(*) AS stored_count FROM (
                SELECT event_hi, event_lo FROM stored UNION ALL SELECT event_hi, event_lo FROM {unknown}
            ) GROUP BY ALL
        ), logged AS (SELECT event_hi, event_lo, count(*) AS logged_count FROM {repeats} GROUP BY ALL)
        SELECT keyed.*, coalesce(stored_count, 0) AS stored_count, coalesce(logged_count, 0) AS logged_count
        FROM keyed LEFT JOIN kept USING (event_lo, event_hi) LEFT JOIN logged USING (event_lo, event_hi)
    """)


def _told(run: RunFolder) -> str:
    """SQL of how often other tools than the first delivered an event id: event_hi, event_lo, other_count."""
    deliveries = run.view(DELIVERIES, ("source", "event_hi", "event_lo", "actor_kind"))
    return (
        f"SELECT event_hi, event_lo, count(*) AS other_count FROM {deliveries} WHERE source <> '{SOURCE}' GROUP BY ALL"
    )


def _of_other_tools(run: RunFolder, truth: Truth) -> str:
    """SQL of the messages under which other tools of the run tell true events by ids of their own.

    What the first tool forwarded to them carries its message id and needs nothing here.
    """
    from uam_platform.simulation.sandbox.posthog_events import own_uuid

    people = "true_event_no, true_person_id, true_account_id"
    deliveries = run.view(DELIVERIES, ("source", "event_hi", "event_lo", "actor_kind"))
    tools = set(run.query(f"SELECT DISTINCT source FROM {deliveries}")["source"].astype(str))
    parts = [
        f"SELECT {people}, 0::BIGINT AS event_hi, 0::BIGINT AS event_lo FROM read_parquet('{truth.path('deliveries')}') LIMIT 0"
    ]
    if "posthog" in tools:
        high, low = event_id(own_uuid("message_id"), "posthog")
        parts.append(
            f"SELECT {people}, {high} AS event_hi, {low} AS event_lo FROM read_parquet('{truth.path('deliveries')}')"
        )
    if "amplitude" in tools:
        high, low = event_id("(coalesce(device_id, user_id, '') || ':' || insert_id)", "amplitude")
        held = f"SELECT insert_id, device_id, user_id FROM read_parquet('{truth.company_path('amplitude_events/*')}')"
        parts.append(f"""SELECT {people}, {high} AS event_hi, {low} AS event_lo
            FROM read_parquet('{truth.path("second_tool")}') JOIN ({held}) USING (insert_id) WHERE NOT is_forwarded""")
    return " UNION ALL ".join(f"({part})" for part in parts)
