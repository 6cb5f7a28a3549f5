"""The audit trail: what was done, by whom, to what.

Here: adding rows and canonical JSON. Not here: what is worth a row (the caller decides). Details hold keys and numbers, no
personal data.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from uam_platform.ledger.models import AuditRow

PLATFORM: Final = "platform"


def canonical(value: Any) -> str:
    """JSON text that depends on the content only: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str)


def record(
    session: Session, at: datetime, event: str, subject: str, detail: Mapping[str, Any], by: str = PLATFORM
) -> None:
    """Add one row in the caller's transaction."""
    session.add(AuditRow(at=at, by=by, event=event, subject=subject, detail=canonical(detail)))
