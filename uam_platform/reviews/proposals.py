"""Proposals for thresholds, from the verdicts on alerts: arithmetic that a person reads and then accepts or not.

Here: which other limit the verdicts speak for, and the table behind it. Not here: accepting one (`uam_platform.ledger.auditing`),
the rules with it (`uam_platform.policy.thresholds`). Nothing changes by itself.

Raising: the lowest limit at which the judged alerts would have met the goal and still kept enough of those that were right. Lowering:
one step, where even the lower bound of the precision lies above the goal: what lies below the limit was never judged, so the step is
small, and the next audit tells what it found.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from uam_platform.ledger.auditing import JudgedAlert
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.reviews import Audit

_STEP: Final = 0.1
"""Part of the present limit by which it is lowered."""
_Z: Final = 1.96
_ID_LENGTH: Final = 10


@dataclass(frozen=True)
class Level:
    """What the judged alerts would have been at one limit."""

    limit: float
    judged: int
    right: int

    @property
    def precision(self) -> float:
        """Share that was right."""
        return self.right / self.judged if self.judged else 0.0


@dataclass(frozen=True)
class Proposal:
    """Another limit for one detector, with the levels it was chosen from; `proposal_id` names exactly this arithmetic."""

    proposal_id: str
    detector: str
    column: str
    before: Level
    after: Level
    levels: tuple[Level, ...]
    arithmetic: str


def proposals(judged: Sequence[JudgedAlert], policy: AlertPolicy, audit: Audit) -> list[Proposal]:
    """Proposals for the detectors whose limit may be moved, by detector.

    Args:
        judged: alerts with a verdict.
        policy: the rules in force, accepted thresholds included.
        audit: goal and how many verdicts it takes.
    """
    found = []
    for name, detector in sorted(policy.detectors.items()):
        if detector.tuned is None:
            continue
        values = _values(judged, name, detector.tuned)
        made = _propose(name, detector.tuned, detector.tuned_limit(), values, audit)
        if made is not None:
            found.append(made)
    return found


def wilson(right: int, judged: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share = right / judged
    middle = share + _Z * _Z / (2 * judged)
    half = _Z * ((share * (1 - share) + _Z * _Z / (4 * judged)) / judged) ** 0.5
    whole = 1 + _Z * _Z / judged
    return (middle - half) / whole, (middle + half) / whole


def _values(judged: Sequence[JudgedAlert], name: str, column: str) -> list[tuple[float, bool]]:
    """What the detector saw at each judged opening, and whether it was right."""
    own = [alert for alert in judged if alert.detector == name and alert.seen.get(column) is not None]
    return sorted((float(alert.seen[column]), alert.is_right) for alert in own)


def _propose(
    name: str, column: str, limit: float, values: Sequence[tuple[float, bool]], audit: Audit
) -> Proposal | None:
    now = _level(values, limit)
    if now.judged < audit.min_judged:
        return None
    low, _ = wilson(now.right, now.judged)
    if low > audit.precision_goal:
        lower = Level(round(limit * (1 - _STEP), 3), now.judged, now.right)
        said = (
            f"{now.right} of {now.judged} judged alerts were right, {now.precision:.0%}; even the lower bound {low:.0%} is above the "
            f"goal of {audit.precision_goal:.0%}: one step down, from {limit:g} to {lower.limit:g}, to find more"
        )
        return _made(name, column, now, lower, (now,), said)
    if now.precision >= audit.precision_goal:
        return None
    limits = sorted({round(value, 3) for value, _ in values if value > limit})
    levels = (now, *(_level(values, one) for one in limits))
    least = audit.min_kept_ratio * now.right
    good = [one for one in levels if one.precision >= audit.precision_goal and one.right >= max(1.0, least)]
    if not good:
        return None
    best = good[0]
    said = (
        f"{now.right} of {now.judged} judged alerts were right, {now.precision:.0%}, below the goal of {audit.precision_goal:.0%}; "
        f"at {best.limit:g} instead of {limit:g} they would have been {best.right} of {best.judged}, {best.precision:.0%}, which keeps "
        f"{best.right} of the {now.right} that were right"
    )
    return _made(name, column, now, best, levels, said)


def _level(values: Sequence[tuple[float, bool]], limit: float) -> Level:
    kept = [is_right for value, is_right in values if round(value, 3) >= round(limit, 3)]
    return Level(limit, len(kept), sum(kept))


def _made(name: str, column: str, now: Level, then: Level, levels: tuple[Level, ...], said: str) -> Proposal:
    content = f"{name}\n{column}\n{said}"
    return Proposal(hashlib.sha256(content.encode()).hexdigest()[:_ID_LENGTH], name, column, now, then, levels, said)
