"""Do the behaviours that carry durable value strengthen or weaken, and how many dollars stand on either side (R130)?

Here: the direction of each account, the sums of a week. Not here: a surprise (`uam_platform.temporal.surprise`), which behaviours count
(`rulebook/durable_value.yaml`), plots (`plots`), the review (`uam_platform.reviews`).
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import VALUE_CHANGES, VALUE_WEEKS
from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.policy.durable_value import DurableValue
from uam_platform.policy.harm import Signal
from uam_platform.temporal.surprise import surprise

DIRECTIONS: Final = VOCABULARY["value_direction"].allowed
STRENGTHENING, HOLDING, WEAKENING, UNKNOWN = DIRECTIONS

_KEYS: Final = ["account_id", "as_of"]
_MONEY: Final = ["arr_usd_cents", "revenue_weight_usd_cents"]
_PLACES: Final = 4


def value_changes(features: pd.DataFrame, scores: pd.DataFrame, policy: DurableValue) -> pd.DataFrame:
    """Where each eligible account moves.

    Args:
        features: ACCOUNT_FEATURES of whole snapshots: the peers are who else is in them.
        scores: ACCOUNT_SCORES of the same snapshots; an account without one weighs nothing.
        policy: behaviours and limits.

    Returns:
        Rows of the VALUE_CHANGES contract, sorted by its key.
    """
    found = [_of_snapshot(rows.reset_index(drop=True), policy) for _, rows in features.groupby("as_of", sort=True)]
    rows = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(VALUE_CHANGES.column_names))
    weights = scores[[*_KEYS, "revenue_weight_usd_cents"]]
    told = rows.drop(columns="revenue_weight_usd_cents", errors="ignore").merge(weights, "left", _KEYS, validate="1:1")
    told["revenue_weight_usd_cents"] = told["revenue_weight_usd_cents"].fillna(0).astype("int64")
    return told.loc[:, list(VALUE_CHANGES.column_names)].sort_values(_KEYS, ignore_index=True)


def value_weeks(changes: pd.DataFrame) -> pd.DataFrame:
    """Accounts and dollars by snapshot and direction; every direction has a row in every snapshot.

    Returns:
        Rows of the VALUE_WEEKS contract, sorted by its key.
    """
    days = sorted(set(changes["as_of"]))
    every = pd.MultiIndex.from_product([days, DIRECTIONS], names=["as_of", "value_direction"])
    grouped = changes.groupby(["as_of", "value_direction"])
    sums = (
        grouped[_MONEY]
        .sum()
        .assign(direction_account_count=grouped.size())
        .reindex(every, fill_value=0)
        .astype("int64")
    )
    rows = sums.reset_index().loc[:, list(VALUE_WEEKS.column_names)]
    return rows.sort_values(["as_of", "value_direction"], ignore_index=True)


def _of_snapshot(snapshot: pd.DataFrame, policy: DurableValue) -> pd.DataFrame:
    """Peers are all accounts of the snapshot, rows only the eligible ones."""
    strength = {name: -surprise(snapshot, signal, policy) for name, signal in policy.signals.items()}
    whole = sum(signal.weight for signal in policy.signals.values())
    points = pd.DataFrame({name: strength[name] * signal.weight / whole for name, signal in policy.signals.items()})
    mean = points.sum(axis=1).round(_PLACES)
    direction = _direction(snapshot, mean, policy)
    leading = np.where(mean >= 0, points.idxmax(axis=1), points.idxmin(axis=1))
    readings = [
        _reading(row, policy.signals[name]) for row, name in zip(snapshot.to_dict("records"), leading, strict=True)
    ]
    found = snapshot[[*_KEYS, "arr_usd_cents"]].assign(
        value_direction=direction,
        value_change=mean.where(direction != UNKNOWN),
        reading=pd.Series(readings, index=snapshot.index).where(direction != UNKNOWN),
    )
    return found.loc[snapshot["is_eligible"].astype(bool)]


def _direction(snapshot: pd.DataFrame, mean: pd.Series, policy: DurableValue) -> pd.Series:
    is_told = (snapshot["core_84d_count"] >= policy.least_core_84d) & (
        snapshot["tenure_days"] >= policy.least_tenure_days
    )
    named = np.select(
        [~is_told.to_numpy(bool), mean >= policy.moves_from, mean <= -policy.moves_from],
        [UNKNOWN, STRENGTHENING, WEAKENING],
        HOLDING,
    )
    return pd.Series(named, index=snapshot.index)


def _reading(row: Mapping[Any, Any], signal: Signal) -> str:
    """The numbers of the behaviour that speaks loudest."""
    recent = int(row[signal.recent])
    before = int(row[str(signal.before)]) - (recent if signal.before_includes_recent else 0)
    if not signal.per:
        return f"{signal.label}: {recent:,} in {signal.recent_days} days after {before:,} in the {signal.before_days} before"
    now, then = int(row[signal.per[0]]), int(row[signal.per[1]])
    then -= now if signal.before_includes_recent else 0
    return f"{signal.label}: {recent:,} in {now:,} after {before:,} in {then:,}"
