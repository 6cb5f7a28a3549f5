"""What people look at before they act: alerts and where they are, actions that need a person.

Here: reading, for lists. Not here: changing anything (`feedback`, `outbox`), the layout of the lists (`uam_platform.cli_ledger`).
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import AlertRow, OutboxRow


@dataclass(frozen=True)
class ListedAlert:
    """One alert.

    Attributes:
        alert_id: what a verdict names.
        account_id: the account.
        account_name: its name, as far as an action was planned for it.
        detector: what found it.
        revenue_at_risk_usd_cents: when it was last measured.
        owner: name of the owner, else id, else "nobody".
        opened_as_of: snapshot that opened it.
        state: open or resolved.
        where: one line per planned action: destination, target and state.
    """

    alert_id: str
    account_id: str
    account_name: str
    detector: str
    revenue_at_risk_usd_cents: int
    owner: str
    opened_as_of: date
    state: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class StuckAction:
    """An action that was refused for good or tried too often."""

    idempotency_key: str
    alert_id: str
    destination: str
    target: str
    state: str
    error: str


def listed_alerts(ledger: Ledger, states: Collection[str] = ("open",)) -> list[ListedAlert]:
    """All alerts in one of `states` (see `models.ALERT_STATES`), open ones and the most revenue at risk first."""
    with ledger.transaction() as session:
        order = (AlertRow.state, AlertRow.revenue_at_risk_usd_cents.desc(), AlertRow.alert_id)
        alerts = session.scalars(select(AlertRow).where(AlertRow.state.in_(states)).order_by(*order)).all()
        query = select(OutboxRow).join(AlertRow, AlertRow.alert_id == OutboxRow.alert_id)
        posts = session.scalars(
            query.where(AlertRow.state.in_(states), OutboxRow.kind == "post").order_by(
                OutboxRow.destination, OutboxRow.target
            )
        ).all()
    planned: dict[str, list[OutboxRow]] = {}
    for post in posts:
        planned.setdefault(post.alert_id or "", []).append(post)
    return [_listed(alert, planned.get(alert.alert_id, ())) for alert in alerts]


def stuck_actions(ledger: Ledger) -> list[StuckAction]:
    """Actions that wait for a person's release, oldest first."""
    with ledger.transaction() as session:
        query = select(OutboxRow).where(OutboxRow.state.in_(("failed", "parked")))
        rows = session.scalars(query.order_by(OutboxRow.created_at, OutboxRow.idempotency_key)).all()
    return [
        StuckAction(r.idempotency_key, r.alert_id or "", r.destination, r.target, r.state, r.last_error or "")
        for r in rows
    ]


def _listed(alert: AlertRow, posts: Iterable[OutboxRow]) -> ListedAlert:
    shown: dict[str, Any] = {}
    where = []
    for post in posts:
        shown = json.loads(post.payload)
        place = post.external_ref if post.state == "sent" and post.external_ref else post.target
        where.append(f"{post.destination} {place}: {post.state}")
    return ListedAlert(
        alert_id=alert.alert_id,
        account_id=alert.account_id,
        account_name=shown.get("account_name") or "",
        detector=alert.detector,
        revenue_at_risk_usd_cents=alert.revenue_at_risk_usd_cents,
        owner=shown.get("owner_name") or alert.owner_id or "nobody",
        opened_as_of=alert.opened_as_of,
        state=alert.state,
        where=tuple(where),
    )
