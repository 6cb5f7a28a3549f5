"""The alert rules in force: those of the rulebook, with thresholds that people accepted in the meantime.

Here: which accepted threshold counts when, and the rules with it. Not here: proposing one (`uam_platform.reviews.proposals`),
recording one (`uam_platform.ledger.auditing`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from uam_platform.policy.alerts import AlertPolicy, Condition


@dataclass(frozen=True, order=True)
class Accepted:
    """One threshold that a person accepted; `known_at` is naive UTC."""

    known_at: datetime
    detector: str
    column: str
    value: float


def in_force(policy: AlertPolicy, accepted: Iterable[Accepted], decision_at: datetime) -> AlertPolicy:
    """`policy` with the last threshold accepted for each detector before `decision_at`.

    One for a detector or column that the rulebook does not tune (any more) changes nothing.
    """
    detectors = dict(policy.detectors)
    known = sorted(one for one in accepted if one.known_at < decision_at)
    for one in known:
        detector = detectors.get(one.detector)
        if detector is not None and detector.tuned == one.column:
            changed = _with_limit(detector.conditions, one.column, one.value)
            detectors[one.detector] = detector.model_copy(update={"conditions": changed})
    return policy.model_copy(update={"detectors": detectors}) if known else policy


def _with_limit(condition: Condition, column: str, limit: float) -> Condition:
    """The same condition with another lower limit on `column`."""
    if condition.all or condition.any:
        inner = {"all": condition.all, "any": condition.any}
        return condition.model_copy(
            update={name: tuple(_with_limit(one, column, limit) for one in group) for name, group in inner.items()}
        )
    is_tuned = condition.column == column and condition.op == ">="
    return condition.model_copy(update={"value": limit}) if is_tuned else condition
