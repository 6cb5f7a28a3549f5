"""Does a pattern come before an outcome more often than chance would have it?

Here: exact tests over matched sets, false discovery rate, replication, lift with its interval. Not here: sets (`mining_cases`), patterns
(`mining_grams`, `mining_shifts`).

Within a set chance would make each member the case alike. Of a set of n in which m show the pattern, the case shows it with
probability m / n; over all sets the number of such cases is a sum of independent trials of these probabilities, whose upper tail is the
p-value (the exact conditional test of matched sets; Breslow and Day 1980, chapter 5). Discoveries among the earlier sets are chosen by
Benjamini and Hochberg (1995); each is tested once more on the later sets, which nothing has looked at.
"""

import re
from collections import Counter, defaultdict
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.policy.mining import MiningPolicy
from uam_platform.temporal.discoveries import standing_out

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FOUND: Final = [
    "pattern", "case_count", "control_count", "showing_case_count", "showing_control_count", "pattern_lift_ratio", "pattern_lift_low_ratio",
    "pattern_lift_high_ratio", "pattern_chance_ratio", "later_lift_ratio", "later_chance_ratio", "is_replicated",
]  # fmt: skip
_Z: Final = 1.959964  # 95 % interval
_HALF: Final = 0.5


def discoveries(sets: pd.DataFrame, shown: pd.DataFrame, policy: MiningPolicy) -> pd.DataFrame:
    """Patterns over-represented in the cases of the earlier sets, with what the later sets say of them.

    Args:
        sets: members of one outcome: unit_no, set_no, is_case, is_later.
        shown: unit_no, pattern; each pair once.
        policy: limits.

    Returns:
        FOUND, least chance first; counts and lift are of all sets.
    """
    member = shown.merge(sets[["unit_no", "set_no", "is_case", "is_later"]], "inner", "unit_no", validate="m:1")
    earlier = tested(sets.loc[~sets["is_later"]], member.loc[~member["is_later"]], policy.min_accounts)
    kept = earlier.loc[standing_out(earlier["pattern_chance_ratio"].to_numpy(), policy.false_discovery_ratio)]
    told = member.loc[member["pattern"].isin(kept["pattern"])]
    later = tested(sets.loc[sets["is_later"]], told.loc[told["is_later"]], 1).set_index("pattern")
    every = tested(sets, told, 1).drop(columns="pattern_chance_ratio")
    rows = every.merge(kept[["pattern", "pattern_chance_ratio"]], "inner", "pattern", validate="1:1")
    rows["later_lift_ratio"] = rows["pattern"].map(later["pattern_lift_ratio"])
    rows["later_chance_ratio"] = rows["pattern"].map(later["pattern_chance_ratio"])
    rows["is_replicated"] = rows["later_chance_ratio"].le(policy.replication.max_chance).fillna(False)
    return rows[FOUND].sort_values(["pattern_chance_ratio", "pattern"], ignore_index=True)


def tested(sets: pd.DataFrame, member: pd.DataFrame, least: int) -> pd.DataFrame:
    """Counts, lift and chance of every pattern that at least so many members show.

    Args:
        sets: members.
        member: members that show a pattern: pattern, set_no, is_case.
        least: members that must show it.
    """
    sizes = sets.groupby("set_no").size()
    cases, controls = int(sets["is_case"].sum()), int((~sets["is_case"]).sum())
    by_set = member.groupby(["pattern", "set_no"], as_index=False)["is_case"].agg(["size", "sum"])
    by_set["whole"] = sizes.reindex(by_set["set_no"]).to_numpy()
    spread = by_set.groupby("pattern")[["size", "sum"]].sum()
    spread = spread.loc[spread["size"] >= least]
    trials: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
    counted = by_set.groupby(["pattern", "size", "whole"]).size().reset_index(name="count")
    for pattern, part, whole, count in counted.itertuples(index=False, name=None):
        trials[pattern][part, whole] = count
    hits = spread["sum"].to_numpy(dtype=np.int64)
    others = spread["size"].to_numpy(dtype=np.int64) - hits
    return pd.DataFrame(
        {
            "pattern": spread.index.astype("object"),
            "case_count": cases,
            "control_count": controls,
            "showing_case_count": hits,
            "showing_control_count": others,
            **_lifts(hits, cases, others, controls),
            "pattern_chance_ratio": [upper_tail(trials[p], int(h)) for p, h in zip(spread.index, hits, strict=True)],
        }
    )


def upper_tail(trials: Counter[tuple[int, int]], hits: int) -> float:
    """Probability of at least so many hits among independent trials.

    Args:
        trials: (m, n) -> how many trials hit with probability m / n.
        hits: least number of hits.
    """
    spread: Floats = np.ones(1)
    for (part, whole), count in sorted(trials.items()):
        spread = np.convolve(spread, _binomial(count, part, whole))
    return float(min(1.0, spread[hits:].sum()))


@lru_cache(maxsize=4096)
def _binomial(count: int, part: int, whole: int) -> Floats:
    """Probabilities of 0 to `count` hits of `part / whole` each."""
    from scipy.stats import binom

    return np.asarray(binom.pmf(np.arange(count + 1), count, part / whole), dtype=np.float64)


def _lifts(hits: Integers, cases: int, others: Integers, controls: int) -> dict[str, Floats]:
    """Share of cases over share of controls with the interval of its logarithm (Katz 1978); a half is added to each count."""
    a, n, b, m = hits + _HALF, cases + _HALF, others + _HALF, controls + _HALF
    lift = (a / n) / (b / m)
    spread = _Z * np.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    return {
        "pattern_lift_ratio": lift,
        "pattern_lift_low_ratio": lift * np.exp(-spread),
        "pattern_lift_high_ratio": lift * np.exp(spread),
    }


def told_once(found: pd.DataFrame, joint: str) -> pd.DataFrame:
    """Of findings of which one holds the other's steps in order, the one that chance explains least; of equal ones the longest.

    Args:
        found: FOUND.
        joint: what stands between the steps of a pattern.
    """
    lengths = found["pattern"].str.count(re.escape(joint))
    ordered = found.assign(length=-lengths).sort_values(
        ["pattern_chance_ratio", "length", "pattern"], ignore_index=True
    )
    steps = [str(pattern).split(joint) for pattern in ordered["pattern"]]
    kept: list[int] = []
    for position, own in enumerate(steps):
        if not any(_holds(own, steps[k]) or _holds(steps[k], own) for k in kept):
            kept.append(position)
    return ordered.drop(columns="length").iloc[kept].reset_index(drop=True)


def _holds(longer: list[str], shorter: list[str]) -> bool:
    """Whether the steps of one lie in the other in order."""
    left = iter(longer)
    return all(step in left for step in shorter)
