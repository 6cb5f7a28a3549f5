"""Lines of backend logs that tell what the product tells as an event, or what another line of the same run told before.

Here: these rules, over deliveries whose other repeats are known. Not here: which events tell the same (`rulebook/logs.yaml`), copies
between analytics tools (`same_action`). Engine-neutral Ibis.

A line is the twin of a product event of a named kind if both are of one run, or, where no run is named on both sides, of one user (of one
workspace where the line has no user, else of the only device on which nobody was signed in) and one workflow within seconds; there each
event stands for one line. Workspaces that both name must be equal. Further attempts of a run are told by its event; where the product
tells nothing, by the first of them.

The event counts whichever is loaded first, but a line that was known on an earlier day is never left out: what a snapshot has seen
stays.
"""

from typing import Final

import ibis
import ibis.expr.types as ir

from uam_platform.contracts.tables import DUPLICATES_LOG
from uam_platform.policy.logs import OF_A_TRACE, LogTwins
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.staging.precedence import COLUMNS, is_before, order
from uam_platform.staging.taxonomy_names import judged_names, name_keys
from uam_platform.temporal.keys import NO_KEY

TOLD_BY_PRODUCT: Final = "told_by_product"
FURTHER_ATTEMPT: Final = "further_attempt"
_ROW: Final = ("event_lo", "row_no", "load_id")
_FACTS: Final = (
    *COLUMNS,
    "event_date",
    "known_at",
    "event_kind",
    "actor_kind",
    "workspace_key",
    "workflow",
    "workflow_id",
)
_PAIRS: Final = ibis.schema({"line_event": "string", "event_name": "string"})


def told_by_product(deliveries: ir.Table, repeated: ir.Table, taxonomy: Taxonomy, rule: LogTwins) -> ir.Table:
    """Lines that a product event tells of: columns of DUPLICATES_LOG, reason `told_by_product`.

    Args:
        deliveries: DELIVERIES of all loads of the wanted days, and of the moments before and after them (`LogTwins.reach_us`).
        repeated: DUPLICATES_LOG of all these, by every other rule.
        taxonomy: the company's event names.
        rule: which events tell the same, and how far apart.
    """
    lines, told = _lines(deliveries, repeated, taxonomy, rule), _told(deliveries, taxonomy, rule)
    by_run = _nearest(_pairs_of_a_run(lines, told, rule))
    others = lines.anti_join(by_run, _ROW)
    first = told.anti_join(repeated.rename({f"t_{name}": name for name in _ROW}), [f"t_{name}" for name in _ROW])
    by_actor = _claimed(_pairs_of_an_actor(others, first, rule))
    return _logged(by_run, TOLD_BY_PRODUCT).union(_logged(by_actor, TOLD_BY_PRODUCT))


def further_attempts(deliveries: ir.Table, repeated: ir.Table, taxonomy: Taxonomy, rule: LogTwins) -> ir.Table:
    """Lines of a run that another line of it makes a repeat: columns of DUPLICATES_LOG, reason `further_attempt`.

    Args:
        deliveries: as there.
        repeated: DUPLICATES_LOG of all these, also of what the product tells.
        taxonomy: the company's event names.
        rule: how far apart attempts may be.
    """
    lines = _lines(deliveries, repeated, taxonomy, rule)
    twins = repeated.filter(repeated.reason == TOLD_BY_PRODUCT).select(*_ROW, "first_event_date")
    found = _named(deliveries.filter(deliveries.source.isin(list(rule.sources))), taxonomy).inner_join(twins, _ROW)
    told = _behind(found.mutate(line_event=found.event_name))
    of_told = _near(
        lines, told, [lines.workflow_id == told.t_workflow_id, told.t_known_date <= lines.known_date], rule.same_run_us
    )
    of_told = _nearest(of_told.mutate(t_event_date=of_told.t_first_event_date))
    rest = lines.anti_join(of_told, _ROW)
    earlier = _behind(rest.mutate(line_event=rest.event_name))
    of_others = _near(
        rest, earlier, [rest.workflow_id == earlier.t_workflow_id, is_before(earlier, "t_", rest, ())], rule.same_run_us
    )
    return _logged(of_told, FURTHER_ATTEMPT).union(_logged(_nearest(of_others), FURTHER_ATTEMPT))


def _lines(deliveries: ir.Table, repeated: ir.Table, taxonomy: Taxonomy, rule: LogTwins) -> ir.Table:
    """Lines that no other rule knows for repeats, with their agreed names."""
    lines = deliveries.filter(deliveries.source.isin(list(rule.sources)))
    return _named(lines.anti_join(repeated, _ROW), taxonomy)


def _told(deliveries: ir.Table, taxonomy: Taxonomy, rule: LogTwins) -> ir.Table:
    """Product events that may tell what lines tell, one row per event of a line that they may tell; columns behind `t_`."""
    pairs = [{"line_event": line, "event_name": name} for line, names in rule.events.items() for name in names]
    product = deliveries.filter(
        ~deliveries.source.isin(list(rule.sources)) & (deliveries.time_confidence != "day_only")
    )
    return _behind(_named(product, taxonomy).inner_join(ibis.memtable(pairs, schema=_PAIRS), "event_name"))


