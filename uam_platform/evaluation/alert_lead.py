"""How early do alerts come?

Here: delay from the onset of harm, lead before the end of a subscription. Not here: whether alerts are right (`alerts`). A miss counts as a
miss in every figure: as never found, as not alerted in time.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.evaluation.alert_matching import WINDOW, Alert, match
from uam_platform.evaluation.alert_watch import Watch
from uam_platform.evaluation.results import RANDOM, Curve, Line, Row
from uam_platform.evaluation.shares import share_row

_DAY: Final = pd.Timedelta(days=1)
_SAVING_LEAD: Final = 30
_SAVING_SPAN: Final = 182
_MILESTONES: Final = (14, 28, 56)
_WEEKS: Final = tuple(range(0, 85, 7))
_LEADS: Final = tuple(range(0, _SAVING_SPAN + 1, 7))

Draws = Sequence[Sequence[Alert]]


def lead_rows(alerts: Sequence[Alert], watch: Watch, churn: pd.DataFrame, seed: int) -> Iterator[Row]:
    """Delay from onset and lead before the end."""
    late = delays(alerts, watch)
    median = float(np.median(late)) if len(late) else None
    is_missed = median is not None and not np.isfinite(median)
    yield Row(
        "median delay from onset", WINDOW / _DAY if is_missed else median, unit="days", target="≤ 28",
        note="misses count as never" + (": more than half were missed, so it is longer than an alert may take" if is_missed else ""),
    )  # fmt: skip
    accounts = [e.account_id for e in watch.countable()]
    for days in _MILESTONES:
        yield share_row(f"found within {days} days of onset", accounts, list(late <= days), seed, what="episodes")
    causal = _causal(watch, churn)
    early = _leads(alerts, causal) >= _SAVING_LEAD
    yield share_row(
        "causal churners alerted 30 days before", list(causal["account_id"]), list(early), seed, target="≥ 0.50",
        what="churners; any alert opened 30 to 182 days before the end",
    )  # fmt: skip


def lead_curves(alerts: Sequence[Alert], watch: Watch, churn: pd.DataFrame, random: Draws) -> Iterator[Curve]:
    """Distribution of delays and leads, beside the mean of random alerts at the same volume."""
    yield Curve(
        "delay", "Delay of alerts", "days since the onset of severe harm", "share of episodes found",
        *_found_by(alerts, watch), {RANDOM: _mean([_found_by(draw, watch) for draw in random])},
        "episodes never found stay below the line",
    )  # fmt: skip
    causal = _causal(watch, churn)
    yield Curve(
        "lead", "Lead before the end", "at least so many days before the end", "share of causal churners alerted",
        *_alerted_by(alerts, causal), {RANDOM: _mean([_alerted_by(draw, causal) for draw in random])},
        "ends without a cause, which no behaviour foretells, are left out",
    )  # fmt: skip


def delays(alerts: Sequence[Alert], watch: Watch) -> np.ndarray:
    """Days from onset to alert per countable episode; infinite where it was missed."""
    matched = match(alerts, watch.episodes)
    found = [
        (matched[e.episode_id].as_of - e.onset_at) / _DAY if e.episode_id in matched else np.inf
        for e in watch.countable()
    ]
    return np.asarray(found, dtype=np.float64)


def _causal(watch: Watch, churn: pd.DataFrame) -> pd.DataFrame:
    """Churners with a cause whose last useful day lies within the snapshots."""
    causal = churn[churn["is_causal"] & ~churn["is_censored"]]
    due = causal["ended_at"] - _SAVING_LEAD * _DAY
    return causal[(due >= watch.first) & (due <= watch.last)]


def _leads(alerts: Sequence[Alert], causal: pd.DataFrame) -> np.ndarray:
    """Days from the earliest alert of the last 182 days to the end, per churner; -1 without one."""
    opened: dict[str, list[pd.Timestamp]] = {}
    for alert in alerts:
        opened.setdefault(alert.account_id, []).append(alert.as_of)
    leads = []
    for account, end in zip(causal["account_id"], causal["ended_at"], strict=True):
        days = [(end - at) / _DAY for at in opened.get(str(account), ())]
        leads.append(max((d for d in days if 0 <= d <= _SAVING_SPAN), default=-1.0))
    return np.asarray(leads, dtype=np.float64)


def _found_by(alerts: Sequence[Alert], watch: Watch) -> Line:
    return tuple(float(d) for d in _WEEKS), _shares(delays(alerts, watch)[:, None] <= np.asarray(_WEEKS))


def _alerted_by(alerts: Sequence[Alert], causal: pd.DataFrame) -> Line:
    return tuple(float(d) for d in _LEADS), _shares(_leads(alerts, causal)[:, None] >= np.asarray(_LEADS))


def _shares(hits: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in hits.mean(axis=0)) if len(hits) else (float("nan"),) * hits.shape[1]


def _mean(lines: Sequence[Line]) -> Line:
    return (lines[0][0], tuple(float(v) for v in np.mean([y for _, y in lines], axis=0))) if lines else ((), ())
