"""Signals of another tool as that tool drops them: JSON lines and their signature, for `docs/exchange.md`.

Belongs here: what a tool like SigOS would tell of some customers, signed with the sandbox's secret. Does not belong here: the receiver
of our alerts (`exchange.py`), the bucket (`exports.py`). The tool knows what anybody outside sees: names and ids of accounts, no truth.

Two lines are wrong on purpose (an account that nobody knows, a confidence above one), and one is sent twice.
"""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from uam_platform.signatures import signature
from uam_platform.simulation.sandbox.company import Row
from uam_platform.simulation.sandbox.credentials import EXCHANGE_SENDER, EXCHANGE_SIGNING_KEY

PREFIX: Final = "signals"
_KEY: Final = f"{PREFIX}/weekly.jsonl"
_TOLD: Final = (
    ("revenue_blocker", 3.0, 0.82, "Three conversations name the export as the reason to look elsewhere."),
    ("feature_request_cluster", 5.0, 0.64, "Asks for single sign-on in five tickets since spring."),
    ("expansion_intent", 1.0, 0.55, "A second team asked for a trial."),
    ("usability_friction", 2.0, 0.71, "Two people gave up in the same step of the import."),
)


def files(accounts: list[Row], now: datetime) -> list[tuple[str, bytes]]:
    """Keys and bytes of the file and its signature, beside one that keeps the folder; no account with an id, no file."""
    named = sorted((row for row in accounts if row.get("Product_Account_Id__c")), key=lambda row: str(row["Id"]))
    lines = [_envelope(number, row, now) for number, row in enumerate(named[: len(_TOLD)])]
    if not lines:
        return [(f"{PREFIX}/.keep", b"")]
    lines += [
        lines[0],
        {**lines[0], "id": "sig-unknown", "subject": {"account_id": "acc_of_somebody_else"}},
        {**lines[0], "id": "sig-too-sure", "signal": {**lines[0]["signal"], "confidence": 1.7}},
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    at = int(now.timestamp())
    note = {"sender": EXCHANGE_SENDER, "timestamp": at, "signature": signature(EXCHANGE_SIGNING_KEY, at, content)}
    return [(f"{PREFIX}/.keep", b""), (_KEY, content), (f"{_KEY}.sig", json.dumps(note).encode())]


def _envelope(number: int, account: Row, now: datetime) -> dict[str, Any]:
    name, value, confidence, text = _TOLD[number]
    keys = ("account_id", "salesforce_id", "account_name")
    values = (account["Product_Account_Id__c"], account["Id"], account["Name"])
    which = number % 2  # by the product's id or the CRM's; a name may be another account's too
    return {
        "version": 1,
        "id": f"sig-{number + 1}",
        "type": "signal",
        "occurred_at": (now - timedelta(days=number + 1)).isoformat(),
        "subject": {keys[which]: values[which]},
        "signal": {
            "name": name,
            "value": value,
            "confidence": confidence,
            "text": text,
            "url": f"https://signals.example/insights/{number + 1}",
        },
    }
