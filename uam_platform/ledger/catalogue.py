"""From a finding to the actions its playbook prescribes.

Here: looking up the playbook and freezing what a destination will show. Not here: the outbox rows (`uam_platform.ledger.planning`),
the layout (`slack_message`).
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from uam_platform.ledger.inputs import PlannedAction
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.load import PolicyError
from uam_platform.policy.playbooks import DESTINATIONS_WITH_DELIVERY, PlaybookPolicy

_SHOWN: Final = (
    "fingerprint detector audience account_id account_name owner_id owner_name owner_email title summary threshold system_to_update "
    "follow_up playbook evidence_id"
).split()
_AFFECTED: Final = ("account_id", "account_name", "arr_usd_cents", "revenue_at_risk_usd_cents", "failure_count")
_MONEY: Final = "arr_usd_cents revenue_at_risk_usd_cents expected_saved_usd_cents".split()


def plan(
    candidate: Mapping[Any, Any], policy: PlaybookPolicy, connected: Collection[str] = DESTINATIONS_WITH_DELIVERY
) -> list[PlannedAction]:
    """Actions for one CANDIDATES row, in the order of the playbook, then those of every playbook.

    The playbook's own for systems not `connected` stay planned; the others are left out.

    Raises:
        KeyError: the row names a playbook the catalogue does not have.
    """
    payload = _payload(candidate)
    always = {label: action for label, action in policy.always.items() if action.destination in connected}
    return [
        PlannedAction(
            action=label,
            destination=action.destination,
            target=action.target or policy.default_targets.get(action.destination, ""),
            payload=payload,
            has_delivery=action.destination in connected,
        )
        for label, action in {**always, **policy.playbook(str(candidate["playbook"])).actions}.items()
    ]


def plan_all(
    rows: list[dict[Any, Any]], policy: PlaybookPolicy, connected: Collection[str] = DESTINATIONS_WITH_DELIVERY
) -> dict[str, list[PlannedAction]]:
    """Actions by fingerprint for the rows with decision `alert`."""
    return {str(row["fingerprint"]): plan(row, policy, connected) for row in rows if row["decision"] == "alert"}


def check(alerts: AlertPolicy, playbooks: PlaybookPolicy) -> None:
    """Every detector's playbook must exist (R151).

    Raises:
        PolicyError: naming the detectors and the playbooks there are.
    """
    missing = {n: d.playbook for n, d in alerts.detectors.items() if d.playbook not in playbooks.playbooks}
    if missing:
        wrong = ", ".join(f"detectors.{name}.playbook: {playbook!r}" for name, playbook in sorted(missing.items()))
        known = ", ".join(sorted(playbooks.playbooks))
        raise PolicyError(f"rulebook/alerts.yaml: {wrong} is not in rulebook/playbooks.yaml; it knows: {known}")


def _payload(candidate: Mapping[Any, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {name: _text(candidate[name]) for name in _SHOWN}
    shown |= {name: int(candidate[name]) for name in _MONEY}
    shown["churn_probability"] = round(float(candidate["churn_probability"]), 6)
    affected = _affected(candidate, shown)
    count = max(int(candidate.get("affected_account_count") or 1), len(affected))
    return {**shown, "affected_account_count": count, "affected_accounts": affected}


def _affected(candidate: Mapping[Any, Any], shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The accounts that a finding names, most at risk first; its evidence lists those of a workflow, at most fifty."""
    group = json.loads(str(candidate["evidence_json"])).get("group")
    rows = group["accounts"] if group else [shown]
    named = [{name: row.get(name) for name in _AFFECTED} for row in rows]
    return sorted(named, key=lambda row: (-int(row["revenue_at_risk_usd_cents"] or 0), str(row["account_id"])))


def _text(value: Any) -> str | None:
    is_missing = value is None or value != value  # NaN, the way a frame may show null
    return None if is_missing else str(value)
