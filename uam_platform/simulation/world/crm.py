"""The CRM: owners, accounts, contacts and the history of account fields.

Belongs here: how sales writes the customers down. Does not belong here: contracts and their history (``crm_contracts``), deals
(``crm_deals``), the customers themselves (``population``, ``affairs``).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from uam_platform.simulation.world.affairs import ALWAYS, MERGED, Affairs
from uam_platform.simulation.world.clock import Array, instant
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.names import FIRST_NAMES, LAST_NAMES, TITLES
from uam_platform.simulation.world.people import ADMIN, CUSTOMER, FOREVER, People
from uam_platform.simulation.world.population import FITS, INDUSTRIES, TIERS, Accounts
from uam_platform.simulation.world.salesforce_ids import record_id

ACCOUNTS_PER_OWNER = 40
_LONGEST_VACANCY_DAYS = 5.0
_OWNER_CHANGES, _TIER_CHANGES, _TIER_CHANGES_TWICE = 0.08, 0.04, 0.01

Step = tuple[float, str, str | None]
"""Day, field, new value of one change of an account record."""


@dataclass(frozen=True)
class Roster:
    """The account owners: the day each one leaves, and per account who owns it from when, oldest first."""

    leave_day: Array
    lines: tuple[tuple[tuple[float, int], ...], ...]

    def owner(self, account: int, day: float) -> int:
        """Return who owns an account on a day."""
        return [owner for since, owner in self.lines[account] if since <= day][-1]


def make_roster(accounts: Accounts, days: int, vector: Difficulty, rng: np.random.Generator) -> Roster:
    """Draw owners, about one per 40 accounts and at least two; who leaves hands over within days to who stays."""
    count = max(2, round(accounts.count / ACCOUNTS_PER_OWNER))
    leave = rng.uniform(1, days, count)
    stays = rng.random(count) >= vector.owner_leaves_per_year * days / 364
    stays[0] = True
    leave = np.where(stays, FOREVER, leave)
    keepers = np.flatnonzero(stays)
    first, other = rng.integers(0, count, (2, accounts.count))
    changes, day = rng.random(accounts.count) < _OWNER_CHANGES, rng.uniform(1, days, accounts.count)
    heir, vacancy = rng.choice(keepers, accounts.count), rng.uniform(0.05, _LONGEST_VACANCY_DAYS, accounts.count)
    lines = []
    for account in range(accounts.count):
        line = [(ALWAYS, int(first[account]))]
        if changes[account] and day[account] < min(leave[first[account]], leave[other[account]]):
            line.append((float(day[account]), int(other[account])))
        if leave[line[-1][1]] < days:
            line.append((float(leave[line[-1][1]] + vacancy[account]), int(heir[account])))
        lines.append(tuple(line))
    return Roster(leave, tuple(lines))


def owners(roster: Roster, days: int) -> list[dict[str, Any]]:
    """Return the owners as CRM users; who has left is inactive."""
    rows = []
    for number, leaves in enumerate(roster.leave_day):
        given = FIRST_NAMES[(number * 5 + 3) % len(FIRST_NAMES)]
        family = LAST_NAMES[(number * 11 + 2) % len(LAST_NAMES)]
        rows.append({
            "Id": record_id("User", number), "Name": f"{given} {family}", "IsActive": bool(leaves >= days),
            "Email": f"{given}.{family}{number}@acme.example".lower(), "CreatedDate": instant(-900 + number),
            "SystemModstamp": instant(float(leaves) if leaves < days else -900 + number),
        })  # fmt: skip
    return rows


def account_rows(
    accounts: Accounts, affairs: Affairs, roster: Roster, days: int, rng: np.random.Generator
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the account records as they stand at the end of the world, and the history of their fields."""
    rows: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    draws = rng.random((accounts.count, 4))
    merged = {affair.account: float(affair.day) for affair in affairs.takeovers if affair.kind == MERGED}
    for index in range(accounts.count):
        created = min(float(accounts.start_day[index]) - 20 - 60 * draws[index, 0], days - 20.0)
        row = _account(accounts, affairs, roster, index, created)
        steps = [
            *_owner_steps(roster, index), *_parent_steps(affairs, index), *_tier_steps(accounts, row, index, draws, days)
        ]  # fmt: skip
        for day, what, value in sorted(step for step in steps if created < step[0] < days):
            _change(row, history, day, what, value)
        if merged.get(index, days) < days:
            row |= {"IsDeleted": True, "Type": "Merged"}
            row["LastModifiedDate"] = row["SystemModstamp"] = instant(merged[index])
        rows.append(row)
    history.sort(key=lambda each: (each["CreatedDate"], each["AccountId"], each["Field"]))
    for number, each in enumerate(history):
        each["Id"] = record_id("AccountHistory", number)
    return rows, history


