"""The daily quality report as plain rows: what is open, what is over, how each source and browser stands.

Here: pure selection and wording. Not here: the tables it reads (`assets`), plots and page (`page`), telling anybody (`news`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from uam_platform.policy.quality import QualityPolicy
from uam_platform.quality.intervals import wilson
from uam_platform.quality.profiles import VOLUME

TITLE: Final = "Data quality"
KINDS: Final[Mapping[str, str]] = {
    "blocked_tracking": "blocked tracking",
    "front_end_drift": "front-end drift",
    "volume": "unusual volume",
    "silent_source": "silent source",
    "missing_values": "missing values",
    "new_event_name": "new event name",
    "vanished_event_name": "vanished event name",
    "field_changed": "changed field",
    "wrong_type": "wrong type",
    "source_order": "order of sources",
}
"""What each kind of finding is called."""
_RESOLVED_DAYS: Final = 14
_MOST_READERS: Final = 6

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """One day's report; rows are ready to be shown.

    Attributes:
        as_of: ISO date of the snapshot day.
        facts: label, value and note of the headline figures.
        open: open findings, serious ones first, then the newest.
        resolved: findings that ended in the last two weeks.
        browsers: under-count by browser over the judged days.
        sources: last day, rows and expected rows by source and side.
        duty: duty, owner and channel.
    """

    as_of: str
    facts: list[Row]
    open: list[Row]
    resolved: list[Row]
    browsers: list[Row]
    sources: list[Row]
    duty: Row


def build(
    as_of: date, found: pd.DataFrame, tellings: pd.DataFrame, profiles: pd.DataFrame, policy: QualityPolicy, owner: str
) -> Report:
    """The report of a snapshot day.

    Args:
        as_of: the day; event days before it are shown.
        found: QUALITY_FINDINGS.
        tellings: CLIENT_SERVER_DAYS.
        profiles: DAILY_PROFILES.
        policy: windows and duty.
        owner: who answers for the duty.
    """
    is_open = found["resolved_date"].isna()
    still = found[is_open].sort_values(["severity", "first_seen_date"], ascending=False, kind="stable")
    since = as_of - timedelta(days=_RESOLVED_DAYS)
    over = found[~is_open & (pd.to_datetime(found["resolved_date"]) > pd.Timestamp(since))]
    browsers, sources = _browsers(as_of, tellings, policy), _sources(as_of, profiles)
    return Report(
        as_of=as_of.isoformat(),
        facts=_headline(as_of, still, over, browsers, sources),
        open=[_finding(row) for row in still.to_dict("records")],
        resolved=[_finding(row) for row in over.to_dict("records")],
        browsers=browsers,
        sources=sources,
        duty={"duty": policy.duty, "owner": owner, "channel": policy.channel},
    )


def about(row: Mapping[Any, Any]) -> str:
    """What a finding is about: source, event or field, browser or version or side."""
    parts = [str(row[name]) for name in ("source", "finding_subject", "finding_part") if row[name]]
    return ", ".join(parts) or "all client events"


def readers(consumers: str) -> str:
    """What reads an event, the first few by name."""
    names = consumers.split(", ") if consumers else ["nothing declared"]
    more = len(names) - _MOST_READERS
    return ", ".join(names[:_MOST_READERS]) + (f" and {more} more" if more > 0 else "")


def _finding(row: Mapping[Any, Any]) -> Row:
    return {
        "kind": KINDS[row["finding_kind"]],
        "about": about(row),
        "text": row["finding_text"],
        "since": row["since_date"].isoformat(),
        "seen": row["first_seen_date"].isoformat(),
        "resolved": row["resolved_date"].isoformat() if pd.notna(row["resolved_date"]) else "",
        "severity": row["severity"],
        "owner": row["duty_owner"],
        "consumers": readers(row["consumers"]),
        "id": row["finding_id"],
    }


def _browsers(as_of: date, tellings: pd.DataFrame, policy: QualityPolicy) -> list[Row]:
    """Under-count by browser, the unseen last."""
    end = as_of - timedelta(days=policy.settled_days)
    first = end - timedelta(days=policy.undercount.window_days)
    days = pd.to_datetime(tellings["event_date"])
    is_recent = days.between(pd.Timestamp(first), pd.Timestamp(end), inclusive="left")
    recent = tellings[is_recent & (tellings["server_count"] > 0)]
    names = recent["browser"].where(recent["context_basis"] != "unseen", "nobody's client seen")
    names = names.where((names != "unknown") | recent["device_type"].isin(["unknown"]), recent["device_type"] + " app")
    sums = recent.groupby(names)[["server_count", "matched_count"]].sum()
    rows = []
    for name, (whole, matched) in zip(sums.index, sums.to_numpy(), strict=True):
        low, high = wilson(float(whole - matched), float(whole))
        ratio = float(whole - matched) / float(whole)
        rows.append({"browser": name, "runs": int(whole), "ratio": ratio, "low": float(low), "high": float(high)})
    return sorted(rows, key=lambda row: (row["ratio"] == 1, -row["runs"]))


def _sources(as_of: date, profiles: pd.DataFrame) -> list[Row]:
    volume = profiles[profiles["profile_kind"] == VOLUME]
    rows = []
    for (source, side), own in volume.groupby(["source", "side"]):
        last = own["event_date"].max()
        counts = own.set_index("event_date")["profile_row_count"]
        yesterday = as_of - timedelta(days=1)
        before = [int(counts.get(yesterday - timedelta(days=7 * week), 0)) for week in range(1, 9)]
        rows.append(
            {
                "source": source, "side": side, "last": last.isoformat(), "age": (as_of - last).days,
                "rows": int(counts.get(yesterday, 0)), "expected": int(pd.Series(before).median()),
            }
        )  # fmt: skip
    return rows


def _headline(
    as_of: date, still: pd.DataFrame, over: pd.DataFrame, browsers: list[Row], sources: list[Row]
) -> list[Row]:
    serious = int((still["severity"] == "serious").sum())
    new = int((pd.to_datetime(still["first_seen_date"]) > pd.Timestamp(as_of - timedelta(days=7))).sum())
    runs = sum(row["runs"] for row in browsers)
    missing = sum(row["runs"] * row["ratio"] for row in browsers)
    late = [row["source"] for row in sources if row["age"] > 1]
    return [
        {"label": "Open findings", "value": f"{len(still)}", "note": f"{serious} serious, {new} new this week"},
        {"label": "Resolved", "value": f"{len(over)}", "note": f"in the last {_RESOLVED_DAYS} days"},
        {
            "label": "Runs no client told of",
            "value": f"{missing / runs:.1%}" if runs else "unknown",
            "note": f"of {runs:,} that servers told of",
        },
        {
            "label": "Sources behind",
            "value": f"{len(late)} of {len(sources)}",
            "note": ", ".join(late) or "each told of yesterday",
        },
    ]
