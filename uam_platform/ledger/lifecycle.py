"""The life cycle of alerts: opened, seen, held, absent, resolved, reopened; one transition per fingerprint and snapshot.

Here: applying the candidates of a snapshot, in order and once. Not here: which actions follow (`planning`, in the same
transaction), sending them (`outbox`), finding candidates (`uam_platform.alerts`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from uam_platform.ledger import audit, planning
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.inputs import Coverage, PlannedAction
from uam_platform.ledger.models import AlertRow, EvidenceRow, SnapshotRow, TransitionRow
from uam_platform.policy.alerts import LifeCycle

Row = Mapping[Any, Any]


@dataclass
class Applied:
    """What applying a snapshot did.

    Attributes:
        as_of: the snapshot.
        outcome: applied; repeat (nothing to do); acted (applied before without acting, actions planned now); stale (a later
            snapshot was applied already, so this one changes nothing).
        is_acted: whether actions were planned.
        transitions: number of alerts by transition.
        planned: outbox rows added or refreshed.
    """

    as_of: date
    outcome: Literal["applied", "repeat", "acted", "stale"]
    is_acted: bool = False
    transitions: dict[str, int] = field(default_factory=dict)
    planned: int = 0


def apply_candidates(
    ledger: Ledger,
    as_of: date,
    rows: Sequence[Row],
    actions: Mapping[str, Sequence[PlannedAction]],
    now: datetime,
    act: bool,
    policy: LifeCycle,
    coverage: Sequence[Coverage] = (),
) -> Applied:
    """Apply the candidates of one snapshot: a no-op on repeat, refused when a later one was applied.

    Life cycle and outbox change in one transaction: a killed run leaves both as they were.

    Args:
        ledger: the open ledger.
        as_of: the snapshot.
        rows: all its CANDIDATES rows, suppressed ones too: they say that the condition is still there.
        actions: planned actions by fingerprint, for rows with decision `alert`.
        now: naive UTC.
        act: False for backfills: nothing enters the outbox. A snapshot older than `policy.max_action_age_days` never acts.
        policy: life cycle rules.
        coverage: what each detector could judge; a detector without an entry counts as having judged everything.
    """
    act = act and (now.date() - as_of).days <= policy.max_action_age_days
    with ledger.transaction() as session:
        known = session.get(SnapshotRow, as_of)
        latest = session.scalar(select(func.max(SnapshotRow.as_of)))
        if known is not None and (known.is_acted or not act or as_of != latest):
            return Applied(as_of, "repeat", known.is_acted)
        if known is None and latest is not None and as_of < latest:
            audit.record(session, now, "snapshot_stale", str(as_of), {"latest": latest})
            return Applied(as_of, "stale")
        applied = Applied(as_of, "applied" if known is None else "acted", act)
        if known is None:
            _apply(session, applied, rows, now, policy, coverage)
            session.add(SnapshotRow(as_of=as_of, is_acted=act, candidate_count=len(rows), applied_at=now))
        else:
            known.is_acted = True
        if act:
            session.flush()
            applied.planned = planning.plan(session, as_of, rows, actions, now, policy)
        detail = {
            "outcome": applied.outcome,
            "act": act,
            "transitions": applied.transitions,
            "planned": applied.planned,
        }
        audit.record(session, now, "snapshot_applied", str(as_of), detail)
        return applied


def current_alert(session: Session, fingerprint: str) -> AlertRow | None:
    """The youngest alert of a fingerprint."""
    return session.scalar(
        select(AlertRow).where(AlertRow.fingerprint == fingerprint).order_by(AlertRow.opened_as_of.desc()).limit(1)
    )


def alert_id_of(fingerprint: str, opened_as_of: date) -> str:
    """Identity of one opening of a fingerprint."""
    return hashlib.sha256(f"{fingerprint}\n{opened_as_of.isoformat()}".encode()).hexdigest()[:16]


def _apply(
    session: Session,
    applied: Applied,
    rows: Sequence[Row],
    now: datetime,
    policy: LifeCycle,
    coverage: Sequence[Coverage],
) -> None:
    as_of = applied.as_of
    judged = {c.detector: c for c in coverage if c.as_of == as_of}
    present = {str(r["fingerprint"]): r for r in rows}
    open_alerts = session.scalars(select(AlertRow).where(AlertRow.state == "open").order_by(AlertRow.fingerprint)).all()
    for alert in open_alerts:
        if alert.fingerprint not in present:
            _absent(session, applied, alert, judged.get(alert.detector), now, policy)
    for fingerprint in sorted(present):
        _present(session, applied, present[fingerprint], now, policy)


def _present(session: Session, applied: Applied, row: Row, now: datetime, policy: LifeCycle) -> None:
    as_of, is_alert = applied.as_of, row["decision"] == "alert"
    alert = current_alert(session, str(row["fingerprint"]))
    if alert is not None and alert.state == "open":
        name = "seen" if is_alert else "held"
    elif not is_alert:
        return
    elif alert is not None and (as_of - alert.seen_as_of).days <= policy.reopen_within_days:
        name = "reopened"
        alert.state, alert.resolved_as_of = "open", None
        alert.reopened_count += 1
    else:
        name = "opened"
        alert = _open(session, row, as_of)
    alert.seen_as_of, alert.absent_count = as_of, 0
    if is_alert:
        _measure(session, alert, row)
    reason = None if is_alert else str(row["reason"])
    _record(session, applied, alert, name, now, reason, str(row["evidence_id"]))


def _open(session: Session, row: Row, as_of: date) -> AlertRow:
    fingerprint = str(row["fingerprint"])
    alert = AlertRow(
        alert_id=alert_id_of(fingerprint, as_of),
        fingerprint=fingerprint,
        detector=str(row["detector"]),
        audience=str(row["audience"]),
        account_id=str(row["account_id"]),
        state="open",
        opened_as_of=as_of,
        seen_as_of=as_of,
        reopened_count=0,
        absent_count=0,
    )
    session.add(alert)
    return alert


def _measure(session: Session, alert: AlertRow, row: Row) -> None:
    owner = row["owner_id"]
    is_missing = owner is None or owner != owner  # NaN, the way a frame may show null
    alert.owner_id = None if is_missing else str(owner)
    alert.arr_usd_cents = int(row["arr_usd_cents"])
    alert.revenue_at_risk_usd_cents = int(row["revenue_at_risk_usd_cents"])
    alert.expected_saved_usd_cents = int(row["expected_saved_usd_cents"])
    alert.evidence_id, alert.title = str(row["evidence_id"]), str(row["title"])
    if session.get(EvidenceRow, alert.evidence_id) is None:
        session.add(EvidenceRow(evidence_id=alert.evidence_id, evidence_json=str(row["evidence_json"])))


def _absent(
    session: Session, applied: Applied, alert: AlertRow, judged: Coverage | None, now: datetime, policy: LifeCycle
) -> None:
    if judged is not None and judged.failed_ratio > policy.max_failed_ratio:
        _record(session, applied, alert, "kept", now, "detector_failed")
        return
    if judged is not None and alert.account_id in judged.failed_account_ids:
        _record(session, applied, alert, "kept", now, "account_not_judged")
        return
    alert.absent_count += 1
    if alert.absent_count < policy.resolve_after_snapshots:
        _record(session, applied, alert, "absent", now)
        return
    alert.state, alert.resolved_as_of = "resolved", applied.as_of
    _record(session, applied, alert, "resolved", now, "condition_gone")


def _record(
    session: Session,
    applied: Applied,
    alert: AlertRow,
    name: str,
    now: datetime,
    reason: str | None = None,
    evidence_id: str | None = None,
) -> None:
    applied.transitions[name] = applied.transitions.get(name, 0) + 1
    session.flush()  # the alert before the transition that refers to it
    session.add(
        TransitionRow(
            fingerprint=alert.fingerprint,
            as_of=applied.as_of,
            alert_id=alert.alert_id,
            transition=name,
            reason=reason,
            evidence_id=evidence_id,
            at=now,
        )
    )
