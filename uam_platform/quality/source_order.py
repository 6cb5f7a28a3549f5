"""Orders of events that cannot be, and sources whose clocks stand apart: what two sources, or two sides, say of one run.

Here: SOURCE_ORDER_DAYS and the days that stand out. Not here: repair of single times (`uam_platform.staging.time_sql`), from days to
findings (`findings`).

Two kinds of pairs, both of runs that share a `workflow_id`. A run's start and its end: the end lies before the start where a clock is
wrong. The last event of a run as two sources tell it on the server side: they differ by the length of a call, unless a source is hours
off. Medians say so whatever single clocks do; beside them stands how many of the times are exact as sent.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import SOURCE_ORDER_DAYS
from uam_platform.policy.quality import QualityPolicy, SourceOrder
from uam_platform.quality.missing_tellings import HIT, Hit
from uam_platform.quality.twins import names_query

RUN: Final = "start_to_end"
TOLD: Final = "two_sources"
READ: Final = "event_name event_date known_date occurred_us side source workflow_id time_confidence".split()
_SECOND_US: Final = 1_000_000


def source_order_days(connection: Backend, events: ir.Table, policy: QualityPolicy) -> pd.DataFrame:
    """SOURCE_ORDER_DAYS, sorted by its key.

    Args:
        connection: engine.
        events: EVENTS, at least the columns of `READ`.
        policy: twins, days to settle, what two clocks may differ by.
    """
    connection.create_view("ordered_events", events.select(READ), overwrite=True)
    try:
        found = connection.raw_sql(_query(policy)).df()
    finally:
        connection.drop_view("ordered_events", force=True)
    found["event_date"] = pd.to_datetime(found["event_date"]).dt.date
    return found[list(SOURCE_ORDER_DAYS.column_names)].sort_values(list(SOURCE_ORDER_DAYS.key), ignore_index=True)


def _query(policy: QualityPolicy) -> str:
    tolerated = policy.order.tolerated_seconds * _SECOND_US
    return f"""
        WITH names AS ({names_query(policy.twins)}),
        settled AS (
            SELECT * FROM ordered_events
            WHERE workflow_id IS NOT NULL AND known_date <= event_date + {policy.settled_days}
        ), told AS (SELECT twin, names.side AS told_by, settled.* FROM settled JOIN names USING (event_name)),
        starts AS (
            SELECT twin, workflow_id, source, min(occurred_us) AS us, arg_min(time_confidence, occurred_us) AS sure
            FROM told WHERE told_by = 'client' GROUP BY ALL
        ), ends AS (
            SELECT twin, workflow_id, source, max(occurred_us) AS us, max(event_date) AS event_date,
                arg_max(time_confidence, occurred_us) AS sure
            FROM told WHERE told_by = 'server' AND side = 'server' GROUP BY ALL
        ), last_told AS (
            SELECT workflow_id, source, max(occurred_us) AS us, max(event_date) AS event_date,
                arg_max(time_confidence, occurred_us) AS sure
            FROM settled WHERE side = 'server' GROUP BY ALL
        ), pairs AS (
            SELECT '{RUN}' AS order_kind, ends.event_date, starts.source, ends.source AS other_source, ends.us - starts.us AS apart,
                ends.us < starts.us - {tolerated} AS is_wrong, starts.sure = 'exact' AND ends.sure = 'exact' AS is_exact
            FROM starts JOIN ends USING (twin, workflow_id)
            UNION ALL
            SELECT '{TOLD}', a.event_date, a.source, b.source, b.us - a.us, abs(b.us - a.us) > {tolerated},
                a.sure = 'exact' AND b.sure = 'exact'
            FROM last_told AS a JOIN last_told AS b ON a.workflow_id = b.workflow_id AND a.source < b.source
        )
        SELECT order_kind, event_date, source, other_source, count(*) AS pair_count,
            count(*) FILTER (is_wrong) AS wrong_order_count, count(*) FILTER (is_exact) AS exact_count,
            round(quantile_cont(apart, 0.25) / 1000)::BIGINT AS apart_low_ms,
            round(quantile_cont(apart, 0.5) / 1000)::BIGINT AS apart_ms,
            round(quantile_cont(apart, 0.75) / 1000)::BIGINT AS apart_high_ms
        FROM pairs GROUP BY ALL
    """


def out_of_order(days: pd.DataFrame, last_day: date, policy: QualityPolicy) -> pd.DataFrame:
    """What stands out on each snapshot day; columns `missing_tellings.HIT`.

    Args:
        days: SOURCE_ORDER_DAYS.
        last_day: the last snapshot day.
        policy: how many pairs and how much.
    """
    rule = policy.order
    hits = [
        {**hit, "as_of": row["event_date"] + timedelta(days=policy.settled_days + 1)}
        for row in days[days["pair_count"] >= rule.least_pairs].to_dict("records")
        for hit in _stands_out(row, rule)
    ]
    return pd.DataFrame([hit for hit in hits if hit["as_of"] <= last_day], columns=HIT)


def _stands_out(row: dict[Any, Any], rule: SourceOrder) -> Iterator[Hit]:
    wrong = row["wrong_order_count"] / row["pair_count"]
    is_apart = row["apart_low_ms"] > rule.apart_ms or row["apart_high_ms"] < -rule.apart_ms
    seconds = f"{row['apart_ms'] / 1000:,.0f} s"
    exact = f"{row['exact_count'] / row['pair_count']:.0%} of the times exact as sent"
    if row["order_kind"] == TOLD and is_apart:
        said = (
            f"{row['other_source']} tells runs {seconds} after {row['source']} (median of {row['pair_count']:,}; {exact}). Look at the "
            "time zone and the clock of either."
        )
    elif row["order_kind"] == RUN and wrong >= rule.wrong_ratio:
        said = (
            f"{row['wrong_order_count']:,} of {row['pair_count']:,} runs end before they start ({row['source']} told the start, "
            f"{row['other_source']} the end; {exact}). Look at the clocks of either."
        )
    else:
        return
    yield {
        "finding_kind": "source_order", "source": row["source"], "finding_subject": "", "finding_part": row["other_source"],
        "since_date": row["event_date"], "affected_count": int(row["pair_count"] if is_apart else row["wrong_order_count"]),
        "size_ratio": float(wrong), "severity": "serious", "is_clear": True, "facts": {"said": said},
    }  # fmt: skip
