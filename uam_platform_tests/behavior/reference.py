"""Account features the slow way: for each snapshot, filter to what it could see, then count in plain Python.

Shares no code with the platform. Where the engine sums changes over intervals of snapshots, this looks at one snapshot at a time.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from uam_platform_tests.behavior.company import FOREVER, Company, Row

GRACE = timedelta(hours=6)
MEASURES = {"event": "event_count", "core": "core_count", "friction": "friction_count", "intent": "intent_count",
            "progress": "progress_count", "session": "session_count"}  # fmt: skip


def attached_at(company: Company, as_of: date) -> list[Row]:
    """The actor-days a snapshot sees, with account, person and role as it knew them."""
    people, memberships, hierarchy = (
        [
            r
            for r in rows
            if r["known_from_date"] < as_of and (r["known_to_date"] == FOREVER or as_of <= r["known_to_date"])
        ]
        for rows in (company.people, company.memberships, company.hierarchy)
    )
    found = []
    for fact in company.actor_days:
        day = fact["event_date"]
        if not (day < as_of and fact["known_date"] < as_of):
            continue
        acting = [p for p in people if p["identifier_kind"] != "email" and p["identifier_key"] == fact["actor_key"]]
        person = _only(p["person_key"] for p in _on(acting, day)) or 0
        member = [m for m in _on(memberships, day) if m["person_key"] == person]
        if fact["workspace_key"]:
            owners = [h for h in hierarchy if h["workspace_key"] == fact["workspace_key"]]
            account = _only(h["account_id"] for h in _on(owners, day))
        else:
            account = _only(m["account_id"] for m in member)
        if account is not None:
            admin = any(m["account_id"] == account and m["role"] == "admin" for m in member)
            found.append({**fact, "account_id": account, "person_key": person, "is_admin": fact["is_admin"] or admin})
    return found


def _on(links: Iterable[Row], day: date) -> list[Row]:
    return [x for x in links if x["valid_from_date"] <= day < x["valid_to_date"]]


def _only(values: Iterable[Any]) -> Any:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def features_at(
    company: Company, as_of: date, before: Iterable[str] = (), has_subscriptions: bool = True
) -> dict[str, Row]:
    """Feature rows of one snapshot by account.

    Args:
        company: all rows, whenever they became known.
        as_of: the snapshot.
        before: accounts that an earlier snapshot of the same run has seen.
        has_subscriptions: contracts say who is a customer.
    """
    facts, support = attached_at(company, as_of), _support_at(company, as_of)
    terms, crm = _terms_at(company, as_of), _crm_at(company, as_of)
    seen = {r["account_id"] for r in (*facts, *support)} | set(terms) | set(crm) | set(before)
    return {
        a: _row(
            as_of,
            [f for f in facts if f["account_id"] == a],
            [s for s in support if s["account_id"] == a],
            terms.get(a, []),
            crm.get(a),
            has_subscriptions,
        )
        for a in seen
    }


def _row(
    as_of: date, facts: list[Row], support: list[Row], terms: list[Row], crm: Row | None, has_subscriptions: bool
) -> Row:
    row: Row = {}
    for name, low, high in (("7d", 7, 0), ("28d", 28, 0), ("84d", 84, 0), ("364d", 364, 0), ("prior_28d", 56, 28)):
        window = [f for f in facts if as_of - timedelta(low) <= f["event_date"] < as_of - timedelta(high)]
        for what, column in MEASURES.items():
            row[f"{what}_{name}_count"] = sum(f[column] for f in window)
        row[f"active_day_{name}_count"] = len({f["event_date"] for f in window})
        row[f"active_person_{name}_count"] = len({f["person_key"] for f in window} - {0})
        row[f"active_admin_{name}_count"] = len({f["person_key"] for f in window if f["is_admin"]} - {0})
        row[f"feature_{name}_count"] = len({b for f in window for b in range(62) if f["feature_bits"] >> b & 1})
        row[f"revenue_{name}_usd_cents"] = sum(f["amount_usd_cents"] for f in window)
        calls = [s for s in support if as_of - timedelta(low) <= s["occurred_at"].date() < as_of - timedelta(high)]
        for what, change in (("ticket", "opened"), ("escalation", "escalated"), ("reopen", "reopened")):
            row[f"{what}_{name}_count"] = sum(s["change"] == change for s in calls)
    days = [f["event_date"] for f in facts]
    escalations = [s["occurred_at"].date() for s in support if s["change"] == "escalated"]
    row["days_since_last_event"] = (as_of - max(days)).days if days else None
    row["days_since_escalation"] = (as_of - max(escalations)).days if escalations else None
    row["open_ticket_count"] = _open(support)
    first = min(t["started_at"].date() for t in terms) if terms else min(days) if days else as_of
    row["tenure_days"] = (as_of - first).days
    row |= {"tier": crm["tier"] if crm else "unknown", "strategic_fit": crm["strategic_fit"] if crm else "unknown"}
    return row | _contract(as_of, terms, row, has_subscriptions)


def _contract(as_of: date, terms: list[Row], row: Row, has_subscriptions: bool) -> Row:
    start, decision = datetime.combine(as_of, time()), datetime.combine(as_of, time()) + GRACE
    newest = max(terms, key=_age) if terms else None
    running = [
        t
        for t in terms
        if not (t["ended_at"] and t["ended_at"] <= start)
        and (t is newest or t["term_end_at"] is None or t["term_end_at"] > start)
    ]
    term = max(running, key=_age) if running else None
    notice = bool(term and term["notice_at"] and term["notice_at"] < decision)
    quiet = row["days_since_last_event"]
    customer = (term is not None and not notice) if has_subscriptions else quiet is not None and quiet <= 365
    mrr = term["mrr_usd_cents"] if term else 0
    return {
        "term_count": len(terms),
        "billing_period": term["billing_period"] if term else "none",
        "plan": term and term["plan"],
        "seat_count": term and term["seat_count"],
        "mrr_usd_cents": mrr,
        "arr_usd_cents": 12 * mrr if has_subscriptions else max(row["revenue_364d_usd_cents"], 0),
        "days_to_renewal": (term["term_end_at"].date() - as_of).days if term and term["term_end_at"] else None,
        "is_eligible": customer and row["tenure_days"] >= 14,
    }


def _age(term: Row) -> tuple[Any, ...]:
    return term["started_at"], term["known_at"], term["subscription_id"]


def _terms_at(company: Company, as_of: date) -> dict[str, list[Row]]:
    start = datetime.combine(as_of, time())
    known = [t for t in company.subscriptions if t["started_at"] <= start and t["known_at"] < start + GRACE]
    return {a: [t for t in known if t["account_id"] == a] for a in {t["account_id"] for t in known}}


def _crm_at(company: Company, as_of: date) -> dict[str, Row]:
    start = datetime.combine(as_of, time())
    known = [r for r in company.accounts if r["valid_from_at"] <= start and r["known_at"] < start + GRACE]
    return {r["account_id"]: r for r in sorted(known, key=lambda r: (r["valid_from_at"], r["known_at"]))}


def _support_at(company: Company, as_of: date) -> list[Row]:
    owner = {t["ticket_id"]: t["account_id_source"] for t in company.tickets if t["account_id_source"]}
    return [
        {**e, "account_id": owner[e["ticket_id"]]}
        for e in company.ticket_events
        if e["ticket_id"] in owner and e["occurred_at"].date() < as_of and e["known_date"] < as_of
    ]


def _open(support: list[Row]) -> int:
    last: dict[str, str] = {}
    for event in sorted(support, key=lambda e: (e["occurred_us"], e["row_no"])):
        if event["change"] in ("opened", "reopened", "solved"):
            last[event["ticket_id"]] = event["change"]
    return sum(change != "solved" for change in last.values())
