"""The few rows that declared sequences can stand on: events and ticket changes with account, person and who sees them.

Here: selection and attachment. Not here: which rows complete a sequence (`chains`, `sequences`), the as-of join
(`uam_platform.temporal.asof`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from uam_platform.behavior.attach import attach_account, customers, known_cells, with_person
from uam_platform.policy.sequences import SequencePolicy
from uam_platform.temporal.asof import FOREVER, look_up, next_day

EVENTS: Final = "staging/events"
TICKET_EVENTS: Final = "staging/ticket_events"
_POINTERS: Final = ("event_hi", "event_lo", "ticket_id", "load_id", "row_no")
COLUMNS: Final = (
    "account_id",
    "person_key",
    "occurred_us",
    "event_date",
    "known_date",
    "visible_from",
    "visible_to",
    "event_name",
    "workflow",
    "priority",
    *_POINTERS,
)


@dataclass(frozen=True)
class Links:
    """The tables that say who acted for which account."""

    hierarchy: ir.Table
    people: ir.Table
    memberships: ir.Table


def step_facts(
    events: ir.Table, tickets: ir.Table, ticket_events: ir.Table, links: Links, policy: SequencePolicy
) -> pd.DataFrame:
    """Every row that a step of any declared sequence names.

    Args:
        events: EVENTS.
        tickets: TICKETS.
        ticket_events: TICKET_EVENTS.
        links: hierarchy, people, memberships.
        policy: the declared sequences.

    Returns:
        COLUMNS with `source_table`; `visible_from` and `visible_to` are snapshots, a row appears once per stretch of them.
        Ticket changes have `event_name` ticket_<change>; `person_key` is 0 where nobody could be told.
    """
    done = of_events(events.filter(events.event_name.isin(sorted(policy.event_names()))), links)
    changes = {step.ticket for s in policy.sequences.values() for step in s.steps if step.ticket}
    asked = of_tickets(tickets, ticket_events.filter(ticket_events.change.isin(sorted(changes))), links)
    # two frames, not a union: the engines would widen the keys
    found = [frame_of(done, EVENTS), frame_of(asked, TICKET_EVENTS)]
    return pd.concat([f for f in found if len(f)] or found[:1], ignore_index=True)


def of_events(events: ir.Table, links: Links) -> ir.Table:
    """Track calls with account, person and the snapshots that see them."""
    tracked = events.filter(events.event_kind == "track")
    attached = attach_account(
        tracked.select(
            "actor_key",
            "workspace_key",
            *(c for c in COLUMNS if c in tracked.columns),
        ),
        links.hierarchy,
        links.people,
        links.memberships,
    )
    return attached.mutate(priority=ibis.null("string"), ticket_id=ibis.null("string")).select(*COLUMNS)


def of_tickets(tickets: ir.Table, ticket_events: ir.Table, links: Links) -> ir.Table:
    """Ticket changes with account, requester as a person, and the snapshots that see them.

    A ticket without account belongs to the only account its requester was a member of that day, else to none.
    """
    owners = tickets.select("ticket_id", "requester_key", "account_id_source")
    event_date = ticket_events.occurred_at.date()
    facts = ticket_events.mutate(
        event_date=event_date,
        visible_from=next_day(ibis.greatest(event_date, ticket_events.known_date)),
        visible_to=ibis.literal(FOREVER),
        event_name=ibis.literal("ticket_") + ticket_events.change,
        workflow=ibis.null("string"),
        event_hi=ibis.null("int64"),
        event_lo=ibis.null("int64"),
    ).join(owners, "ticket_id")
    asking = links.people.filter(links.people.identifier_kind.isin(("user", "email")))
    known = with_person(facts, asking, "requester_key")
    homes = known_cells(customers(links.memberships), ["person_key"], "account_id")
    told = known.filter(known.account_id_source.notnull()).mutate(account_id=ibis._.account_id_source)
    asked = look_up(known.filter(known.account_id_source.isnull()), homes, {"person_key": "person_key"}, "account_id")
    return ibis.union(told.select(*COLUMNS), asked.select(*COLUMNS))


def frame_of(facts: ir.Table, source_table: str) -> pd.DataFrame:
    """`facts` as a frame; days as integers since 1970, keys as integers that may be missing."""
    frame = facts.mutate(**{day: _day_number(facts[day]) for day in ("visible_from", "visible_to")}).to_pandas()
    for name in ("event_hi", "event_lo", "row_no"):
        frame[name] = frame[name].astype("Int64")
    return frame.assign(source_table=source_table)


def _day_number(day: ir.DateValue) -> ir.IntegerValue:
    return day.delta(ibis.date(1970, 1, 1), unit="day")


def core_times(
    events: ir.Table, links: Links, accounts: Collection[str]
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """When the named accounts did core work: times, and the snapshots that see each, sorted by time."""
    if not accounts:
        return {}
    core = events.filter(events.is_core & (events.event_kind == "track"))
    wanted = sorted(accounts)
    owned = links.hierarchy.filter(links.hierarchy.account_id.isin(wanted)).workspace_key
    core = core.filter((core.workspace_key == 0) | core.workspace_key.isin(owned))
    placed = of_events(core, links)
    placed = placed.filter(placed.account_id.isin(wanted)).select(
        "account_id", "occurred_us", "visible_from", "visible_to"
    )
    days = {day: _day_number(placed[day]) for day in ("visible_from", "visible_to")}
    frame = placed.mutate(**days).to_pandas().sort_values(["account_id", "occurred_us"], kind="stable")
    columns = ("occurred_us", "visible_from", "visible_to")
    return {str(account): tuple(rows[c].to_numpy() for c in columns) for account, rows in frame.groupby("account_id")}
