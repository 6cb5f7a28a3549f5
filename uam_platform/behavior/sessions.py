"""Sessions: the actions of one actor in one workspace, grouped into meaningful windows (R97, R99, R100).

Here: which events are actions, which are grouped together, and what a session counts. Not here: where a session ends
(`uam_platform.temporal.sessions`), daily activity (`daily`).
"""

from datetime import date
from typing import Final

import ibis.expr.types as ir

from uam_platform.contracts.tables import SESSIONS
from uam_platform.lake.engine import conform
from uam_platform.policy.sessions import SessionRule
from uam_platform.temporal.sessions import cut_sessions

ACTIONS: Final = ("track", "page")  # identify, group and alias calls say who somebody is, not what was done


def sessions(events: ir.Table, first_day: date, last_day: date, rule: SessionRule) -> ir.Table:
    """Sessions that start on the days from `first_day` to `last_day`.

    Actions known on the day they happened form sessions among themselves; actions that came late form sessions with
    those that came as many days late. A late delivery therefore adds sessions and never joins, moves or splits one
    that an earlier snapshot has counted, and a source that always delivers a day later still has whole sessions.

    `known_us` is when the last action became known, so the row is complete from then on; `known_date` is the day whose
    closed snapshot first sees that the session began: the known day of its first action.

    Args:
        events: canonical events of those days and of one day either side.
        first_day: first day sessions are wanted of.
        last_day: last day, inclusive.
        rule: silence and cap of the product type.

    Returns:
        Rows of the SESSIONS contract.
    """
    keys = ["actor_key", "workspace_key", "late_days"]
    cut = cut_sessions(actions(events), keys, rule.gap_us, rule.cap_us)
    found = cut.group_by([*keys, "cut_us"]).aggregate(
        session_date=cut.event_date.min(),
        started_at=cut.occurred_at.min(),
        started_us=cut.occurred_us.min(),
        ended_at=cut.occurred_at.max(),
        ended_us=cut.occurred_us.max(),
        event_count=cut.count(),
        core_count=cut.core.sum(),
        friction_count=cut.friction.sum(),
        intent_count=cut.intent.sum(),
        device_type=cut.device_type.min(),  # any rule does that does not depend on the order of rows
        known_us=cut.known_us.max(),
        known_date=cut.known_date.min(),  # equally late actions: the first one's
    )
    kept = found.filter(found.session_date.between(first_day, last_day))
    return conform(kept.mutate(duration_ms=_milliseconds(kept.ended_us - kept.started_us)), SESSIONS)


def actions(events: ir.Table, *also: str) -> ir.Table:
    """The events that are actions, as sessions read them: keys, times, what they count for, and the columns `also`."""
    done = events.filter(events.event_kind.isin(ACTIONS))
    tracked = done.event_kind == "track"
    return done.select(
        "actor_key",
        "workspace_key",
        "event_date",
        "occurred_at",
        "occurred_us",
        "device_type",
        "known_us",
        "known_date",
        *also,
        late_days=done.known_date.delta(done.event_date, unit="day"),
        core=(tracked & done.is_core).cast("int32"),
        friction=(tracked & (done.marker == "friction")).cast("int32"),
        intent=(tracked & (done.marker == "intent")).cast("int32"),
    )


def _milliseconds(us: ir.IntegerValue) -> ir.IntegerValue:
    return (us - us % 1000).floordiv(1000)
