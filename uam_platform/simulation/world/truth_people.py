"""Who really is who and who belongs where: people, memberships, shared devices, kinds of people, hierarchy, affairs.

Belongs here: the printing of people and companies as truth tables. Does not belong here: health, churn, episodes (``truth``),
the truth of each delivery (``deliveries``).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from uam_platform.simulation.world.affairs import ALWAYS, NEVER, Affairs
from uam_platform.simulation.world.clock import Array, instant
from uam_platform.simulation.world.commerce import Book
from uam_platform.simulation.world.deliveries import person_id
from uam_platform.simulation.world.people import BOT, EMPLOYEE, FOREVER, Devices, People
from uam_platform.simulation.world.population import Accounts, workspace_ids
from uam_platform.simulation.world.product import ROLES

Row = dict[str, Any]
_KNOWN_SINCE_DAY = -900.0
_ROBOTS = {EMPLOYEE: "employee", BOT: "bot"}


def _window(first: float, last: float) -> Row:
    return {"valid_from": instant(first), "valid_to": instant(last) if last < FOREVER else None}


def people_truth(people: People, devices: Devices, seen: Array, days: int) -> list[Row]:
    """Return which identifier is whose and when; anonymous ids only if they were ever used, and for their owner."""
    rows: list[Row] = []
    for person in range(people.count):
        joined, left = _span(people, person)
        if joined >= days:
            continue
        base = {"person_id": person_id(person)}
        for kind, identifier, first, last in _identifiers(people, devices, person, seen, joined, left):
            if first < min(last, days):
                rows.append(base | {"identifier_kind": kind, "identifier": identifier} | _window(first, last))
    return rows


def _span(people: People, person: int) -> tuple[float, float]:
    if people.kind[person] in _ROBOTS:
        return _KNOWN_SINCE_DAY, FOREVER
    return float(people.join_day[person]), people.final_day(person)


def _identifiers(
    people: People, devices: Devices, person: int, seen: Array, joined: float, left: float
) -> Iterator[tuple[str, str, float, float]]:
    moved = float(people.email_change_day[person])
    has_new = bool(people.has_new_login[person])
    turned = float(people.next_from_day[person]) if has_new else FOREVER
    first_stay = float(people.leave_day[person]) if has_new else left
    yield "user_id", people.user_id(person), joined, first_stay
    if has_new:
        yield "user_id", people.next_user_id(person), turned, left
    yield "email", people.email[person], joined, min(left, moved)
    yield "email", people.later_email[person], moved, left
    looked = min(joined, float(people.prospect_day[person]))
    for device in range(devices.first[person], devices.first[person] + devices.number[person]):
        rotated = float(devices.rotate_day[device])
        for code, first, last in (
            (device, looked, min(left, rotated)),
            (device + devices.count, max(looked, rotated), left),
        ):
            if seen[code]:
                yield "anonymous_id", devices.anonymous_id[code], first, last


def membership_truth(accounts: Accounts, people: People, days: int) -> list[Row]:
    """Return role intervals of every person in every account; staff and robots belong to none."""
    rows: list[Row] = []
    for person in range(people.count):
        if people.join_day[person] >= days:
            continue
        roles = list(_roles(people, person))
        for account, since, until in _stays(people, person):
            base = {"person_id": person_id(person), "account_id": accounts.account_id[account]}
            for role, first, last in roles:
                begin, end = max(first, since), min(last, until)
                if begin < min(end, days):
                    rows.append(base | {"role": ROLES[role]} | _window(begin, end))
    return rows


def _roles(people: People, person: int) -> Iterator[tuple[int, float, float]]:
    first, second = float(people.role_change_day[person]), float(people.last_role_day[person])
    yield int(people.role[person]), -FOREVER, min(first, second)
    yield int(people.later_role[person]), first, second
    yield int(people.last_role[person]), second, FOREVER


def _stays(people: People, person: int) -> Iterator[tuple[int, float, float]]:
    joined, left = float(people.join_day[person]), float(people.leave_day[person])
    yield int(people.account[person]), joined, left
    if people.next_account[person] >= 0:
        yield int(people.next_account[person]), float(people.next_from_day[person]), people.final_day(person)
    if people.second_account[person] >= 0:
        yield int(people.second_account[person]), float(people.second_from_day[person]), people.final_day(person)


def shared_truth(people: People, devices: Devices, seen: Array) -> list[Row]:
    """Return owner and borrowers of every used anonymous id on which several people log in.

    A kiosk belongs to nobody; the first of its users stands as owner, so that every other user makes one pair.
    """
    rows: list[Row] = []
    written: set[tuple[int, int]] = set()
    for borrower in np.flatnonzero(devices.borrowed >= 0):
        device = int(devices.borrowed[borrower])
        owner = int(devices.owner[device])
        for code in (device, device + devices.count):
            if not seen[code]:
                continue
            for person in (owner, int(borrower)):
                if (code, person) not in written:
                    written.add((code, person))
                    rows.append({
                        "anonymous_id": devices.anonymous_id[code], "person_id": person_id(person),
                        "is_owner": person == owner,
                    })  # fmt: skip
    return rows


def person_kinds_truth(accounts: Accounts, people: People, devices: Devices, days: int) -> list[Row]:
    """Return what everybody is: customer, contractor, kiosk_user, employee of the vendor or bot."""
    on_kiosk = (devices.borrowed >= 0) & devices.is_kiosk[devices.borrowed]
    rows: list[Row] = []
    for person in range(people.count):
        kind = int(people.kind[person])
        if kind not in _ROBOTS and people.join_day[person] >= days:
            continue
        customer = "contractor" if people.second_account[person] >= 0 else "customer"
        name = _ROBOTS.get(kind, "kiosk_user" if on_kiosk[person] else customer)
        account = None if kind == EMPLOYEE else accounts.account_id[people.account[person]]
        rows.append({"person_id": person_id(person), "kind": name, "account_id": account})
    return rows


def hierarchy_truth(accounts: Accounts, affairs: Affairs, days: int) -> list[Row]:
    """Return workspace, account and parent with validity; a null ``valid_from`` means: as long as there are records."""
    moves = {(affair.account, 0): (affair.day, affair.other) for affair in affairs.takeovers}
    moves |= {(affair.other, 1): (affair.day, affair.account) for affair in affairs.splits}
    rows: list[Row] = []
    for index, spaces in enumerate(workspace_ids(accounts)):
        for number, workspace in enumerate(spaces):
            holders = _holders(index, *moves.get((index, number), (NEVER, index)))
            rows += [_place(accounts, workspace, *stay, days) for stay in _lines(affairs, holders) if stay[2] < days]
    return rows


def _lines(affairs: Affairs, holders: Iterator[tuple[int, float, float]]) -> Iterator[tuple[int, int, float, float]]:
    """Account, parent, first and last day of each stretch in which neither changes."""
    for account, first, last in holders:
        for parent, since, until in _parents(affairs, account):
            begin, end = max(first, since), min(last, until)
            if begin < end:
                yield account, parent, begin, end


def _place(accounts: Accounts, workspace: str, account: int, parent: int, begin: float, end: float, days: int) -> Row:
    return {
        "workspace_id": workspace, "account_id": accounts.account_id[account],
        "parent_account_id": accounts.account_id[parent] if parent >= 0 else None,
        "valid_from": instant(begin) if begin > ALWAYS else None, "valid_to": instant(end) if end < days else None,
    }  # fmt: skip


def _holders(account: int, day: float, other: int) -> Iterator[tuple[int, float, float]]:
    """Accounts that a workspace belongs to, one after the other."""
    yield account, ALWAYS, day
    if day < NEVER:
        yield other, day, NEVER


def _parents(affairs: Affairs, account: int) -> Iterator[tuple[int, float, float]]:
    line = affairs.parents[account]
    for step, (since, parent) in enumerate(line):
        yield parent, since, line[step + 1][0] if step + 1 < len(line) else NEVER


def account_event_truth(accounts: Accounts, book: Book, affairs: Affairs, days: int) -> list[Row]:
    """Return what happened to accounts before the end of the world, in order of time."""
    found = [
        (affair.account, affair.kind, affair.other, float(affair.day))
        for affair in (*affairs.takeovers, *affairs.splits)
    ]
    found += [
        (int(account), "trial_started", -1, float(affairs.trial_day[account]))
        for account in np.flatnonzero(affairs.trial_day < NEVER)
    ]
    known: set[int] = set()
    for term in book.terms:
        if term.previous is None and term.account in known:
            found.append((term.account, "reactivated", -1, float(term.start_day)))
        known.add(term.account)
        if term.previous is not None and book.terms[term.previous].final_plan != term.plan:
            found.append((term.account, "plan_changed", -1, float(term.start_day)))
        found += [(term.account, "plan_changed", -1, day) for day, _ in term.plan_changes]
    rows = [
        {
            "account_id": accounts.account_id[account], "kind": kind,
            "other_account_id": accounts.account_id[other] if other >= 0 else None, "at": instant(day),
        }
        for account, kind, other, day in found if day < days
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row["at"], row["account_id"], row["kind"]))
