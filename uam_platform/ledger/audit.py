"""The audit trail: what was done, by whom, to what.

Here: adding rows, alone or with the fact they tell of, and canonical JSON. Not here: what is worth a row (the caller decides). Details
hold keys and numbers, no personal data.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from uam_platform.ledger.models import AuditRow, Base

PLATFORM: Final = "platform"


def canonical(value: Any) -> str:
    """JSON text that depends on the content only: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)


def record(
    session: Session, at: datetime, event: str, subject: str, detail: Mapping[str, Any], by: str = PLATFORM
) -> None:
    """Add one row in the caller's transaction."""
    session.add(AuditRow(at=at, by=by, event=event, subject=subject, detail=canonical(detail)))


def add(
    session: Session, row: Base, at: datetime, event: str, subject: str, detail: Mapping[str, Any], by: str
) -> None:
    """Add what a person told and the row that says so, in the caller's transaction; afterwards `row` has its number."""
    session.add(row)
    record(session, at, event, subject, detail, by)
    session.flush()


def require_answer(what: str, answer: str, allowed: Sequence[str], reason: str, why: str) -> None:
    """Refuse an answer that is none of those allowed or has no reason.

    Args:
        what: what is answered, for people, e.g. `audit verdict`.
        answer: as it was given.
        allowed: answers there are.
        reason: as it was given.
        why: what the reason is for.

    Raises:
        ValueError: the message says what to write instead.
    """
    if answer not in allowed:
        raise ValueError(f"verdict {answer!r}: use one of {', '.join(allowed)}")
    if not reason.strip():
        raise ValueError(f"{what} needs a reason: {why}")
