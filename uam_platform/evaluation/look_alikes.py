"""Harmless look-alikes: how often they raise an alert, beyond what quiet accounts raise anyway.

Here: announced and unannounced look-alikes against matched quiet windows. Not here: harmful episodes (`alerts`).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.evaluation.alert_matching import Alert
from uam_platform.evaluation.results import Row, ratio

RAISED_WITHIN: Final = 42
QUIET_BEFORE: Final = 84
_DAY: Final = pd.Timedelta(days=1)

Days = npt.NDArray[np.int64]


def benign_rows(
    alerts: Sequence[Alert], episodes: pd.DataFrame, eligible: Mapping[pd.Timestamp, Sequence[str]]
) -> list[Row]:
    """Share of look-alikes with an alert within 42 days of their begin, announced and unannounced.

    The quiet rate beside it: the same, for accounts eligible at that time that had no episode of any kind from 84 days before to 42
    days after. Look-alikes that are not watched for 42 days are left out.
    """
    snapshots = sorted(eligible)
    first, last = snapshots[0], snapshots[-1]
    harmless = episodes[~episodes["is_harmful"] & (episodes["onset_at"] >= first)]
    harmless = harmless[harmless["onset_at"] + RAISED_WITHIN * _DAY <= last]
    raised_at = _alert_days(alerts, first)
    is_raised = [
        _any_within(raised_at.get(account, np.zeros(0, dtype=np.int64)), (onset - first).days)
        for account, onset in zip(harmless["account_id"], harmless["onset_at"], strict=True)
    ]
    judged = harmless.assign(is_raised=np.asarray(is_raised, dtype=bool))
    quiet = _QuietRate(raised_at, episodes, eligible, first)
    return [
        _row("announced look-alikes raised", judged[judged["is_announced"]], quiet, first, "≤ 0.05"),
        _row("unannounced look-alikes raised", judged[~judged["is_announced"]], quiet, first, "≤ 0.15"),
    ]


def _row(metric: str, judged: pd.DataFrame, quiet: "_QuietRate", first: pd.Timestamp, target: str) -> Row:
    raised = ratio(int(judged["is_raised"].sum()), len(judged))
    rates = [rate for onset in judged["onset_at"] if (rate := quiet.at((onset - first).days)) is not None]
    beside = float(np.mean(rates)) if rates else None
    surplus = "" if raised is None or beside is None else f"; surplus {raised - beside:+.3f}"
    note = f"{int(judged['is_raised'].sum())} of {len(judged)}{surplus}"
    return Row(metric, raised, yardsticks={"quiet accounts": beside}, note=note, target=target)


def _alert_days(alerts: Sequence[Alert], first: pd.Timestamp) -> dict[str, Days]:
    days: dict[str, list[int]] = {}
    for alert in alerts:
        days.setdefault(alert.account_id, []).append((alert.as_of - first).days)
    return {account: np.asarray(found, dtype=np.int64) for account, found in days.items()}


def _any_within(days: Days, begin: int) -> bool:
    return bool(((days >= begin) & (days <= begin + RAISED_WITHIN)).any())


class _QuietRate:
    """Alert rate of quiet accounts in the 42 days after a day; computed once per week."""

    def __init__(
        self,
        raised_at: Mapping[str, Days],
        episodes: pd.DataFrame,
        eligible: Mapping[pd.Timestamp, Sequence[str]],
        first: pd.Timestamp,
    ) -> None:
        self._raised_at = raised_at
        self._eligible = {(day - first).days: accounts for day, accounts in eligible.items()}
        self._days: Days = np.array(sorted(self._eligible), dtype=np.int64)
        self._accounts = episodes["account_id"].to_numpy(dtype=object)
        self._onset = (episodes["onset_at"] - first).dt.days.to_numpy()
        self._end = (episodes["end_at"] - first).dt.days.to_numpy()
        self._known: dict[int, float | None] = {}

    def at(self, day: int) -> float | None:
        """Share of quiet accounts alerted in the 42 days from the last snapshot up to `day`; None without such accounts."""
        place = int(np.searchsorted(self._days, day, side="right")) - 1
        snapshot = int(self._days[max(0, place)])
        if snapshot not in self._known:
            self._known[snapshot] = self._rate(snapshot)
        return self._known[snapshot]

    def _rate(self, day: int) -> float | None:
        touches = (self._onset <= day + RAISED_WITHIN) & (self._end >= day - QUIET_BEFORE)
        restless = set(self._accounts[touches])
        quiet = [account for account in self._eligible[day] if account not in restless]
        nothing = np.zeros(0, dtype=np.int64)
        return ratio(sum(_any_within(self._raised_at.get(a, nothing), day) for a in quiet), len(quiet))
