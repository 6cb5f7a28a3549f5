"""At which hours of the day accounts are at work.

Here: counts by account, hour of UTC and week. Not here: which account owns a workspace when (`attach`), what region follows from the hours
(`uam_platform.alerts.regions`). Only what people do in a client counts: machines run by the clock.
"""

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
    out = people.filter(people.exclusion.notnull()).select(out_key="identifier_key").distinct()
    told = acted.left_join(out, acted.actor_key == out.out_key)
    acted = told.mutate(actor_key=told.out_key.fill_null(0)).drop("out_key")  # whoever is never kept out needs no name
    daily = acted.group_by(
        ["actor_key", "workspace_key", "event_date", "known_date", acted.occurred_at.hour().name("utc_hour")]
    ).aggregate(event_count=acted.count())
    owned = attach_account(daily, hierarchy, people, memberships)
    to_monday = ((_WEEK - owned.visible_from.day_of_week.index()) % _WEEK).cast("int64")
    monday = (owned.visible_from.cast("timestamp") + to_monday.as_interval("D")).cast("date")
    rows = owned.mutate(visible_from=monday).filter(lambda t: t.visible_from < t.visible_to)
    kept = rows.group_by(["account_id", "utc_hour", "visible_from", "visible_to"]).aggregate(
        event_count=rows.event_count.sum()
    )
    return conform(known_days(kept), WORKING_HOURS)
