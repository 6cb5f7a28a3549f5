"""Support load before each snapshot: tickets opened, escalated, reopened and open.

Here: the ticket columns of `account_features`. Not here: what counts as an escalation (`uam_platform.staging`).
"""

from typing import Final

import ibis
import ibis.expr.types as ir

from uam_platform.behavior.activity import RECENT
from uam_platform.temporal.asof import FOREVER, next_day
from uam_platform.temporal.windows import NOW, Calendar

_ENDS: Final = ("solved", "deleted")
_CHANGES: Final = {"ticket": "opened", "escalation": "escalated", "reopen": "reopened"}


def placed_changes(tickets: ir.Table, ticket_events: ir.Table, calendar: Calendar) -> ir.Table:
    """Ticket events with account and the snapshots that see them."""
    owners = tickets.filter(tickets.account_id_source.notnull()).select("ticket_id", account_id="account_id_source")
    event_date = ticket_events.occurred_at.date()
    facts = ticket_events.select(
        "ticket_id",
        "change",
        "occurred_us",
        "load_id",
        "row_no",
        event_date=event_date,
        visible_from=next_day(ibis.greatest(event_date, ticket_events.known_date)),
        visible_to=ibis.literal(FOREVER),
    )
    return calendar.place(facts).join(owners, "ticket_id")


def support_changes(placed: ir.Table, calendar: Calendar) -> list[ir.Table]:
    """Changes of every ticket column per account, from `placed_changes`."""
    flags = {what: (placed.change == change).cast("int64") for what, change in _CHANGES.items()}
    spans = calendar.spans(calendar.slotted(placed.mutate(**flags)), ["account_id"], RECENT, list(_CHANGES))
    windowed = {f"{what}_{w}_count": (w, what) for what in _CHANGES for w in RECENT}
    return [
        calendar.changes(spans, "account_id", windowed),
        calendar.changes(_open(placed, calendar), "account_id", {"open_ticket_count": (NOW, "ticket_count")}),
    ]


def _open(placed: ir.Table, calendar: Calendar) -> ir.Table:
    """Intervals in which the last visible opening, reopening, solution or deletion of a ticket left it open.

    An event holds until any later one becomes visible, whatever order they became known in.
    """
    turns = placed.filter(placed.change.isin(("opened", "reopened", *_ENDS)))
    order = ["occurred_us", "row_no", "load_id"]
    after = ibis.window(group_by="ticket_id", order_by=order, following=(1, None))
    turned = turns.mutate(next_no=turns.begin_no.min().over(after))
    ended = turned.mutate(end_no=ibis.least(turned.end_no, turned.next_no.fill_null(turned.end_no)))
    held = ended.filter(ended.change.notin(_ENDS) & (ended.begin_no < ended.end_no))
    return held.mutate(window_no=ibis.literal(calendar.window_no[NOW], "int64"), ticket_count=ibis.literal(1, "int64"))
