"""Transitions: which action follows which within a session (R106).

Here: pairs of neighbouring actions, counted. Not here: where a session ends (`uam_platform.temporal.sessions`), declared chains
(`sequences`), the plot (`transition_plots`).
"""

from datetime import date, timedelta
from typing import Final

import ibis
import ibis.expr.types as ir

from uam_platform.behavior.sessions import actions
from uam_platform.contracts.tables import TRANSITIONS
from uam_platform.lake.engine import conform
from uam_platform.policy.sessions import SessionRule
from uam_platform.temporal.sessions import cut_sessions

WINDOW_DAYS: Final = 91
_KEYS: Final = ("actor_key", "workspace_key", "late_days")
_ORDER: Final = ("occurred_us", "event_hi", "event_lo")


def transitions(events: ir.Table, until: date, rule: SessionRule) -> ir.Table:
    """Ordered pairs of actions that followed each other within a session.

    Sessions are cut as in `sessions`, so a pair never spans a silence, a cap, two workspaces, or an action that was known on its
    day and one that came late. Actions of the same microsecond are ordered by their ids.

    Args:
        events: canonical events; those of the thirteen weeks before `until` count.
        until: day of the snapshot.
        rule: silence and cap of the product type.

    Returns:
        Rows of the TRANSITIONS contract.
    """
    first, last = until - timedelta(days=WINDOW_DAYS), until - timedelta(days=1)
    return transition_counts(events.filter(events.event_date.between(first, last)), rule)


def transition_counts(events: ir.Table, rule: SessionRule) -> ir.Table:
    """As `transitions`, of all events given."""
    acted = actions(events, "event_name", "event_hi", "event_lo")
    cut = cut_sessions(acted, _KEYS, rule.gap_us, rule.cap_us)
    following = cut.event_name.lead().over(group_by=[*_KEYS, "cut_us"], order_by=list(_ORDER))
    pairs = cut.mutate(next_event_name=following)
    pairs = pairs.filter(pairs.next_event_name.notnull())
    counted = pairs.group_by(["event_name", "next_event_name"]).aggregate(
        transition_count=pairs.count(),
        actor_count=pairs.actor_key.nunique(),
    )
    return conform(counted.order_by([ibis.desc("transition_count"), "event_name", "next_event_name"]), TRANSITIONS)
