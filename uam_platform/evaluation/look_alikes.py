"""Harmless look-alikes: how often they raise an alert, beyond what quiet accounts raise anyway.

Here: announced and unannounced look-alikes, and their kinds, against matched quiet windows. Not here: harmful episodes (`alerts`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.evaluation.alert_matching import Alert
from uam_platform.evaluation.results import Row, ratio
from uam_platform.evaluation.shares import ratio_interval, share_row

RAISED_WITHIN: Final = 42
QUIET_BEFORE: Final = 84
_DAY: Final = pd.Timedelta(days=1)

Days = npt.NDArray[np.int64]
_NEVER: Final[Days] = np.zeros(0, dtype=np.int64)


def benign_rows(
    alerts: Sequence[Alert], episodes: pd.DataFrame, eligible: Mapping[pd.Timestamp, Sequence[str]], seed: int
) -> Iterator[Row]:
    """Share of look-alikes with an alert within 42 days of their begin: raw, minus the quiet rate, by kind.

    The quiet rate: the same, for accounts eligible at that time that had no episode of any kind from 84 days before to 42 days after.
    Look-alikes that are not watched for 42 days are left out.
    """
    snapshots = sorted(eligible)
    first, last = snapshots[0], snapshots[-1]
    harmless = episodes[~episodes["is_harmful"] & (episodes["onset_at"] >= first)]
    harmless = harmless[harmless["onset_at"] + RAISED_WITHIN * _DAY <= last]
    raised_at = _alert_days(alerts, first)
    begins = ((harmless["onset_at"] - first) // _DAY).to_numpy()
    is_raised = [
        _any_within(raised_at.get(account, _NEVER), int(begin))
        for account, begin in zip(harmless["account_id"], begins, strict=True)
    ]
    quiet = _QuietRate(raised_at, episodes, eligible, first)
    rates = np.array([rate if (rate := quiet.at(int(day))) is not None else np.nan for day in begins], dtype=np.float64)
    judged = harmless.assign(is_raised=np.asarray(is_raised, dtype=bool), quiet_rate=rates)
    for word, part, target in (
        ("announced", judged[judged["is_announced"]], "≤ 0.05"),
        ("unannounced", judged[~judged["is_announced"]], "≤ 0.15"),
    ):
        yield _raised(f"{word} look-alikes raised", part, seed, target)
        yield _surplus(f"{word} look-alikes raised, minus quiet", part, seed)
    for kind in sorted(judged["cause"].dropna().unique()):
        yield _raised(f"look-alikes raised, {kind}", judged[judged["cause"] == kind], seed)


def _raised(metric: str, judged: pd.DataFrame, seed: int, target: str = "") -> Row:
    rates = judged["quiet_rate"].dropna()
    beside = {"quiet accounts": float(rates.mean()) if len(rates) else None}
    accounts, hits = list(judged["account_id"]), list(judged["is_raised"])
    return share_row(metric, accounts, hits, seed, what="look-alikes", target=target, yardsticks=beside)


def _surplus(metric: str, judged: pd.DataFrame, seed: int) -> Row:
    """What look-alikes raise beyond quiet accounts of the same weeks."""
    known = judged[judged["quiet_rate"].notna()]
    more = known["is_raised"].to_numpy(dtype=np.float64) - known["quiet_rate"].to_numpy(dtype=np.float64)
    low, high = ratio_interval(list(known["account_id"]), more, np.ones(len(more)), seed)
    note = "matched quiet windows: no episode from 84 days before to 42 days after"
    return Row(metric, float(more.mean()) if len(more) else None, low, high, note=note)


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
        return ratio(sum(_any_within(self._raised_at.get(a, _NEVER), day) for a in quiet), len(quiet))
