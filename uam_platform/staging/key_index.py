"""The index of event ids: recognises a repeat however late it comes, also under another event day.

Here: the ids of a load, and which of them lie on a second day. Not here: repeats within one day, which the day's own
deliveries show (`events`). Engine-neutral Ibis.

The accepted copy of an id is the least by (load_id, known_us, row_no). Load ids sort in load order, so a later load never
changes which copy is accepted, and every copy on another day than the accepted one is a repeat.
"""

import ibis
import ibis.expr.types as ir

from uam_platform.contracts.tables import DELIVERY_KEYS, REPEATED_KEYS
from uam_platform.lake.engine import conform

_ID = ("event_lo", "event_hi")
_ORDER = ("load_id", "known_us", "row_no")


def new_keys(deliveries: ir.Table) -> ir.Table:
    """Ids of a load by event day, each with its least (known_us, row_no).

    Args:
        deliveries: DELIVERIES of one load, or of several.

    Returns:
        DELIVERY_KEYS: one row per load, id and event day.
    """
    keyed = deliveries.select(*DELIVERY_KEYS.column_names)
    grain = ("load_id", *_ID, "event_date")
    counted = keyed.group_by(grain).aggregate(
        known_us=keyed.known_us.min(), row_no=keyed.row_no.min(), copies=keyed.count()
    )
    once = counted.filter(counted.copies == 1).select(*DELIVERY_KEYS.column_names)
    several = keyed.semi_join(counted.filter(counted.copies > 1), grain)  # few: only these need an order
    place = ibis.row_number().over(group_by=[several[c] for c in grain], order_by=[several.known_us, several.row_no])
    ranked = several.mutate(place=place)
    first = ranked.filter(ranked.place == 0).select(*DELIVERY_KEYS.column_names)
    return conform(once.union(first), DELIVERY_KEYS)


def repeats(new: ir.Table, earlier: ir.Table) -> ir.Table:
    """Ids of `new` that lie on another day than their accepted copy.

    Args:
        new: DELIVERY_KEYS of the load (or loads) in question.
        earlier: DELIVERY_KEYS of all loads before; may also hold `new` itself or later loads, which changes nothing.

    Returns:
        REPEATED_KEYS: one row per load, id and losing event day, with the day the accepted copy is stored under.
    """
    columns = list(DELIVERY_KEYS.column_names)
    mine = new.select(columns).mutate(is_new=ibis.literal(True))
    seen = earlier.select(columns).semi_join(new, _ID).mutate(is_new=ibis.literal(False))
    pool = mine.union(seen)
    days = pool.group_by(_ID).aggregate(first=pool.event_date.min(), last=pool.event_date.max())
    contested = pool.semi_join(days.filter(days.first != days.last), _ID)
    order = ibis.window(group_by=[contested[c] for c in _ID], order_by=[contested[c] for c in _ORDER])
    placed = contested.mutate(first_event_date=contested.event_date.first().over(order))
    losing = placed.filter(placed.is_new & (placed.event_date != placed.first_event_date))
    return conform(losing, REPEATED_KEYS)
