"""Attaching links that are valid for some days and were known for some days (bitemporal as-of join).

Here: turning overlapping link rows into one answer per key, valid day and known day, and narrowing a fact's visibility by
the link it hangs on. Not here: what the links mean (`uam_platform.behavior.attach`), sums over windows (`windows`).

A fact carries `event_date` and the snapshots that see it: `visible_from <= as_of < visible_to`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir

BEGINNING: Final = date(1, 1, 1)
FOREVER: Final = date(9999, 12, 31)

_VALID = ("valid_from_date", "valid_to_date")
_KNOWN = ("known_from_date", "known_to_date")


def next_day(day: ir.DateValue) -> ir.DateValue:
    """The day after. By way of a timestamp, because date plus interval is a timestamp on DuckDB and a date on Spark."""
    return (day.cast("timestamp") + ibis.interval(days=1)).cast("date")


def first_snapshot(known_day: ir.DateValue) -> ir.DateValue:
    """First `as_of` that sees what became known on `known_day`; FOREVER stays."""
    return ibis.ifelse(known_day == FOREVER, known_day, next_day(known_day))


def cells(links: ir.Table, keys: Sequence[str], value: str) -> ir.Table:
    """`links` as a function of key, valid day and known day: disjoint cells that leave no day of a listed key out.

    Where link rows disagree about the value, and where none applies, the cell's value is null.

    Args:
        links: rows with the keys, `value`, and half-open days of validity and of knowledge; they may overlap.
        keys: columns that are looked up.
        value: column that is looked up.

    Returns:
        `keys`, `value`, `valid_from_date`, `valid_to_date`, and the snapshots that use the cell: `visible_from <= as_of < visible_to`.
    """
    wanted = links.select(*keys, *_VALID, *_KNOWN, value=links[value])
    real = wanted.filter(
        (wanted.valid_from_date < wanted.valid_to_date) & (wanted.known_from_date < wanted.known_to_date)
    )
    everything = (
        real.select(*keys).distinct().mutate(outer_from=ibis.literal(BEGINNING), outer_to=ibis.literal(FOREVER))
    )
    periods = _pieces(ibis.union(_bounds(real, keys, _VALID), _bounds(everything, keys)), keys, _VALID)
    covering = _covered(periods, real, keys, _VALID).select(*keys, *_VALID, *_KNOWN, "value")
    lanes = [*keys, *_VALID]
    lasting = periods.mutate(outer_from=ibis.literal(BEGINNING), outer_to=ibis.literal(FOREVER))
    known = _pieces(ibis.union(_bounds(covering, lanes, _KNOWN), _bounds(lasting, lanes)), lanes, _KNOWN)
    found = _covered(known, covering, lanes, _KNOWN, how="left")
    told = found.group_by([*lanes, *_KNOWN]).aggregate(least=found.value.min(), most=found.value.max())
    return told.select(
        *lanes,
        visible_from=first_snapshot(told.known_from_date),
        visible_to=first_snapshot(told.known_to_date),
        **{value: ibis.ifelse(told.least == told.most, told.least, ibis.null(told.least.type()))},
    )


def _bounds(rows: ir.Table, keys: Sequence[str], ends: Sequence[str] = ("outer_from", "outer_to")) -> ir.Table:
    low, high = ends
    return ibis.union(rows.select(*keys, bound=rows[low]), rows.select(*keys, bound=rows[high]), distinct=True)


def _pieces(bounds: ir.Table, keys: Sequence[str], names: Sequence[str]) -> ir.Table:
    low, high = names
    ordered = bounds.distinct().rename({low: "bound"})
    ended = ordered.mutate(**{high: ordered[low].lead().over(group_by=list(keys), order_by=low)})
    return ended.filter(ended[high].notnull())


def _covered(
    pieces: ir.Table, rows: ir.Table, keys: Sequence[str], ends: Sequence[str], how: str = "inner"
) -> ir.Table:
    """`pieces` with every row that covers them whole; pieces are never cut by a row, since its ends are bounds."""
    low, high = ends
    other = rows.rename({f"row_{n}": n for n in (*keys, *ends)})
    same = [pieces[k] == other[f"row_{k}"] for k in keys]
    joined = pieces.join(
        other, [*same, other[f"row_{low}"] <= pieces[low], other[f"row_{high}"] >= pieces[high]], how=how
    )
    return joined.drop(*(c for c in joined.columns if c.startswith("row_")))


def look_up(facts: ir.Table, found: ir.Table, on: Mapping[str, str], value: str) -> ir.Table:
    """`facts` with `value` as of their event day, one row per stretch of snapshots in which the answer is the same.

    Args:
        facts: rows with `event_date`, `visible_from`, `visible_to` and the columns looked up by.
        found: result of `cells`.
        on: column of `facts` -> key column of `found`.
        value: column of `found`; null where no link applies.
    """
    other = found.rename({f"cell_{n}": n for n in found.columns if n != value})
    joined = facts.join(
        other,
        [
            *(facts[mine] == other[f"cell_{theirs}"] for mine, theirs in on.items()),
            facts.event_date >= other.cell_valid_from_date,
            facts.event_date < other.cell_valid_to_date,
        ],
        how="left",
    )
    low = ibis.greatest(joined.visible_from, joined.cell_visible_from.fill_null(BEGINNING))
    high = ibis.least(joined.visible_to, joined.cell_visible_to.fill_null(FOREVER))
    narrowed = joined.mutate(visible_from=low, visible_to=high).select(*facts.columns, value)
    return narrowed.filter(narrowed.visible_from < narrowed.visible_to)
