"""Two versions of the platform on the same worlds: what moved, and whether it moved beyond noise.

Here: pairing, differences, the table. Not here: one version's table (`pooled`), reading files (`stored`).

Worlds are paired by seed: what a seed makes easy or hard is in both and drops out. With several pairs the interval of the difference is
that of t over pairs; a share or a rate is compared as difference of ratios of means, linearised. With one pair there is nothing to
scatter over, so both intervals are added as if they were independent, which is too wide for equal seeds: what moves there moved.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from uam_platform.evaluation.render import WIDTH, number
from uam_platform.evaluation.resampling import Values
from uam_platform.evaluation.results import Row, Scoreboard
from uam_platform.evaluation.stored import read_boards

_Z: Final = 1.959964
_LEVEL: Final = 0.05
_SAME: Final = ("world_version", "difficulty", "accounts", "days")
_RATIOS: Final = (("numerator", "denominator"), ("hits", "trials"))


@dataclass(frozen=True)
class Difference:
    """One metric of both versions.

    Attributes:
        section: key of its section.
        metric: what is measured.
        unit: of the metric.
        first: pooled over the paired worlds.
        second: pooled over the paired worlds.
        low: lower end of the 95 % interval of second - first, or None.
        high: upper end, or None.
        p: two-sided, None without an interval.
        has_moved: beyond noise, with as many metrics as there are (Benjamini and Hochberg 1995, 5 %).
        worlds: pairs in which both could be told.
    """

    section: str
    metric: str
    unit: str
    first: float
    second: float
    low: float | None
    high: float | None
    p: float | None
    has_moved: bool
    worlds: int

    @property
    def change(self) -> float:
        """Second minus first."""
        return self.second - self.first


@dataclass(frozen=True)
class Comparison:
    """Both versions on the worlds they share.

    Attributes:
        seeds: of the paired worlds.
        left_out: seeds that only one of both has.
        differences: metrics that both have, in reading order.
    """

    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    differences: tuple[Difference, ...]


def compare(first: Sequence[Scoreboard], second: Sequence[Scoreboard]) -> Comparison:
    """Pair two versions by seed.

    Raises:
        ValueError: the worlds are not of one version, size and difficulty, or share no seed.
    """
    _refuse_unlike(first, second)
    by_seed = [{int(board.world["seed"]): board for board in boards} for boards in (first, second)]
    seeds = sorted(by_seed[0].keys() & by_seed[1].keys())
    if not seeds:
        raise ValueError(
            f"no seed in common: {_listed(by_seed[0])} and {_listed(by_seed[1])}; versions are compared on the same worlds only"
        )
    pairs = [(by_seed[0][seed], by_seed[1][seed]) for seed in seeds]
    found = [d for key, metric in _metrics(pairs[0]) if (d := _difference(key, metric, pairs)) is not None]
    left_out = sorted(by_seed[0].keys() ^ by_seed[1].keys())
    return Comparison(tuple(seeds), tuple(left_out), _marked(found))


def compare_paths(first: Path, second: Path) -> str:
    """The comparison of two scoreboard files or two suite folders as text."""
    return render_comparison(compare(read_boards(first), read_boards(second)), str(first), str(second))


def _refuse_unlike(first: Sequence[Scoreboard], second: Sequence[Scoreboard]) -> None:
    for name in _SAME:
        own, other = ({board.world.get(name) for board in boards} for boards in (first, second))
        if len(own | other) > 1:
            raise ValueError(
                f"these cannot be compared: {name} is {_listed(own)} in the first and {_listed(other)} in the second; scores are "
                "compared on the same worlds only"
            )


def _listed(values: object) -> str:
    return ", ".join(sorted(map(str, values)))  # type: ignore[call-overload]


def _metrics(pair: tuple[Scoreboard, Scoreboard]) -> list[tuple[str, str]]:
    return [(section.key, row.metric) for section in pair[0].sections for row in section.rows]


def _difference(key: str, metric: str, pairs: Sequence[tuple[Scoreboard, Scoreboard]]) -> Difference | None:
    both = [(a, b) for pair in pairs if (a := _row(pair[0], key, metric)) and (b := _row(pair[1], key, metric))]
    if not both:
        return None
    own, other = [a for a, _ in both], [b for _, b in both]
    first, first_parts = _estimate(own)
    second, second_parts = _estimate(other)
    is_paired = len(both) > 1
    change, parts = second - first, second_parts - first_parts
    low, high, p = _paired(change, parts) if is_paired else _unpaired(change, own[0], other[0])
    return Difference(key, metric, own[0].unit, first, second, low, high, p, False, len(both))


def _row(board: Scoreboard, key: str, metric: str) -> Row | None:
    section = board.section(key)
    row = section.row(metric) if section else None
    return row if row is not None and row.value is not None and math.isfinite(row.value) else None


def _estimate(rows: Sequence[Row]) -> tuple[float, Values]:
    """The pooled value, and what each world contributes to it (deviations add up to nothing)."""
    for top, bottom in _RATIOS:
        if all({top, bottom} <= row.parts.keys() for row in rows):
            above, below = (np.array([row.parts[n] for row in rows], dtype=np.float64) for n in (top, bottom))
            if below.sum() != 0:
                value = float(above.sum() / below.sum())
                return value, np.asarray(value + (above - value * below) / below.mean(), dtype=np.float64)
    values = np.array([row.value for row in rows], dtype=np.float64)
    return float(values.mean()), values


def _paired(change: float, differences: Values) -> tuple[float | None, float | None, float | None]:
    from scipy.stats import t

    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    if error < 1e-15:
        return change, change, 1.0 if abs(change) < 1e-12 else 0.0
    half = float(t.ppf(0.975, len(differences) - 1)) * error
    return change - half, change + half, float(2 * t.sf(abs(change) / error, len(differences) - 1))


def _unpaired(change: float, first: Row, second: Row) -> tuple[float | None, float | None, float | None]:
    from scipy.stats import norm

    ends = (first.low, first.high, second.low, second.high)
    if any(end is None for end in ends):
        return None, None, None
    widths = [(row.high - row.low) / 2 for row in (first, second) if row.high is not None and row.low is not None]
    half = math.hypot(*widths)
    if half == 0:
        return change, change, 1.0 if change == 0 else 0.0
    return change - half, change + half, float(2 * norm.sf(abs(change) / half * _Z))


def _marked(found: Sequence[Difference]) -> tuple[Difference, ...]:
    """Those whose p survives the number of metrics looked at."""
    known = sorted(each.p for each in found if each.p is not None)
    kept = [p for rank, p in enumerate(known, start=1) if p <= _LEVEL * rank / len(known)]
    limit = max(kept, default=-1.0)
    return tuple(Difference(**{**vars(each), "has_moved": each.p is not None and each.p <= limit}) for each in found)


def render_comparison(comparison: Comparison, first: str, second: str) -> str:
    """The comparison as text of at most 120 columns."""
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None, force_terminal=False, highlight=False)
    console.print(f"A {first}\nB {second}\n{_heading(comparison)}", markup=False, soft_wrap=True)
    for key in dict.fromkeys(each.section for each in comparison.differences):
        console.print()
        console.print(key, markup=False)
        console.print(_table([each for each in comparison.differences if each.section == key]))
    console.print(_ending(comparison), markup=False)
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - told to the type checker; set above
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _heading(comparison: Comparison) -> str:
    seeds = ", ".join(map(str, comparison.seeds))
    left = f"; in one of both only: {', '.join(map(str, comparison.left_out))}" if comparison.left_out else ""
    return f"{len(comparison.seeds)} worlds paired, seeds {seeds}{left}"


def _table(differences: Sequence[Difference]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False, padding=(0, 1))
    table.add_column("metric", ratio=1)
    for name, width in (("A", 9), ("B", 9), ("B - A", 10), ("95 %", 20), ("", 20)):
        table.add_column(name, justify="right" if name else "left", width=width, no_wrap=True)
    for each in differences:
        ends = [number(end, each.unit) for end in (each.low, each.high)] if each.low is not None else []
        table.add_row(
            each.metric, number(each.first, each.unit), number(each.second, each.unit), _signed(each), " to ".join(ends), _word(each)
        )  # fmt: skip
    return table


def _signed(each: Difference) -> str:
    return f"{'+' if each.change > 0 else ''}{number(each.change, each.unit)}"


def _word(each: Difference) -> str:
    if each.low is None or each.high is None:
        return "no interval"
    if each.has_moved:
        return "moved up" if each.change > 0 else "moved down"
    return "" if each.low <= 0 <= each.high else "perhaps"


def _ending(comparison: Comparison) -> str:
    moved = sum(each.has_moved for each in comparison.differences)
    judged = sum(each.p is not None for each in comparison.differences)
    how = (
        "t over paired worlds" if len(comparison.seeds) > 1 else "one pair: intervals added as if independent, too wide"
    )
    return (
        f"\n{moved} of {judged} metrics moved beyond noise ({how}; false discoveries held at {_LEVEL:.0%}); `perhaps`: the interval "
        "leaves out 0, which some metrics do by chance"
    )
