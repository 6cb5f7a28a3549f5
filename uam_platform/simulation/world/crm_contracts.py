"""Contracts in the CRM: one record per term, and the history of its fields, as known at the end of the world.

Belongs here: when a fact about a term was written down. Does not belong here: why it came to be (``commerce``).
"""

from typing import Any

from uam_platform.simulation.world.clock import date_of, instant
from uam_platform.simulation.world.commerce import Book, Term
from uam_platform.simulation.world.population import PLANS
from uam_platform.simulation.world.salesforce_ids import record_id

Change = tuple[float, str, str | None, str | None]
_CLERK_DELAY_DAYS = 0.35


def contract_rows(book: Book, days: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return (contracts, history); a term signed after the end of the world is not there yet."""
    rows: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    for number, term in enumerate(book.terms):
        if term.created_day >= days:
            continue
        changes = sorted(change for change in _changes(term, number) if change[0] < days)
        rows.append(_contract(term, number, changes))
        for day, what, before, after in changes:
            history.append({
                "ContractId": rows[-1]["Id"], "Field": what, "OldValue": before, "NewValue": after,
                "CreatedDate": instant(day),
            })  # fmt: skip
    history.sort(key=lambda each: (each["CreatedDate"], each["ContractId"], each["Field"]))
    for index, row in enumerate(history):
        row["Id"] = record_id("ContractHistory", index)
    return rows, history


def _changes(term: Term, number: int) -> list[Change]:
    changes: list[Change] = []
    seats, mrr = term.seats, term.mrr_cents
    for day, new_seats, new_mrr in term.changes:
        if new_seats != seats:
            changes.append((day, "Seats__c", str(seats), str(new_seats)))
        if new_mrr != mrr:
            changes.append((day, "MRR_USD__c", f"{mrr / 100:.2f}", f"{new_mrr / 100:.2f}"))
        seats, mrr = new_seats, new_mrr
    plan = term.plan
    for day, new_plan in term.plan_changes:
        changes.append((day, "Plan__c", PLANS[plan], PLANS[new_plan]))
        plan = new_plan
    delay = _CLERK_DELAY_DAYS * (1 + number % 5)
    if term.notice_day is not None:
        changes.append((term.notice_day + 0.4, "Notice_Date__c", None, date_of(term.notice_day).isoformat()))
    if term.ended_day is not None:
        changes.append((term.ended_day + delay, "Ended_Date__c", None, date_of(term.ended_day).isoformat()))
        changes.append((term.ended_day + delay, "Status", "Activated", "Cancelled"))
    elif term.is_renewed:
        changes.append((term.end_day + 0.01, "Status", "Activated", "Expired"))
    return changes


def _contract(term: Term, number: int, changes: list[Change]) -> dict[str, Any]:
    state: dict[str, str | None] = {}
    for _, what, _, after in changes:
        state[what] = after
    is_ended = "Ended_Date__c" in state
    modified = instant(max([term.created_day] + [day for day, *_ in changes]))
    notice_known = "Notice_Date__c" in state
    return {
        "Id": record_id("Contract", number), "AccountId": record_id("Account", term.account),
        "ContractNumber": f"{number + 100:08d}", "Status": state.get("Status", "Activated"),
        "StartDate": date_of(term.start_day), "EndDate": date_of(term.end_day), "ContractTerm": term.months,
        "Billing_Period__c": "monthly" if term.months == 1 else "annual",
        "MRR_USD__c": float(state.get("MRR_USD__c") or term.mrr_cents / 100),
        "Seats__c": int(state.get("Seats__c") or term.seats), "Plan__c": state.get("Plan__c", PLANS[term.plan]),
        "Renewed_From__c": record_id("Contract", term.previous) if term.previous is not None else None,
        "Notice_Date__c": date_of(term.notice_day) if notice_known and term.notice_day is not None else None,
        "Ended_Date__c": date_of(term.ended_day) if is_ended and term.ended_day is not None else None,
        "End_Reason__c": term.reason if is_ended else None,
        "CreatedDate": instant(term.created_day), "LastModifiedDate": modified, "SystemModstamp": modified,
    }  # fmt: skip
