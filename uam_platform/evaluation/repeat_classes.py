"""Repeats by class: which are found, and of which events every copy was dropped.

Here: recall by kind of repeat, by distance in time and by tool, false drops by the same classes. Not here: the numbers over all classes
(`deduplication`), how truth and run are joined (`planted`).
"""

from collections.abc import Iterator
from typing import Final

from uam_platform.contracts.tables import DELIVERIES, EVENTS
from uam_platform.evaluation.planted import READABLE_DEFECTS, SOURCE
from uam_platform.evaluation.quarantine import rate
from uam_platform.evaluation.resampling import upper_bound
from uam_platform.evaluation.results import Row, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth

FAR: Final = "more than 24 hours apart"
_KINDS: Final = {
    "retry": "retried by the sender",
    "replay": "replayed later",
    "reenveloped": "webhook under a new id",
}


def class_rows(run: RunFolder, truth: Truth) -> list[Row]:
    """Recall and false drops by class; needs the tables of `planted.plant`. Worlds without kinds and times of delivery tell tools alone."""
    if "repeat_kind" not in truth.columns("deliveries") or not truth.has_company("deliveries/*"):
        return _by_tool(run)
    _plant_classes(run, truth)
    return [*_by_kind(run), *_by_tool(run), *_false_drops(run)]


def _plant_classes(run: RunFolder, truth: Truth) -> None:
    """Create `repeat_classes`: true_event_no and class of every event with a readable repeat.

    An event is of a kind where all its repeats are of that kind, and far apart where some copy came more than a day after the first.
    """
    readable = ", ".join(f"'{name}'" for name in READABLE_DEFECTS)
    run.execute(f"""
        CREATE OR REPLACE TEMP TABLE repeat_classes AS
        WITH told AS (
            SELECT true_event_no, repeat_kind, delivery_no FROM read_parquet('{truth.path("deliveries")}')
            WHERE (defect IS NULL OR defect IN ({readable}))
        ), repeated AS (SELECT DISTINCT true_event_no FROM told WHERE repeat_kind <> 'none'),
        placed AS (
            SELECT told.*, received_at FROM told SEMI JOIN repeated USING (true_event_no)
            JOIN (SELECT delivery_no, received_at FROM read_parquet('{truth.company_path("deliveries/*")}')) USING (delivery_no)
        ), events AS (
            SELECT true_event_no, any_value(repeat_kind) FILTER (repeat_kind <> 'none') AS kind,
                count(DISTINCT repeat_kind) FILTER (repeat_kind <> 'none') AS kinds,
                max(received_at) - min(received_at) > INTERVAL 24 HOUR AS is_far
            FROM placed GROUP BY 1
        )
        SELECT true_event_no, kind AS class FROM events WHERE kinds = 1
        UNION ALL SELECT true_event_no, 'far' FROM events WHERE is_far
    """)


def _named(name: str) -> str:
    return FAR if name == "far" else f"{name}, {_KINDS[name]}" if name in _KINDS else name


def _by_kind(run: RunFolder) -> Iterator[Row]:
    found = run.query("""
        WITH kept AS (
            SELECT class, sum(usable_count) - 1 AS repeats, sum(stored_count) AS stored
            FROM planted JOIN repeat_classes USING (true_event_no) GROUP BY class, true_event_no
        )
        SELECT class, sum(repeats)::BIGINT AS repeats, sum(least(greatest(stored - 1, 0), repeats))::BIGINT AS left_over
        FROM kept WHERE stored > 0 AND repeats > 0 GROUP BY 1 ORDER BY 1
    """)
    for name, repeats, left in found.itertuples(index=False, name=None):
        note = f"{left:,} of {repeats:,} repeats stayed in"
        yield rate(f"recall of repeats: {_named(name)}", repeats - left, repeats, note)


def _by_tool(run: RunFolder) -> list[Row]:
    """Recall of what other tools tell of events that the first tool told readably; by tool, and whether somebody was signed in."""
    deliveries = run.view(DELIVERIES, ("source", "event_hi", "event_lo", "actor_kind"))
    events = run.view(EVENTS, ("source", "event_hi", "event_lo", "actor_kind"))
    found = run.query(f"""
        WITH told_first AS (SELECT true_event_no FROM planted GROUP BY 1 HAVING sum(first_count) > 0),
        mine AS (SELECT event_hi, event_lo, true_event_no FROM planted SEMI JOIN told_first USING (true_event_no)),
        told AS (SELECT source, actor_kind, count(*) AS copies FROM {deliveries} JOIN mine USING (event_lo, event_hi)
            WHERE source <> '{SOURCE}' GROUP BY ALL),
        kept AS (SELECT source, actor_kind, true_event_no FROM {events} JOIN mine USING (event_lo, event_hi)),
        several AS (SELECT true_event_no FROM kept GROUP BY 1 HAVING count(*) > 1),
        stayed AS (SELECT source, actor_kind, count(*) AS left_over FROM kept SEMI JOIN several USING (true_event_no) GROUP BY ALL)
        SELECT source, actor_kind, copies, coalesce(left_over, 0)::BIGINT AS left_over
        FROM told LEFT JOIN stayed USING (source, actor_kind) ORDER BY ALL
    """)
    return [
        rate(
            f"recall of copies: {source}, {'nobody signed in' if kind == 'anonymous' else 'known users'}", copies - left, copies,
            f"{left:,} of {copies:,} tellings of what the first tool told too stayed in",
        )
        for source, kind, copies, left in found.itertuples(index=False, name=None)
    ]  # fmt: skip


def _false_drops(run: RunFolder) -> Iterator[Row]:
    """Of which class the events are of which no copy is in any table; the rest were told once, by one tool."""
    found = run.query("""
        WITH events AS (
            SELECT true_event_no, sum(usable_count) AS usable, sum(first_count) AS of_first, sum(stored_count) AS stored
            FROM planted GROUP BY 1 HAVING sum(usable_count) > 0
        ), classed AS (
            SELECT class, stored FROM events JOIN repeat_classes USING (true_event_no)
            UNION ALL SELECT 'told by several tools', stored FROM events WHERE usable > of_first AND of_first > 0
            UNION ALL SELECT 'told once', stored FROM events WHERE usable = 1
        )
        SELECT class, count(*) AS events, count(*) FILTER (stored = 0) AS dropped FROM classed GROUP BY 1 ORDER BY 1
    """)
    for name, events, dropped in found.itertuples(index=False, name=None):
        yield Row(
            f"false drops: {_named(name)}", ratio(dropped, events), high=upper_bound(dropped, events),
            note=f"{dropped:,} of {events:,} events are in no table; upper 95 % bound", parts=rate_parts(dropped, events),
        )  # fmt: skip
