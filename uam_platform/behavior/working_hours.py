"""At which hours of the day accounts are at work.

Here: counts by account, hour of UTC and week. Not here: which account owns a workspace when (`attach`), what region follows from the hours
(`uam_platform.alerts.regions`). Only what people do in a client counts: machines run by the clock.
"""

import ibis
import ibis.expr.types as ir

from uam_platform.behavior.attach import attach_account
from uam_platform.behavior.workflow_days import known_days
from uam_platform.contracts.tables import WORKING_HOURS
from uam_platform.lake.engine import conform

_WEEK = 7


def working_hours(events: ir.Table, hierarchy: ir.Table, people: ir.Table, memberships: ir.Table) -> ir.Table:
    """One row per account, hour and week, of client events in its workspaces; the week counts as known at its end.

    Args:
        events: EVENTS.
        hierarchy: HIERARCHY.
        people: PEOPLE.
        memberships: MEMBERSHIPS.

    Returns:
        Rows of the WORKING_HOURS contract.
    """
    acted = events.filter((events.side == "client") & (events.workspace_key != 0))
    daily = acted.group_by(
        ["workspace_key", "event_date", "known_date", acted.occurred_at.hour().name("utc_hour")]
    ).aggregate(event_count=acted.count())
    owned = attach_account(daily.mutate(actor_key=ibis.literal(0, type="int64")), hierarchy, people, memberships)
    to_monday = ((_WEEK - owned.visible_from.day_of_week.index()) % _WEEK).cast("int64")
    monday = (owned.visible_from.cast("timestamp") + to_monday.as_interval("D")).cast("date")
    rows = owned.mutate(visible_from=monday).filter(lambda t: t.visible_from < t.visible_to)
    kept = rows.group_by(["account_id", "utc_hour", "visible_from", "visible_to"]).aggregate(
        event_count=rows.event_count.sum()
    )
    return conform(known_days(kept), WORKING_HOURS)
