"""DuckDB SQL that reads the times of a delivery, repairs clock skew and judges what cannot be.

Here: text to microseconds, the repaired event time, its confidence and its bounds. Not here: when a fact became known and
which rule a row breaks first (`split`). Column names are those `split` gives its intermediate rows.

Skew: a device that is wrong is wrong by the same amount when it acts and when it sends, so
`received - (sent - original)` is the event time by the server's clock
(https://segment.com/docs/connections/spec/common/#timestamps).
"""

from datetime import datetime, timedelta
from typing import Final

from uam_platform.policy.time import TimePolicy

DAY_US: Final = 86_400_000_000
_MOVED_US: Final = 1_000_000  # a repair below a second is network time, not a wrong clock

CANDIDATE: Final = """CASE WHEN original_us IS NOT NULL AND sent_us IS NOT NULL AND received_us IS NOT NULL
    THEN received_us - (sent_us - original_us) ELSE coalesce(occurred_us, original_us) END"""
"""Event time before bounds; may lie after receipt where the clock ran backwards between acting and sending."""

EVENT: Final = "least(candidate_us, coalesce(received_us, candidate_us))"
"""Event time: nothing happens after it was received."""

CONFIDENCE: Final = f"""CASE WHEN candidate_us > received_us THEN 'clamped'
    WHEN sent_us IS NOT NULL AND received_us IS NOT NULL AND abs(candidate_us - original_us) > {_MOVED_US} THEN 'skew_repaired'
    WHEN length(coalesce(occurred_text, original_text)) = 10 THEN 'day_only' ELSE 'exact' END"""


def microseconds(text: str) -> str:
    """Epoch microseconds of an ISO 8601 text: `Z`, an offset or none (UTC), `T` or blank, days alone.

    Null for unreadable text and for years outside 1 to 9999, so that later arithmetic cannot overflow.
    """
    stamp = f"try_cast({text} AS TIMESTAMPTZ)"
    return f"CASE WHEN {stamp} BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59+00' THEN epoch_us({stamp}) END"


def is_no_date(text: str) -> str:
    """The text is written like a date, but there is no such day (30 February, month 13, year 12025)."""
    return f"regexp_matches({text}, '^\\d{{4,}}-\\d\\d-\\d\\d') AND try_cast(left({text}, 10) AS DATE) IS NULL"


def too_late(policy: TimePolicy, loaded_at: datetime) -> str:
    """The event lies further after its receipt (else after the load) than clocks may differ."""
    ahead = int(timedelta(hours=policy.max_clock_ahead_hours) / timedelta(microseconds=1))
    return f"candidate_us > coalesce(received_us, {epoch_microseconds(loaded_at)}) + {ahead}"


def too_old(policy: TimePolicy) -> str:
    """The event lies longer before its receipt than the policy believes; without a receipt time any age may be a backfill."""
    return f"candidate_us < received_us - {policy.max_event_age_days * DAY_US}"


def epoch_microseconds(moment: datetime) -> int:
    """Epoch microseconds of a naive UTC time."""
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001 - lake timestamps are naive UTC
