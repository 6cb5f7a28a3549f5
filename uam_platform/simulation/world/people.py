"""The people at the customers: roles, joins and leaves, e-mail addresses, devices, shared devices, second accounts.

Belongs here: who exists and what they log in with. Does not belong here: what they do (``activity``).
"""

import itertools
from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.cohorts import visible
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import CHAMPION_LEFT
from uam_platform.simulation.world.health import Health
from uam_platform.simulation.world.names import FIRST_NAMES, LAST_NAMES
from uam_platform.simulation.world.population import Accounts

ADMIN, MEMBER, VIEWER = 0, 1, 2
CUSTOMER, EMPLOYEE, BOT = 0, 1, 2
FOREVER = 1e9
_LEAVE_PER_DAY = 0.16 / 365


@dataclass(frozen=True)
class People:
    """One entry per person; days are fractional day numbers, ``FOREVER`` when something never happens.

    A person is at ``account`` until ``leave_day`` and at ``next_account`` (-1: none) from ``next_from_day`` until
    ``next_leave_day``; ``next_workspace`` names the workspace that came along, -1 for those of the next account. Staff of the
    vendor and robots (``kind``) never join. ``prospect_day``: looks around without a login from then until ``join_day``.
    """

    account: Array
    join_day: Array
    leave_day: Array
    role: Array
    later_role: Array
    role_change_day: Array
    email_change_day: Array
    weight: Array
    is_blocked: Array
    second_account: Array
    second_from_day: Array
    name: list[str]
    email: list[str]
    later_email: list[str]
    kind: Array
    last_role: Array
    last_role_day: Array
    prospect_day: Array
    next_account: Array
    next_workspace: Array
    next_from_day: Array
    next_leave_day: Array
    has_new_login: Array
    has_new_device: Array

    @property
    def count(self) -> int:
        """Number of people."""
        return len(self.account)

    def user_id(self, person: int) -> str:
        """Return the product's id of a person."""
        return f"svc_monitor_{person + 1:06d}" if self.kind[person] == BOT else f"u_{person + 1:06d}"

    def next_user_id(self, person: int) -> str:
        """Return the product's id of a person who was given a new login at the next account."""
        return f"u_{self.count + person + 1:06d}"

    def role_on(self, person: Array, day: Array) -> Array:
        """Return the role of each person on a day."""
        role = np.where(self.role_change_day[person] <= day, self.later_role[person], self.role[person])
        return np.where(self.last_role_day[person] <= day, self.last_role[person], role)

    def is_moved(self, person: Array, day: Array) -> Array:
        """Return whether each person is at the next account by a day."""
        return np.asarray(self.next_from_day[person] <= day)

    def is_at(self, person: Array, account: Array, day: Array) -> Array:
        """Return whether each person works at an account on a day: the first, the next or, as contractor, the second."""
        here = (self.account[person] == account) & (self.leave_day[person] > day)
        there = (
            (self.next_account[person] == account) & self.is_moved(person, day) & (self.next_leave_day[person] > day)
        )
        hired = (self.second_account[person] == account) & (self.second_from_day[person] <= day)
        return np.asarray((here | there | hired & (self.leave_day[person] > day)) & (self.join_day[person] <= day))

    def final_day(self, person: int) -> float:
        """Return the day on which a person leaves for good."""
        return float(self.next_leave_day[person] if self.next_account[person] >= 0 else self.leave_day[person])


@dataclass(frozen=True)
class Devices:
    """One entry per device; a person owns ``first[person]`` up to ``first + number`` and may borrow ``borrowed``.

    A device carries one anonymous id until ``rotate_day`` and another one afterwards: codes ``device`` and
    ``device + count``.
    """

    owner: Array
    kind: Array
    browser: Array
    is_sloppy: Array
    skew_us: Array
    prints_offset: Array
    rotate_day: Array
    first: Array
    number: Array
    borrowed: Array
    is_kiosk: Array
    anonymous_id: list[str]

    @property
    def count(self) -> int:
        """Number of devices."""
        return len(self.owner)


