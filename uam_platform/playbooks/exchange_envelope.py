"""What an alert becomes for another tool: one signed envelope of the exchange.

Here: the fields and their bytes, which depend on the action alone. Not here: sending (`exchange`), files (`exchange_folder`), the form as
it is described to others (`docs/exchange.md`). Owners and addresses stay here: another tool is told of accounts, not of people.
"""

import json
from typing import Any, Final

from uam_platform.contracts.exchange import VERSION
from uam_platform.ledger.outbox import OutboxAction
from uam_platform.signatures import signature

TYPES: Final = {
    "open": "alert.opened",
    "updated": "alert.updated",
    "reopened": "alert.reopened",
    "resolved": "alert.resolved",
    "stale": "alert.stale",
}
_TOLD: Final = (
    "detector audience title summary threshold follow_up arr_usd_cents revenue_at_risk_usd_cents expected_saved_usd_cents "
    "affected_account_count evidence_id as_of status"
).split()
_AFFECTED: Final = ("account_id", "account_name", "arr_usd_cents", "revenue_at_risk_usd_cents", "failure_count")


def envelope(action: OutboxAction) -> dict[str, Any]:
    """The envelope of an action; its id is the action's key, so that a repeat is the same."""
    payload = action.payload
    affected = [{name: row.get(name) for name in _AFFECTED} for row in payload.get("affected_accounts") or ()]
    return {
        "version": VERSION,
        "id": action.idempotency_key,
        "type": TYPES[str(payload["status"])],
        "occurred_at": f"{action.as_of.isoformat()}T00:00:00Z",
        "subject": {"account_id": payload["account_id"], "account_name": payload["account_name"]},
        "alert": {
            "alert_id": action.alert_id,
            **{name: payload.get(name) for name in _TOLD},
            "affected_accounts": affected,
        },
    }


def content(action: OutboxAction) -> bytes:
    """The bytes that are signed and sent; equal for every attempt."""
    return json.dumps(envelope(action), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def signatures(secrets: tuple[str, ...], timestamp: int, body: bytes) -> str:
    """The signature header: one signature for each secret that the receiver may know."""
    return ",".join(signature(secret, timestamp, body) for secret in secrets)
