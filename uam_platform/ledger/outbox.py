"""The outbox: claiming actions, recording what became of them, and asking how things stand.

Here: state changes, each conditional on the attempt it belongs to, so that a late answer of a superseded attempt changes
nothing. Not here: planning rows (`planning`), talking to a destination (`uam_platform.playbooks`).

An action is claimed (`sending`, with a lease) before the call. A clear rejection returns it to `pending` or ends it as `failed`; an
unclear outcome, or a lease that ran out because the process died, makes it `unknown`: it must be looked up at its destination before
it may be sent again. The lease must exceed the client's timeout by far.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Select, func, select, update
from sqlalchemy.orm import Session, aliased

from uam_platform.ledger import audit
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import OutboxRow


@dataclass(frozen=True)
class OutboxAction:
    """One claimed action, detached from the database.

    Attributes:
        idempotency_key: its identity at the destination.
        attempt: number of this attempt; results are recorded against it.
        rejections: clear rejections so far.
        kind: post or update.
        destination: system.
        target: channel, project or queue.
        message_ref: external reference of the message to update; None for a post.
        payload: what the destination shows.
        alert_id: the alert it belongs to; empty for a review's digest.
        as_of: snapshot it tells about.
        attempted_at: when this attempt began, naive UTC; None where there was none.
    """

    idempotency_key: str
    attempt: int
    rejections: int
    kind: str
    destination: str
    target: str
    message_ref: str | None
    payload: dict[str, Any]
    alert_id: str
    as_of: date
    attempted_at: datetime | None = None


def expire_leases(ledger: Ledger, now: datetime) -> int:
    """Attempts whose lease ran out become `unknown`: their process died before it recorded an outcome."""
    with ledger.transaction() as session:
        return _changed(
            session,
            update(OutboxRow)
            .where(OutboxRow.state == "sending", OutboxRow.lease_until_at <= now)
            .values(state="unknown", due_at=now, lease_until_at=None, last_error="interrupted"),
        )


def claim(
    ledger: Ledger, now: datetime, lease: timedelta, destinations: Collection[str], blocked: Collection[str] = ()
) -> OutboxAction | None:
    """Claim the most important due action, or None.

    Args:
        ledger: the open ledger.
        now: naive UTC.
        lease: after this time the attempt counts as interrupted.
        destinations: systems that can be delivered to.
        blocked: targets to leave alone for now.
    """
    with ledger.transaction() as session:
        row = session.scalar(_due(now, destinations, blocked).limit(1).with_for_update(skip_locked=True))
        if row is None:
            return None
        row.state, row.attempt_count = "sending", row.attempt_count + 1
        row.attempted_at, row.lease_until_at = now, now + lease
        audit.record(session, now, "attempt", row.idempotency_key, {"attempt": row.attempt_count, "kind": row.kind})
        return _detached(session, row)


def due(ledger: Ledger, now: datetime, destinations: Collection[str], limit: int) -> list[OutboxAction]:
    """What `claim` would hand out, without claiming it: for dry runs."""
    with ledger.transaction() as session:
        return [_detached(session, row) for row in session.scalars(_due(now, destinations, ()).limit(limit))]


def to_reconcile(ledger: Ledger, now: datetime, destinations: Collection[str], limit: int = 50) -> list[OutboxAction]:
    """Actions with an unclear outcome that are due for a look, oldest first."""
    with ledger.transaction() as session:
        rows = session.scalars(
            select(OutboxRow)
            .where(OutboxRow.state == "unknown", OutboxRow.due_at <= now, OutboxRow.destination.in_(destinations))
            .order_by(OutboxRow.due_at, OutboxRow.idempotency_key)
            .limit(limit)
        )
        return [_detached(session, row) for row in rows]


def mark_sent(ledger: Ledger, action: OutboxAction, external_ref: str, now: datetime) -> bool:
    """It is at the destination. True if this attempt still counted."""
    values = {"state": "sent", "sent_at": now, "external_ref": external_ref, "last_error": None}
    return _settle(ledger, action, ("sending", "unknown"), values, now)


def mark_rejected(
    ledger: Ledger,
    action: OutboxAction,
    error: str,
    now: datetime,
    due_at: datetime,
    max_rejections: int,
    is_counted: bool = True,
) -> str | None:
    """Clearly not accepted, may be tried again at `due_at`; parked once rejected `max_rejections` times.

    Args:
        ledger: the open ledger.
        action: the claimed action.
        error: the destination's word for it.
        now: naive UTC.
        due_at: earliest next attempt.
        max_rejections: then a person must look.
        is_counted: False for throttling, which is no fault of the action.

    Returns:
        The new state, None if this attempt no longer counts.
    """
    rejections = action.rejections + (1 if is_counted else 0)
    state = "parked" if rejections >= max_rejections else "pending"
    values = {"state": state, "rejection_count": rejections, "due_at": due_at, "last_error": error}
    return state if _settle(ledger, action, ("sending",), values, now) else None


def mark_failed(ledger: Ledger, action: OutboxAction, error: str, now: datetime) -> bool:
    """Clearly refused for good."""
    return _settle(ledger, action, ("sending",), {"state": "failed", "last_error": error}, now)


def mark_unknown(ledger: Ledger, action: OutboxAction, error: str, now: datetime, due_at: datetime) -> bool:
    """Sent perhaps: to be looked up from `due_at` on."""
    return _settle(ledger, action, ("sending",), {"state": "unknown", "last_error": error, "due_at": due_at}, now)


def mark_absent(ledger: Ledger, action: OutboxAction, now: datetime) -> bool:
    """Looked up and certainly not there: to be sent again."""
    return _settle(ledger, action, ("unknown",), {"state": "pending", "due_at": now}, now)


def mark_undecided(
    ledger: Ledger,
    action: OutboxAction,
    error: str,
    now: datetime,
    due_at: datetime,
    max_looks: int,
    is_counted: bool = True,
) -> str | None:
    """Looked up without an answer; parked after `max_looks` of them, never sent blindly."""
    with ledger.transaction() as session:
        row = session.get_one(OutboxRow, action.idempotency_key, with_for_update=True)
        if row.state != "unknown" or row.attempt_count != action.attempt:
            return None
        row.reconcile_count += 1 if is_counted else 0
        row.state = "parked" if row.reconcile_count >= max_looks else "unknown"
        row.due_at, row.last_error = due_at, error
        audit.record(session, now, row.state, row.idempotency_key, {"error": error, "looks": row.reconcile_count})
        return row.state


def release(ledger: Ledger, idempotency_key: str, by: str, reason: str, now: datetime) -> str:
    """Give a failed or parked action another chance; one with an unclear last attempt is looked up first.

    Returns:
        The new state: `pending` or `unknown`.

    Raises:
        ValueError: no reason given, no such action, or it is neither failed nor parked.
    """
    if not reason.strip():
        raise ValueError("a release needs a reason: what was repaired")
    with ledger.transaction() as session:
        row = session.get(OutboxRow, idempotency_key, with_for_update=True)
        if row is None or row.state not in ("failed", "parked"):
            raise ValueError(
                f"{idempotency_key}: {'is ' + row.state if row else 'no such action'}; only failed or parked ones can be released "
                "(`uam deliveries` lists them)"
            )
        was_unclear = row.state == "parked" and row.reconcile_count > 0
        row.state, row.due_at = ("unknown" if was_unclear else "pending"), now
        row.rejection_count = row.reconcile_count = 0
        audit.record(session, now, "released", idempotency_key, {"reason": reason, "state": row.state}, by)
        return row.state


def counts(ledger: Ledger) -> dict[str, int]:
    """Number of actions by state."""
    with ledger.transaction() as session:
        rows = session.execute(
            select(OutboxRow.state, func.count()).group_by(OutboxRow.state).order_by(OutboxRow.state)
        )
        return {state: count for state, count in rows}


def next_due_at(ledger: Ledger, destinations: Collection[str], blocked: Collection[str] = ()) -> datetime | None:
    """When the next action may be taken up: a pending or unknown one is due, or the lease of an attempt runs out."""
    reachable = (OutboxRow.destination.in_(destinations), OutboxRow.target.not_in(blocked))
    queries = (
        _claimable(select(func.min(OutboxRow.due_at)), destinations, blocked),
        select(func.min(OutboxRow.due_at)).where(OutboxRow.state == "unknown", *reachable),
        select(func.min(OutboxRow.lease_until_at)).where(OutboxRow.state == "sending", *reachable),
    )
    with ledger.transaction() as session:
        times = [session.scalar(query) for query in queries]
    return min((t for t in times if t is not None), default=None)


def _claimable(query: Select[Any], destinations: Collection[str], blocked: Collection[str]) -> Select[Any]:
    """Pending rows; an update only once its first message is sent and no other attempt on that message is open."""
    post, sibling = aliased(OutboxRow), aliased(OutboxRow)
    same = (post.alert_id == OutboxRow.alert_id, post.action == OutboxRow.action)
    is_there = select(post.idempotency_key).where(*same, post.kind == "post", post.state == "sent").exists()
    is_busy = (
        select(sibling.idempotency_key)
        .where(sibling.alert_id == OutboxRow.alert_id, sibling.action == OutboxRow.action, sibling.state == "sending")
        .exists()
    )
    return query.where(
        OutboxRow.state == "pending",
        OutboxRow.destination.in_(destinations),
        OutboxRow.target.not_in(blocked),
        (OutboxRow.kind == "post") | (is_there & ~is_busy),
    )


def _due(now: datetime, destinations: Collection[str], blocked: Collection[str]) -> Any:
    order = (OutboxRow.priority, OutboxRow.created_at, OutboxRow.idempotency_key)
    return _claimable(select(OutboxRow), destinations, blocked).where(OutboxRow.due_at <= now).order_by(*order)


def _settle(
    ledger: Ledger, action: OutboxAction, states: Collection[str], values: dict[str, Any], now: datetime
) -> bool:
    with ledger.transaction() as session:
        statement = (
            update(OutboxRow)
            .where(
                OutboxRow.idempotency_key == action.idempotency_key,
                OutboxRow.attempt_count == action.attempt,
                OutboxRow.state.in_(states),
            )
            .values(lease_until_at=None, **values)
        )
        counted = _changed(session, statement) == 1
        detail = {"attempt": action.attempt, "error": values.get("last_error"), "ref": values.get("external_ref")}
        event = str(values["state"]) if counted else "outcome_ignored"
        audit.record(session, now, event, action.idempotency_key, detail)
        return counted


def _changed(session: Session, statement: Any) -> int:
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def _detached(session: Session, row: OutboxRow) -> OutboxAction:
    post_ref = None
    if row.kind != "post":
        post_ref = session.scalar(
            select(OutboxRow.external_ref).where(
                OutboxRow.alert_id == row.alert_id, OutboxRow.action == row.action, OutboxRow.kind == "post"
            )
        )
    return OutboxAction(
        idempotency_key=row.idempotency_key,
        attempt=row.attempt_count,
        rejections=row.rejection_count,
        kind=row.kind,
        destination=row.destination,
        target=row.target,
        message_ref=post_ref,
        payload=json.loads(row.payload),
        alert_id=row.alert_id or "",
        as_of=row.as_of,
        attempted_at=row.attempted_at,
    )
