"""Deliveries with different ids that tell of one action: a webhook sent again, and one action told by two tools.

Here: these rules, over deliveries whose repeats by id are known. Not here: repeats by id (`events`, `key_index`), which sources pass on
each other's ids (`rulebook/time.yaml`). Engine-neutral Ibis.

Sent again: same actor, event, properties and event time to the microsecond, received well apart; what one batch brings together are things
of their own. Told by two tools: same actor, event and properties, from another source, event times at most a tolerance apart; each copy
stands for one delivery of the other source, so an action done twice counts twice. Where nobody was signed in the tools know the device by
ids of their own: then event, properties and time must point to one single device of the other tools, else the telling stays.

Which telling is accepted follows from `precedence`, not from the order of loads. Whether a delivery is a repeat depends only on those
before it there, so what becomes known on a later day never changes what was accepted.
"""

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir

from uam_platform.contracts.tables import DUPLICATES_LOG
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.time import SameAction
from uam_platform.staging.precedence import is_before, order
from uam_platform.staging.taxonomy_names import judged_names, name_keys

SENT_AGAIN: Final = "sent_again"
OTHER_TOOL: Final = "other_tool"
NAMELESS: Final = "other_tool_nameless"
_CROWD: Final = 200  # nameless tellings of one event within a tolerance: none of them could be told apart
_CONTENT: Final = (
    "feature",
    "workflow",
    "workflow_id",
    "workflow_step",
    "workflow_state",
    "error_code",
    "duration_ms",
    "quantity",
)
_ROW: Final = ("event_lo", "row_no", "load_id")
_FACTS: Final = (
    *"source event_hi event_lo event_date load_id row_no known_at known_us known_date".split(),
    *"occurred_us actor_key actor_kind event_kind event_name_source".split(),
)


def sent_again(
    deliveries: ir.Table, repeated: ir.Table, taxonomy: Taxonomy, rule: SameAction, sources: Sequence[str]
) -> ir.Table:
    """Server-side deliveries that say again what an earlier one said: columns of DUPLICATES_LOG.

    Only the few deliveries that share actor and event time are looked at closely.

    Args:
        deliveries: DELIVERIES of all loads of the wanted days.
        repeated: DUPLICATES_LOG of these days, by id.
        taxonomy: the company's event names.
        rule: how far apart the receipts must be.
        sources: sources that state when they received a record; without that no receipt can be far from another.
    """
    eligible = _eligible(deliveries, sources).filter(lambda t: (t.side == "server") & (t.event_kind == "track"))
    moment = ("actor_key", "occurred_us")
    counted = eligible.group_by(moment).aggregate(copies=eligible.count())
    several = eligible.semi_join(counted.filter(counted.copies > 1), moment).anti_join(repeated, _ROW)
    later = _named(several, taxonomy)
    before = _earlier(later)
    pairs = later.inner_join(
        before,
        [
            later.actor_key == before.w_actor_key,
            later.occurred_us == before.w_occurred_us,
            later.event_name == before.w_event_name,
            later.content == before.w_content,
            is_before(before, "w_", later, rule.told_best_by),
            (later.known_us - before.w_known_us).abs() >= rule.redelivered_after_us,
        ],
    )
    return _logged(pairs.mutate(first_event_date=pairs.event_date, reason=ibis.literal(SENT_AGAIN)))


def told_by_other_tool(
    deliveries: ir.Table, repeated: ir.Table, taxonomy: Taxonomy, rule: SameAction, sources: Sequence[str]
) -> ir.Table:
    """Deliveries of actions that another source told first: columns of DUPLICATES_LOG.

    Args:
        deliveries: DELIVERIES of all loads of the wanted days, and of the moments before and after them (`SameAction.reach_us`).
        repeated: DUPLICATES_LOG of all these, by id and sent again.
        taxonomy: the company's event names.
        rule: how far apart the event times may be.
        sources: sources that state when they received a record.
    """
    eligible = _eligible(deliveries, sources)
    actors = eligible.group_by("actor_key").aggregate(told=eligible.source.nunique())
    fresh = eligible.semi_join(actors.filter(actors.told > 1), "actor_key").anti_join(repeated, _ROW)
    later = _slotted(_named(fresh, taxonomy), rule)
    pairs = _across(later, rule, [("actor_key", "w_actor_key")])
    return _logged(_claimed(pairs, rule, OTHER_TOOL))


