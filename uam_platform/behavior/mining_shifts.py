"""Small shifts of behaviour, one or a few together, in accounts at a snapshot (R112).

Here: which accounts show which shifts. Not here: a surprise (`uam_platform.temporal.surprise`), whether shifts come before anything
(`mining_chance`), which are looked at (`rulebook/mining.yaml`).
"""

from itertools import combinations
from typing import Final

import pandas as pd

from uam_platform.policy.mining import Shifts
from uam_platform.temporal.surprise import surprise

AND: Final = " + "
_SPOT: Final = ["account_id", "as_of"]


def columns_of(policy: Shifts) -> tuple[str, ...]:
    """Columns of ACCOUNT_FEATURES that the shifts read."""
    named = [c for m in policy.measures.values() for c in (m.recent, m.before, *m.per) if c is not None]
    return tuple(sorted({*named, *_SPOT, "is_eligible", "tier"}))


def shifts_of(features: pd.DataFrame, units: pd.DataFrame, policy: Shifts) -> pd.DataFrame:
    """Which units show which shifts: unit_no, pattern.

    Args:
        features: `columns_of` of whole snapshots: the peers are who else is in them.
        units: unit_no, account_id, as_of.
        policy: shifts and their limit.
    """
    if features.empty:
        return pd.DataFrame({"unit_no": pd.Series(dtype="int64"), "pattern": pd.Series(dtype="object")})
    days = pd.to_datetime(features["as_of"])
    wanted = set(pd.to_datetime(units["as_of"]))
    flags = [_flags(rows, policy) for day, rows in features.groupby(days) if day in wanted]
    names = list(policy.measures)
    found = pd.concat(flags) if flags else pd.DataFrame(columns=[*_SPOT, *names])
    keyed = units.assign(as_of=pd.to_datetime(units["as_of"]))
    seen = keyed.merge(found, "inner", _SPOT, validate="m:1")
    parts = []
    for length in range(1, policy.longest + 1):
        for chosen in combinations(names, length):
            shown = seen.loc[seen[list(chosen)].astype(bool).all(axis=1), ["unit_no"]]
            parts.append(shown.assign(pattern=AND.join(policy.measures[name].label for name in chosen)))
    return pd.concat(parts, ignore_index=True)


def _flags(snapshot: pd.DataFrame, policy: Shifts) -> pd.DataFrame:
    moved = {
        name: surprise(snapshot, measure, policy) >= policy.moves_from for name, measure in policy.measures.items()
    }
    return snapshot[["account_id"]].assign(as_of=pd.to_datetime(snapshot["as_of"]), **moved)
