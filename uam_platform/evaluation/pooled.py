"""One table from the scoreboards of several worlds: mean with its interval over seeds, verdict on each target.

Here: how rows of worlds become one row. Not here: the worlds (`suite`), the words of the table (`pooled_text`), the gate (`targets`).

A row is pooled by what it carries in `Row.parts`:
- `numerator` and `denominator` (shares, lift): ratio of means, never mean of ratios; t interval of the linearised ratio over seeds.
- `hits` and `trials` (rates): sums over worlds with exact bounds (Clopper and Pearson 1934), or the t interval over seeds where the
  worlds scatter more than such counts may.
- neither: mean with t interval over seeds; counts are added up.
Pooled yardsticks are means, but for ratios of means, whose yardsticks need a part `numerator <name>` and are left out without one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from uam_platform.evaluation.resampling import Values, upper_bound
from uam_platform.evaluation.results import CONTRACT, Row, Scoreboard, Section
from uam_platform.evaluation.targets import NOT_ESTIMABLE, verdict

_TWO_SIDED: Final = 0.975
_SCATTER_P: Final = 0.01


@dataclass(frozen=True)
class PooledRow:
    """A row over all worlds.

    Attributes:
        row: pooled value, interval, yardsticks; its parts are summed.
        worlds: the number of each world, in their order; None where it could not be told.
        sd: standard deviation over worlds; None for fewer than two.
        how: mean, ratio of means, pooled counts or sum.
        verdict: met, not met, not estimable; empty without a target.
    """

    row: Row
    worlds: tuple[float | None, ...]
    sd: float | None
    how: str
    verdict: str


@dataclass(frozen=True)
class PooledSection:
    """The rows of one section."""

    key: str
    title: str
    rows: tuple[PooledRow, ...]

    def row(self, metric: str) -> PooledRow | None:
        """The row of a metric, or None."""
        return next((each for each in self.rows if each.row.metric == metric), None)


@dataclass(frozen=True)
class Pooled:
    """Several scoreboards as one.

    Attributes:
        boards: one per world.
        sections: in the order of the first board that has them.
    """

    boards: tuple[Scoreboard, ...]
    sections: tuple[PooledSection, ...]

    @property
    def is_illustrative(self) -> bool:
        """Some world is smaller than those on which targets are judged."""
        return any(board.is_illustrative for board in self.boards)

    def section(self, key: str) -> PooledSection | None:
        """The section of a key, or None."""
        return next((each for each in self.sections if each.key == key), None)

    def unmet(self) -> list[tuple[PooledSection, PooledRow]]:
        """Rows with a target that is not met or could not be judged."""
        return [(s, r) for s in self.sections for r in s.rows if r.verdict not in ("", "met")]

    def scoreboard(self) -> Scoreboard:
        """The pooled numbers in the shape of one scoreboard, for whatever prints those."""
        first = self.boards[0]
        seeds = ", ".join(str(board.world["seed"]) for board in self.boards)
        world = {**first.world, "seed": seeds, "worlds": len(self.boards)}
        sections = tuple(Section(s.key, s.title, tuple(r.row for r in s.rows)) for s in self.sections)
        return Scoreboard(world, self.is_illustrative, first.seed, sections)


def pool(boards: Sequence[Scoreboard]) -> Pooled:
    """The pooled table of worlds that differ in their seed alone.

    Raises:
        ValueError: there is no board, or they are not of one size, difficulty and world version.
    """
    if not boards:
        raise ValueError("no scoreboard to pool")
    kinds = {tuple(b.world.get(k) for k in ("accounts", "days", "difficulty", "world_version")) for b in boards}
    if len(kinds) > 1:
        raise ValueError(f"worlds of different kinds cannot be pooled: {', '.join(map(str, sorted(kinds, key=str)))}")
    keys = dict.fromkeys(section.key for board in boards for section in board.sections)
    return Pooled(tuple(boards), tuple(_section(key, boards) for key in keys))


def _section(key: str, boards: Sequence[Scoreboard]) -> PooledSection:
    found = [board.section(key) for board in boards]
    title = next(section.title for section in found if section is not None)
    metrics = dict.fromkeys(row.metric for section in found if section is not None for row in section.rows)
    return PooledSection(
        key, title, tuple(_row([s.row(metric) if s is not None else None for s in found]) for metric in metrics)
    )


def _row(rows: Sequence[Row | None]) -> PooledRow:
    known = [row for row in rows if row is not None and row.value is not None and math.isfinite(row.value)]
    worlds = tuple(None if row is None else row.value for row in rows)
    values = [float(row.value) for row in known if row.value is not None]
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    shape = next(row for row in rows if row is not None)
    if not known:
        empty = replace(shape, value=None, low=None, high=None, yardsticks={}, note="in no world", parts={})
        return PooledRow(empty, worlds, None, "", verdict(empty))
    pooled, how = _pooled(shape, known)
    judged = verdict(pooled, values)
    if len(known) < len(rows):
        pooled = replace(pooled, note=f"told in {len(known)} of {len(rows)} worlds; {pooled.note}".rstrip("; "))
        judged = judged and NOT_ESTIMABLE
    return PooledRow(pooled, worlds, sd, how, judged)


def _pooled(shape: Row, rows: Sequence[Row]) -> tuple[Row, str]:
    base = replace(shape, note="", yardsticks=_yardsticks(rows), parts=_sums(rows))
    if all({"hits", "trials"} <= row.parts.keys() for row in rows) and base.parts["trials"] > 0:
        return _counted(base, rows), "pooled counts"
    if all({"numerator", "denominator"} <= row.parts.keys() for row in rows) and base.parts["denominator"] != 0:
        beside = {n: base.parts[f"numerator {n}"] / base.parts["denominator"] for n in _shared_numerators(rows)}
        return _interval_over(replace(base, yardsticks=beside), *ratio_of_means(*_parts(rows))), "ratio of means"
    values = np.array([row.value for row in rows], dtype=np.float64)
    if shape.unit == "count":
        return replace(base, value=float(values.sum()), low=None, high=None), "sum"
    if len(rows) == 1:
        return replace(base, value=rows[0].value, low=rows[0].low, high=rows[0].high), "one world"
    if shape.target.strip() == "above contract" and (found := _over_contract(base, rows)) is not None:
        return found, "mean, interval of the paired difference"
    return _interval_over(base, float(values.mean()), *_t_interval(values)), "mean"


def _over_contract(base: Row, rows: Sequence[Row]) -> Row | None:
    """The mean, its interval that of the paired difference to the contract baseline: the verdict asks whether it lies above."""
    both = [(row.value, row.yardsticks.get(CONTRACT)) for row in rows]
    pairs = np.array([(a, b) for a, b in both if a is not None and b is not None], dtype=np.float64)
    if len(pairs) < len(rows):
        return None
    baseline = float(pairs[:, 1].mean())
    low, high = _t_interval(pairs[:, 0] - pairs[:, 1])
    return _interval_over(base, float(pairs[:, 0].mean()), _shifted(low, baseline), _shifted(high, baseline))


def _shifted(bound: float | None, by: float) -> float | None:
    return None if bound is None else bound + by


def _interval_over(row: Row, value: float, low: float | None, high: float | None) -> Row:
    if row.unit == "share" and low is not None and high is not None and 0 <= value <= 1:
        low, high = max(0.0, low), min(1.0, high)
    return replace(row, value=value, low=low, high=high)


def _parts(rows: Sequence[Row]) -> tuple[Values, Values]:
    return (
        np.array([row.parts["numerator"] for row in rows], dtype=np.float64),
        np.array([row.parts["denominator"] for row in rows], dtype=np.float64),
    )


def ratio_of_means(numerators: Values, denominators: Values) -> tuple[float, float | None, float | None]:
    """Mean over mean and its t interval; the residuals of the linearised ratio are what scatters (Cochran 1977, 6.4)."""
    whole = float(denominators.mean())
    value = float(numerators.mean()) / whole
    low, high = _t_interval(value + (numerators - value * denominators) / whole)
    return value, low, high


def _t_interval(values: Values) -> tuple[float | None, float | None]:
    from scipy.stats import t

    if len(values) < 2:
        return None, None
    half = float(t.ppf(_TWO_SIDED, len(values) - 1)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return float(values.mean()) - half, float(values.mean()) + half


def _counted(base: Row, rows: Sequence[Row]) -> Row:
    hits = np.array([row.parts["hits"] for row in rows], dtype=np.float64)
    trials = np.array([row.parts["trials"] for row in rows], dtype=np.float64)
    low, high = exact_bounds(float(hits.sum()), float(trials.sum()))
    value, note = float(hits.sum() / trials.sum()), f"{hits.sum():,.0f} of {trials.sum():,.0f}"
    is_scattered = len(rows) > 1 and scatters(hits, trials)
    if is_scattered:
        _, wide_low, wide_high = ratio_of_means(hits, trials)
        low, high = min(low, wide_low if wide_low is not None else low), max(high, wide_high or high)
        note += "; the worlds scatter more than counts: interval over seeds"
    if all(
        row.low is None and row.high is not None for row in rows
    ):  # a rare fault: an upper bound alone, so one-sided
        bound = upper_bound(int(hits.sum()), int(trials.sum())) or 1.0
        widest = high if is_scattered else bound
        return replace(base, value=value, low=None, high=min(1.0, max(bound, widest)), note=note)
    return replace(base, value=value, low=max(0.0, low), high=min(1.0, high), note=note)


def exact_bounds(hits: float, trials: float) -> tuple[float, float]:
    """Two-sided 95 % bounds of a rate (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    low = float(betaincinv(hits, trials - hits + 1, 1 - _TWO_SIDED)) if hits > 0 else 0.0
    return low, float(betaincinv(hits + 1, trials - hits, _TWO_SIDED)) if hits < trials else 1.0


def scatters(hits: Values, trials: Values) -> bool:
    """The rates of the worlds differ by more than chance (chi-squared test of homogeneity, p below 1 %).

    Not asked where a world expects less than one hit or one miss: the test does not hold there (Cochran 1954).
    """
    from scipy.stats import chi2

    rate = float(hits.sum() / trials.sum())
    spread = trials * rate * (1 - rate)
    if (trials * min(rate, 1 - rate) < 1).any():
        return False
    statistic = float(((hits - trials * rate) ** 2 / spread).sum())
    return bool(chi2.sf(statistic, len(hits) - 1) < _SCATTER_P)


def _sums(rows: Sequence[Row]) -> dict[str, float]:
    names = set.intersection(*(set(row.parts) for row in rows))
    return {name: float(sum(row.parts[name] for row in rows)) for name in sorted(names)}


def _shared_numerators(rows: Sequence[Row]) -> list[str]:
    return [name.removeprefix("numerator ") for name in _sums(rows) if name.startswith("numerator ")]


def _yardsticks(rows: Sequence[Row]) -> dict[str, float | None]:
    names = dict.fromkeys(name for row in rows for name in row.yardsticks)
    means: dict[str, float | None] = {}
    for name in names:
        found = [value for row in rows if (value := row.yardsticks.get(name)) is not None]
        means[name] = float(np.mean(found)) if found else None
    return means
