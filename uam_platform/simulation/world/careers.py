"""What changes in a working life: trials, roles that change twice, moves to another company, and those who are no customers.

Belongs here: changes to the people that ``people`` drew, and the staff and robots beside them. Does not belong here: what
happens between companies (``affairs``), visits (``sessions``).
"""

from dataclasses import replace

import numpy as np

from uam_platform.simulation.world.affairs import NEVER, SPLIT, Affair, Affairs
from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.names import FIRST_NAMES, LAST_NAMES
from uam_platform.simulation.world.people import ADMIN, BOT, CUSTOMER, EMPLOYEE, FOREVER, MEMBER, VIEWER, People
from uam_platform.simulation.world.population import Accounts

VENDOR_DOMAIN = "acme.example"
_FOLLOW_SHARE, _SPLIT_SHARE, _NEW_ADDRESS_SHARE = 0.8, 0.4, 0.5
_NEW_LOGIN_SHARE, _KEEPS_DEVICE_SHARE = 0.5, 0.4
_SEARCHES_BEFORE_TRIAL_DAYS = 10.0


def first_people(people: People, count: int) -> Array:
    """Return the first person of each account: its first admin."""
    found = np.zeros(count, dtype=np.int64)
    accounts, first = np.unique(people.account, return_index=True)
    found[accounts] = first
    return found


def live_careers(
    people: People, accounts: Accounts, affairs: Affairs, horizon: int, vector: Difficulty, rng: np.random.Generator
) -> People:
    """Return the people with trials, second role changes and moves between companies; arrays of ``people`` are written to."""
    people = _with_trials(people, accounts, affairs, rng)
    people = _with_second_roles(people, horizon, vector, rng)
    people = _change_jobs(people, accounts, horizon, vector, rng)
    for affair in (*affairs.takeovers, *affairs.splits):
        _follow(people, accounts, affair, rng)
    return people


def _with_trials(people: People, accounts: Accounts, affairs: Affairs, rng: np.random.Generator) -> People:
    first = first_people(people, accounts.count)
    on_trial = np.flatnonzero(affairs.trial_day < NEVER)
    person = first[on_trial]
    join, role, later = people.join_day.copy(), people.role.copy(), people.later_role.copy()
    role_day, prospect = people.role_change_day.copy(), people.prospect_day.copy()
    begins = affairs.trial_day[on_trial].astype(np.float64)
    join[person] = begins + 0.3 + 0.5 * rng.random(len(person))
    prospect[person] = begins - rng.uniform(1.0, _SEARCHES_BEFORE_TRIAL_DAYS, len(person))
    role[person], later[person], role_day[person] = MEMBER, ADMIN, accounts.start_day[on_trial]
    return replace(people, join_day=join, prospect_day=prospect, role=role, later_role=later, role_change_day=role_day)


def _with_second_roles(people: People, horizon: int, vector: Difficulty, rng: np.random.Generator) -> People:
    again = (rng.random(people.count) < vector.repeated_role_share) & (people.join_day < horizon - 28)
    start = np.maximum(people.join_day, 0.0)
    early = start + rng.random(people.count) * (horizon - start) * 0.5
    first = np.where(again, np.minimum(people.role_change_day, early), people.role_change_day)
    first = np.where(people.prospect_day < FOREVER, people.role_change_day, first)  # a trial ends with the contract
    begin = np.maximum(first, 0.0)
    second = begin + 7 + rng.random(people.count) * np.maximum(1.0, horizon - begin - 7)
    last = np.where(people.later_role == ADMIN, MEMBER, np.where(people.later_role == VIEWER, MEMBER, ADMIN))
    return replace(
        people,
        role_change_day=first,
        last_role=np.where(again, last, people.last_role),
        last_role_day=np.where(again, second, FOREVER),
    )


