"""From alerts to outbox rows, inside the transaction of the life cycle.

Here: whether an alert needs a first message, a refresh of one not yet sent, or an update in place. Not here: what a message
says (`uam_platform.playbooks`), sending it (`outbox`). Every row has an idempotency key made of alert, action and occasion, so planning
the same thing twice adds nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from uam_platform.ledger.audit import canonical
from uam_platform.ledger.inputs import PlannedAction
from uam_platform.ledger.models import AlertRow, OutboxRow
from uam_platform.policy.alerts import LifeCycle

Row = Mapping[Any, Any]
_RETRACTED = ("salesforce", "exchange")
"""Systems in which people act on what stands there, long after it was written."""
_GONE = ("resolved", "stale")
_NOT_YET_THERE = ("pending", "failed", "parked", "superseded", "planned_no_destination")


def plan(
    session: Session,
    as_of: date,
    rows: Sequence[Row],
    actions: Mapping[str, Sequence[PlannedAction]],
    now: datetime,
    policy: LifeCycle,
) -> int:
    """Outbox rows added or refreshed for the open alerts in `rows` and for alerts that were resolved."""
    changed = 0
    for row in sorted((r for r in rows if r["decision"] == "alert"), key=lambda r: str(r["fingerprint"])):
        alert = session.scalar(
            select(AlertRow).where(AlertRow.fingerprint == str(row["fingerprint"]), AlertRow.state == "open")
        )
        if alert is not None:
            planned = actions.get(alert.fingerprint, ())
            changed += sum(_plan_one(session, alert, a, int(row["rank"]), as_of, now, policy) for a in planned)
    return changed + _close_messages(session, as_of, now) + _retract_stale(session, as_of, now, policy)


def idempotency_key(alert_id: str, action: str, kind: str, as_of: date | None = None, status: str = "") -> str:
    """Key of one action: a first message exists once per alert and action, an update once per snapshot and status."""
    parts = (alert_id, action, kind, as_of.isoformat() if as_of else "", status)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _plan_one(
    session: Session, alert: AlertRow, action: PlannedAction, rank: int, as_of: date, now: datetime, policy: LifeCycle
) -> int:
    post = session.get(OutboxRow, idempotency_key(alert.alert_id, action.action, "post"))
    if post is None:
        state = "pending" if action.has_delivery else "planned_no_destination"
        session.add(_row(alert, action, "post", "open", as_of, rank, state, now))
        return 1
    if post.state in _NOT_YET_THERE:
        post.payload, post.as_of, post.priority = _payload(action.payload, "open", as_of), as_of, rank
        if not action.has_delivery:
            post.state = "planned_no_destination"
            return 0
        if post.state in ("superseded", "planned_no_destination"):  # or its destination was connected since
            post.state, post.due_at = "pending", now
        return 1
    last = _last_told(session, post)
    status = "reopened" if last["status"] in _GONE else "updated"
    if status == "updated" and not _is_worth_an_update(alert, last, as_of, policy):
        return 0
    return _add_update(session, alert, action, status, as_of, rank, now)


def _is_worth_an_update(alert: AlertRow, last: Mapping[str, Any], as_of: date, policy: LifeCycle) -> bool:
    if (as_of - date.fromisoformat(last["as_of"])).days >= policy.update_after_days:
        return True
    told = int(last["revenue_at_risk_usd_cents"])
    return abs(alert.revenue_at_risk_usd_cents - told) > policy.update_on_change_ratio * max(told, 1)


def _close_messages(session: Session, as_of: date, now: datetime) -> int:
    """Alerts that were resolved: tell it in their message; a first message that was never sent is no longer needed."""
    posts = session.scalars(
        select(OutboxRow)
        .join(AlertRow, AlertRow.alert_id == OutboxRow.alert_id)
        .where(
            AlertRow.state == "resolved",
            OutboxRow.kind == "post",
            OutboxRow.state.in_(("pending", "sending", "unknown", "sent")),
        )
        .order_by(OutboxRow.idempotency_key)
    ).all()
    changed = 0
    for post in posts:
        if post.state == "pending":
            post.state = "superseded"
            changed += 1
        elif (last := _last_told(session, post))["status"] != "resolved":
            alert = session.get_one(AlertRow, post.alert_id)
            again = PlannedAction(post.action, post.destination, post.target, last)
            changed += _add_update(session, alert, again, "resolved", as_of, post.priority, now)
    return changed


def _retract_stale(session: Session, as_of: date, now: datetime, policy: LifeCycle) -> int:
    """Alerts that are open but were last told long ago, because they are held back: what was written is taken back."""
    posts = session.scalars(
        select(OutboxRow)
        .join(AlertRow, AlertRow.alert_id == OutboxRow.alert_id)
        .where(
            AlertRow.state == "open",
            OutboxRow.kind == "post",
            OutboxRow.state == "sent",
            OutboxRow.destination.in_(_RETRACTED),
        )
        .order_by(OutboxRow.idempotency_key)
    ).all()
    changed = 0
    for post in posts:
        last = _last_told(session, post)
        age = (as_of - date.fromisoformat(last["as_of"])).days
        if last["status"] not in _GONE and age >= policy.retract_after_days:
            alert = session.get_one(AlertRow, post.alert_id)
            again = PlannedAction(post.action, post.destination, post.target, last)
            changed += _add_update(session, alert, again, "stale", as_of, post.priority, now)
    return changed


def _last_told(session: Session, post: OutboxRow) -> dict[str, Any]:
    youngest = session.scalar(
        select(OutboxRow)
        .where(OutboxRow.alert_id == post.alert_id, OutboxRow.action == post.action)
        .order_by(OutboxRow.as_of.desc(), OutboxRow.created_at.desc(), OutboxRow.kind.desc())
        .limit(1)
    )
    told: dict[str, Any] = json.loads((youngest or post).payload)
    return told


def _add_update(
    session: Session, alert: AlertRow, action: PlannedAction, status: str, as_of: date, rank: int, now: datetime
) -> int:
    row = _row(alert, action, "update", status, as_of, rank, "pending", now)
    if session.get(OutboxRow, row.idempotency_key) is not None:
        return 0
    session.execute(
        update(OutboxRow)
        .where(
            OutboxRow.alert_id == alert.alert_id,
            OutboxRow.action == action.action,
            OutboxRow.kind == "update",
            OutboxRow.state.in_(("pending", "unknown", "failed", "parked")),
        )
        .values(state="superseded")
    )
    session.add(row)
    session.flush()
    return 1


def _row(
    alert: AlertRow, action: PlannedAction, kind: str, status: str, as_of: date, rank: int, state: str, now: datetime
) -> OutboxRow:
    is_post = kind == "post"
    key = idempotency_key(alert.alert_id, action.action, kind, None if is_post else as_of, "" if is_post else status)
    return OutboxRow(
        idempotency_key=key,
        alert_id=alert.alert_id,
        action=action.action,
        kind=kind,
        destination=action.destination,
        target=action.target,
        as_of=as_of,
        priority=rank,
        payload=_payload(action.payload, status, as_of),
        state=state,
        created_at=now,
        due_at=now,
        attempt_count=0,
        rejection_count=0,
        reconcile_count=0,
    )


def _payload(payload: Mapping[str, Any], status: str, as_of: date) -> str:
    return canonical({**payload, "status": status, "as_of": as_of.isoformat()})
