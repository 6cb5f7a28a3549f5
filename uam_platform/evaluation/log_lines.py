"""Lines of the backend's log: does each event count once that the product tells too, and what does the log alone know?

Here: lines beside the events that truth says they are of. Not here: deliveries of analytics tools (`deduplication`, `planted`).
"""

from typing import Final

from uam_platform.contracts.tables import DELIVERIES, DUPLICATES_LOG, EVENTS
from uam_platform.evaluation.planted import event_id
from uam_platform.evaluation.resampling import upper_bound
from uam_platform.evaluation.results import Row, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth

LOGS: Final = "backend_logs"


def rows_of_lines(run: RunFolder, truth: Truth) -> list[Row]:
    """Rows about lines; none where the run read no logs, or the world does not tell what its lines are of.

    Needs the tables of `planted.plant`.
    """
    if not truth.has("log_lines") or not _plant_lines(run, truth):
        return []
    repeats, events = run.view(DUPLICATES_LOG), run.view(EVENTS, ("source", "event_hi", "event_lo"))
    counts = run.query(f"""
        WITH in_events AS (SELECT event_hi, event_lo FROM {events}),
        by_tools AS (SELECT DISTINCT true_event_no FROM planted WHERE stored_count > 0),
        left_out AS (SELECT DISTINCT event_hi, event_lo FROM {repeats} WHERE source = '{LOGS}'),
        judged AS (
            SELECT true_event_no, (event_lo, event_hi) IN (SELECT (event_lo, event_hi) FROM in_events) AS stayed,
                (event_lo, event_hi) IN (SELECT (event_lo, event_hi) FROM left_out) AS is_left_out,
                true_event_no IN (SELECT true_event_no FROM by_tools) AS is_told
            FROM lines_of_logs
        ), by_event AS (
            SELECT true_event_no, bool_or(is_told) AS is_told, count(*) FILTER (stayed) AS stayed FROM judged GROUP BY 1
        )
        SELECT count(*) FILTER (is_told) AS told, count(*) FILTER (is_told AND stayed) AS told_and_stayed,
            count(*) FILTER (is_left_out) AS left_out,
            count(*) FILTER (is_left_out AND true_event_no IN (SELECT true_event_no FROM by_event WHERE NOT is_told AND stayed = 0))
                AS lost,
            (SELECT count(*) FROM by_event WHERE NOT is_told AND stayed > 0) AS log_only
        FROM judged
    """).iloc[0]
    told, stayed, left_out, lost = (int(counts[name]) for name in ("told", "told_and_stayed", "left_out", "lost"))
    return [
        Row(
            "recall of log lines that the product tells too",
            ratio(told - stayed, told),
            note=f"{stayed:,} of {told:,} lines stayed in beside the product's event",
            parts=rate_parts(told - stayed, told),
        ),
        Row(
            "log lines left out of what nothing else tells",
            ratio(lost, left_out),
            high=upper_bound(lost, left_out),
            note=f"{lost:,} of {left_out:,} lines that were left out; their event is in no table",
            parts=rate_parts(lost, left_out),
        ),
        Row("events that only the log tells", int(counts.log_only), unit="count"),
    ]


def _plant_lines(run: RunFolder, truth: Truth) -> bool:
    """Create the temporary table `lines_of_logs`: event_hi, event_lo, true_event_no of each line that was landed as an event."""
    deliveries = run.view(DELIVERIES, ("source", "event_hi", "event_lo", "event_name_source"))
    found = run.query(f"SELECT DISTINCT event_name_source AS name FROM {deliveries} WHERE source = '{LOGS}' ORDER BY 1")
    if not len(found):
        return False
    names = ", ".join(f"('{name}')" for name in found["name"])
    high, low = event_id("(trace_id || '/' || span_id || '/' || name)", LOGS)
    run.execute(f"""CREATE OR REPLACE TEMP TABLE lines_of_logs AS
        SELECT event_hi, event_lo, true_event_no FROM (
            SELECT {high} AS event_hi, {low} AS event_lo, true_event_no
            FROM read_parquet('{truth.path("log_lines")}') CROSS JOIN (VALUES {names}) AS made(name)
        ) SEMI JOIN (SELECT event_hi, event_lo FROM {deliveries} WHERE source = '{LOGS}') USING (event_lo, event_hi)""")
    return True
