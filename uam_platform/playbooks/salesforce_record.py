"""What an alert becomes in Salesforce: a task for the account owner, or context fields on the account.

Here: pure layout within Salesforce's limits. Not here: sending it (`salesforce`), which fields exist
(`uam_platform.policy.playbooks`). Subject takes 255 characters, Description 32,000, a text area 255.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from uam_platform.contracts.money import dollars
from uam_platform.playbooks.slack_message import cut, one_line
from uam_platform.policy.playbooks import SalesforceFields

SUBJECT_LIMIT: Final = 255
DESCRIPTION_LIMIT: Final = 32_000
CONTEXT_LIMIT: Final = 255
RETRACTED: Final = frozenset({"resolved", "stale"})
"""A finding that is gone, or was not confirmed for long: nobody is to act on it any more."""
_STATUS: Final = {
    "updated": "Updated",
    "reopened": "Back again",
    "resolved": "Resolved",
    "stale": "Not confirmed any more",
}
_TASK_STATUS: Final = {"resolved": "Completed", "stale": "Completed", "reopened": "Not Started"}
_KEPT: Final = frozenset({"status", "as_of"})
_USER_ID: Final = re.compile(r"005[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
Payload = Mapping[str, Any]


def new_task(
    payload: Payload, key: str, what_id: str | None, owner_id: str | None, policy: SalesforceFields
) -> Payload:
    """Fields of a task that is created.

    Args:
        payload: what the catalogue froze, with `status` and `as_of` from the ledger.
        key: the action's idempotency key, kept as the last action too.
        what_id: Salesforce id of the account; None where the finding is about no single account.
        owner_id: Salesforce id of the user who gets it; None: the connected app's user.
        policy: fields, due days, priority.
    """
    due = date.fromisoformat(str(payload["as_of"])) + timedelta(days=policy.due_days)
    is_high = int(payload["revenue_at_risk_usd_cents"]) >= policy.high_priority_usd_cents
    links = {"WhatId": what_id, "OwnerId": owner_id}
    return {
        **task_update(payload, key, policy),
        "Status": "Not Started",
        "Priority": "High" if is_high else "Normal",
        "ActivityDate": due.isoformat(),
        **{name: value for name, value in links.items() if value},
    }


def task_update(payload: Payload, key: str, policy: SalesforceFields) -> dict[str, Any]:
    """Fields of a task that follow the finding; owner, priority and date belong to the person from then on.

    So does the status, but that a finding that is gone completes its task and one that is back opens it again.
    """
    moved = _TASK_STATUS.get(str(payload["status"])) if policy.complete_on_resolve else None
    prefix = _STATUS.get(str(payload["status"]))
    title = one_line(payload["title"])
    return {
        "Subject": cut(f"{prefix}: {title}" if prefix else title, SUBJECT_LIMIT),
        "Description": cut(_description(payload), DESCRIPTION_LIMIT),
        policy.last_action: key,
        **({"Status": moved} if moved else {}),
    }


def context(payload: Payload, key: str, policy: SalesforceFields) -> dict[str, Any]:
    """Context fields of an account; of a finding that is gone only its status and date stay, the rest is cleared."""
    is_gone = str(payload["status"]) in RETRACTED
    facts = {
        field: None if is_gone and name not in _KEPT else _fact(name, payload[name])
        for name, field in policy.context.items()
    }
    return {**facts, policy.last_action: key}


def user_id(payload: Payload) -> str | None:
    """The owner as a Salesforce user; None for a team or an owner from another system."""
    owner = payload["owner_id"]
    return str(owner) if owner and _USER_ID.fullmatch(str(owner)) else None


def _description(payload: Payload) -> str:
    owner = payload["owner_name"] or payload["owner_id"] or "nobody"
    account = payload["account_name"] or payload["account_id"] or "several accounts"
    at_risk, arr = dollars(payload["revenue_at_risk_usd_cents"]), dollars(payload["arr_usd_cents"])
    lines = [
        one_line(payload["summary"]),
        "",
        f"Account: {account} ({payload['account_id']})" if payload["account_name"] else f"Account: {account}",
        f"First response: {owner}",
        f"At risk: {at_risk} of {arr} a year; acting is expected to save {dollars(payload['expected_saved_usd_cents'])}",
        f"Follow-up: {one_line(payload['follow_up'])}",
        f"Threshold: {one_line(payload['threshold'])}",
        f"Update: {one_line(payload['system_to_update'])}",
        "",
        f"Snapshot {payload['as_of']}, {payload['detector']}, evidence {payload['evidence_id']}",
    ]
    return "\n".join(lines)


def _fact(name: str, value: object) -> str | None:
    if value is None:
        return None
    return str(value) if name == "as_of" else cut(one_line(value), CONTEXT_LIMIT)
