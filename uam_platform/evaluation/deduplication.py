"""Are repeats removed, nothing else lost, and spoiled records set aside?

Here: planted repeats against the run's events and duplicates log, over all classes. Not here: classes of repeats (`repeat_classes`),
planted defects (`quarantine`), whether the books balance (`books`), how truth and run are joined (`planted`), lines of logs (`log_lines`),
whose events they are (`identity`).
"""

from typing import Any

from uam_platform.contracts.tables import LOAD_RECONCILIATION
from uam_platform.evaluation.books import book_rows
from uam_platform.evaluation.log_lines import rows_of_lines
from uam_platform.evaluation.planted import SOURCE
from uam_platform.evaluation.quarantine import quarantine_rows
from uam_platform.evaluation.repeat_classes import class_rows
from uam_platform.evaluation.resampling import upper_bound
from uam_platform.evaluation.results import Row, Section, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth


def section(run: RunFolder, truth: Truth) -> Section:
    """Deduplication and quarantine; needs the tables of `planted.plant`."""
    counts = run.query("""
        SELECT coalesce(sum(delivery_count), 0)::BIGINT AS deliveries, count(*) FILTER (usable_count > 0) AS events,
            coalesce(sum(usable_count - 1) FILTER (usable_count > 0 AND stored_count > 0), 0) AS repeats,
            coalesce(sum(least(stored_count - 1, usable_count - 1)) FILTER (stored_count > 1), 0) AS left_over,
            coalesce(sum(least(logged_count, usable_count - 1)) FILTER (usable_count > 1), 0) AS logged,
            count(*) FILTER (usable_count > 0 AND stored_count = 0) AS dropped
        FROM (
            SELECT sum(delivery_count) AS delivery_count, sum(usable_count) AS usable_count, sum(stored_count) AS stored_count,
                sum(logged_count) AS logged_count
            FROM planted GROUP BY true_event_no
        )
    """).iloc[0]
    rows = (
        _landed(run, int(counts.deliveries)),
        *_repeats(counts),
        *class_rows(run, truth),
        *rows_of_lines(run, truth),
        *quarantine_rows(run, truth),
        *book_rows(run),
    )
    return Section("deduplication", "Deliveries: repeats removed, spoiled records set aside", rows)


def _landed(run: RunFolder, planted: int) -> Row:
    name = run.view(LOAD_RECONCILIATION)
    found = run.query(f"SELECT coalesce(sum(rows_in_count), 0) AS n FROM {name} WHERE source = '{SOURCE}'")["n"].iloc[0]
    note = f"{int(found):,} of {planted:,}; below 1 the run has not read the whole archive, and the rows below suffer"
    return Row("deliveries landed", ratio(int(found), planted), note=note, target="1")


def _repeats(counts: Any) -> tuple[Row, Row, Row]:
    repeats, events, dropped = int(counts.repeats), int(counts.events), int(counts.dropped)
    left = int(counts.left_over)
    return (
        Row(
            "recall of planted repeats",
            ratio(repeats - left, repeats),
            note=f"{left:,} of {repeats:,} repeats stayed in",
            target="≥ 0.999",
            parts=rate_parts(repeats - left, repeats),
        ),
        Row("repeats found in the duplicates log", ratio(int(counts.logged), repeats)),
        Row(
            "false drops",
            ratio(dropped, events),
            high=upper_bound(dropped, events),
            note=f"{dropped:,} of {events:,} delivered, readable events are in no table; upper 95 % bound",
            target="≤ 0.00001",
            parts=rate_parts(dropped, events),
        ),
    )
