"""Named actions of accounts before each snapshot: invitations, limits reached, advanced features and the like.

Here: counts and distinct people per group of actions, point in time. Not here: the groups (`rulebook/scores.yaml`), the arithmetic of
windows (`uam_platform.temporal.windows`), what the counts mean for a score (`uam_platform.kpis`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.behavior.attach import attach
from uam_platform.contracts.tables import ACCOUNT_ACTIONS, EVENTS, HIERARCHY, MEMBERSHIPS, PEOPLE
from uam_platform.lake.engine import conform
from uam_platform.lake.store import Lake
from uam_platform.policy.scores import ActionGroup
from uam_platform.temporal.windows import Calendar, Window, beside, disjoint, running_totals

REACH_DAYS: Final = 84
_WINDOWS: Final = (Window("28d", 28), Window("84d", REACH_DAYS), Window("prior_28d", 56, 28))
_GRAIN: Final = ("actor_key", "workspace_key", "event_date", "known_date", "action_group")


def account_actions(
    events: ir.Table,
    hierarchy: ir.Table,
    people: ir.Table,
    memberships: ir.Table,
    *,
    as_of: Sequence[date],
    groups: Mapping[str, ActionGroup],
    server_only: frozenset[str] = frozenset(),
) -> ir.Table:
    """One row per account, snapshot and group with an action in the 84 days before.

    Args:
        events: EVENTS of at least the 84 days before the first snapshot until the last.
        hierarchy: HIERARCHY.
        people: PEOPLE.
        memberships: MEMBERSHIPS.
        as_of: the snapshots.
        groups: event names and features that are counted together.
        server_only: events of which what a client tells does not count.

    Returns:
        Rows of the ACCOUNT_ACTIONS contract.
    """
    calendar = Calendar(as_of, _WINDOWS)
    attached = attach(_daily(_credible(events, server_only), groups), hierarchy, people, memberships)
    named = ("account_id", "action_group", "person_key", "event_date", "visible_from", "visible_to", "action_count")
    placed = calendar.place(attached.select(*named))
    subjects = placed.mutate(subject=placed.account_id + ibis.literal("\n") + placed.action_group)
    grain = ["subject", "account_id", "action_group", "person_key", "slot_no", "begin_no", "end_no"]
    slotted = calendar.slotted(subjects)
    shares = slotted.group_by(grain).aggregate(action_count=slotted.action_count.sum())
    counts = {f"action_{w.name}_count": (w.name, "action_count") for w in _WINDOWS}
    spans = calendar.spans(shares, ["subject"], [w.name for w in _WINDOWS], ["action_count"])
    deltas = [calendar.changes(spans, "subject", counts), _people(shares, calendar)]
    rows = beside(_grid(subjects, calendar), "subject", deltas)
    rows = rows.mutate(**running_totals(rows, "subject", [*counts, "acting_person_84d_count"]))
    return conform(rows.filter(rows.action_84d_count > 0), ACCOUNT_ACTIONS)


def _credible(events: ir.Table, server_only: frozenset[str]) -> ir.Table:
    """Events without those that only a server may tell and a client told."""
    if not server_only:
        return events
    return events.filter(~(events.event_name.isin(sorted(server_only)) & (events.side == "client")))


def _daily(events: ir.Table, groups: Mapping[str, ActionGroup]) -> ir.Table:
    """Actions of each actor, workspace, day and group; an event may count in several groups."""
    parts = [_of_group(events, name, rule).select(*_GRAIN) for name, rule in groups.items()]
    every = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return every.group_by(_GRAIN).aggregate(action_count=every.count()).mutate(is_admin=ibis.literal(False))


def _of_group(events: ir.Table, name: str, rule: ActionGroup) -> ir.Table:
    is_named = events.event_name.isin(rule.events) if rule.events else ibis.literal(False)
    is_used = (
        events.feature.isin(rule.features).fill_null(ibis.literal(False)) if rule.features else ibis.literal(False)
    )
    return events.filter(is_named | is_used).mutate(action_group=ibis.literal(name))


def _people(shares: ir.Table, calendar: Calendar) -> ir.Table:
    known = shares.filter(shares.person_key != 0)
    spans = calendar.spans(known, ["subject", "person_key"], ["84d"])
    once = disjoint(spans, ["subject", "person_key", "window_no"]).mutate(person_count=ibis.literal(1, "int64"))
    return calendar.changes(once, "subject", {"acting_person_84d_count": ("84d", "person_count")})


def _grid(subjects: ir.Table, calendar: Calendar) -> ir.Table:
    """Every account and group at every snapshot from the first that sees an action of it."""
    frame = pd.DataFrame({"no": range(calendar.count), "as_of": calendar.as_of})
    snapshots = ibis.memtable(frame, schema={"no": "int64", "as_of": "date"})
    first = subjects.group_by(["subject", "account_id", "action_group"]).aggregate(seen_no=subjects.begin_no.min())
    pairs = first.cross_join(snapshots)
    return pairs.filter(pairs.no >= pairs.seen_no).drop("seen_no")


def publish_named_actions(
    connection: Backend,
    lake: Lake,
    as_of: Sequence[date],
    groups: Mapping[str, ActionGroup],
    server_only: frozenset[str] = frozenset(),
) -> None:
    """Publish ACCOUNT_ACTIONS of the snapshots from the lake's events and links.

    Args:
        connection: engine.
        lake: holds events and identity tables.
        as_of: the snapshots that are replaced.
        groups: event names and features that are counted together.
        server_only: events of which what a client tells does not count.
    """
    first = min(as_of) - timedelta(days=REACH_DAYS)
    days = [(first + timedelta(days=n)).isoformat() for n in range((max(as_of) - first).days)]
    links = [lake.read(connection, contract) for contract in (HIERARCHY, PEOPLE, MEMBERSHIPS)]
    found = account_actions(
        lake.read(connection, EVENTS, days), *links, as_of=as_of, groups=groups, server_only=server_only
    )
    lake.publish(connection, ACCOUNT_ACTIONS, found, [day.isoformat() for day in as_of])
