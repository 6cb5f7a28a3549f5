"""The weekly product-risk pack as plain rows: what people decide on, in the order they need it.

Here: pure selection and wording. Not here: reading (`facts`), lists of one table (`sections`, `movements`), the page (`page`), delivery
(`uam_platform.playbooks`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from uam_platform.contracts.money import dollars
from uam_platform.ledger.reviewing import ReviewedAlert
from uam_platform.policy.reviews import ReviewPolicy
from uam_platform.reviews.facts import Facts
from uam_platform.reviews.movements import issues, patterns, silent_losers, value_movers, value_sides
from uam_platform.reviews.sections import (
    REASONS,
    Row,
    account_cells,
    account_name,
    cohort_voices,
    expansion,
    journeys,
    owner_name,
    renewals,
    text,
    themes,
    words,
)

TITLE: Final = "Product-risk review"
_FAILED: Final = ("repeated_failure",)
_ONBOARDING: Final = ("onboarding_failed", "stalled_workflow")
_HAPPENED: Final = (("opened", "new"), ("reopened", "back again"), ("resolved", "resolved"), ("held", "held back"))


@dataclass(frozen=True)
class Pack:
    """One review; every list holds display-ready rows, money in cents.

    Attributes:
        as_of: ISO date of the snapshot.
        since: ISO date it is compared with.
        facts: label, value and note of the headline figures.
        risks: accounts with the most revenue at risk.
        alerts: alerts that are open or changed, with what happened.
        held_back: reason and count of findings that were not told.
        judged: verdicts by detector.
        failures: workflows that fail repeatedly, broadest first.
        issues: failures with frequency, sequence and change, what rises first.
        patterns: what comes before customers leave or grow.
        onboarding: what is stuck, broadest first.
        expansion: accounts that grow, for the revenue meeting.
        renewals: renewals ahead, for the inspection by Customer Success.
        themes: what people speak of, broadest first.
        value_sides: accounts and dollars where durable value strengthens, holds or weakens.
        value_movers: accounts that move, most weighted dollars first.
        silent_losers: accounts that lose depth and have not complained.
        cohort_voices: what members of a cohort speak of more than others.
        decisions: verdicts since the last review.
        carry_over: open alerts of earlier reviews without a verdict.
        notes: what the figures rest on and what they lack.
        unknown: tables without a row at all: a section without rows says nothing then.
    """

    as_of: str
    since: str
    facts: list[Row]
    risks: list[Row]
    alerts: list[Row]
    held_back: list[Row]
    judged: list[Row]
    failures: list[Row]
    issues: list[Row]
    patterns: list[Row]
    onboarding: list[Row]
    expansion: list[Row]
    renewals: list[Row]
    themes: list[Row]
    value_sides: list[Row]
    value_movers: list[Row]
    silent_losers: list[Row]
    cohort_voices: list[Row]
    decisions: list[Row]
    carry_over: list[Row]
    notes: list[str]
    unknown: tuple[str, ...]


def build(facts: Facts, policy: ReviewPolicy, said: Sequence[str] = ()) -> Pack:
    """The pack of one snapshot; `said` are further notes, such as duties past their date."""
    risks = _risks(facts, policy)
    ahead = renewals(facts, policy)
    carry_over = _carry_over(facts, policy)
    sides = value_sides(facts)
    return Pack(
        as_of=facts.as_of.isoformat(),
        since=facts.since.isoformat(),
        facts=[*_headline(facts, ahead, carry_over), *_durable_value(sides)],
        risks=risks,
        alerts=[_alert(a, facts) for a in facts.alerts],
        held_back=_held_back(facts),
        judged=[
            {"detector": words(j.detector), "right": j.right, "judged": j.judged, "told": j.told} for j in facts.judged
        ],
        failures=journeys(facts, _FAILED, policy.top_count),
        issues=issues(facts, policy.top_count),
        patterns=patterns(facts, policy.top_count),
        onboarding=journeys(facts, _ONBOARDING, policy.top_count),
        expansion=expansion(facts, policy.top_count),
        renewals=ahead[: policy.top_count],
        themes=themes(facts, policy.top_count),
        value_sides=sides,
        value_movers=value_movers(facts, policy.top_count),
        silent_losers=silent_losers(facts, policy.top_count),
        cohort_voices=cohort_voices(facts, policy),
        decisions=[_decision(d, facts) for d in facts.decisions],
        carry_over=carry_over,
        notes=[*said, *_notes(facts)],
        unknown=tuple(name for name in ("journeys", "themes", "scores") if getattr(facts, name).empty),
    )


def digest(pack: Pack, place: str) -> Row:
    """Payload of the Slack digest; `place` says where the whole pack lies."""
    lines = [f"{r['account']}: {dollars(r['at_risk'])} at risk, {r['owner']}. {r['why']}" for r in pack.risks[:5]]
    overdue = sum(row["is_overdue"] for row in pack.carry_over)
    return {
        "layout": "review_digest",
        "title": f"{TITLE}, {pack.as_of}",
        "as_of": pack.as_of,
        "status": "open",
        "facts": [[f["label"], f["value"]] for f in pack.facts],
        "lines": [*lines, *([f"{overdue} alerts wait for a verdict: uam alerts, uam verdict"] if overdue else [])],
        "footer": f"The whole pack: {place}",
    }


def _headline(facts: Facts, ahead: list[Row], carry_over: list[Row]) -> list[Row]:
    now, before = (int(f["revenue_at_risk_usd_cents"].sum()) for f in (facts.revenue, facts.revenue_before))
    moved = [a.transitions for a in facts.alerts]
    new = sum("opened" in t or "reopened" in t for t in moved)
    resolved = sum("resolved" in t for t in moved)
    open_count = sum(a.state == "open" for a in facts.alerts)
    right, judged = sum(j.right for j in facts.judged), sum(j.judged for j in facts.judged)
    due = sum(row["arr"] for row in ahead)
    return [
        _figure("Revenue at risk", dollars(now), _change(now, before, facts)),
        _figure("Alerts open", f"{open_count}", f"{new} new, {resolved} resolved since {facts.since}"),
        _figure("Verdicts", f"{right} of {judged} right" if judged else "none yet", "by last verdict of each alert"),
        _figure("Renewals ahead", f"{len(ahead)}", f"{dollars(due)} a year"),
        _figure("Waiting for a verdict", f"{len(carry_over)}", f"{sum(r['is_overdue'] for r in carry_over)} overdue"),
    ]


def _durable_value(sides: list[Row]) -> list[Row]:
    """How much strengthens and weakens, as one figure; none without a measure."""
    by = {side["direction"]: side for side in sides}
    if not by:
        return []
    up, down = by["strengthening"], by["weakening"]
    value = f"{up['accounts']} up, {down['accounts']} down"
    return [_figure("Durable value", value, f"{dollars(up['arr'])} a year up, {dollars(down['arr'])} down")]


def _figure(label: str, value: str, note: str) -> Row:
    return {"label": label, "value": value, "note": note}


def _change(now: int, before: int, facts: Facts) -> str:
    if facts.since == facts.as_of or not before:
        return "no earlier snapshot"
    return f"{(now - before) / before:+.1%} since {facts.since}"


def _risks(facts: Facts, policy: ReviewPolicy) -> list[Row]:
    changed = facts.changes.set_index("account_id")["change_text"].to_dict()
    before = facts.revenue_before.set_index("account_id")["churn_probability"].to_dict()
    if facts.since == facts.as_of:
        before = {}
    top = facts.revenue.nlargest(policy.top_count, "revenue_at_risk_usd_cents")
    return [
        {
            **account_cells(row),
            "at_risk": int(row["revenue_at_risk_usd_cents"]),
            "probability": float(row["churn_probability"]),
            "probability_before": before.get(row["account_id"]),
            "why": _why(facts, str(row["account_id"])),
            "changed": text(changed.get(row["account_id"])),
            "worksheet": _worksheet(facts, str(row["account_id"])),
        }
        for row in top.to_dict("records")
    ]


def _why(facts: Facts, account_id: str) -> str:
    own = facts.reasons[facts.reasons["account_id"] == account_id].nsmallest(REASONS, "reason_rank")
    return "; ".join(own["reason_text"].astype(str)) or "only the terms of the contract speak for it"


def _worksheet(facts: Facts, account_id: str) -> list[Row]:
    """Lines that cost the account's health most, with the other way to read them."""
    sheet = facts.worksheets
    own = sheet[(sheet["account_id"] == account_id) & (sheet["score_name"].isin(["behaviour", "friction"]))].copy()
    sign = own["score_name"].map({"behaviour": 1, "friction": -1})
    lost = (own["possible_hundredths"] - own["points_hundredths"]).where(sign > 0, own["points_hundredths"])
    own["lost"] = lost
    worst = own[own["lost"] > 0].nlargest(REASONS, "lost")
    return [
        {"score": str(r["score_name"]), "reading": text(r["reading"]), "else": text(r["alternative_reading"]),
         "points": int(r["points_hundredths"]) / 100, "possible": int(r["possible_hundredths"]) / 100}
        for r in worst.to_dict("records")
    ]  # fmt: skip


