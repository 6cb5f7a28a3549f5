"""Words and evidence of the score of behaviour turning for the worse.

Here: the strongest signals in plain words, and all of them as lines whose points sum to those of the week. Not here: other parts of the
summary (`wording`), the arithmetic (`harm`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from uam_platform.alerts.calendar import Excuse
from uam_platform.alerts.harm import LEFT, NOW, PREFIX, WEEK
from uam_platform.policy.harm import HARM_SCORE, HarmScore, Signal

Row = Mapping[Any, Any]


def summary(row: Row, policy: HarmScore) -> str:
    """The strongest signals with their numbers."""
    points = {name: signal.weight * float(row[PREFIX + name]) for name, signal in policy.signals.items()}
    strongest = sorted(
        (n for n in points if points[n] > 0 and policy.signals[n].is_told), key=lambda n: (-points[n], n)
    )[: policy.shown]
    told = "; ".join(_told(row, policy.signals[name]) for name in strongest)
    text = f"Behaviour turned worse by {float(row[HARM_SCORE]):.1f} points. Strongest: {told}."
    if not excuses_of(row):
        return text
    why = ", ".join(dict.fromkeys(one.reason.split(":")[-1].replace("_", " ") for one in excuses_of(row)))
    return f"{text} Without what the calendar explains ({why}) {float(row[LEFT]):.1f} points are left."


def evidence(row: Row, policy: HarmScore) -> dict[str, Any]:
    """The score, the lines of this snapshot (surprise in standard deviations, weight, points), and the weeks it is the mean of."""
    lines = [
        {
            "signal": name,
            "recent": row[signal.recent],
            "before": None if signal.before is None else row[signal.before],
            "surprise": float(row[PREFIX + name]),
            "weight": signal.weight,
            "points": signal.weight * float(row[PREFIX + name]),
        }
        for name, signal in policy.signals.items()
    ]
    weights = policy.memory.weights()
    known = {n: row[f"{WEEK}{n}"] for n in range(1, len(weights)) if not pd.isna(row[f"{WEEK}{n}"])}
    weeks = [{"weeks_before": 0, "points": float(row[NOW]), "weight": weights[0]}]
    weeks += [{"weeks_before": n, "points": float(points), "weight": weights[n]} for n, points in known.items()]
    return {"score": float(row[HARM_SCORE]), "lines": lines, "weeks": weeks}


def excuses_of(row: Row) -> Sequence[Excuse]:
    """What the calendar explains of the account of a finding on one account."""
    found = row.get("excuses")
    return found if isinstance(found, list) and row.get("group_finding") is None else ()


def calendar(row: Row) -> dict[str, Any] | None:
    """What the calendar explains and what of the score is left without it; None where it explains nothing."""
    excuses = excuses_of(row)
    if not excuses:
        return None
    explained = [{"reason": one.reason, "signals": sorted(one.signals)} for one in excuses]
    return {"explained": explained, "score_left": float(row[LEFT])}


def _told(row: Row, signal: Signal) -> str:
    recent = float(row[signal.recent])
    if signal.before is None:
        exposure = float(row[signal.per[0]])
        side = "more" if signal.bad == "rise" else "fewer"
        return f"{signal.label}: {recent:.0f} in {exposure:.0f} events, {side} than comparable accounts"
    before = float(row[signal.before]) - (recent if signal.before_includes_recent else 0.0)
    return f"{signal.label}: {recent:.0f} in {signal.recent_days} days after {before:.0f} in the {signal.before_days} before"