def make_people(
    accounts: Accounts, health: Health, horizon: int, vector: Difficulty, rng: np.random.Generator
) -> People:
    """Draw the people of every account, first admins first; champions that leave are followed by a successor."""
    account, join, first_of = _joins(accounts, horizon, rng)
    count = len(account)
    leave = join + rng.exponential(1 / _LEAVE_PER_DAY, count)
    role = rng.choice(3, count, p=[0.12, 0.63, 0.25])
    role[first_of] = ADMIN
    leave[first_of] = FOREVER
    weight = np.exp(rng.normal(0.0, 0.8, count))
    weight[first_of] *= 1.8
    successors = _champions(accounts, health, first_of, join, leave, role, vector, rng)
    account = np.concatenate([account, successors[0]])
    join = np.concatenate([join, successors[1]])
    extra = len(successors[0])
    leave = np.concatenate([leave, np.full(extra, FOREVER)])
    role = np.concatenate([role, np.full(extra, ADMIN)])
    weight = np.concatenate([weight, np.exp(rng.normal(0.3, 0.5, extra))])
    return _complete(accounts, account, join, leave, role, weight, horizon, vector, rng)


def _joins(accounts: Accounts, horizon: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    initial = 1 + rng.poisson(0.6 + 3.6 * accounts.size**0.75)
    span = np.maximum(0, horizon - accounts.start_day)
    later = rng.poisson(initial * 0.25 * span / 365.0)
    total = initial + later
    account = np.repeat(np.arange(accounts.count), total)
    first_of = np.concatenate([[0], np.cumsum(total)[:-1]]).astype(np.int64)
    rank = np.arange(len(account)) - first_of[account]
    start = accounts.start_day[account].astype(np.float64)
    early = start + rng.exponential(12.0, len(account))
    late = start + rng.random(len(account)) * np.maximum(1, horizon - start)
    join = np.where(rank < initial[account], early, late)
    join[first_of] = accounts.start_day + rng.random(accounts.count)
    return account, join, first_of


def _champions(
    accounts: Accounts,
    health: Health,
    first_of: Array,
    join: Array,
    leave: Array,
    role: Array,
    vector: Difficulty,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    champion = {account: int(first_of[account]) for account in range(accounts.count)}
    new_account: list[int] = []
    new_join: list[float] = []
    for index in np.flatnonzero(_shown(health.spell_cause == CHAMPION_LEFT, vector)):
        account, day = int(health.spell_account[index]), float(health.spell_onset_day[index])
        person = champion[account]
        joined = join[person] if person < len(join) else FOREVER
        if joined > day - 7:
            continue
        leave[person] = day
        champion[account] = len(join) + len(new_account)
        new_account.append(account)
        new_join.append(day + float(rng.uniform(14, 60)))
    return np.array(new_account, dtype=np.int64), np.array(new_join)


def _shown(spells: Array, vector: Difficulty) -> Array:
    """Return the spells in which the champion is really seen to leave: all, unless behaviour shows less than all harm."""
    lot = np.arange(len(spells)) * 7919 % 1000 / 1000.0
    return np.asarray(spells & (lot < visible(vector)))


def _complete(
    accounts: Accounts, account: Array, join: Array, leave: Array, role: Array, weight: Array,
    horizon: int, vector: Difficulty, rng: np.random.Generator,
) -> People:  # fmt: skip
    count = len(account)
    changes_role = rng.random(count) < 0.10
    changes_email = rng.random(count) < 0.02
    second = np.where(rng.random(count) < vector.contractor_share, rng.integers(0, accounts.count, count), -1)
    second[second == account] = -1
    names, emails, later_emails = _identities(accounts, account, rng)
    when = rng.uniform(0, max(1, horizon), (3, count))
    return People(
        account=account,
        join_day=join,
        leave_day=leave,
        role=role,
        later_role=np.where(role == MEMBER, np.where(rng.random(count) < 0.7, ADMIN, VIEWER), MEMBER),
        role_change_day=np.where(changes_role & (when[0] > join), when[0], FOREVER),
        email_change_day=np.where(changes_email & (when[1] > join), when[1], FOREVER),
        weight=weight * np.array([1.2, 1.0, 0.45])[role],
        is_blocked=rng.random(count) < vector.blocked_people_share,
        second_account=second,
        second_from_day=np.maximum(when[2], join),
        name=names,
        email=emails,
        later_email=later_emails,
        kind=np.full(count, CUSTOMER),
        last_role=role.copy(),
        last_role_day=np.full(count, FOREVER),
        prospect_day=np.full(count, FOREVER),
        next_account=np.full(count, -1),
        next_workspace=np.full(count, -1),
        next_from_day=np.full(count, FOREVER),
        next_leave_day=np.full(count, FOREVER),
        has_new_login=np.zeros(count, dtype=bool),
        has_new_device=np.zeros(count, dtype=bool),
    )


def _identities(accounts: Accounts, account: Array, rng: np.random.Generator) -> tuple[list[str], list[str], list[str]]:
    first = rng.integers(0, len(FIRST_NAMES), len(account))
    last = rng.integers(0, len(LAST_NAMES), len(account))
    other = rng.integers(0, len(LAST_NAMES), len(account))
    names, emails, later = [], [], []
    for person, where in enumerate(account):
        given, family = FIRST_NAMES[first[person]], LAST_NAMES[last[person]]
        domain = accounts.domain[where]
        names.append(f"{given} {family}")
        emails.append(f"{given}.{family}{person}@{domain}".lower())
        later.append(f"{given}.{LAST_NAMES[other[person]]}{person}b@{domain}".lower())
    return names, emails, later


def make_devices(people: People, horizon: int, vector: Difficulty, rng: np.random.Generator) -> Devices:
    """Draw one to four devices per person; some people also log in on the first device of a colleague."""
    number = rng.choice([1, 2, 3, 4], people.count, p=[0.52, 0.33, 0.12, 0.03])
    owner = np.repeat(np.arange(people.count), number)
    first = np.concatenate([[0], np.cumsum(number)[:-1]]).astype(np.int64)
    count = len(owner)
    is_first = np.zeros(count, dtype=bool)
    is_first[first] = True
    kind = np.where(is_first, 0, rng.choice(3, count, p=[0.3, 0.6, 0.1]))
    is_skewed = rng.random(count) < vector.skewed_device_share
    far = np.exp(rng.normal(6.5, 2.0, count)) * rng.choice([-1, 1], count)
    seconds = np.where(is_skewed, np.clip(far, -3 * 86_400, 3 * 86_400), rng.normal(0, 1.2, count))
    rotates = rng.random(count) < 0.12
    rotate_day = np.where(rotates, rng.uniform(0, max(1, horizon), count), FOREVER)
    return Devices(
        owner=owner,
        kind=kind,
        browser=rng.choice(4, count, p=[0.6, 0.17, 0.08, 0.15]),
        is_sloppy=rng.random(count) < vector.sloppy_client_share,
        skew_us=(seconds * 1_000).astype(np.int64) * 1_000,
        prints_offset=(kind > 0) & (rng.random(count) < 0.4),
        rotate_day=np.where(people.has_new_device[owner], people.next_from_day[owner], rotate_day),
        first=first,
        number=number,
        borrowed=_borrowed(people, first, vector, rng),
        is_kiosk=np.zeros(count, dtype=bool),
        anonymous_id=_anonymous_ids(2 * count, rng),
    )


def _borrowed(people: People, first: Array, vector: Difficulty, rng: np.random.Generator) -> Array:
    borrowed = np.full(people.count, -1, dtype=np.int64)
    borrows = (rng.random(people.count) < vector.shared_people_share) & (people.kind == CUSTOMER)
    order = np.argsort(people.account, kind="stable")
    for left, right in itertools.pairwise(order):
        if borrows[right] and people.account[left] == people.account[right] and borrowed[left] < 0:
            borrowed[right] = first[left]
    return borrowed


def _anonymous_ids(count: int, rng: np.random.Generator) -> list[str]:
    raw = rng.bytes(16 * count).hex()
    ids = []
    for at in range(0, 32 * count, 32):
        part = raw[at : at + 32]
        ids.append(f"{part[:8]}-{part[8:12]}-{part[12:16]}-{part[16:20]}-{part[20:]}")
    return ids
