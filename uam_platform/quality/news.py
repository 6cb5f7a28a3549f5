"""What the owner of the duty is told: each finding once when it opens, once when it is over.

Here: which findings are told on a day, and the words. Not here: the outbox that keeps a message from being sent twice
(`uam_platform.ledger.reviewing`), sending (`uam_platform.playbooks`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from uam_platform.policy.quality import QualityPolicy
from uam_platform.quality.report import KINDS, about, readers

REVIEW: Final = "data_quality"
OPENED: Final = "opened"
RESOLVED: Final = "resolved"


@dataclass(frozen=True)
class News:
    """One message.

    Attributes:
        occasion: finding and what became of it; told once.
        payload: what the destination shows.
    """

    occasion: str
    payload: dict[str, Any]


def news(
    found: pd.DataFrame, as_of: date, place: str, is_told: Callable[[str], bool], policy: QualityPolicy
) -> list[News]:
    """Messages of a day: what opened and was not told yet, the serious first; what is over and had been told.

    Args:
        found: QUALITY_FINDINGS.
        as_of: snapshot day.
        place: where the report lies, in words.
        is_told: whether the message of an occasion was planned before.
        policy: most messages of openings a day, age beyond which an old finding is no news.
    """
    oldest = as_of - timedelta(days=policy.told_within_days)
    is_open = found["resolved_date"].isna()
    fresh = found[is_open & (pd.to_datetime(found["first_seen_date"]) > pd.Timestamp(oldest))]
    fresh = fresh.sort_values(["severity", "first_seen_date", "finding_id"], ascending=[False, True, True])
    opened = [row for row in fresh.to_dict("records") if not is_told(_occasion(row, OPENED))]
    over = [
        row
        for row in found[~is_open].to_dict("records")
        if row["resolved_date"] > oldest and is_told(_occasion(row, OPENED)) and not is_told(_occasion(row, RESOLVED))
    ]
    told = [(row, OPENED) for row in opened[: policy.told_per_day]] + [(row, RESOLVED) for row in over]
    return [News(_occasion(row, what), _payload(row, what, as_of, place)) for row, what in told]


def _occasion(row: Mapping[Any, Any], what: str) -> str:
    return f"{row['finding_id']} {what}"


def _payload(row: Mapping[Any, Any], what: str, as_of: date, place: str) -> dict[str, Any]:
    kind = KINDS[row["finding_kind"]]
    over = f"Over: it has not stood out since {row['last_seen_date']}."
    return {
        "layout": "review_digest",
        "title": f"Data quality, {'resolved' if what == RESOLVED else row['severity']}: {kind}, {about(row)}",
        "as_of": as_of.isoformat(),
        "status": "open" if what == OPENED else "resolved",
        "facts": [
            ["Since", f"{row['since_date']}"],
            ["Touches", f"{row['affected_count']:,}"],
            ["Duty", f"{row['duty']}, {row['duty_owner']}"],
            ["Read by", readers(row["consumers"])],
        ],
        "lines": [over if what == RESOLVED else row["finding_text"]],
        "footer": f"The whole report: {place}",
    }
