"""Words and evidence of the score of behaviour turning for the worse.

Here: the strongest signals in plain words, and all of them as lines whose points sum to the score. Not here: other parts of the
summary (`wording`), the arithmetic (`harm`).
"""

from collections.abc import Mapping
from typing import Any

from uam_platform.alerts.harm import PREFIX
from uam_platform.policy.harm import HARM_SCORE, HarmScore, Signal

Row = Mapping[Any, Any]


def summary(row: Row, policy: HarmScore) -> str:
    """The strongest signals with their numbers."""
    points = {name: signal.weight * float(row[PREFIX + name]) for name, signal in policy.signals.items()}
    strongest = sorted(
        (n for n in points if points[n] > 0 and policy.signals[n].is_told), key=lambda n: (-points[n], n)
    )[: policy.shown]
    told = "; ".join(_told(row, policy.signals[name]) for name in strongest)
    return f"Behaviour turned worse by {float(row[HARM_SCORE]):.1f} points. Strongest: {told}."


def evidence(row: Row, policy: HarmScore) -> dict[str, Any]:
    """The score and its lines: surprise in standard deviations, weight, points."""
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
    return {"score": float(row[HARM_SCORE]), "lines": lines}


def _told(row: Row, signal: Signal) -> str:
    recent = float(row[signal.recent])
    if signal.before is None:
        exposure = float(row[signal.per[0]])
        side = "more" if signal.bad == "rise" else "fewer"
        return f"{signal.label}: {recent:.0f} in {exposure:.0f} events, {side} than comparable accounts"
    before = float(row[signal.before]) - (recent if signal.before_includes_recent else 0.0)
    return f"{signal.label}: {recent:.0f} in {signal.recent_days} days after {before:.0f} in the {signal.before_days} before"
