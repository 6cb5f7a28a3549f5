"""Everything an audit of alerts looks at, read once: the drawn accounts, what was held back, verdicts, thresholds.

Here: reading the lake and the ledger. Not here: the draw (`audit_sample`), the estimates (`audit`), the page (`audit_page`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from uam_platform.contracts import tables
from uam_platform.lake.resource import Warehouse
from uam_platform.ledger import auditing, reviewing
from uam_platform.ledger.auditing import AuditVerdict
from uam_platform.ledger.engine import Ledger
from uam_platform.policy.rulebook import Rulebook
from uam_platform.policy.thresholds import in_force
from uam_platform.reviews.proposals import Proposal, proposals
from uam_platform.reviews.sections import text


@dataclass(frozen=True)
class AuditFacts:
    """What is known of the alerts of a month.

    Attributes:
        month: first day of the month.
        samples: AUDIT_SAMPLES rows of all months up to it.
        verdicts: last verdict by sample.
        accounts: name and owner's name by account.
        held_back: reason and count of findings of the month that were not told.
        judged: verdicts on alerts by detector.
        proposals: other thresholds that the verdicts speak for.
        thresholds: accepted ones, oldest first.
    """

    month: date
    samples: pd.DataFrame
    verdicts: Mapping[str, AuditVerdict]
    accounts: Mapping[str, tuple[str | None, str | None]]
    held_back: list[dict[str, Any]]
    judged: list[reviewing.Judged]
    proposals: list[Proposal]
    thresholds: list[dict[str, Any]]


def audit_facts(warehouse: Warehouse, ledger: Ledger, month: date, now: datetime, rulebook: Rulebook) -> AuditFacts:
    """The facts of the audit of a month.

    Args:
        warehouse: the lake.
        ledger: the open ledger.
        month: first day of a month that was drawn.
        now: naive UTC; thresholds accepted before are in force.
        rulebook: alert rules and goals.
    """
    samples = stored_samples(warehouse)
    return AuditFacts(
        month=month,
        samples=samples[samples["audit_month_date"] <= month],
        verdicts=auditing.audit_verdicts(ledger),
        accounts=_accounts(warehouse),
        held_back=_held_back(warehouse, month),
        judged=reviewing.judged(ledger),
        proposals=open_proposals(ledger, now, rulebook),
        thresholds=auditing.thresholds(ledger),
    )


def stored_samples(warehouse: Warehouse) -> pd.DataFrame:
    """All drawn accounts, with months as dates."""
    stored = warehouse.lake.read(warehouse.connection, tables.AUDIT_SAMPLES).to_pandas()
    return stored.assign(audit_month_date=pd.to_datetime(stored["audit_month_date"]).dt.date)


def open_proposals(ledger: Ledger, now: datetime, rulebook: Rulebook) -> list[Proposal]:
    """What the verdicts so far speak for, against the rules in force."""
    rules = in_force(rulebook.alerts, auditing.accepted(ledger), now)
    return proposals(auditing.judged_alerts(ledger), rules, rulebook.reviews.audit)


def _accounts(warehouse: Warehouse) -> dict[str, tuple[str | None, str | None]]:
    """Names as of the last snapshot that has the account."""
    keys = warehouse.lake.keys(tables.REVENUE_AT_RISK)
    stored = warehouse.lake.read(warehouse.connection, tables.REVENUE_AT_RISK, keys)
    rows = stored.select("account_id", "as_of", "account_name", "owner_name").to_pandas().sort_values("as_of")
    last = rows.groupby("account_id").tail(1)
    return {
        str(account): (text(name), text(owner))
        for account, name, owner in zip(last["account_id"], last["account_name"], last["owner_name"], strict=True)
    }


def _held_back(warehouse: Warehouse, month: date) -> list[dict[str, Any]]:
    keys = [key for key in warehouse.lake.keys(tables.CANDIDATES) if key[:7] == f"{month:%Y-%m}"]
    if not keys:
        return []
    stored = warehouse.lake.read(warehouse.connection, tables.CANDIDATES, keys)
    rows = stored.select("fingerprint", "decision", "reason").to_pandas()
    held = rows[rows["decision"] != "alert"].drop_duplicates()
    reasons = held["reason"].astype("object").where(held["reason"].notna(), "no reason").str.split(":").str[0]
    counts = reasons.str.replace("_", " ").value_counts()
    return [
        {"reason": str(name), "count": int(n)} for name, n in sorted(counts.items(), key=lambda c: (-c[1], str(c[0])))
    ]
