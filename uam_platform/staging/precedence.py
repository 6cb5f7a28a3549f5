"""Which of several tellings of one thing is the accepted one: the order that all rules of staging share.

Here: the order. Not here: which deliveries tell of one thing (`events`, `key_index`, `same_action`), the rank of sources
(`rulebook/time.yaml`). Engine-neutral Ibis.

First comes what was known on the earlier day, because a snapshot that saw it must find it again. Of one known day the source that the
rulebook ranks higher comes first, then what was received first, then content. Which load brought a telling decides only between tellings
that are equal in all of that, so the accepted one does not depend on how deliveries were cut into loads.
"""

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir

COLUMNS: Final = tuple(
    "known_date source known_us occurred_us actor_key event_name_source event_hi event_lo load_id row_no".split()
)
"""What the order reads of a delivery."""


def rank(source: ir.StringValue, ranked: Sequence[str]) -> ir.IntegerValue:
    """Position of a source in the rulebook's rank; those it does not name come after it, all alike."""
    return _position([source == name for name in ranked])


def rank_of_load(load_id: ir.StringValue, ranked: Sequence[str]) -> ir.IntegerValue:
    """`rank` of the source that a load's id ends with."""
    return _position([load_id.endswith(f"-{name}") for name in ranked])


def _position(named: Sequence[ir.BooleanValue]) -> ir.IntegerValue:
    if not named:
        return ibis.literal(0)
    return ibis.cases(*((is_it, place) for place, is_it in enumerate(named)), else_=len(named))


def order(rows: ir.Table, ranked: Sequence[str], prefix: str = "") -> list[ir.Value]:
    """The order of tellings as sort keys.

    Args:
        rows: has `COLUMNS`, each name behind `prefix`.
        ranked: sources, the best first.
        prefix: of the column names.
    """
    keys: list[ir.Value] = []
    for name in COLUMNS:
        column = rows[f"{prefix}{name}"]
        keys.extend([rank(column, ranked), column] if name == "source" else [column])
    return keys


def is_before(before: ir.Table, prefix: str, later: ir.Table, ranked: Sequence[str]) -> ir.BooleanValue:
    """Whether the row of `before` (its columns behind `prefix`) comes before the row of `later`."""
    pairs = zip(order(before, ranked, prefix), order(later, ranked), strict=True)
    found: ir.BooleanValue = ibis.literal(False)
    for left, right in reversed(list(pairs)):
        found = (left < right) | ((left == right) & found)
    return found
