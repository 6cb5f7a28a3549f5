"""Do the behaviours that carry durable value strengthen or weaken (R130), and who loses depth without a word (R6)?

Here: the direction of each account, the sums of a week, depth lost in silence. Not here: a surprise
(`uam_platform.temporal.surprise`), which behaviours count (`rulebook/durable_value.yaml`), plots (`plots`), the review
(`uam_platform.reviews`).
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import VALUE_CHANGES, VALUE_WEEKS
from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.policy.durable_value import DurableValue, SilentLoss
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
    if features.empty:
        return pd.DataFrame(columns=list(VALUE_CHANGES.column_names))
    found = [_of_snapshot(rows.reset_index(drop=True), policy) for _, rows in features.groupby("as_of", sort=True)]
    rows = pd.concat(found, ignore_index=True)
    told = rows.merge(scores[[*_KEYS, "revenue_weight_usd_cents"]], "left", _KEYS, validate="1:1")
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
    mean, readings = _measured(snapshot, policy.signals, policy)
    depth, depth_readings = _measured(snapshot, policy.silent.signals, policy)
    is_told = _is_told(snapshot, policy)
    named = np.select([mean >= policy.moves_from, mean <= -policy.moves_from], [STRENGTHENING, WEAKENING], HOLDING)
    found = snapshot[[*_KEYS, "arr_usd_cents"]].assign(
        value_direction=pd.Series(named, index=snapshot.index).where(is_told, UNKNOWN),
        value_change=mean.where(is_told),
        reading=readings.where(is_told),
        depth_change=depth.where(is_told),
        depth_reading=depth_readings.where(is_told),
        is_losing_depth=is_told & (depth <= -policy.silent.moves_from) & _is_silent(snapshot, policy.silent),
    )
    return found.loc[snapshot["is_eligible"].astype(bool)]


def _measured(
    snapshot: pd.DataFrame, signals: Mapping[str, Signal], policy: DurableValue
) -> tuple[pd.Series, pd.Series]:
    """Weighted mean of the surprises, positive where they strengthen, and the numbers of the one that leads it."""
    strength = {name: -surprise(snapshot, signal, policy) for name, signal in signals.items()}
    whole = sum(signal.weight for signal in signals.values())
    points = pd.DataFrame({name: strength[name] * signal.weight / whole for name, signal in signals.items()})
    mean = points.sum(axis=1).round(_PLACES)
    leading = np.where(mean >= 0, points.idxmax(axis=1), points.idxmin(axis=1))
    told = [_reading(row, signals[name]) for row, name in zip(snapshot.to_dict("records"), leading, strict=True)]
    return mean, pd.Series(told, index=snapshot.index, dtype="object")


def _is_told(snapshot: pd.DataFrame, policy: DurableValue) -> pd.Series:
    """There is enough to compare."""
    has_work = snapshot["core_84d_count"] >= policy.least_core_84d
    return has_work & (snapshot["tenure_days"] >= policy.least_tenure_days)


def _is_silent(snapshot: pd.DataFrame, rule: SilentLoss) -> pd.Series:
    """People still come, and no ticket or escalation speaks of anything."""
    escalated = snapshot["days_since_escalation"].astype("Float64")
    return (
        (snapshot["active_day_28d_count"] >= rule.least_active_days_28d)
        & (snapshot["ticket_28d_count"] <= rule.most_tickets_28d)
        & (snapshot["open_ticket_count"] <= rule.most_open_tickets)
        & (escalated.isna() | (escalated >= rule.least_days_since_escalation).fillna(False)).astype(bool)
    )


def _reading(row: Mapping[Any, Any], signal: Signal) -> str:
    """The numbers of the behaviour that speaks loudest."""
    recent = int(row[signal.recent])
    before = int(row[str(signal.before)]) - (recent if signal.before_includes_recent else 0)
    if not signal.per:
        return f"{signal.label}: {recent:,} in {signal.recent_days} days after {before:,} in the {signal.before_days} before"
    now, then = int(row[signal.per[0]]), int(row[signal.per[1]])
    then -= now if signal.before_includes_recent else 0
    return f"{signal.label}: {recent:,} in {now:,} after {before:,} in {then:,}"