def _account(accounts: Accounts, affairs: Affairs, roster: Roster, index: int, created: float) -> dict[str, Any]:
    parent = [parent for since, parent in affairs.parents[index] if since <= created][-1]
    at = instant(created)
    return {
        "Id": record_id("Account", index), "Name": accounts.name[index],
        "ParentId": _account_id(parent), "OwnerId": record_id("User", roster.owner(index, created)),
        "Type": "Customer", "Industry": INDUSTRIES[accounts.industry[index]],
        "NumberOfEmployees": int(accounts.employees[index]), "Tier__c": TIERS[accounts.tier[index]],
        "Strategic_Fit__c": FITS[accounts.fit[index]], "Product_Account_Id__c": accounts.account_id[index],
        "IsDeleted": False, "CreatedDate": at, "LastModifiedDate": at, "SystemModstamp": at,
    }  # fmt: skip


def _account_id(account: int) -> str | None:
    return record_id("Account", account) if account >= 0 else None


def _change(row: dict[str, Any], history: list[dict[str, Any]], day: float, what: str, value: str | None) -> None:
    if row[what] == value:
        return
    at = instant(day)
    history.append({"AccountId": row["Id"], "Field": what, "OldValue": row[what], "NewValue": value, "CreatedDate": at})
    row[what] = value
    row["LastModifiedDate"] = row["SystemModstamp"] = at


def _owner_steps(roster: Roster, index: int) -> list[Step]:
    return [(since, "OwnerId", record_id("User", owner)) for since, owner in roster.lines[index][1:]]


def _parent_steps(affairs: Affairs, index: int) -> list[Step]:
    return [(since, "ParentId", _account_id(parent)) for since, parent in affairs.parents[index][1:]]


def _tier_steps(accounts: Accounts, row: dict[str, Any], index: int, draws: Array, days: int) -> list[Step]:
    """Return tier changes; the record begins one tier lower, or rises for a while and falls back."""
    tier, draw, day = int(accounts.tier[index]), float(draws[index, 2]), float(draws[index, 3]) * (days - 1)
    if draw < _TIER_CHANGES_TWICE and tier < len(TIERS) - 1:
        return [(day * 0.5, "Tier__c", TIERS[tier + 1]), (day, "Tier__c", TIERS[tier])]
    if draw < _TIER_CHANGES and tier > 0:
        row["Tier__c"] = TIERS[tier - 1]
        return [(max(day, float(accounts.start_day[index]) + 1), "Tier__c", TIERS[tier])]
    return []


def contacts(
    accounts: Accounts, people: People, affairs: Affairs, days: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return the people sales knows: admins mostly, others sometimes; addresses may be out of date."""
    leads = (people.role == ADMIN) | (people.prospect_day < FOREVER)
    known = (rng.random(people.count) < np.where(leads, 0.9, 0.45)) & (people.join_day < days - 1)
    known &= people.kind == CUSTOMER
    titles = rng.integers(0, len(TITLES), people.count)
    merged = {affair.account: affair for affair in affairs.takeovers if affair.kind == MERGED and affair.day < days}
    rows = []
    for person in np.flatnonzero(known):
        first, _, last = people.name[person].partition(" ")
        at = instant(max(float(people.join_day[person]), -700.0) + 0.5)
        account = int(people.account[person])
        affair = merged.get(account)
        rows.append({
            "Id": record_id("Contact", int(person)), "AccountId": record_id("Account", affair.other if affair else account),
            "Email": people.email[person], "FirstName": first, "LastName": last, "Title": TITLES[titles[person]],
            "CreatedDate": at, "SystemModstamp": max(at, instant(affair.day)) if affair else at, "IsDeleted": False,
        })  # fmt: skip
    return rows
