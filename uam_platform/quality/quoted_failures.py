"""Words that quote a failure before it happened: tickets, chats and calls beside the runs they name.

Here: quotes of runs and how far they lie before the failure. Not here: runs that events alone tell (`source_order`), from days to findings
(`findings`).

Only a quote of a run's own id says which failure is meant; an error's name does not, since it comes again. Nobody can quote what has not
happened, so one quote well before the failure is enough: a clock or a zone of either source is off, or ids are used twice. How sure that
is follows from the failure's time: exact as sent, or repaired, and from what clocks may differ by for no reason.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.policy.quality import QualityPolicy
from uam_platform.quality.missing_tellings import HIT, Hit

SHOWN_DAYS: Final = 7
"""A quote is told for a week after its day."""
READ_EVENTS: Final = ("source", "marker", "workflow_id", "occurred_us", "time_confidence")
READ_WORDS: Final = ("source", "channel", "utterance_id", "author_kind", "said_at", "known_date", "text")


def quoted_failures(connection: Backend, events: ir.Table, words: ir.Table) -> pd.DataFrame:
    """Quotes of failed runs beside the first failure of the run.

    Args:
        connection: engine.
        events: EVENTS, at least `READ_EVENTS`.
        words: UTTERANCES, at least `READ_WORDS`.

    Returns:
        source, channel, utterance_id, known_date, failed_in (source of the failure), early_seconds (above 0: quoted before it happened),
        is_sure (the failure's time is exact as sent); one row per utterance and run, sorted.
    """
    connection.create_view("quoted_events", events.select(*READ_EVENTS), overwrite=True)
    connection.create_view("quoting_words", words.select(*READ_WORDS), overwrite=True)
    try:
        found = connection.raw_sql("""
            WITH failed AS (
                SELECT workflow_id, min(occurred_us) AS us, arg_min(source, occurred_us) AS failed_in,
                    arg_min(time_confidence, occurred_us) AS sure
                FROM quoted_events WHERE marker = 'friction' AND workflow_id IS NOT NULL AND length(workflow_id) > 4 GROUP BY 1
            ), quotes AS (
                SELECT DISTINCT source, channel, utterance_id, known_date, epoch_us(said_at) AS said_us,
                    unnest(regexp_extract_all(text, '[A-Za-z0-9][A-Za-z0-9_-]{4,}')) AS workflow_id
                FROM quoting_words WHERE author_kind = 'customer'
            )
            SELECT source, channel, utterance_id, known_date, failed_in, (us - said_us) / 1000000.0 AS early_seconds,
                sure = 'exact' AS is_sure
            FROM quotes JOIN failed USING (workflow_id) ORDER BY ALL
        """).df()
    finally:
        connection.drop_view("quoted_events", force=True)
        connection.drop_view("quoting_words", force=True)
    found["known_date"] = pd.to_datetime(found["known_date"]).dt.date
    return found


def quoted_too_early(quotes: pd.DataFrame, last_day: date, policy: QualityPolicy) -> pd.DataFrame:
    """What stands out on each snapshot day; columns `missing_tellings.HIT`.

    Args:
        quotes: rows of `quoted_failures`.
        last_day: the last snapshot day.
        policy: what is far apart.
    """
    hits = [
        hit for _, own in quotes.groupby(["source", "failed_in"], sort=True) for hit in _hits(own, last_day, policy)
    ]
    return pd.DataFrame(hits, columns=HIT)


def _hits(own: pd.DataFrame, last_day: date, policy: QualityPolicy) -> Iterator[Hit]:
    limit = policy.order.apart_seconds
    for key, quoted in own.groupby("known_date", sort=True):
        known = date.fromisoformat(str(key))
        early = quoted[quoted["early_seconds"] > limit]
        if early.empty:
            continue
        first: dict[Any, Any] = early.sort_values("early_seconds").iloc[-1].to_dict()
        for number in range(1, SHOWN_DAYS + 1):
            as_of = known + timedelta(days=number)
            if as_of <= last_day:
                yield {
                    "as_of": as_of, "finding_kind": "source_order", "source": first["source"], "finding_subject": "quoted failures",
                    "finding_part": first["failed_in"], "since_date": known, "affected_count": len(early),
                    "size_ratio": len(early) / len(quoted), "severity": "serious" if early["is_sure"].any() else "notable",
                    "is_clear": True, "facts": {"said": _said(early, len(quoted), first, policy)},
                }  # fmt: skip


def _said(early: pd.DataFrame, quotes: int, first: dict[Any, Any], policy: QualityPolicy) -> str:
    sure = int(early["is_sure"].sum())
    return (
        f"{len(early):,} of {quotes:,} quotes of failed runs lie before the failure, the farthest by {first['early_seconds']:,.0f} s "
        f"({first['channel']} {first['utterance_id']}; {first['failed_in']} told the failure). Of {sure:,} of them the failure's time is "
        f"exact as sent, and clocks differ by up to {policy.order.tolerated_seconds} s for no reason: confidence is "
        f"{'high' if sure else 'low'}. Look at the clock and the time zone of either."
    )
