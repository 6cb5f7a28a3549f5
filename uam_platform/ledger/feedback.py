"""What people tell the platform: verdicts, silences, switches.

Here: recording and reading them. Not here: what follows from them (thresholds: reviews; held-back findings:
`uam_platform.alerts.suppress`, which reads silences as landed facts, never the live ledger).
"""

from datetime import datetime
from typing import Final

from sqlalchemy import select

from uam_platform.ledger import audit
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import VERDICTS, AlertRow, ControlRow, SilenceRow, VerdictRow

DELIVERIES: Final = "deliveries"
"""The switch that stops every delivery at once, also in the middle of a run."""


def record_verdict(ledger: Ledger, alert_id: str, verdict: str, reason: str, by: str, at: datetime) -> int:
    """Record a person's judgement; later ones are added, not replaced.

    Returns:
        Number of the verdict.

    Raises:
        ValueError: unknown alert or verdict, or no reason given; the message says what to write instead.
    """
    audit.require_answer("a verdict", verdict, VERDICTS, reason, "it is what changes the thresholds")
    with ledger.transaction() as session:
        if session.get(AlertRow, alert_id) is None:
            raise ValueError(f"no alert {alert_id!r}; `uam alerts` lists the open ones, with --resolved all")
        row = VerdictRow(alert_id=alert_id, verdict=verdict, reason=reason.strip(), by=by, at=at)
        audit.add(session, row, at, "verdict", alert_id, {"verdict": verdict}, by)
        return row.verdict_id


def silence(
    ledger: Ledger,
    from_at: datetime,
    until_at: datetime,
    reason: str,
    by: str,
    at: datetime,
    account_id: str | None = None,
    detector: str | None = None,
) -> int:
    """Hold back findings on an account, of a detector, or both, for a time.

    Raises:
        ValueError: neither account nor detector named, an empty period, or no reason.
    """
    if account_id is None and detector is None:
        raise ValueError("name an account or a detector; to stop everything use `uam deliveries off`")
    if until_at <= from_at or not reason.strip():
        raise ValueError("a silence needs an end after its start, and a reason")
    with ledger.transaction() as session:
        row = SilenceRow(
            account_id=account_id,
            detector=detector,
            from_at=from_at,
            until_at=until_at,
            reason=reason.strip(),
            by=by,
            known_at=at,
        )
        detail = {"detector": detector, "until": until_at}
        audit.add(session, row, at, "silence", account_id or str(detector), detail, by)
        return row.silence_id


def silences(ledger: Ledger) -> list[dict[str, object]]:
    """All silences as facts with `known_at`, oldest first: what is landed for the pipeline."""
    names = ("silence_id", "account_id", "detector", "from_at", "until_at", "reason", "by", "known_at")
    with ledger.transaction() as session:
        rows = session.scalars(select(SilenceRow).order_by(SilenceRow.silence_id)).all()
        return [{n: getattr(row, n) for n in names} for row in rows]


def verdicts(ledger: Ledger) -> list[dict[str, object]]:
    """All verdicts as facts, oldest first."""
    names = ("verdict_id", "alert_id", "verdict", "reason", "by", "at")
    with ledger.transaction() as session:
        rows = session.scalars(select(VerdictRow).order_by(VerdictRow.verdict_id)).all()
        return [{n: getattr(row, n) for n in names} for row in rows]


def is_known_account(ledger: Ledger, account_id: str) -> bool:
    """Whether there ever was an alert on an account."""
    with ledger.transaction() as session:
        return session.scalar(select(AlertRow.alert_id).where(AlertRow.account_id == account_id).limit(1)) is not None


def switch(ledger: Ledger, name: str, is_on: bool, reason: str, by: str, at: datetime) -> None:
    """Turn a switch on or off, e.g. `DELIVERIES`.

    Raises:
        ValueError: no reason given.
    """
    if not reason.strip():
        raise ValueError(f"switching {name} needs a reason (--reason): the next person wants to know")
    with ledger.transaction() as session:
        session.merge(ControlRow(name=name, is_on=is_on, reason=reason, by=by, at=at))
        audit.record(session, at, "switch", name, {"is_on": is_on, "reason": reason}, by)


def is_on(ledger: Ledger, name: str) -> bool:
    """Whether a switch is on; one never touched is on."""
    with ledger.transaction() as session:
        row = session.get(ControlRow, name)
        return row is None or row.is_on
