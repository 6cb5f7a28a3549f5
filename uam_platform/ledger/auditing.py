"""Verdicts on audited accounts and thresholds that people accepted.

Here: recording and reading them, and the judged alerts with the numbers they stood on. Not here: the draw and the estimates
(`uam_platform.reviews`), verdicts on alerts (`feedback`), the rules with accepted thresholds
(`uam_platform.policy.thresholds`; a snapshot reads them as landed facts, never from the live ledger).
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from uam_platform.ledger import audit
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import (
    AUDIT_VERDICTS,
    AlertRow,
    AuditVerdictRow,
    EvidenceRow,
    ThresholdRow,
    TransitionRow,
    VerdictRow,
)
from uam_platform.ledger.reviewing import RIGHT_VERDICTS
from uam_platform.policy.thresholds import Accepted


@dataclass(frozen=True)
class AuditVerdict:
    """One judgement on a drawn account."""

    sample_id: str
    account_id: str
    verdict: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class JudgedAlert:
    """An alert with its last verdict and the numbers its detector compared when it was opened.

    `seen`: what each condition looked at (column, or ratio) and what it saw.
    """

    alert_id: str
    detector: str
    opened_as_of: date
    is_right: bool
    seen: dict[str, Any]


def record_audit_verdict(
    ledger: Ledger, sample_id: str, month: date, account_id: str, verdict: str, reason: str, by: str, at: datetime
) -> int:
    """Record what a person found on a drawn account; later ones are added, and the last one counts.

    Returns:
        Number of the verdict.

    Raises:
        ValueError: unknown verdict, or no reason; the message says what to write instead.
    """
    audit.require_answer("an audit verdict", verdict, AUDIT_VERDICTS, reason, "what did you look at?")
    with ledger.transaction() as session:
        row = AuditVerdictRow(
            sample_id=sample_id,
            audit_month=month,
            account_id=account_id,
            verdict=verdict,
            reason=reason.strip(),
            by=by,
            at=at,
        )
        audit.add(session, row, at, "audit_verdict", sample_id, {"verdict": verdict}, by)
        return row.audit_verdict_id


def audit_verdicts(ledger: Ledger) -> dict[str, AuditVerdict]:
    """Last verdict by sample."""
    with ledger.transaction() as session:
        rows = session.scalars(select(AuditVerdictRow).order_by(AuditVerdictRow.audit_verdict_id)).all()
    return {
        row.sample_id: AuditVerdict(row.sample_id, row.account_id, row.verdict, row.reason, row.by, row.at)
        for row in rows
    }


def judged_alerts(ledger: Ledger) -> list[JudgedAlert]:
    """Alerts with a verdict, each with the evidence of its opening, by opening and id."""
    with ledger.transaction() as session:
        verdicts = session.scalars(select(VerdictRow).order_by(VerdictRow.verdict_id)).all()
        last = {row.alert_id: row.verdict for row in verdicts}
        rows = session.execute(
            select(AlertRow, EvidenceRow.evidence_json)
            .join(TransitionRow, (TransitionRow.alert_id == AlertRow.alert_id) & (TransitionRow.transition == "opened"))
            .join(EvidenceRow, EvidenceRow.evidence_id == TransitionRow.evidence_id)
            .where(AlertRow.alert_id.in_(last))
            .order_by(AlertRow.opened_as_of, AlertRow.alert_id)
        ).all()
    return [
        JudgedAlert(
            alert.alert_id, alert.detector, alert.opened_as_of, last[alert.alert_id] in RIGHT_VERDICTS, _seen(text)
        )
        for alert, text in rows
    ]


def accept_threshold(
    ledger: Ledger,
    detector: str,
    column: str,
    value: float,
    before: float,
    arithmetic: str,
    reason: str,
    by: str,
    at: datetime,
) -> int:
    """Record that a person accepted another threshold; it holds for snapshots decided after `at`, once landed.

    Returns:
        Number of the threshold.

    Raises:
        ValueError: no reason, or no change.
    """
    if not reason.strip():
        raise ValueError("accepting a threshold needs a reason (--reason): the next person wants to know")
    if value == before:
        raise ValueError(f"{detector}: {column} is {before:g} already; nothing was changed")
    with ledger.transaction() as session:
        row = ThresholdRow(
            detector=detector,
            threshold_column=column,
            value=value,
            value_before=before,
            arithmetic=arithmetic,
            reason=reason.strip(),
            by=by,
            known_at=at,
        )
        audit.add(session, row, at, "threshold", detector, {"column": column, "from": before, "to": value}, by)
        return row.threshold_id


def accepted(ledger: Ledger) -> list[Accepted]:
    """All accepted thresholds, oldest first."""
    return [
        Accepted(row["known_at"], row["detector"], row["threshold_column"], row["value"]) for row in thresholds(ledger)
    ]


def thresholds(ledger: Ledger) -> list[dict[str, Any]]:
    """All accepted thresholds as facts, oldest first: what is landed for the pipeline."""
    names = ("threshold_id", "detector", "threshold_column", "value", "value_before", "reason", "by", "known_at")
    with ledger.transaction() as session:
        rows = session.scalars(select(ThresholdRow).order_by(ThresholdRow.threshold_id)).all()
        return [{n: getattr(row, n) for n in names} for row in rows]


def _seen(evidence_json: str) -> dict[str, Any]:
    conditions = json.loads(evidence_json).get("conditions") or []
    return {str(one["subject"]): one["actual"] for one in conditions}
