"""Words and evidence of a finding: headline, reasons in plain words, and the frozen bundle it stands on.

Here: text and canonical JSON from numbers. Not here: Slack's layout (`uam_platform.playbooks.slack_message`). Evidence
holds numbers and row keys, never a person's name.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from uam_platform.alerts import conditions, wording_change, wording_harm
from uam_platform.alerts.detect import is_missing
from uam_platform.contracts.money import dollars
from uam_platform.policy.alerts import ACTIONS, AlertPolicy, Detector
from uam_platform.policy.harm import HARM_SCORE, HarmScore

Row = Mapping[Any, Any]


def fingerprint(account_id: str, detector: str) -> str:
    """Identity of an alert over time: account and kind."""
    return hashlib.sha256(f"{account_id}\n{detector}".encode()).hexdigest()[:16]


def evidence_id(evidence_json: str) -> str:
    """Content hash of an evidence bundle."""
    return hashlib.sha256(evidence_json.encode()).hexdigest()[:16]


def percent(ratio: float) -> str:
    """Ratio as whole per cent, one decimal below 10 %."""
    return f"{100 * ratio:.1f} %" if abs(ratio) < 0.0995 else f"{100 * ratio:.0f} %"


def title(row: Row, detector: Detector) -> str:
    """Headline: account, kind, dollars."""
    if detector.audience == "sales":
        return f"{_name(row)}: {detector.title}, {dollars(row['arr_usd_cents'])} a year today"
    return f"{_name(row)}: {detector.title}, {dollars(row['revenue_at_risk_usd_cents'])} at risk"


def summary(row: Row, detector: Detector, reasons: Sequence[Row], change: Row | None, harm: HarmScore) -> str:
    """Why, in plain words with numbers: what changed, support, contract, score, strongest reasons, the week before."""
    if detector.audience == "sales":
        return " ".join((_growth(row), _support(row), _contract(row))).replace("  ", " ")
    turned = wording_harm.summary(row, harm) if _reads_harm(detector) else ""
    parts = [_decline(row, detector), turned, _support(row), _contract(row), _score(row)]
    texts = [str(r["reason_text"]) for r in reasons]
    if texts:
        parts.append("Strongest reasons: " + "; ".join(texts) + ".")
    parts.append(wording_change.summary(row, change))
    return " ".join(p for p in parts if p)


def threshold(row: Row, detector: Detector) -> str:
    """The rule in words, and for a decline the numbers that met it."""
    text = " ".join(detector.threshold.split())
    decline = detector.decline
    if decline is None:
        return text
    measured = f"{row['recent_count']:.0f} of {row['before_count']:.0f} = {percent(row['decline_ratio'])}"
    return f"{text} (measured {measured}, limit {percent(decline.max_ratio)})"


def evidence(
    row: Row,
    name: str,
    policy: AlertPolicy,
    limits: conditions.Thresholds,
    reasons: Sequence[Row],
    change: Row | None = None,
) -> str:
    """Canonical JSON of what a finding stands on: numbers, limits, score, reasons, the week before, row pointers."""
    detector = policy.detectors[name]
    found = row.get("group_finding")
    key = {"account_id": row["account_id"], "as_of": row["as_of"]}
    tables = ["behavior/account_features", "churn/scores", "kpis/revenue_at_risk"]
    if any(name.startswith(ACTIONS) for name in detector.conditions.columns()):
        tables.append("behavior/account_actions")
    if change is not None:
        tables.append("churn/score_changes")
    bundle = {
        **key,
        "detector": name,
        "policy_version": policy.version,
        "snapshot_version": row["snapshot_version"],
        "conditions": [_condition(row, one, limits) for one in detector.conditions.comparisons()],
        "decline": _numbers(row, _DECLINE) if detector.decline else None,
        "harm": wording_harm.evidence(row, policy.harm) if _reads_harm(detector) else None,
        "group": None if found is None else found.as_evidence(),
        "calendar": wording_harm.calendar(row),
        "ranking": _ranking(row, detector),
        "score": _numbers(row, _SCORE),
        "money": _numbers(row, _MONEY),
        "reasons": [_numbers(r, _REASON) for r in reasons],
        "week_before": wording_change.evidence(change),
        "rows": [{"table": t, "key": key} for t in tables]
        + [dict(one.pointer) for one in wording_harm.excuses_of(row)]
        + [{"table": "churn/score_reasons", "key": {**key, "reason_rank": r["reason_rank"]}} for r in reasons],
    }
    return json.dumps(_plain(bundle), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


_DECLINE = "recent_count before_count decline_ratio decline_chance peer_ratio peer_chance".split()
_SCORE = "churn_probability score_low score_high baseline_probability model_rung".split()
_MONEY = "arr_usd_cents revenue_at_risk_usd_cents expected_saved_usd_cents".split()
_REASON = "reason_rank reason_feature reason_value contribution reason_text".split()


def _reads_harm(detector: Detector) -> bool:
    """Whether the harm score is what the finding says; a limit from above only rules harm out."""
    return any(one.column == HARM_SCORE and one.op in (">", ">=") for one in detector.conditions.comparisons())


def _ranking(row: Row, detector: Detector) -> dict[str, Any]:
    """The arithmetic of the rank: expected revenue saved x share of such findings that are true."""
    saved = float(row["expected_saved_usd_cents"])
    return {
        "expected_saved_usd_cents": saved,
        "confidence": detector.confidence,
        "value_usd_cents": saved * detector.confidence,
    }


def _condition(row: Row, one: Any, limits: conditions.Thresholds) -> dict[str, Any]:
    name = one.column or " / ".join(one.ratio)
    return {
        "subject": name,
        "op": one.op,
        "limit": conditions.limit(one, limits),
        "actual": conditions.actual(row, one),
    }


def _numbers(row: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    scalar = value.item() if hasattr(value, "item") else value
    if is_missing(scalar):
        return None
    if isinstance(scalar, float):
        return round(scalar, 6)
    return scalar if isinstance(scalar, bool | int | str) else str(scalar)


def _name(row: Row) -> str:
    name = row.get("account_name")
    return str(row["account_id"]) if is_missing(name) else str(name)


def _decline(row: Row, detector: Detector) -> str:
    decline = detector.decline
    if decline is None:
        return ""
    peers = row["peer_ratio"] - 1.0
    trend = "stayed level" if abs(peers) < 0.05 else f"{'rose' if peers > 0 else 'fell'} by {percent(abs(peers))}"
    return (
        f"{decline.label[0].upper()}{decline.label[1:]} fell from {row['before_count']:.0f} to {row['recent_count']:.0f} "
        f"within {decline.window_days} days ({percent(row['decline_ratio'] - 1.0)}), while comparable accounts {trend}."
    )


def _growth(row: Row) -> str:
    recent = int(row["intent_28d_count"])
    before = int(row["intent_84d_count"]) - recent
    admins = int(row["active_admin_28d_count"])
    seats = "" if is_missing(row["seat_use_ratio"]) else f" {percent(row['seat_use_ratio'])} of the seats are in use."
    invited, limits = int(row.get(f"{ACTIONS}invites") or 0), int(row.get(f"{ACTIONS}limits") or 0)
    return (
        f"{recent} signs of intent (invitations, limits, plans) within 28 days after {before} in the 56 days before; of them "
        f"{invited} invitation{'' if invited == 1 else 's'} and {limits} time{'' if limits == 1 else 's'} at the seat limit. "
        f"{admins} administrator{'' if admins == 1 else 's'} active.{seats}"
    )


def _support(row: Row) -> str:
    days = row["days_since_escalation"]
    opened = int(row["open_ticket_count"])
    tickets = f"{opened} ticket{'' if opened == 1 else 's'} open"
    if is_missing(days):
        return f"{tickets[0].upper()}{tickets[1:]}." if opened else ""
    return f"A ticket was escalated {int(days)} days before the snapshot; {tickets}."


def _contract(row: Row) -> str:
    money = f"{dollars(row['arr_usd_cents'])} a year"
    days = row["days_to_renewal"]
    if is_missing(days):
        return f"Worth {money}, no contract term known."
    return f"Worth {money}; the term ends in {int(days)} days."


def _score(row: Row) -> str:
    baseline = percent(row["baseline_probability"])
    if row["model_rung"] in ("rules", "base_rate"):
        return "No customer has left yet in the data, so the dollars stand on declared rules, not on experience."
    return f"Churn probability {percent(row['churn_probability'])}; contract terms alone say {baseline}."
