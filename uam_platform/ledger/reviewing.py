"""What a review reads from the ledger, and the one message it leaves there.

Here: alerts with what happened to them in a period, verdicts by detector, the digest's outbox row. Not here: the review itself
(`uam_platform.reviews`), giving verdicts (`feedback`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select

from uam_platform.ledger import audit
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import AlertRow, OutboxRow, TransitionRow, VerdictRow

RIGHT_VERDICTS: Final = ("useful", "already_known", "too_late")
"""The finding was right, whether or not it still helped."""
_FIRST_OF_ALL: Final = 0


@dataclass(frozen=True)
class ReviewedAlert:
    """One alert and what happened to it in the period.

    Attributes:
        alert_id: what a verdict names.
        account_id: the account.
        detector: what found it.
        title: its headline.
        owner: name, else id, else "nobody".
        state: open or resolved.
        opened_as_of: snapshot that opened it.
        revenue_at_risk_usd_cents: when it was last measured.
        follow_up: what was prescribed, where an action was planned.
        transitions: what happened in the period, without repeats, in order.
        verdict: the last verdict with its reason, or None.
    """

    alert_id: str
    account_id: str
    detector: str
    title: str
    owner: str
    state: str
    opened_as_of: date
    revenue_at_risk_usd_cents: int
    follow_up: str
    transitions: tuple[str, ...]
    verdict: str | None


@dataclass(frozen=True)
class Judged:
    """Verdicts on one detector so far, each alert by its last one."""

    detector: str
    right: int
    judged: int
    told: int


@dataclass(frozen=True)
class Decision:
    """One verdict given in the period."""

    alert_id: str
    account_id: str
    verdict: str
    reason: str
    by: str
    at: datetime


def reviewed_alerts(ledger: Ledger, after: date, until: date) -> list[ReviewedAlert]:
    """Alerts that were open or changed in (after, until], the most revenue at risk first."""
    with ledger.transaction() as session:
        alerts = session.scalars(select(AlertRow).where(AlertRow.opened_as_of <= until)).all()
        moves = session.scalars(
            select(TransitionRow).where(TransitionRow.as_of > after, TransitionRow.as_of <= until).order_by("as_of")
        ).all()
        verdicts = session.scalars(select(VerdictRow).order_by(VerdictRow.verdict_id)).all()
        posts = session.scalars(select(OutboxRow).where(OutboxRow.kind == "post").order_by("idempotency_key")).all()
    moved: dict[str, dict[str, None]] = {}
    for move in moves:
        moved.setdefault(move.alert_id, {})[move.transition] = None
    last = {v.alert_id: f"{v.verdict}: {v.reason}" for v in verdicts}
    told = {p.alert_id: json.loads(p.payload) for p in posts if p.alert_id}
    kept = [a for a in alerts if a.state == "open" or a.alert_id in moved]
    kept.sort(key=lambda a: (-a.revenue_at_risk_usd_cents, a.alert_id))
    return [
        _reviewed(a, tuple(moved.get(a.alert_id, ())), last.get(a.alert_id), told.get(a.alert_id, {})) for a in kept
    ]


def judged(ledger: Ledger) -> list[Judged]:
    """How often verdicts called the findings of a detector right."""
    with ledger.transaction() as session:
        alerts = session.scalars(select(AlertRow)).all()
        verdicts = session.scalars(select(VerdictRow).order_by(VerdictRow.verdict_id)).all()
    last = {v.alert_id: v.verdict for v in verdicts}
    found = []
    for detector in sorted({a.detector for a in alerts}):
        ids = [a.alert_id for a in alerts if a.detector == detector]
        given = [last[i] for i in ids if i in last]
        found.append(Judged(detector, sum(v in RIGHT_VERDICTS for v in given), len(given), len(ids)))
    return found


def decisions(ledger: Ledger, after: datetime, until: datetime) -> list[Decision]:
    """Verdicts given in (after, until], oldest first."""
    with ledger.transaction() as session:
        rows = session.execute(
            select(VerdictRow, AlertRow.account_id)
            .join(AlertRow, AlertRow.alert_id == VerdictRow.alert_id)
            .where(VerdictRow.at > after, VerdictRow.at <= until)
            .order_by(VerdictRow.verdict_id)
        ).all()
    return [Decision(v.alert_id, account, v.verdict, v.reason, v.by, v.at) for v, account in rows]


def alerts_by_week(ledger: Ledger, until: date) -> list[tuple[date, str, int]]:
    """(as_of, transition, count) of openings and resolutions up to `until`, ascending."""
    with ledger.transaction() as session:
        rows = session.execute(
            select(TransitionRow.as_of, TransitionRow.transition).where(
                TransitionRow.as_of <= until, TransitionRow.transition.in_(("opened", "reopened", "resolved"))
            )
        ).all()
    counts: dict[tuple[date, str], int] = {}
    for as_of, transition in rows:
        counts[as_of, transition] = counts.get((as_of, transition), 0) + 1
    return [(as_of, transition, n) for (as_of, transition), n in sorted(counts.items())]


def plan_digest(
    ledger: Ledger, review: str, occasion: str, target: str, payload: Mapping[str, Any], as_of: date, now: datetime
) -> bool:
    """Put the message of a review and occasion (its week, the finding it is about) into the outbox, once; True if it was not there."""
    key = _digest_key(review, occasion)
    with ledger.transaction() as session:
        if session.get(OutboxRow, key) is not None:
            return False
        session.add(
            OutboxRow(
                idempotency_key=key,
                alert_id=None,
                action=review,
                kind="post",
                destination="slack",
                target=target,
                as_of=as_of,
                priority=_FIRST_OF_ALL,
                payload=audit.canonical(payload),
                state="pending",
                created_at=now,
                due_at=now,
                attempt_count=0,
                rejection_count=0,
                reconcile_count=0,
            )
        )
        audit.record(session, now, "digest_planned", key, {"review": review, "occasion": occasion})
        return True


def is_planned(ledger: Ledger, review: str, occasion: str) -> bool:
    """Whether `plan_digest` ever put the message of that occasion into the outbox."""
    with ledger.transaction() as session:
        return session.get(OutboxRow, _digest_key(review, occasion)) is not None


def _digest_key(review: str, occasion: str) -> str:
    return hashlib.sha256(f"{review}\n{occasion}".encode()).hexdigest()[:32]


def _reviewed(alert: AlertRow, moved: tuple[str, ...], verdict: str | None, told: Mapping[str, Any]) -> ReviewedAlert:
    return ReviewedAlert(
        alert_id=alert.alert_id,
        account_id=alert.account_id,
        detector=alert.detector,
        title=alert.title,
        owner=told.get("owner_name") or alert.owner_id or "nobody",
        state=alert.state,
        opened_as_of=alert.opened_as_of,
        revenue_at_risk_usd_cents=alert.revenue_at_risk_usd_cents,
        follow_up=str(told.get("follow_up") or ""),
        transitions=moved,
        verdict=verdict,
    )
