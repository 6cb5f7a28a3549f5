"""True events beside what the run made of their deliveries.

Here: the engine tables that the sections on events share: `planted`, one row per true event that was delivered, and `stored`, the accepted
events. Not here: the metrics (`deduplication`, `identity`).
"""

from typing import Final

from uam_platform.contracts.tables import DUPLICATES_LOG, EVENTS, UNKNOWN_EVENTS
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform.temporal import keys

SOURCE: Final = "segment"
READABLE_DEFECTS: Final = ("user_id_number",)
"""Defects that leave an event readable: a numeric user id is taken as text, the event itself is sound."""


def event_id(message_id: str) -> tuple[str, str]:
    """SQL of the two halves of the event id of a vendor's message id."""
    text = f"'{SOURCE}|' || {message_id}"
    return keys.sql_key63_upper(text), keys.sql_key63(text)


def plant(run: RunFolder, truth: Truth) -> None:
    """Create the temporary tables `planted` and `stored`.

    planted: one row per delivered message: true_event_no, event_hi, event_lo, true_person_id, true_account_id, usable_count (readable
    deliveries), delivery_count, stored_count (copies among events and unknown events), logged_count (copies in the duplicates log).
    stored: accepted events: event_hi, event_lo, actor_key, workspace_key, event_date.
    """
    event_columns = ("event_hi", "event_lo", "actor_key", "workspace_key", "event_date")
    events = run.view(EVENTS, event_columns)
    unknown, repeats = run.view(UNKNOWN_EVENTS), run.view(DUPLICATES_LOG)
    readable = ", ".join(f"'{name}'" for name in READABLE_DEFECTS)
    high, low = event_id("message_id")
    run.execute(f"CREATE OR REPLACE TEMP TABLE stored AS SELECT {', '.join(event_columns)} FROM {events}")
    run.execute(f"""
        CREATE OR REPLACE TEMP TABLE planted AS
        WITH delivered AS (
            SELECT true_event_no, message_id, any_value(true_person_id) AS true_person_id,
                any_value(true_account_id) AS true_account_id, count(*) AS delivery_count,
                count(*) FILTER (defect IS NULL OR defect IN ({readable})) AS usable_count
            FROM read_parquet('{truth.path("deliveries")}') GROUP BY true_event_no, message_id
        ), keyed AS (SELECT * EXCLUDE (message_id), {high} AS event_hi, {low} AS event_lo FROM delivered),
        kept AS (
            SELECT event_hi, event_lo, count(*) AS stored_count FROM (
                SELECT event_hi, event_lo FROM stored UNION ALL SELECT event_hi, event_lo FROM {unknown}
            ) GROUP BY ALL
        ), logged AS (SELECT event_hi, event_lo, count(*) AS logged_count FROM {repeats} GROUP BY ALL)
        SELECT keyed.*, coalesce(stored_count, 0) AS stored_count, coalesce(logged_count, 0) AS logged_count
        FROM keyed LEFT JOIN kept USING (event_lo, event_hi) LEFT JOIN logged USING (event_lo, event_hi)
    """)
