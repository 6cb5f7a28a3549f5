"""What an issue says, whatever tracker it lies in: headline, text, facts, affected accounts, and the note on a change.

Here: words and order. Not here: a tracker's markup (`jira_record`, `linear_record`), sending (`jira`, `linear`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from uam_platform.contracts.money import dollars
from uam_platform.playbooks.slack_message import cut, one_line

TITLE_LIMIT: Final = 255
"""Jira's summary; Linear takes as much."""
COLUMNS: Final = ("Account", "Id", "A year", "At risk", "Failures")
_TEXT: Final = 4000
_FACT: Final = 600
_NAME: Final = 120
_PREFIX: Final = {
    "updated": "",
    "reopened": "Back again: ",
    "resolved": "Resolved: ",
    "stale": "Not confirmed any more: ",
}
Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Issue:
    """One issue in plain texts, none of them empty.

    Attributes:
        title: one line of at most 255 characters.
        summary: what was found.
        facts: label and value.
        accounts: one row of `COLUMNS` per account listed, most at risk first.
        account_count: accounts affected, listed or not.
        footer: snapshot, detector, evidence.
    """

    title: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    accounts: tuple[tuple[str, ...], ...]
    account_count: int
    footer: str

    @property
    def heading(self) -> str:
        """Headline of the list of accounts."""
        return "Affected account" if self.account_count == 1 else f"{self.account_count} affected accounts"

    def more(self, shown: int) -> str | None:
        """A line about the accounts that are not listed; None when all are."""
        left = self.account_count - shown
        return f"and {left} more, in the evidence of the finding" if left > 0 else None


def build(payload: Payload) -> Issue:
    """The issue of one action.

    Args:
        payload: what the catalogue froze, with `status` and `as_of` from the ledger.
    """
    title = one_line(payload["title"])
    accounts = tuple(_row(account) for account in payload.get("affected_accounts") or [payload])
    return Issue(
        title=cut(f"{_PREFIX.get(str(payload['status']), '')}{title}", TITLE_LIMIT),
        summary=cut(one_line(payload["summary"]), _TEXT),
        facts=tuple((label, cut(one_line(value), _FACT)) for label, value in _facts(payload)),
        accounts=accounts,
        account_count=max(int(payload.get("affected_account_count") or 1), len(accounts)),
        footer=f"Snapshot {payload['as_of']}, {payload['detector']}, evidence {payload['evidence_id']}",
    )


def change(payload: Payload) -> str:
    """The note on a change: what it is now, in dollars, as of the snapshot."""
    count = int(payload.get("affected_account_count") or 1)
    where = "1 account" if count == 1 else f"{count} accounts"
    now = f"{where}, {_money(payload)}"
    as_of = payload["as_of"]
    return {
        "resolved": f"Resolved: the condition is gone as of {as_of}. It last stood at {now}.",
        "stale": f"Not confirmed any more as of {as_of}. It last stood at {now}.",
        "reopened": f"Back again as of {as_of}: {now}. {cut(one_line(payload['summary']), _TEXT)}",
    }.get(str(payload["status"]), f"As of {as_of}: {now}. {cut(one_line(payload['summary']), _TEXT)}")


def _facts(payload: Payload) -> tuple[tuple[str, object], ...]:
    return (
        ("First response", payload["owner_name"] or payload["owner_id"] or "nobody"),
        ("At risk", _money(payload)),
        ("Expected to save by acting", dollars(payload["expected_saved_usd_cents"])),
        ("Follow-up", payload["follow_up"]),
        ("Threshold", payload["threshold"]),
    )


def _money(payload: Payload) -> str:
    return f"{dollars(payload['revenue_at_risk_usd_cents'])} of {dollars(payload['arr_usd_cents'])} a year at risk"


def _row(account: Payload) -> tuple[str, ...]:
    failures = account.get("failure_count")
    cells = (
        account["account_name"] or account["account_id"],
        account["account_id"],
        dollars(account["arr_usd_cents"] or 0),
        dollars(account["revenue_at_risk_usd_cents"] or 0),
        "" if failures is None else failures,
    )
    return tuple(cut(one_line(cell), _NAME) for cell in cells)
