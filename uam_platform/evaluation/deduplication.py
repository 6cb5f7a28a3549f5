"""Are repeats removed, nothing else lost, and spoiled records set aside?

Here: planted repeats, copies by other tools and planted defects against the run's events, duplicates log and quarantine. Not here: how
truth and run are joined (`planted`), lines of logs (`log_lines`), whose events they are (`identity`).
"""

from typing import Any, Final

import pandas as pd

from uam_platform.contracts.tables import DELIVERIES, EVENTS, LOAD_RECONCILIATION, QUARANTINE
from uam_platform.evaluation.log_lines import rows_of_lines
from uam_platform.evaluation.planted import READABLE_DEFECTS, SOURCE, event_id
from uam_platform.evaluation.resampling import upper_bound
from uam_platform.evaluation.results import Row, Section, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth

REASON_OF: Final = {
    "truncated": "truncated",
    "not_json": "not_json",
    "missing_event": "missing_event_name",
    "missing_ids": "missing_actor",
    "bad_timestamp": "unreadable_time",
    "far_future": "impossible_time",
}
"""Quarantine reason that each planted defect should be set aside with."""


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
        *_by_kind(run, truth),
        *_by_tool(run),
        *rows_of_lines(run, truth),
        *_quarantine(run, truth),
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


def _by_kind(run: RunFolder, truth: Truth) -> list[Row]:
    """Recall by kind of repeat: retried, replayed days later, sent in a new envelope with another message id.

    Only events all of whose repeats are of one kind are counted. Worlds of older versions do not tell kinds.
    """
    if "repeat_kind" not in truth.columns("deliveries"):
        return []
    readable = ", ".join(f"'{name}'" for name in READABLE_DEFECTS)
    found = run.query(f"""
        WITH repeated AS (
            SELECT true_event_no, any_value(repeat_kind) AS kind
            FROM read_parquet('{truth.path("deliveries")}')
            WHERE repeat_kind IS NOT NULL AND repeat_kind <> 'none' AND (defect IS NULL OR defect IN ({readable}))
            GROUP BY 1 HAVING count(DISTINCT repeat_kind) = 1
        ), kept AS (
            SELECT kind, sum(usable_count) - 1 AS repeats, sum(stored_count) AS stored
            FROM planted JOIN repeated USING (true_event_no) GROUP BY kind, true_event_no
        )
        SELECT kind, sum(repeats)::BIGINT AS repeats, sum(least(greatest(stored - 1, 0), repeats))::BIGINT AS left_over
        FROM kept WHERE stored > 0 AND repeats > 0 GROUP BY 1 ORDER BY 1
    """)
    return [
        Row(
            f"recall of repeats: {kind}", ratio(repeats - left, repeats), note=f"{left:,} of {repeats:,} repeats stayed in",
            parts=rate_parts(repeats - left, repeats),
        )
        for kind, repeats, left in found.itertuples(index=False, name=None)
    ]  # fmt: skip


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
        Row(
            f"recall of copies: {source}, {'nobody signed in' if kind == 'anonymous' else 'known users'}",
            ratio(copies - left, copies),
            note=f"{left:,} of {copies:,} tellings of what the first tool told too stayed in",
            parts=rate_parts(copies - left, copies),
        )
        for source, kind, copies, left in found.itertuples(index=False, name=None)
    ]


def _quarantine(run: RunFolder, truth: Truth) -> list[Row]:
    kept, reasons = _planted_defects(run, truth), _reasons(run)
    rows = [
        _defect(str(defect), int(planted), int(kept_out), reasons)
        for defect, planted, kept_out in zip(kept["defect"], kept["planted"], kept["kept_out"], strict=True)
    ]
    expected = dict(zip(kept["defect"].astype(str), kept["deliveries"].astype(int), strict=True))
    surplus = sum(max(0, n - expected.get(_defect_of(reason), 0)) for reason, n in reasons.items())
    note = (
        f"of {sum(reasons.values()):,} quarantined deliveries, by reason; device clocks may make more impossible times"
    )
    return [*rows, Row("quarantined without a planted defect", surplus, unit="count", note=note, target="0")]


def _defect(defect: str, planted: int, kept_out: int, reasons: dict[str, int]) -> Row:
    if defect in READABLE_DEFECTS:
        note = f"{planted - kept_out:,} of {planted:,} accepted: readable, but the identifier is another one"
        return Row(f"kept out: {defect}", ratio(kept_out, planted), note=note)
    reason = REASON_OF.get(defect, "")
    note = f"{kept_out:,} of {planted:,} kept out of events; {reasons.get(reason, 0):,} records set aside as {reason or 'nothing'}"
    return Row(f"kept out: {defect}", ratio(kept_out, planted), note=note, target="1")


def _defect_of(reason: str) -> str:
    return next((defect for defect, name in REASON_OF.items() if name == reason), "")


def _planted_defects(run: RunFolder, truth: Truth) -> pd.DataFrame:
    """Per kind of defect: all spoiled deliveries, messages with no other copy (planted), and those of them in no event table."""
    high, low = event_id("message_id")
    return run.query(f"""
        WITH spoiled AS (
            SELECT defect, {high} AS event_hi, {low} AS event_lo
            FROM read_parquet('{truth.path("deliveries")}') WHERE defect IS NOT NULL
        )
        SELECT defect, count(*) AS deliveries, count(*) FILTER (delivery_count = 1) AS planted,
            count(*) FILTER (delivery_count = 1 AND stored_count = 0) AS kept_out
        FROM spoiled JOIN planted USING (event_lo, event_hi) GROUP BY defect ORDER BY defect
    """)


def _reasons(run: RunFolder) -> dict[str, int]:
    name = run.view(QUARANTINE)
    found = run.query(f"""
        SELECT reason, count(*) AS n FROM {name} WHERE source = '{SOURCE}' AND source_object = 'delivery' GROUP BY 1 ORDER BY 1
    """)
    return dict(zip(found["reason"].astype(str), found["n"].astype(int), strict=True))