def _alert(alert: ReviewedAlert, facts: Facts) -> Row:
    happened = [word for name, word in _HAPPENED if name in alert.transitions]
    return {
        "alert_id": alert.alert_id,
        "account": account_name(facts, alert.account_id),
        "title": alert.title,
        "detector": words(alert.detector),
        "owner": owner_name(facts, alert.account_id) or alert.owner,
        "at_risk": alert.revenue_at_risk_usd_cents,
        "since": alert.opened_as_of.isoformat(),
        "state": ", ".join(happened) or ("still open" if alert.state == "open" else alert.state),
        "verdict": alert.verdict or "",
    }


def _held_back(facts: Facts) -> list[Row]:
    latest = facts.candidates[facts.candidates["as_of"].astype(str).str[:10] == facts.as_of.isoformat()]
    held = latest[latest["decision"] != "alert"]
    reason = held["decision"].astype(str) + ": " + held["reason"].fillna("budget").astype(str)
    counts = reason.str.replace("_", " ").value_counts()
    return [
        {"reason": str(name), "count": int(n)} for name, n in sorted(counts.items(), key=lambda c: (-c[1], str(c[0])))
    ]


def _decision(decision: Any, facts: Facts) -> Row:
    return {
        "account": account_name(facts, decision.account_id),
        "verdict": words(decision.verdict),
        "reason": decision.reason,
        "by": decision.by,
        "on": decision.at.date().isoformat(),
    }