def _change_jobs(
    people: People, accounts: Accounts, horizon: int, vector: Difficulty, rng: np.random.Generator
) -> People:
    leaves = (people.leave_day > 0) & (people.leave_day < horizon - 14) & (people.second_account < 0)
    moves = np.flatnonzero(leaves & (rng.random(people.count) < vector.job_change_share))
    where = rng.integers(0, accounts.count, len(moves))
    since = people.leave_day[moves] + rng.uniform(10, 45, len(moves))
    fine = (where != people.account[moves]) & (accounts.start_day[where] < since)
    moves, where, since = moves[fine], where[fine], since[fine]
    people.next_account[moves], people.next_from_day[moves] = where, since
    people.next_leave_day[moves] = FOREVER
    people.email_change_day[moves] = since
    people.has_new_login[moves] = rng.random(len(moves)) < _NEW_LOGIN_SHARE
    people.has_new_device[moves] = rng.random(len(moves)) >= _KEEPS_DEVICE_SHARE
    for person, account in zip(moves, where, strict=True):
        people.later_email[person] = _address(people, accounts, int(person), int(account))
    return people


def _address(people: People, accounts: Accounts, person: int, account: int) -> str:
    given, _, family = people.name[person].partition(" ")
    return f"{given}.{family}{person}@{accounts.domain[account]}".lower()


def _follow(people: People, accounts: Accounts, affair: Affair, rng: np.random.Generator) -> None:
    """Move people with a company that is taken over, or into one that is split off."""
    is_split = affair.kind == SPLIT
    source, target = (affair.other, affair.account) if is_split else (affair.account, affair.other)
    here = (people.account == source) & (people.join_day < affair.day) & (people.leave_day > affair.day)
    present = np.flatnonzero(here & (people.next_account < 0))
    share = _SPLIT_SHARE if is_split else _FOLLOW_SHARE
    goes = rng.random(len(present)) < share
    renamed = rng.random(len(present)) < _NEW_ADDRESS_SHARE
    movers = present[goes]
    people.next_account[movers], people.next_from_day[movers] = target, affair.day
    people.next_workspace[movers] = 2 * source + int(is_split)
    people.next_leave_day[movers] = people.leave_day[movers]
    people.leave_day[movers] = affair.day
    if not is_split:
        people.leave_day[present[~goes]] = affair.day
    for person in present[goes & renamed]:
        people.email_change_day[person] = affair.day + rng.uniform(0, 60)
        people.later_email[person] = _address(people, accounts, int(person), target)


def add_outsiders(people: People, accounts: Accounts, vector: Difficulty, rng: np.random.Generator) -> People:
    """Return the people followed by the vendor's staff and by robots; to a customer's own life they never belong.

    They carry the account they are mostly seen at, but never join it (``join_day`` is ``FOREVER``).
    """
    staff = max(2, round(vector.staff_per_100_accounts * accounts.count / 100))
    watched = np.flatnonzero(rng.random(accounts.count) < vector.monitored_share)
    kind = np.concatenate([np.full(staff, EMPLOYEE), np.full(len(watched), BOT)])
    account = np.concatenate([np.arange(staff) % accounts.count, watched])
    given, family = rng.integers(0, len(FIRST_NAMES), staff), rng.integers(0, len(LAST_NAMES), staff)
    names = [f"{FIRST_NAMES[a]} {LAST_NAMES[b]}" for a, b in zip(given, family, strict=True)]
    emails = [f"{name.replace(' ', '.')}{number}@{VENDOR_DOMAIN}".lower() for number, name in enumerate(names)]
    names += ["Synthetic Monitor"] * len(watched)
    emails += [f"svc-monitor@{accounts.domain[each]}" for each in watched]
    return _extended(people, kind, account, names, emails)


def _extended(people: People, kind: Array, account: Array, names: list[str], emails: list[str]) -> People:
    extra = len(kind)
    fill = {
        "account": account, "kind": kind, "role": np.full(extra, VIEWER), "later_role": np.full(extra, VIEWER),
        "last_role": np.full(extra, VIEWER), "weight": np.zeros(extra), "second_account": np.full(extra, -1),
        "next_account": np.full(extra, -1), "next_workspace": np.full(extra, -1),
    }  # fmt: skip
    columns = {}
    for name in People.__dataclass_fields__:
        held = getattr(people, name)
        if isinstance(held, list):
            continue
        absent = np.zeros(extra, dtype=bool) if held.dtype == bool else np.full(extra, FOREVER)
        columns[name] = np.concatenate([held, fill.get(name, absent).astype(held.dtype)])
    return People(
        **columns, name=people.name + names, email=people.email + emails, later_email=people.later_email + emails
    )


def customers(people: People) -> Array:
    """Return which people belong to customers."""
    return np.asarray(people.kind == CUSTOMER)
