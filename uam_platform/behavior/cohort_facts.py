"""What named cohorts stand on beyond features: value by workflow, and what administrators do, at each snapshot.

Here: counts of the window before each snapshot, point in time. Not here: the rules (`cohort_rules`), who acted for which
account (`attach`).
"""

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from uam_platform.behavior.attach import attach
from uam_platform.behavior.sequence_facts import Links
from uam_platform.policy.cohorts import CohortPolicy

_ACTED = ("actor_key", "workspace_key", "event_date", "known_date")


def value_by_workflow(events: ir.Table, links: Links, as_of: Sequence[date], policy: CohortPolicy) -> pd.DataFrame:
    """Value of each account through each workflow in the window before each snapshot.

    Args:
        events: EVENTS.
        links: hierarchy, people, memberships.
        as_of: the snapshots.
        policy: window, and the workflow of value actions that carry none.

    Returns:
        account_id, as_of, workflow (`other` where nobody can tell), value_count.
    """
    core = events.filter(events.is_core)
    through = ibis.coalesce(core.workflow, _workflow_of(core, policy.dependent.value_of))
    rows = core.mutate(through=through, is_admin=ibis.literal(False))
    daily = rows.group_by([*_ACTED, "through", "is_admin"]).aggregate(n=rows.count())
    attached = attach(daily, links.hierarchy, links.people, links.memberships)
    kept = ["account_id", "through", "event_date", "visible_from", "visible_to"]
    counted = attached.group_by(kept).aggregate(n=attached.n.sum())
    seen = _seen(counted, as_of, policy.window_days)
    found = seen.group_by(["account_id", "as_of", "through"]).aggregate(value_count=seen.n.sum())
    return found.rename(workflow="through").to_pandas()


def administrators(events: ir.Table, links: Links, as_of: Sequence[date], policy: CohortPolicy) -> pd.DataFrame:
    """Core work and looks around of each administrator in the window before each snapshot.

    Returns:
        account_id, as_of, person_key, core_count, looks_count; only days on which the person was administrator count.
    """
    is_look = events.event_name.isin(policy.evaluators.events)
    rows = events.filter(events.is_core | is_look).mutate(is_admin=(events.role == "admin").fill_null(False))
    daily = rows.group_by([*_ACTED, "is_admin"]).aggregate(
        core=rows.is_core.cast("int64").sum(),
        looks=rows.event_name.isin(policy.evaluators.events).cast("int64").sum(),
    )
    attached = attach(daily, links.hierarchy, links.people, links.memberships)
    admins = attached.filter(attached.is_admin & (attached.person_key != 0))
    kept = ["account_id", "person_key", "event_date", "visible_from", "visible_to"]
    counted = admins.group_by(kept).aggregate(core=admins.core.sum(), looks=admins.looks.sum())
    seen = _seen(counted, as_of, policy.window_days)
    found = seen.group_by(["account_id", "as_of", "person_key"]).aggregate(
        core_count=seen.core.sum(), looks_count=seen.looks.sum()
    )
    return found.to_pandas()


def _workflow_of(rows: ir.Table, value_of: Mapping[str, Sequence[str]]) -> ir.StringValue:
    branches = [(rows.event_name.isin(list(names)), workflow) for workflow, names in value_of.items()]
    return ibis.cases(*branches, else_="other") if branches else ibis.literal("other")


def _seen(rows: ir.Table, as_of: Sequence[date], window_days: int) -> ir.Table:
    """Each row at every snapshot that sees it inside its window."""
    days = pd.to_datetime(pd.Series(list(as_of), dtype="object"))
    frame = pd.DataFrame({"as_of": days.dt.date, "since": (days - pd.Timedelta(days=window_days)).dt.date})
    snapshots = ibis.memtable(frame, schema={"as_of": "date", "since": "date"})
    return rows.join(
        snapshots,
        [
            rows.event_date < snapshots.as_of,
            rows.event_date >= snapshots.since,
            rows.visible_from <= snapshots.as_of,
            rows.visible_to > snapshots.as_of,
        ],
    )
