"""What a scoreboard consists of: rows with a value, its interval and the yardsticks it must be read beside.

Here: the shapes, their JSON form, and the rule that too little data gives no number. Not here: how a number is computed (one
module per section), how it looks (`render`).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

LEAST_CHURNED_ACCOUNTS: Final = 30
"""Below it the noise of a ranking metric between equal worlds exceeds what it is to show (SD of ROC-AUC 0.18 at 300 x 270)."""

ORACLE: Final = "latent oracle"
CONTRACT: Final = "contract baseline"
REFERENCE: Final = "reference learner"
HAND: Final = "hand score"
LOGISTIC: Final = "logistic"
BASE_RATE: Final = "base rate"
RANDOM: Final = "random alerts"


@dataclass(frozen=True)
class Row:
    """One number.

    Attributes:
        metric: what is measured.
        value: None where it cannot be told; `note` says why.
        low: lower end of the 95 % interval, or None.
        high: upper end of the 95 % interval, or None.
        unit: share, ratio, count, days, log odds or SD; decides how it is printed.
        yardsticks: the same metric of references, by name.
        note: how to read it.
        target: what the large evaluation worlds are held to; not a gate on smaller ones.
        parts: what the number is made of, so that worlds can be pooled (`pooled`): for a share of X or a lift `numerator` and
            `denominator` as they are divided in `value` (ROC share of L: A - 0.5 and A_L - 0.5; PR share: AP - pi and AP_L - pi;
            lift: A - A_B and A_R - A_B), pooled as ratio of means; for a rate `hits` and `trials` (false merges, false drops,
            sequences found), pooled as sums with exact bounds. Empty where neither holds: the mean over worlds is taken. A yardstick
            of a share is pooled alike where `numerator <name of the yardstick>` is there too.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = "share"
    yardsticks: Mapping[str, float | None] = field(default_factory=dict)
    note: str = ""
    target: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)


Line = tuple[tuple[float, ...], tuple[float, ...]]
"""Points of a line: x, y."""


@dataclass(frozen=True)
class Curve:
    """What a plot needs: one line of the platform and the same line of its yardsticks.

    Attributes:
        key: short name, unique within a section: reliability, gains_usd, precision_recall and so on.
        title: what is drawn.
        x_label: horizontal axis, with unit.
        y_label: vertical axis, with unit.
        x: of the platform's line.
        y: of the platform's line, as long as `x`.
        yardsticks: other lines by name.
        note: how to read it.
    """

    key: str
    title: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    yardsticks: Mapping[str, Line] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Section:
    """Rows that answer one question; `note` says what was compared with what, `curves` what may be drawn."""

    key: str
    title: str
    rows: tuple[Row, ...]
    note: str = ""
    curves: tuple[Curve, ...] = ()

    def row(self, metric: str) -> Row | None:
        """The row of a metric, or None."""
        return next((row for row in self.rows if row.metric == metric), None)


@dataclass(frozen=True)
class Scoreboard:
    """A run against the truth of its world.

    Attributes:
        world: what the world says of itself: accounts, days, seed, difficulty, world_version, start, end.
        is_illustrative: the world is smaller than the evaluation worlds, so that no target may be judged on it.
        seed: seed of the resampling.
        sections: in reading order.
    """

    world: Mapping[str, Any]
    is_illustrative: bool
    seed: int
    sections: tuple[Section, ...]

    def section(self, key: str) -> Section | None:
        """The section of a key, or None."""
        return next((section for section in self.sections if section.key == key), None)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, values rounded to ten digits, null where a number cannot be told."""
        return json.dumps(_plain(asdict(self)), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def not_estimable(metric: str, churned_accounts: int, unit: str = "share", target: str = "") -> Row:
    """The row of a metric for which too few accounts churned."""
    note = f"not estimable: {churned_accounts} churned accounts, {LEAST_CHURNED_ACCOUNTS} needed"
    return Row(metric, None, unit=unit, note=note, target=target)


def ratio(part: float, whole: float) -> float | None:
    """`part / whole`, None where there is no whole."""
    return float(part) / float(whole) if whole else None


def rate_parts(hits: float, trials: float) -> dict[str, float]:
    """Parts of a rate, for pooling over worlds."""
    return {"hits": float(hits), "trials": float(trials)}


def quotient_parts(numerator: float, denominator: float) -> dict[str, float]:
    """Parts of a quotient of sums, for pooling over worlds."""
    return {"numerator": float(numerator), "denominator": float(denominator)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return round(value, 10) if math.isfinite(value) else None
    return value
