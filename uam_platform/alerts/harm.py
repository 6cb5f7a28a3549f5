"""The declared score of behaviour turning for the worse, signal by signal.

Here: the weighted sum of signed surprises, and its mean over the last weeks. Not here: a surprise
(`uam_platform.temporal.surprise`), which signals and weights (`rulebook/alerts.yaml`, `uam_platform.policy.harm`), the threshold (a
detector's condition), words (`wording_harm`).
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

_NOTHING: Final = pd.Series(dtype="float64")


def with_harm(snapshot: pd.DataFrame, policy: HarmScore, before: Mapping[int, pd.Series] | None = None) -> pd.DataFrame:
    """`snapshot` with the surprise of every signal, their weighted sum, those of the weeks before, and `harm_score`.

    Args:
        snapshot: ACCOUNT_FEATURES rows of one as_of.
        policy: signals, weights and memory.
        before: sums of earlier weeks by account, by number of weeks; an account or week that is missing counts nowhere.
    """
    surprises = {PREFIX + name: surprise(snapshot, signal, policy) for name, signal in policy.signals.items()}
    total = _summed(surprises, policy, snapshot.index)
    weeks = {
        f"{WEEK}{number}": snapshot["account_id"].map((before or {}).get(number, _NOTHING)).astype("float64")
        for number in range(1, policy.memory.weeks + 1)
    }
    above, below = total, pd.Series(1.0, index=snapshot.index)
    for weight, week in zip(policy.memory.weights()[1:], weeks.values(), strict=True):
        above = above + weight * week.fillna(0.0)
        below = below + weight * week.notna()
    return snapshot.assign(**surprises, **weeks, **{NOW: total, HARM_SCORE: above / below})


def sums(snapshot: pd.DataFrame, policy: HarmScore) -> pd.Series:
    """The weighted sum of the surprises of one snapshot, by account."""
    surprises = {PREFIX + name: surprise(snapshot, signal, policy) for name, signal in policy.signals.items()}
    return pd.Series(_summed(surprises, policy, snapshot.index).to_numpy(), index=snapshot["account_id"])


def week_before(days: Mapping[date, pd.Series], as_of: date, week: int) -> pd.Series | None:
    """What was computed for the last snapshot of the week that ends `week` weeks before `as_of`; None without one."""
    last = as_of - timedelta(weeks=week)
    found = [day for day in days if last - timedelta(days=6) <= day <= last]
    return days[max(found)] if found else None


def _summed(surprises: Mapping[str, pd.Series], policy: HarmScore, index: pd.Index) -> pd.Series:
    total = pd.Series(0.0, index=index)
    for name, signal in policy.signals.items():
        total = total + signal.weight * surprises[PREFIX + name]
    return total
