"""The CRM: owners, accounts, contacts, opportunities and field history.

Belongs here: how sales writes the customers down. Does not belong here: contracts and their history
(``crm_contracts``), the customers themselves (``population``).
"""

from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import date_of, instant
from uam_platform.simulation.world.commerce import Book, Term
from uam_platform.simulation.world.names import FIRST_NAMES, LAST_NAMES, TITLES
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.population import FITS, INDUSTRIES, TIERS, Accounts
from uam_platform.simulation.world.salesforce_ids import record_id

ACCOUNTS_PER_OWNER = 40


def owners(accounts: Accounts) -> list[dict[str, Any]]:
    """Return the customer success managers, about one per 40 accounts and at least two."""
    rows = []
    for number in range(max(2, round(accounts.count / ACCOUNTS_PER_OWNER))):
        given = FIRST_NAMES[(number * 5 + 3) % len(FIRST_NAMES)]
        family = LAST_NAMES[(number * 11 + 2) % len(LAST_NAMES)]
        rows.append({
            "Id": record_id("User", number), "Name": f"{given} {family}", "IsActive": True,
            "Email": f"{given}.{family}{number}@acme.example".lower(),
            "CreatedDate": instant(-900 + number), "SystemModstamp": instant(-900 + number),
        })  # fmt: skip
    return rows


def account_rows(
    accounts: Accounts, days: int, owner_count: int, rng: np.random.Generator
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the account records as they stand at the end of the world, and the history of their fields."""
    rows: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    draws = rng.random((accounts.count, 4))
    who = rng.integers(0, owner_count, (accounts.count, 2))
    for index in range(accounts.count):
        started = float(accounts.start_day[index])
        created = min(started - 20 - 60 * draws[index, 0], days - 20.0)
        row = _account(accounts, index, created, int(who[index, 0]))
        for what, before, day in _account_changes(
            accounts, index, row, draws[index], int(who[index, 1]), days, created
        ):
            number = len(history)
            history.append({
                "Id": record_id("AccountHistory", number), "AccountId": row["Id"], "Field": what, "OldValue": before,
                "NewValue": row[what], "CreatedDate": instant(day),
            })  # fmt: skip
            row["LastModifiedDate"] = row["SystemModstamp"] = max(row["SystemModstamp"], instant(day))
        rows.append(row)
    history.sort(key=lambda each: (each["CreatedDate"], each["Id"]))
    return rows, history


def _account(accounts: Accounts, index: int, created: float, owner: int) -> dict[str, Any]:
    parent = int(accounts.parent[index])
    at = instant(created)
    return {
        "Id": record_id("Account", index), "Name": accounts.name[index],
        "ParentId": record_id("Account", parent) if parent >= 0 else None, "OwnerId": record_id("User", owner),
        "Type": "Customer", "Industry": INDUSTRIES[accounts.industry[index]],
        "NumberOfEmployees": int(accounts.employees[index]), "Tier__c": TIERS[accounts.tier[index]],
        "Strategic_Fit__c": FITS[accounts.fit[index]], "Product_Account_Id__c": accounts.account_id[index],
        "IsDeleted": False, "CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at,
    }  # fmt: skip


def _account_changes(
    accounts: Accounts, index: int, row: dict[str, Any], draw: Any, other: int, days: int, created: float
) -> list[tuple[str, str | None, float]]:
    changes: list[tuple[str, str | None, float]] = []
    day = max(created + 1.0, float(draw[3]) * (days - 1))
    former = record_id("User", other)
    if draw[1] < 0.08 and former != row["OwnerId"]:
        changes.append(("OwnerId", former, day))
    if draw[2] < 0.04 and accounts.tier[index] > 0:
        changes.append(("Tier__c", TIERS[accounts.tier[index] - 1], day))
    if row["ParentId"] is not None and draw[1] > 0.9:
        changes.append(("ParentId", None, day))
    return changes


def contacts(accounts: Accounts, people: People, days: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the people sales knows: admins mostly, others sometimes; addresses may be out of date."""
    chance = np.where(people.role == 0, 0.9, 0.45)
    known = (rng.random(people.count) < chance) & (people.join_day < days - 1)
    titles = rng.integers(0, len(TITLES), people.count)
    rows = []
    for person in np.flatnonzero(known):
        first, _, last = people.name[person].partition(" ")
        at = instant(max(float(people.join_day[person]), -700.0) + 0.5)
        rows.append({
            "Id": record_id("Contact", int(person)), "AccountId": record_id("Account", int(people.account[person])),
            "Email": people.email[person], "FirstName": first, "LastName": last, "Title": TITLES[titles[person]],
            "CreatedDate": at, "SystemModstamp": at, "IsDeleted": False,
        })  # fmt: skip
    return rows


def opportunities(
    accounts: Accounts, book: Book, days: int, account_records: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return one opportunity per new contract, per annual renewal that came into view and per seat expansion."""
    rows: list[dict[str, Any]] = []
    signed = {term.previous: term.created_day for term in book.terms if term.previous is not None}
    for number, term in enumerate(book.terms):
        owner = account_records[term.account]["OwnerId"]
        if term.previous is None:
            _deal(rows, term, owner, "New Business", term.created_day - 30, term.created_day, days, True)
        if term.months == 12:
            lost = term.notice_day if term.notice_day is not None else term.ended_day
            closed = signed.get(number) if lost is None else lost + 0.5
            won = None if closed is None else lost is None
            _deal(rows, term, owner, "Renewal", term.end_day - 90.0, closed or 0.0, days, won)
        for day, seats, _ in term.changes:
            if seats > term.seats:
                _deal(rows, term, owner, "Expansion", day - 15, day, days, True)
    return rows


def _deal(
    rows: list[dict[str, Any]],
    term: Term,
    owner: str,
    kind: str,
    opened: float,
    closed: float,
    days: int,
    won: bool | None,
) -> None:
    if opened >= days or (term.ended_day is not None and opened >= term.ended_day):
        return
    is_closed = closed < days and won is not None
    stage = ("Closed Won" if won else "Closed Lost") if is_closed else "Negotiation"
    modified = instant(closed if is_closed else opened)
    rows.append({
        "Id": record_id("Opportunity", len(rows)), "AccountId": record_id("Account", term.account),
        "Name": f"{kind} {date_of(term.start_day):%Y-%m}", "StageName": stage, "Amount": term.mrr_cents * 12 / 100,
        "CloseDate": date_of(int(closed) if is_closed else term.end_day), "Type": kind, "OwnerId": owner,
        "IsClosed": is_closed, "IsWon": bool(is_closed and won), "CreatedDate": instant(opened), "SystemModstamp": modified,
    })  # fmt: skip
