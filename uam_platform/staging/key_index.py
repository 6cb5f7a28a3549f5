"""The index of event ids: recognises a repeat however late it comes, also under another event day.

Here: the ids of a load, and which of them lie on a second day. Not here: repeats within one day, which the day's own
deliveries show (`events`). Engine-neutral Ibis.

Which copy is accepted follows from `precedence`: known day, rank of the source, time of receipt, event day. So a load may bring the
better copy of an id that earlier loads brought: then it says anew of every day of that id where the accepted copy lies, and of an id and
day the last load that says anything is believed.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from uam_platform.contracts.tables import DELIVERY_KEYS, REPEATED_KEYS
from uam_platform.lake.engine import conform
from uam_platform.staging.precedence import rank_of_load
from uam_platform.staging.time_sql import DAY_US

_ID = ("event_lo", "event_hi")
_DAY = (*_ID, "event_date")


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


def repeats(new: ir.Table, earlier: ir.Table, ranked: Sequence[str] = (), grace_us: int = 0) -> ir.Table:
    """What a load says about ids that lie on several days.

    Args:
        new: DELIVERY_KEYS of the load in question.
        earlier: DELIVERY_KEYS of all loads before.
        ranked: sources, the best first.
        grace_us: decision grace, which the known day folds in.

    Returns:
        REPEATED_KEYS: one row per id and day, with the day the accepted copy is stored under. Days of the load that lose, and where
        the load changes which copy is accepted all days of the id, also the one that wins.
    """
    columns = list(DELIVERY_KEYS.column_names)
    mine = new.select(columns).mutate(is_new=ibis.literal(1))
    seen = earlier.select(columns).semi_join(new, _ID).mutate(is_new=ibis.literal(0))
    pool = mine.union(seen)
    days = pool.group_by(_ID).aggregate(first=pool.event_date.min(), last=pool.event_date.max())
    several = pool.semi_join(days.filter(days.first != days.last), _ID)
    contested = several.mutate(
        known_day=ibis.greatest(several.event_date.epoch_days(), (several.known_us - grace_us) // DAY_US),
        rank=rank_of_load(several.load_id, ranked),
    )
    order = [contested[name] for name in ("known_day", "rank", "known_us", "event_date", "load_id", "row_no")]
    ids = [contested[name] for name in _ID]
    placed = contested.mutate(
        first_event_date=contested.event_date.first().over(ibis.window(group_by=ids, order_by=order)),
        before=contested.event_date.first().over(ibis.window(group_by=ids, order_by=[contested.is_new, *order])),
        said_by=ibis.ifelse(contested.is_new == 1, contested.load_id, ibis.null("string")).max().over(group_by=ids),
        place=ibis.row_number().over(group_by=[contested[name] for name in _DAY], order_by=order),
        is_news=contested.is_new.max().over(group_by=[contested[name] for name in _DAY]),
    )
    is_losing = (placed.is_news == 1) & (placed.event_date != placed.first_event_date)
    told = placed.filter((placed.place == 0) & (is_losing | (placed.before != placed.first_event_date)))
    return conform(told.mutate(load_id=told.said_by), REPEATED_KEYS)


def on_another_day(repeated: ir.Table) -> ir.Table:
    """Ids and days that lose, as the last load says that says anything of them.

    Args:
        repeated: REPEATED_KEYS of all loads.

    Returns:
        event_lo, event_hi, event_date, first_event_date: the day that the accepted copy is stored under.
    """
    said = repeated.group_by(_DAY).aggregate(first_event_date=repeated.first_event_date.argmax(repeated.load_id))
    return said.filter(said.first_event_date != said.event_date)
