"""The declared score of behaviour turning for the worse, signal by signal.

Here: the weighted sum of signed surprises, its mean over the last weeks, and what is left of both without signals that the calendar
explains. Not here: a surprise (`uam_platform.temporal.surprise`), what is explained (`calendar`), which signals and weights
(`rulebook/alerts.yaml`, `uam_platform.policy.harm`), the threshold (a detector's condition), words (`wording_harm`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import pandas as pd

from uam_platform.policy.harm import HARM_SCORE, HarmScore
from uam_platform.temporal.surprise import surprise

PREFIX: Final = "harm_signal_"
"""Columns of the surprises beside the score: PREFIX + name of the signal, positive is bad."""

NOW: Final = "harm_now"
"""Column of the weighted sum of this snapshot alone."""

WEEK: Final = "harm_week_"
"""Columns of the sums that count beside it: WEEK + number of weeks before; missing where there is no such snapshot."""

LEFT: Final = "harm_left"
"""Column of the score without the points of signals that the calendar explains, in this week and those before."""

_LEFT_NOW: Final = "harm_left_now"
_NOTHING: Final = pd.Series(dtype="float64")

Sums = pd.DataFrame
"""By account: the weighted sum of a snapshot (NOW), and what is left of it without explained signals."""


def with_harm(
    snapshot: pd.DataFrame,
    policy: HarmScore,
    before: Mapping[int, Sums] | None = None,
    explained: Mapping[str, frozenset[str]] | None = None,
) -> pd.DataFrame:
    """`snapshot` with the surprise of every signal, their weighted sum, those of the weeks before, `harm_score` and `harm_left`.

    Args:
        snapshot: ACCOUNT_FEATURES rows of one as_of.
        policy: signals, weights and memory.
        before: sums of earlier weeks by account, by number of weeks; an account or week that is missing counts nowhere.
        explained: by account, signals whose points against it the calendar explains.
    """
    surprises = _surprises(snapshot, policy)
    total = _summed(surprises, policy, snapshot.index)
    left = total - _forgiven(snapshot, surprises, policy, explained or {})
    weeks: dict[str, pd.Series] = {}
    lefts: dict[str, pd.Series] = {}
    for number in range(1, policy.memory.weeks + 1):
        own = (before or {}).get(number)
        for kept, column, name in ((weeks, NOW, f"{WEEK}{number}"), (lefts, _LEFT_NOW, f"{WEEK}{number}_left")):
            values = _NOTHING if own is None else own[column]
            kept[name] = snapshot["account_id"].map(values).astype("float64")
    score, score_left = _mean(total, weeks, policy), _mean(left, lefts, policy)
    return snapshot.assign(**surprises, **weeks, **{NOW: total, _LEFT_NOW: left, HARM_SCORE: score, LEFT: score_left})


def sums(snapshot: pd.DataFrame, policy: HarmScore, explained: Mapping[str, frozenset[str]] | None = None) -> Sums:
    """The weighted sums of the surprises of one snapshot, by account."""
    surprises = _surprises(snapshot, policy)
    total = _summed(surprises, policy, snapshot.index)
    left = total - _forgiven(snapshot, surprises, policy, explained or {})
    return remembered(snapshot.assign(**{NOW: total, _LEFT_NOW: left}))


def remembered(harmed: pd.DataFrame) -> Sums:
    """What later snapshots need of a snapshot `with_harm`."""
    return harmed.set_index("account_id")[[NOW, _LEFT_NOW]]


def week_before(days: Mapping[date, Sums], as_of: date, week: int) -> Sums | None:
    """What was computed for the last snapshot of the week that ends `week` weeks before `as_of`; None without one."""
    last = as_of - timedelta(weeks=week)
    found = [day for day in days if last - timedelta(days=6) <= day <= last]
    return days[max(found)] if found else None


def _surprises(snapshot: pd.DataFrame, policy: HarmScore) -> dict[str, pd.Series]:
    return {PREFIX + name: surprise(snapshot, signal, policy) for name, signal in policy.signals.items()}


def _mean(now: pd.Series, weeks: Mapping[str, pd.Series], policy: HarmScore) -> pd.Series:
    above, below = now, pd.Series(1.0, index=now.index)
    for weight, week in zip(policy.memory.weights()[1:], weeks.values(), strict=True):
        above = above + weight * week.fillna(0.0)
        below = below + weight * week.notna()
    return above / below


def _forgiven(
    snapshot: pd.DataFrame,
    surprises: Mapping[str, pd.Series],
    policy: HarmScore,
    explained: Mapping[str, frozenset[str]],
) -> pd.Series:
    """Points of explained signals that speak against an account; points in its favour stay."""
    forgiven = pd.Series(0.0, index=snapshot.index)
    for name, signal in policy.signals.items():
        accounts = [account for account, signals in explained.items() if name in signals]
        if accounts:
            points = signal.weight * surprises[PREFIX + name].clip(lower=0.0)
            forgiven = forgiven + points.where(snapshot["account_id"].isin(accounts), 0.0)
    return forgiven


def _summed(surprises: Mapping[str, pd.Series], policy: HarmScore, index: pd.Index) -> pd.Series:
    total = pd.Series(0.0, index=index)
    for name, signal in policy.signals.items():
        total = total + signal.weight * surprises[PREFIX + name]
    return total