def _carry_over(facts: Facts, policy: ReviewPolicy) -> list[Row]:
    waiting = [a for a in facts.alerts if a.state == "open" and a.verdict is None and a.opened_as_of <= facts.since]
    return [
        {
            "alert_id": a.alert_id,
            "account": account_name(facts, a.account_id),
            "owner": owner_name(facts, a.account_id) or a.owner,
            "follow_up": a.follow_up or "see the rulebook",
            "days": (facts.as_of - a.opened_as_of).days,
            "is_overdue": (facts.as_of - a.opened_as_of).days > policy.follow_up_days,
        }
        for a in sorted(waiting, key=lambda a: (a.opened_as_of, a.alert_id))
    ]


def _notes(facts: Facts) -> list[str]:
    aside = ", ".join(f"{n:,} {what}" for what, n in facts.set_aside.items())
    notes = [
        f"Everything is as known before the decision time of {facts.as_of}; late data change no recorded snapshot.",
        f"Set aside while loading, over the whole history: {aside}.",
    ]
    empty = {
        "No churn score": facts.revenue,
        "No journeys (failures, stalls) in the window": facts.journeys,
        "No themes from tickets and conversations": facts.themes,
        "No account scores and worksheets": facts.scores,
    }
    notes += [f"{what}: the sections that need it are empty." for what, frame in empty.items() if frame.empty]
    if not sum(j.judged for j in facts.judged):
        notes.append(
            "No verdict so far, so nothing can be said on precision: uam verdict ALERT --verdict ... --reason ..."
        )
    return notes
