"""What a finding says of the week before: the score, its reasons, the dollars.

Here: the sentence and its evidence. Not here: finding what changed (`uam_platform.churn.changes`), other parts of the summary (`wording`).
"""

from collections.abc import Mapping
from typing import Any, Final

from uam_platform.alerts.detect import is_missing
from uam_platform.contracts.money import dollars, more_or_less

Row = Mapping[Any, Any]
DOLLARS_BEFORE: Final = "previous_revenue_at_risk_usd_cents"
_NUMBERS: Final = (
    "previous_as_of",
    "previous_churn_probability",
    "churn_probability",
    "is_same_model",
    "new_reason_count",
    "gone_reason_count",
)


def summary(row: Row, change: Row | None) -> str:
    """What changed in score, reasons and dollars at risk; empty where there is no week before.

    Args:
        row: the finding.
        change: its SCORE_CHANGES row with `DOLLARS_BEFORE`, which may be missing.
    """
    if change is None:
        return ""
    text = f"{str(change['change_text'])[:1].upper()}{str(change['change_text'])[1:]}."
    if DOLLARS_BEFORE not in change or is_missing(change[DOLLARS_BEFORE]):
        return text
    before, now = change[DOLLARS_BEFORE], row["revenue_at_risk_usd_cents"]
    return f"{text} Dollars at risk then: {dollars(before)} ({more_or_less(int(now) - int(before))})."


def evidence(change: Row | None) -> dict[str, Any] | None:
    """The numbers of the week before, None without one."""
    return None if change is None else {name: change.get(name) for name in (*_NUMBERS, DOLLARS_BEFORE)}
