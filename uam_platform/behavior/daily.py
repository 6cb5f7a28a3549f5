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
_SUMS = (
    "event_count",
    "core_count",
    "friction_count",
    "intent_count",
    "progress_count",
    "session_count",
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
    parts = ibis.union(_from_events(events), _from_sessions(sessions))
    summed = parts.group_by(list(_GRAIN)).aggregate(
        **{name: parts[name].sum() for name in _SUMS},
        feature_bits=bit_or(parts.feature_bits),
        is_admin=parts.is_admin.any(),
    )
    return conform(summed.filter((summed.event_count > 0) | (summed.session_count > 0)), ACTOR_DAYS)


def _from_events(events: ir.Table) -> ir.Table:
    tracked = events.event_kind == "track"
    summed = events.group_by(list(_GRAIN)).aggregate(
        event_count=events.event_kind.isin(ACTIONS).cast("int64").sum(),
        core_count=(tracked & events.is_core).cast("int64").sum(),
        friction_count=(tracked & (events.marker == "friction")).cast("int64").sum(),
        intent_count=(tracked & (events.marker == "intent")).cast("int64").sum(),
        progress_count=(tracked & (events.marker == "progress")).cast("int64").sum(),
        feature_bits=bit_or(ibis.ifelse(tracked, events.feature_bits, 0)),
        is_admin=(events.role == "admin").fill_null(False).any(),
        amount_usd_cents=events.amount_usd_cents.sum(where=tracked).fill_null(0),
        quantity=events.quantity.sum(where=tracked).fill_null(0),
    )
    return summed.mutate(session_count=ibis.literal(0, "int64")).select(*_columns())


def _from_sessions(sessions: ir.Table) -> ir.Table:
    named = sessions.rename(event_date="session_date").select(*_GRAIN)
    counted = named.group_by(list(_GRAIN)).aggregate(session_count=named.count())
    nothing = {name: ibis.literal(0, "int64") for name in _columns() if name not in (*_GRAIN, "session_count")}
    return counted.mutate(**(nothing | {"is_admin": ibis.literal(False)})).select(*_columns())


def _columns() -> tuple[str, ...]:
    return (*_GRAIN, *_SUMS, "feature_bits", "is_admin")
