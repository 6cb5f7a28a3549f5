"""Use and failures of workflows by account and day, and since when accounts see a feature flag.

Here: counts with the snapshots that see them. Not here: who acted for which account (`attach`), what makes failures a finding
(`uam_platform.alerts.groups`), when a flag holds a finding back (`uam_platform.alerts.suppress`).
"""

from typing import Final

import ibis
import ibis.expr.types as ir

from uam_platform.behavior.attach import attach
from uam_platform.contracts.tables import FLAG_STARTS, WORKFLOW_DAYS
from uam_platform.lake.engine import conform
from uam_platform.temporal.asof import FOREVER

_ACTED: Final = ("actor_key", "workspace_key", "event_date", "known_date")


def workflow_days(events: ir.Table, hierarchy: ir.Table, people: ir.Table, memberships: ir.Table) -> ir.Table:
    """One row per account, workflow, side, error and day with an event of the workflow.

    Args:
        events: EVENTS; those without workflow are left out.
        hierarchy: HIERARCHY.
        people: PEOPLE.
        memberships: MEMBERSHIPS.

    Returns:
        Rows of the WORKFLOW_DAYS contract.
    """
    of_workflow = events.filter(events.workflow.notnull())
    grain = [*_ACTED, "workflow", "side", "error_code"]
    is_failure = of_workflow.marker == "friction"
    daily = of_workflow.group_by(grain).aggregate(
        event_count=of_workflow.count(), failure_count=is_failure.cast("int64").sum()
    )
    attached = attach(daily.mutate(is_admin=ibis.literal(False)), hierarchy, people, memberships)
    kept = ["account_id", "workflow", "side", "error_code", "event_date", "visible_from", "visible_to"]
    rows = attached.group_by(kept).aggregate(
        use_count=(attached.event_count - attached.failure_count).sum(), failure_count=attached.failure_count.sum()
    )
    return conform(known_days(rows), WORKFLOW_DAYS)


def flag_starts(events: ir.Table, hierarchy: ir.Table, people: ir.Table, memberships: ir.Table) -> ir.Table:
    """First day of each feature flag per account; a day that turned out earlier later is a row of its own.

    Args:
        events: EVENTS.
        hierarchy: HIERARCHY.
        people: PEOPLE.
        memberships: MEMBERSHIPS.

    Returns:
        Rows of the FLAG_STARTS contract.
    """
    flagged = events.filter(events.feature_flag.notnull())
    daily = flagged.select(*_ACTED, "feature_flag").distinct().mutate(is_admin=ibis.literal(False))
    attached = attach(daily, hierarchy, people, memberships)
    seen = attached.group_by(["account_id", "feature_flag", "visible_from", "visible_to"]).aggregate(
        first_date=attached.event_date.min()
    )
    lasting = ibis.ifelse(seen.visible_to == FOREVER, seen.first_date, ibis.literal(FOREVER))
    before = ibis.window(
        group_by=["account_id", "feature_flag"], order_by=["visible_from", "visible_to"], preceding=(None, 1)
    )
    rows = seen.mutate(earlier=lasting.min().over(before))
    is_news = rows.earlier.isnull() | (rows.first_date < rows.earlier)
    return conform(known_days(rows.filter(is_news)), FLAG_STARTS)


def known_days(rows: ir.Table) -> ir.Table:
    """Snapshots that see a row, as days of knowledge: known_date < as_of <= known_to_date."""
    return rows.mutate(
        known_date=_day_before(rows.visible_from),
        known_to_date=ibis.ifelse(rows.visible_to == FOREVER, rows.visible_to, _day_before(rows.visible_to)),
    )


def _day_before(day: ir.DateValue) -> ir.DateValue:
    return (day.cast("timestamp") - ibis.interval(days=1)).cast("date")
