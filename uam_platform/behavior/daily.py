"""Daily activity: what an actor did in a workspace on a day, by the day it became known.

Here: the roll-up of events and sessions that features read. Not here: who the actor is (`attach`), windows (`features`).
"""

import ibis
import ibis.expr.types as ir

from uam_platform.behavior.feature_sets import bit_or
from uam_platform.behavior.sessions import ACTIONS
from uam_platform.contracts.tables import ACTOR_DAYS
from uam_platform.lake.engine import conform

_GRAIN = ("actor_key", "workspace_key", "event_date", "known_date")
_COUNTS = (
    "event_count",
    "core_count",
    "friction_count",
    "intent_count",
    "progress_count",
    "feature_bits",
    "amount_usd_cents",
    "quantity",
)


def actor_days(events: ir.Table, sessions: ir.Table) -> ir.Table:
    """Activity per actor, workspace, event day and known day.

    Track and page events count as events; only track events carry markers, core actions, features, money and units, so a
    page view is context and nothing more (R25, R115). A session counts on the day it starts, under its known day.
    `is_admin` is set by any record of that grain that names the admin role, identify and group calls included; these
    alone make no row.

    Args:
        events: canonical events of whole days.
        sessions: sessions of the same days.

    Returns:
        Rows of the ACTOR_DAYS contract.
    """
    done, begun = _from_events(events), _from_sessions(sessions)
    both = done.outer_join(begun, [(name, f"session_{name}") for name in _GRAIN])
    counts = {name: both[name].fill_null(0) for name in (*_COUNTS, "session_count")}
    rows = both.select(
        **{name: ibis.coalesce(both[name], both[f"session_{name}"]) for name in _GRAIN},
        **counts,
        is_admin=both.is_admin.fill_null(ibis.literal(False)),
    )
    return conform(rows.filter((rows.event_count > 0) | (rows.session_count > 0)), ACTOR_DAYS)


def _from_events(events: ir.Table) -> ir.Table:
    tracked = events.event_kind == "track"
    return events.group_by(list(_GRAIN)).aggregate(
        event_count=events.count(where=events.event_kind.isin(ACTIONS)),
        core_count=events.count(where=tracked & events.is_core),
        friction_count=events.count(where=tracked & (events.marker == "friction")),
        intent_count=events.count(where=tracked & (events.marker == "intent")),
        progress_count=events.count(where=tracked & (events.marker == "progress")),
        feature_bits=bit_or(ibis.ifelse(tracked, events.feature_bits, 0)),
        is_admin=(events.role == "admin").any(),
        amount_usd_cents=events.amount_usd_cents.sum(where=tracked),
        quantity=events.quantity.sum(where=tracked),
    )


def _from_sessions(sessions: ir.Table) -> ir.Table:
    named = sessions.select(*_GRAIN[:2], event_date=sessions.session_date, known_date=sessions.known_date)
    counted = named.group_by(list(_GRAIN)).aggregate(session_count=named.count())
    return counted.rename({f"session_{name}": name for name in _GRAIN})
