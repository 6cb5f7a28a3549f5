"""Candidate rows and planned actions for the ledger tests."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from uam_platform.ledger.catalogue import plan_all
from uam_platform.ledger.engine import Ledger, open_ledger
from uam_platform.ledger.lifecycle import Applied, apply_candidates
from uam_platform.ledger.models import AlertRow, OutboxRow, TransitionRow
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.load import load_section
from uam_platform.policy.playbooks import PlaybookPolicy

MONDAY = date(2025, 6, 2)
ALERTS = load_section(AlertPolicy, "alerts")
PLAYBOOKS = load_section(PlaybookPolicy, "playbooks")
CHANNEL = PLAYBOOKS.default_targets["slack"]


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def morning(as_of: date) -> datetime:
    return datetime.combine(as_of, time(7))


def finding(account: int = 1, decision: str = "alert", **changed: Any) -> dict[str, Any]:
    """One CANDIDATES row."""
    row = {
        "fingerprint": f"finger{account:04d}",
        "detector": "core_decline_after_escalation",
        "audience": "customer_success",
        "account_id": f"acc_{account:05d}",
        "account_name": f"Company {account}",
        "owner_id": "005A",
        "owner_name": "Kim Owner",
        "owner_email": None,
        "arr_usd_cents": 90_000_00,
        "churn_probability": 0.1,
        "revenue_at_risk_usd_cents": 9_000_00,
        "expected_saved_usd_cents": 2_250_00,
        "rank": account,
        "decision": decision,
        "reason": None if decision == "alert" else "season",
        "title": f"Company {account}: core workflow falling after an escalation, $9,000 at risk",
        "summary": "Core workflow completions fell from 120 to 40.",
        "threshold": "at most 60 %",
        "system_to_update": "CRM",
        "follow_up": "call within 5 days",
        "playbook": "customer_success_outreach",
        "evidence_id": "e1",
        "evidence_json": "{}",
    }
    return {**row, **changed}


@lru_cache(maxsize=1)
def _migrated() -> bytes:
    """The bytes of an empty migrated ledger: migrating once is enough for all tests but those of the migration."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        open_ledger(f"sqlite:///{path}").close()
        return path.read_bytes()


def new_ledger(folder: Path) -> Ledger:
    """An empty ledger in `folder`, or the one that is there."""
    path = folder / "ledger.db"
    if not path.exists():
        path.write_bytes(_migrated())
    return open_ledger(f"sqlite:///{path}")


def apply(
    ledger: Ledger,
    number: int,
    rows: Sequence[dict[str, Any]],
    act: bool = True,
    connected: Collection[str] = ("slack",),
    **arguments: Any,
) -> Applied:
    """Apply the candidates of day `number`, at seven o'clock of that day."""
    as_of = day(number)
    actions = plan_all(list(rows), PLAYBOOKS, connected)
    return apply_candidates(ledger, as_of, rows, actions, morning(as_of), act, ALERTS.life_cycle, **arguments)


def alerts(ledger: Ledger) -> list[AlertRow]:
    with ledger.transaction() as session:
        return list(session.scalars(select(AlertRow).order_by(AlertRow.opened_as_of, AlertRow.fingerprint)))


def transitions(ledger: Ledger) -> list[str]:
    with ledger.transaction() as session:
        rows = session.scalars(select(TransitionRow).order_by(TransitionRow.as_of, TransitionRow.fingerprint))
        return [row.transition for row in rows]


def outbox(ledger: Ledger, destination: str = "slack") -> list[OutboxRow]:
    with ledger.transaction() as session:
        query = select(OutboxRow).where(OutboxRow.destination == destination)
        return list(session.scalars(query.order_by(OutboxRow.as_of, OutboxRow.kind, OutboxRow.idempotency_key)))
