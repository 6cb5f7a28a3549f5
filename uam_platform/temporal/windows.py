"""Trailing windows of many snapshots in one range query: each fact is an interval of snapshots, a snapshot is a running sum.

Here: the calendar of snapshots and windows, placing facts on it, and sums and distinct counts at every snapshot.
Not here: which facts and windows features use (`uam_platform.behavior`), where visibility comes from (`asof`).

A fact of event day d that is visible to snapshots [f, t) counts in the window that covers `[as_of - farthest, as_of - nearest)`
for the snapshots from max(f, d + nearest + 1) until before min(t, d + farthest + 1). Snapshots are numbered, so an
interval of days becomes an interval of numbers; event days that fall into the same windows of the same snapshots share a
slot, which shrinks daily facts to about one row a week on a weekly grid. The cost grows with facts + accounts x snapshots,
never with facts x snapshots.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pandas as pd

NOW: Final = "now"  # name of a state at the snapshot itself, which no window trails


@dataclass(frozen=True)
class Window:
    """Days `[as_of - farthest_days, as_of - nearest_days)` before a snapshot."""

    name: str
    farthest_days: int
    nearest_days: int = 0


class Calendar:
    """The snapshots asked for, in order, and how event days and visibility fall on them."""

    def __init__(self, as_of: Sequence[date], windows: Sequence[Window]) -> None:
        """Number the snapshots.

        Raises:
            ValueError: no snapshot is asked for.
        """
        if not as_of:
            raise ValueError("no snapshot day is given; name at least one as_of")
        self.as_of = sorted(set(as_of))
        self.windows = tuple(windows)
        self.window_no = {NOW: -1, **{w.name: no for no, w in enumerate(self.windows)}}
        self._signs = ibis.memtable(pd.DataFrame({"sign": [1, -1]}), schema={"sign": "int64"})
        marks = self._slot_of_day()
        slots = sorted(set(marks.values()))
        number = {mark: no for no, mark in enumerate(slots)}
        self.slot_of_day = ibis.memtable(
            pd.DataFrame({"day": list(marks), "slot_no": [number[m] for m in marks.values()]}),
            schema={"day": "date", "slot_no": "int64"},
        )
        self.slots = ibis.memtable(
            pd.DataFrame(
                [
                    (number[mark], window_no, begin, end)
                    for mark in slots
                    for window_no, (begin, end) in enumerate(zip(mark[::2], mark[1::2], strict=True))
                    if begin < end
                ],
                columns=["slot_no", "window_no", "first_no", "last_no"],
            ),
            schema={"slot_no": "int64", "window_no": "int64", "first_no": "int64", "last_no": "int64"},
        )
        self.number_of_day = ibis.memtable(
            pd.DataFrame(
                [(day, self._number(day)) for day in _days(self.as_of[0], self.as_of[-1])], columns=["day", "no"]
            ),
            schema={"day": "date", "no": "int64"},
        )

    @property
    def count(self) -> int:
        """Number of snapshots; also the end of what is visible to the last one."""
        return len(self.as_of)

    def _number(self, day: date) -> int:
        return bisect_left(self.as_of, day)

    def _slot_of_day(self) -> dict[date, tuple[int, ...]]:
        reach = max((w.farthest_days for w in self.windows), default=0)
        marks = {}
        for day in _days(self.as_of[0] - timedelta(days=reach), self.as_of[-1]):
            ends = ((day + timedelta(w.nearest_days + 1), day + timedelta(w.farthest_days + 1)) for w in self.windows)
            marks[day] = tuple(self._number(end) for pair in ends for end in pair)
        return marks

    def place(self, facts: ir.Table) -> ir.Table:
        """`facts` that some snapshot sees, with `begin_no` and `end_no`: the snapshots that do, half-open.

        Args:
            facts: rows with `visible_from` and `visible_to`, which are replaced.
        """
        placed = self._numbered(self._numbered(facts, "visible_from", "begin_no"), "visible_to", "end_no")
        return placed.filter(placed.begin_no < placed.end_no).drop("visible_from", "visible_to")

    def _numbered(self, rows: ir.Table, day: str, name: str) -> ir.Table:
        joined = rows.join(self.number_of_day, rows[day] == self.number_of_day.day, how="left").drop("day")
        outside = ibis.ifelse(joined[day] <= self.as_of[0], 0, self.count)
        return joined.mutate(**{name: joined.no.fill_null(outside)}).drop("no")

    def slotted(self, placed: ir.Table) -> ir.Table:
        """Placed facts that lie in some window of some snapshot, with `slot_no` in the place of `event_date`."""
        joined = placed.join(self.slot_of_day, placed.event_date == self.slot_of_day.day)
        return joined.select(*(c for c in placed.columns if c != "event_date"), "slot_no")

    def spans(self, slotted: ir.Table, by: Sequence[str], windows: Sequence[str], sums: Sequence[str] = ()) -> ir.Table:
        """Intervals of snapshots in which facts lie inside each window.

        Args:
            slotted: facts with `slot_no`, `begin_no` and `end_no`.
            by: columns to keep apart.
            windows: names of the windows wanted.
            sums: columns to add up; without any, equal intervals appear once.

        Returns:
            `by`, `window_no`, `begin_no`, `end_no` and the sums.
        """
        grain = [*by, "slot_no", "begin_no", "end_no"]
        facts = slotted.group_by(grain).aggregate(**{s: slotted[s].sum() for s in sums})
        joined = facts.join(
            self.slots.filter(self.slots.window_no.isin([self.window_no[w] for w in windows])), "slot_no"
        )
        begin, end = ibis.greatest(joined.begin_no, joined.first_no), ibis.least(joined.end_no, joined.last_no)
        inside = joined.mutate(begin_no=begin, end_no=end)
        return inside.filter(inside.begin_no < inside.end_no).select(*by, "window_no", "begin_no", "end_no", *sums)

    def changes(self, spans: ir.Table, by: str, columns: Mapping[str, tuple[str, str]]) -> ir.Table:
        """What begins less what ends at each snapshot number, one column per output.

        Args:
            spans: intervals with `window_no`, `begin_no`, `end_no` and the columns that are added up.
            by: the subject, e.g. account_id.
            columns: output column -> (window it is limited to, column that it adds up).

        Returns:
            `by`, `no` and the output columns; sums of them over rising `no` are the values at each snapshot.
        """
        sums = sorted({value for _, value in columns.values()})
        both = spans.cross_join(self._signs)
        at = ibis.ifelse(both.sign > 0, both.begin_no, both.end_no)
        steps = both.select(by, "window_no", no=at, **{s: both[s] * both.sign for s in sums})
        net = steps.group_by([by, "window_no", "no"]).aggregate(**{s: steps[s].sum() for s in sums})
        return net.group_by([by, "no"]).aggregate(
            **{
                name: net[value].sum(where=net.window_no == self.window_no[window]).fill_null(0)
                for name, (window, value) in columns.items()
            }
        )

    def latest(self, placed: ir.Table, grid: ir.Table, by: str, name: str) -> ir.Table:
        """The latest `event_date` among the facts that each snapshot sees: `by`, `no` and column `name`.

        Facts that stay visible are a running maximum; those that a correction ends are looked at snapshot by snapshot.

        Args:
            placed: rows of `place` with `event_date`.
            grid: every subject at every snapshot, columns `by` and `no`.
            by: the subject.
            name: output column; null where a snapshot sees no fact.
        """
        return self._extreme(placed, grid, by, name, is_latest=True)

    def earliest(self, placed: ir.Table, grid: ir.Table, by: str, name: str) -> ir.Table:
        """Like `latest`, for the earliest `event_date`."""
        return self._extreme(placed, grid, by, name, is_latest=False)

    def _extreme(self, placed: ir.Table, grid: ir.Table, by: str, name: str, is_latest: bool) -> ir.Table:
        def best(day: ir.Value) -> ir.Value:
            return day.max() if is_latest else day.min()

        lasting = placed.filter(placed.end_no >= self.count).group_by([by, "begin_no"])
        lasting = lasting.aggregate(lasting_day=best(placed.event_date)).rename(no="begin_no")
        ending = placed.filter(placed.end_no < self.count)
        during = [grid[by] == ending[by], grid.no >= ending.begin_no, grid.no < ending.end_no]
        pairs = grid.join(ending.select(by, "begin_no", "end_no", "event_date"), during)
        ended = pairs.group_by([by, "no"]).aggregate(ending_day=best(pairs.event_date))
        found = beside(grid, by, [lasting, ended])
        running = best(found.lasting_day).over(_so_far(by))
        pair = (ibis.coalesce(running, found.ending_day), ibis.coalesce(found.ending_day, running))
        return found.select(by, "no", **{name: ibis.greatest(*pair) if is_latest else ibis.least(*pair)})


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def disjoint(spans: ir.Table, keys: Sequence[str]) -> ir.Table:
    """The same snapshots per key, each covered once: `keys`, `begin_no`, `end_no` without overlap.

    Every interval keeps only what no interval that begins earlier has covered.
    """
    longest = spans.group_by([*keys, "begin_no"]).aggregate(end_no=spans.end_no.max())
    before = ibis.window(group_by=list(keys), order_by="begin_no", preceding=(None, 1))
    seen = longest.mutate(seen_no=longest.end_no.max().over(before))
    cut = seen.mutate(begin_no=ibis.greatest(seen.begin_no, seen.seen_no.fill_null(seen.begin_no))).drop("seen_no")
    return cut.filter(cut.begin_no < cut.end_no)


def beside(grid: ir.Table, by: str, others: Sequence[ir.Table]) -> ir.Table:
    """`grid` with the columns of `others` at the same subject and snapshot number; null where one has no row there.

    Cardinality: each of `others` has at most one row per `by` and `no`. One chain of joins, so that the wide rows are
    spelled out once in the SQL and not once per table.
    """
    joined, names = grid, list(grid.columns)
    for position, other in enumerate(others):
        own = [c for c in other.columns if c not in (by, "no")]
        subject, number = f"{by}_{position}", f"no_{position}"
        right = other.select(*own, **{subject: other[by], number: other.no})
        joined = joined.left_join(right, [(by, subject), ("no", number)])
        names += own
    return joined.select(*names)


def running_totals(rows: ir.Table, by: str, names: Sequence[str]) -> dict[str, ir.IntegerValue]:
    """Running totals of the change columns `names`, 0 before the first change; `rows` has every subject at every `no`."""
    return {name: rows[name].sum().over(_so_far(by)).fill_null(0) for name in names}


def _so_far(by: str) -> Any:
    return ibis.window(group_by=by, order_by="no", preceding=None, following=0)
