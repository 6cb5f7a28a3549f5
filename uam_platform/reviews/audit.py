"""What the verdicts on drawn accounts say about the alerts: precision and recall with their intervals.

Here: estimates over the strata of one or several months. Not here: the draw (`audit_sample`), proposals (`proposals`), the page
(`audit_page`).

Each judged account stands for its stratum: population / judged of them. Precision is the share in trouble of those told. Recall is
what was told of all trouble; accounts told about earlier are treated and count on neither side. Intervals are quantiles of Jeffreys'
posterior of each stratum's share (Brown, Cai and DasGupta 2001), drawn with a fixed seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.reviews.audit_sample import HELD_BACK, QUIET, TOLD, TOLD_BEFORE

IN_TROUBLE, FINE = "in_trouble", "fine"
_DRAWS: Final = 4000
_BOUNDS: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Stratum:
    """Accounts of one stratum and reason, over the months looked at.

    `judged` and `troubled` leave out those of which nobody can tell.
    """

    name: str
    reason: str
    population: int
    drawn: int
    judged: int
    troubled: int


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval, or None and what is missing."""

    value: float | None
    low: float | None = None
    high: float | None = None
    missing: str = ""


def strata(samples: pd.DataFrame, verdicts: Mapping[str, str]) -> list[Stratum]:
    """The strata of some months.

    Args:
        samples: AUDIT_SAMPLES rows.
        verdicts: last verdict by sample_id.
    """
    given = samples["sample_id"].map(dict(verdicts))
    marked = samples.assign(
        reason_key=samples["reason"].astype("object").where(samples["reason"].notna(), "").str.split(":").str[0],
        is_judged=given.isin([IN_TROUBLE, FINE]),
        is_troubled=given == IN_TROUBLE,
    )
    found = []
    for (name, reason), rows in marked.groupby(["stratum", "reason_key"], sort=True):
        by_month = rows.groupby("audit_month_date")["stratum_account_count"].max()
        found.append(
            Stratum(
                str(name), str(reason), int(by_month.sum()), len(rows), int(rows["is_judged"].sum()),
                int(rows["is_troubled"].sum()),
            )
        )  # fmt: skip
    order = {TOLD: 0, HELD_BACK: 1, QUIET: 2, TOLD_BEFORE: 3}
    return sorted(found, key=lambda s: (order[s.name], s.reason))


def precision(found: Sequence[Stratum]) -> Estimate:
    """Share of the accounts told about that were in trouble."""
    told = [one for one in found if one.name == TOLD]
    missing = _missing(told, "no account was told about")
    if missing:
        return Estimate(None, missing=missing)
    return _quantiles(_troubled(told) / sum(one.population for one in told), _point(told))


def recall(found: Sequence[Stratum]) -> Estimate:
    """Share of the trouble that was told about, treated accounts left out."""
    counted = [one for one in found if one.name != TOLD_BEFORE]
    told = [one for one in counted if one.name == TOLD]
    missing = _missing(told, "no account was told about") or _missing(counted, "nothing was drawn")
    if missing:
        return Estimate(None, missing=missing)
    hit, all_of_it = _troubled(told), _troubled(told) + _troubled([one for one in counted if one.name != TOLD])
    point_hit = sum(one.population * one.troubled / one.judged for one in told)
    point_all = sum(one.population * one.troubled / one.judged for one in counted)
    return _quantiles(hit / all_of_it, point_hit / point_all if point_all else None)


def _missing(found: Sequence[Stratum], nothing: str) -> str:
    if not found:
        return nothing
    lacking = [f"{one.name} {one.reason}".strip().replace("_", " ") for one in found if not one.judged]
    return "no verdict yet on: " + ", ".join(lacking) if lacking else ""


def _point(found: Sequence[Stratum]) -> float | None:
    whole = sum(one.population for one in found)
    return sum(one.population * one.troubled / one.judged for one in found) / whole if whole else None


def _troubled(found: Sequence[Stratum]) -> Any:
    """Draws of how many accounts of the strata were in trouble."""
    total = np.zeros(_DRAWS)
    for number, one in enumerate(found):
        rng = np.random.default_rng([number, one.population, one.judged, one.troubled])
        total += one.population * rng.beta(one.troubled + 0.5, one.judged - one.troubled + 0.5, _DRAWS)
    return total


def _quantiles(drawn: Any, point: float | None) -> Estimate:
    low, high = (float(v) for v in np.quantile(drawn, _BOUNDS))
    return Estimate(point, low, high)