def _named(deliveries: ir.Table, taxonomy: Taxonomy) -> ir.Table:
    """Actions with the agreed name of their event."""
    rows = deliveries.filter(deliveries.event_kind == "track").select(*_FACTS)
    by_name = name_keys(taxonomy)
    names = judged_names(rows.select(*by_name).distinct(), taxonomy)
    return rows.inner_join(names.filter(names.reason.isnull()).select(*by_name, "event_name"), by_name)


def _behind(rows: ir.Table) -> ir.Table:
    """The same rows under other column names, for the side that tells."""
    return rows.rename({f"t_{name}": name for name in rows.columns})


def _pairs_of_a_run(lines: ir.Table, told: ir.Table, rule: LogTwins) -> ir.Table:
    same = [lines.workflow_id == told.t_workflow_id, told.t_known_date <= lines.known_date]
    return _near(lines, told, same, rule.same_run_us)


def _pairs_of_an_actor(lines: ir.Table, told: ir.Table, rule: LogTwins) -> ir.Table:
    """Pairs where no run is named on both sides: of one user, or of one workspace where the line has no user."""
    around, slotted = _slots(lines, told, rule.same_actor_us)
    has_user = slotted.actor_kind == "user"
    no_run = slotted.workflow_id.isnull() | slotted.workflow_id.startswith(OF_A_TRACE) | around.t_workflow_id.isnull()
    alike = slotted.workflow.isnull() | around.t_workflow.isnull() | (slotted.workflow == around.t_workflow)
    shared = [slotted.slot == around.t_slot, around.t_known_date <= slotted.known_date, no_run, alike]
    of_user = _near(slotted, around, [slotted.actor_key == around.t_actor_key, has_user, *shared], rule.same_actor_us)
    in_place = [slotted.workspace_key == around.t_workspace_key, ~has_user, slotted.workspace_key != NO_KEY, *shared]
    placed = _near(slotted, around, in_place, rule.same_actor_us)
    return of_user.union(placed).union(_nameless(slotted, around, shared, rule.same_actor_us))


def _nameless(lines: ir.Table, told: ir.Table, shared: list[ir.BooleanValue], within_us: int) -> ir.Table:
    """Pairs of a line without user and what nobody signed in did nowhere, where one single device comes into question (`same_action`)."""
    nobody = [lines.actor_kind != "user", told.t_actor_kind == "anonymous", told.t_workspace_key == NO_KEY, *shared]
    pairs = _near(lines, told, nobody, within_us)
    mine = ibis.window(group_by=[pairs[name] for name in _ROW])
    devices = pairs.mutate(one=pairs.t_actor_key.min().over(mine), other=pairs.t_actor_key.max().over(mine))
    return devices.filter(devices.one == devices.other).drop("one", "other")


def _slots(lines: ir.Table, told: ir.Table, within_us: int) -> tuple[ir.Table, ir.Table]:
    """`told` once for each stretch of time, as long as the tolerance, that it may meet, and `lines` with the one they lie in."""
    length = max(within_us, 1)
    around = ibis.union(*(told.mutate(t_slot=told.t_occurred_us // length + step) for step in (-1, 0, 1)))
    return around, lines.mutate(slot=lines.occurred_us // length)


def _near(lines: ir.Table, told: ir.Table, same: list[ir.BooleanValue], within_us: int) -> ir.Table:
    """Pairs of a line and what may tell it, near in time; workspaces that both name are equal."""
    is_unsaid = (lines.workspace_key == NO_KEY) | (told.t_workspace_key == NO_KEY)
    return lines.inner_join(
        told,
        [
            lines.event_name == told.t_line_event,
            *same,
            (lines.occurred_us - told.t_occurred_us).abs() <= within_us,
            is_unsaid | (lines.workspace_key == told.t_workspace_key),
        ],
    )


def _nearest(pairs: ir.Table) -> ir.Table:
    """Per line the nearest of its pairs."""
    apart = (pairs.occurred_us - pairs.t_occurred_us).abs()
    closest = [apart, *order(pairs, (), "t_")]
    mine = [pairs[name] for name in _ROW]
    placed = pairs.mutate(place=ibis.row_number().over(group_by=mine, order_by=closest))
    return placed.filter(placed.place == 0)


def _claimed(pairs: ir.Table) -> ir.Table:
    """Per line the nearest of its pairs, where the line is the first to take that event; further ones stay events of their own."""
    nearest = _nearest(pairs).drop("place")
    theirs = [nearest[f"t_{name}"] for name in _ROW]
    turned = nearest.mutate(turn=ibis.row_number().over(group_by=theirs, order_by=order(nearest, ())))
    return turned.filter(turned.turn == 0)


def _logged(found: ir.Table, reason: str) -> ir.Table:
    told = found.mutate(first_event_date=found.t_event_date, reason=ibis.literal(reason))
    return told.select(*DUPLICATES_LOG.column_names).distinct()