def told_namelessly(
    deliveries: ir.Table, repeated: ir.Table, taxonomy: Taxonomy, rule: SameAction, sources: Sequence[str]
) -> ir.Table:
    """Deliveries of what nobody signed in did and another source told under a device id of its own: columns of DUPLICATES_LOG.

    A delivery is a copy only where all tellings before it that it may repeat are of one device. The device is another one than its own:
    what the same device tells is for `told_by_other_tool`.

    Args:
        deliveries: as there.
        repeated: DUPLICATES_LOG of all these, also of what that found.
        taxonomy: the company's event names.
        rule: how far apart the event times may be.
        sources: sources that state when they received a record.
    """
    eligible = _eligible(deliveries, sources).filter(
        lambda t: (t.actor_kind == "anonymous") & (t.event_kind == "track")
    )
    later = _slotted(_named(eligible.anti_join(repeated, _ROW), taxonomy), rule)
    crowd = ibis.window(group_by=[later[name] for name in ("event_name", "content", "slot")])
    counted = later.mutate(rows=later.count().over(crowd))
    pairs = _across(counted.filter(counted.rows <= _CROWD).drop("rows"), rule, [])
    pairs = pairs.filter(pairs.actor_key != pairs.w_actor_key)
    mine = ibis.window(group_by=[pairs.event_hi, pairs.event_lo, pairs.load_id, pairs.row_no])
    devices = pairs.mutate(one=pairs.w_actor_key.min().over(mine), other=pairs.w_actor_key.max().over(mine))
    certain = devices.filter(devices.one == devices.other).drop("one", "other")
    return _logged(_claimed(certain, rule, NAMELESS))


def _slotted(rows: ir.Table, rule: SameAction) -> ir.Table:
    """`rows` with the stretch of time, as long as the tolerance, in which the event lies."""
    return rows.mutate(slot=rows.occurred_us // max(rule.across_sources_us, 1))


def _across(later: ir.Table, rule: SameAction, same: Sequence[tuple[str, str]]) -> ir.Table:
    """Pairs of a telling and one before it by another source, of one event, equal properties and near event times.

    Args:
        later: slotted rows.
        rule: the tolerance, and the rank of sources.
        same: further columns that must be equal.
    """
    before = _earlier(later)
    around = ibis.union(*(before.mutate(slot_at=before.w_slot + step) for step in (-1, 0, 1)))
    return later.inner_join(
        around,
        [
            *(later[mine] == around[theirs] for mine, theirs in same),
            later.event_name == around.w_event_name,
            later.content == around.w_content,
            later.slot == around.slot_at,
            later.source != around.w_source,
            is_before(around, "w_", later, rule.told_best_by),
            (later.occurred_us - around.w_occurred_us).abs() <= rule.across_sources_us,
        ],
    )


def _eligible(deliveries: ir.Table, sources: Sequence[str]) -> ir.Table:
    """Actions, pages and sign-ins under a vendor's id and with a time of day, of sources that say when they received a record."""
    return deliveries.filter(
        deliveries.event_kind.isin(["track", "page", "identify"])
        & (deliveries.key_basis == "vendor_id")
        & (deliveries.time_confidence != "day_only")
        & deliveries.source.isin(list(sources))
    ).select(*_FACTS, "side", *_CONTENT)


def _named(rows: ir.Table, taxonomy: Taxonomy) -> ir.Table:
    """`rows` with the agreed event name and one text of all properties."""
    by_name = name_keys(taxonomy)
    names = judged_names(rows.select(*by_name).distinct(), taxonomy).select(*by_name, "event_name")
    named = rows.inner_join(names, by_name)
    content = ibis.literal("")
    for column in _CONTENT:
        content = content + ibis.literal("\x1f") + named[column].cast("string").fill_null("\x1e")
    return named.select(*_FACTS, "event_name", content=content)


def _earlier(rows: ir.Table) -> ir.Table:
    """The same rows under other column names, for the side that comes first."""
    return rows.rename({f"w_{name}": name for name in rows.columns})


def _claimed(pairs: ir.Table, rule: SameAction, reason: str) -> ir.Table:
    """Pairs in which a delivery takes the nearest one before it, and is the first of its source to take that one."""
    apart = (pairs.occurred_us - pairs.w_occurred_us).abs()
    mine = [pairs.event_hi, pairs.event_lo, pairs.load_id, pairs.row_no]
    closest = [apart, *order(pairs, rule.told_best_by, "w_")]
    nearest = pairs.mutate(place=ibis.row_number().over(group_by=mine, order_by=closest))
    nearest = nearest.filter(nearest.place == 0)
    theirs = [nearest.w_load_id, nearest.w_row_no, nearest.source]
    turn = ibis.row_number().over(group_by=theirs, order_by=order(nearest, rule.told_best_by))
    first = nearest.mutate(turn=turn)
    first = first.filter(first.turn == 0)
    return first.mutate(first_event_date=first.w_event_date, reason=ibis.literal(reason))


def _logged(found: ir.Table) -> ir.Table:
    return found.select(*DUPLICATES_LOG.column_names).distinct()
