"""Event days that the taxonomy in use would name otherwise than they are stored: what a replay would change.

Here: comparing the names in the stored tables with today's verdict on them. Whether a day is out of date follows from its rows, not from a
version number, so that a synonym accepted and withdrawn again leaves nothing to do. Not here: computing days again (`event_days`), the
verdict itself (`taxonomy_names`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.staging.taxonomy_names import judged_names, name_keys

_VERDICT: Final = ("event_name", "marker", "is_core", "reason")


@dataclass(frozen=True)
class Renamed:
    """One delivered name of one event day and load whose verdict has changed.

    Attributes:
        event_date: the day that a replay computes again.
        load_id: the load that brought it.
        event_name_source: the name as delivered.
        before: canonical name it is stored under, or the reason for which it is set aside.
        after: the same by the taxonomy in use.
        rows: stored rows.
        is_released: set aside so far, an event from now on.
    """

    event_date: date
    load_id: str
    event_name_source: str
    before: str
    after: str
    rows: int
    is_released: bool


def renamed(events: ir.Table, unknown: ir.Table, taxonomy: Taxonomy) -> list[Renamed]:
    """Names whose verdict differs from the stored one, by day and name.

    Args:
        events: EVENTS of the days in question.
        unknown: UNKNOWN_EVENTS of the same days.
        taxonomy: the rules in use.
    """
    stored = _stored(events, unknown)
    keys = name_keys(taxonomy)
    now = judged_names(stored.select(*keys).distinct(), taxonomy)
    pairs = stored.inner_join(now.rename({f"now_{name}": name for name in _VERDICT}), keys)
    same = ibis.literal(True)
    for name in _VERDICT:
        same = same & pairs[name].identical_to(pairs[f"now_{name}"])
    changed = pairs.filter(~same).order_by("event_date", "load_id", "event_name_source", "event_name")
    return [_told(row) for row in changed.to_pyarrow().to_pylist()]


def _stored(events: ir.Table, unknown: ir.Table) -> ir.Table:
    """Distinct names with their stored verdict and the number of rows."""
    by = ("event_date", "load_id", "event_kind", "event_name_source", *_VERDICT)
    accepted = events.mutate(reason=ibis.null("string"))
    refused = unknown.mutate(
        event_kind=ibis.literal("track"),  # other calls are events by their kind, whatever name they carry
        event_name=unknown.event_name_source,
        marker=ibis.literal("none"),
        is_core=ibis.literal(False),
    )
    both = accepted.select(*by).union(refused.select(*by))
    return both.group_by(by).aggregate(rows=both.count())


def _told(row: dict[str, Any]) -> Renamed:
    return Renamed(
        event_date=row["event_date"],
        load_id=row["load_id"],
        event_name_source=row["event_name_source"],
        before=row["reason"] or row["event_name"],
        after=row["now_reason"] or row["now_event_name"],
        rows=row["rows"],
        is_released=row["reason"] is not None and row["now_reason"] is None,
    )


def days_of(found: Iterable[Renamed]) -> list[str]:
    """The days to compute again, ascending, ISO."""
    return sorted({one.event_date.isoformat() for one in found})
