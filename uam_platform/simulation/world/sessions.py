"""Visits: who opens the product when, on which device, and the unattended runs of accounts that automate.

Belongs here: the draw of visits for a stretch of days. Does not belong here: what is done in a visit (``actions``).
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.clock import DAY_US, START_US, Array, calendar_weight
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.people import ADMIN, CUSTOMER, Devices, People
from uam_platform.simulation.world.population import Accounts

_DELIVERIES_PER_VISIT = 5.8
_MEAN_CALENDAR_WEIGHT = 0.76
_LARGEST_SHARE = 0.10
_ANONYMOUS_RETURN_SHARE = 0.14
_BORROW_SHARE = 0.45
_KIOSK_SHARE = 0.85
_SECOND_ACCOUNT_SHARE = 0.35


VISIT, RUN, PROSPECT, STAFF, PROBE = range(5)
"""Manners of a visit: work, an unattended run, a prospect without a login, the vendor's staff, a robot's check."""


@dataclass(frozen=True)
class Callers:
    """One entry per visit: who, at which account, when (``start_us`` is -1: office hours), and its manner."""

    person: Array
    account: Array
    day: Array
    manner: Array
    start_us: Array


@dataclass(frozen=True)
class Sessions:
    """One entry per visit or unattended run (``is_machine``); multipliers are those of its account and week.

    ``is_work`` marks visits in which somebody really does something: customers and the vendor's staff.

    ``visit_no`` counts the visits of an account that signed up during the world, from 0; -1 for all others.
    """

    person: Array
    account: Array
    workspace: Array
    day: Array
    start_us: Array
    device: Array
    anonymous: Array
    role: Array
    signs_in: Array
    is_known: Array
    is_first_on_device: Array
    is_machine: Array
    manner: Array
    is_work: Array
    signs_out_share: Array
    visit_no: Array
    channel: dict[str, Array]

    @property
    def count(self) -> int:
        """Number of visits and runs."""
        return len(self.person)


class Visits:
    """Draws visits for stretches of days in order; it remembers which anonymous ids were seen before."""

    def __init__(
        self, accounts: Accounts, people: People, devices: Devices, channels: dict[str, Array], book_days: Array,
        split_day: Array, vector: Difficulty,
    ) -> None:  # fmt: skip
        """``book_days`` (accounts x days): the product can be used; ``split_day``: the second workspace is gone."""
        self.accounts, self.people, self.devices = accounts, people, devices
        self.channels, self.is_open, self.split_day = channels, book_days, split_day
        self._visits_so_far = np.zeros(accounts.count, dtype=np.int64)
        self.seen = np.zeros(2 * devices.count, dtype=bool)
        self._signed_in = np.zeros(2 * devices.count, dtype=bool)
        budget = _budget(accounts, vector)
        self._visit_rate = _person_rates(
            accounts, people, budget / (_DELIVERIES_PER_VISIT * _MEAN_CALENDAR_WEIGHT), book_days.shape[1]
        )
        self._run_rate = 0.5 * budget * np.maximum(accounts.scheduled_share, 0.04)
        own = np.flatnonzero(people.kind == CUSTOMER)
        self._people_of = np.bincount(people.account[own], minlength=accounts.count)
        self._by_account = own[np.argsort(people.account[own], kind="stable")]
        self._movers = np.flatnonzero(people.next_account >= 0)
        self._first_of = np.concatenate([[0], np.cumsum(self._people_of)[:-1]]).astype(np.int64)

    def draw(self, first_day: int, last_day: int, others: Callers, rng: np.random.Generator) -> Sessions:
        """Return the visits that start in ``[first_day, last_day)`` by person and day, then the runs, then ``others``."""
        visits = self._visitors(first_day, last_day, rng)
        runs = self._runs(first_day, last_day, rng)
        manner = np.repeat([VISIT, RUN], [len(visits[0]), len(runs[0])])
        parts = zip(visits, runs, (others.person, others.account, others.day), strict=True)
        person, account, day = (np.concatenate(columns) for columns in parts)
        manner = np.concatenate([manner, others.manner])
        sessions = self._complete(person, account, day, manner, rng)
        fixed = np.concatenate([np.full(len(manner) - len(others.day), -1), others.start_us])
        np.copyto(sessions.start_us, fixed, where=fixed >= 0)
        return sessions

    def _visitors(self, first_day: int, last_day: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        people, days = self.people, np.arange(first_day, last_day)
        rate = self._visit_rate[:, None] * calendar_weight(first_day, last_day)[None, :]
        mood = self.channels["sessions"][days // 7]
        rate *= mood[:, people.account].T
        rate *= self.is_open[people.account, first_day:last_day]
        rate *= (people.join_day[:, None] <= days) & (people.leave_day[:, None] > days)
        rate[self._movers] += self._elsewhere(days, mood, calendar_weight(first_day, last_day))
        number = rng.poisson(rate)
        who, when = np.nonzero(number)
        times = number[who, when]
        person, day = np.repeat(who, times), np.repeat(days[when], times)
        return person, self._account_of(person, day, rng), day

    def _elsewhere(self, days: Array, mood: Array, calendar: Array) -> Array:
        """Return the visit rates (movers x days) at the next account."""
        people, movers = self.people, self._movers
        account = people.next_account[movers]
        there = (people.next_from_day[movers, None] <= days) & (people.next_leave_day[movers, None] > days)
        there &= self.is_open[account, days[0] : days[-1] + 1]
        return np.asarray(self._visit_rate[movers, None] * calendar * mood[:, account].T * there)

    def _account_of(self, person: Array, day: Array, rng: np.random.Generator) -> Array:
        people = self.people
        account = np.where(people.is_moved(person, day), people.next_account[person], people.account[person])
        second = people.second_account[person]
        elsewhere = (
            (second >= 0) & (day >= people.second_from_day[person]) & (rng.random(len(person)) < _SECOND_ACCOUNT_SHARE)
        )
        elsewhere &= self.is_open[second, day]
        return np.where(elsewhere, second, account)

    def _runs(self, first_day: int, last_day: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        people, days = self.people, np.arange(first_day, last_day)
        rate = self._run_rate[:, None] * self.channels["scheduled"][days // 7].T * self.is_open[:, first_day:last_day]
        number = rng.poisson(rate)
        where, when = np.nonzero(number)
        times = number[where, when]
        account, day = np.repeat(where, times), np.repeat(days[when], times)
        place = np.floor(rng.random(len(account)) ** 2 * self._people_of[account]).astype(np.int64)
        person = self._by_account[self._first_of[account] + place]
        present = (people.join_day[person] <= day) & (people.leave_day[person] > day)
        return person[present], account[present], day[present]

    def _complete(self, person: Array, account: Array, day: Array, manner: Array, rng: np.random.Generator) -> Sessions:
        people, count = self.people, len(person)
        is_machine = manner == RUN
        start = START_US + day * DAY_US + _clock_time(self.accounts.offset_min[account], is_machine, rng)
        device, is_borrowed = self._device(person, day, rng)
        turned = (self.devices.rotate_day[device] <= day) & ~is_machine
        anonymous = np.where(is_machine, -1, device + np.where(turned, self.devices.count, 0))
        self.seen[anonymous[anonymous >= 0]] = True
        is_first = self._first_sign_in(np.where(manner == PROSPECT, -1, anonymous), start)
        is_shared = is_borrowed | np.isin(device, people_devices(people, self.devices))
        signs_in = ~is_machine & (is_first | is_shared | (rng.random(count) < 0.35))
        is_known = signs_in | is_machine | (rng.random(count) >= _ANONYMOUS_RETURN_SHARE) | (manner == STAFF)
        looks = manner == PROSPECT
        signs_in, is_known = signs_in & ~looks, (is_known & ~looks) | (manner == PROBE)
        role = np.where(manner == STAFF, ADMIN, people.role_on(person, day))
        is_work = (manner == VISIT) | (manner == STAFF)
        week = day // 7
        return Sessions(
            person, account, self._workspace(person, account, day, rng), day, start, device, anonymous, role, signs_in,
            is_known, is_first, is_machine, manner, is_work, np.where(self.devices.is_kiosk[device], 0.9, 0.35),
            self._visit_no(account, start, manner != VISIT), {name: values[week, account] for name, values in self.channels.items()},
        )  # fmt: skip

    def _workspace(self, person: Array, account: Array, day: Array, rng: np.random.Generator) -> Array:
        """Return workspace codes: 2 x account, one more for the second; a workspace that came along keeps its code."""
        people = self.people
        has_two = self.accounts.has_two_workspaces[account] & (day < self.split_day[account])
        own = account * 2 + (has_two & (rng.random(len(person)) < 0.3))
        brought = people.next_workspace[person]
        uses = (brought >= 0) & people.is_moved(person, day) & (account == people.next_account[person])
        return np.where(uses, brought, own)

    def _device(self, person: Array, day: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        devices = self.devices
        place = np.floor(rng.random(len(person)) ** 2.5 * devices.number[person]).astype(np.int64)
        own = devices.first[person] + place
        borrowed = devices.borrowed[person]
        share = np.where(devices.is_kiosk[borrowed], _KIOSK_SHARE, _BORROW_SHARE)
        is_borrowed = (borrowed >= 0) & (rng.random(len(person)) < share) & ~self.people.is_moved(person, day)
        return np.where(is_borrowed, borrowed, own), is_borrowed

    def _first_sign_in(self, anonymous: Array, start: Array) -> Array:
        """Return which visits are the first on an anonymous id that nobody signed in on before."""
        first = np.zeros(len(anonymous), dtype=bool)
        fresh = np.flatnonzero((anonymous >= 0) & ~self._signed_in[anonymous])
        order = fresh[np.lexsort((start[fresh], anonymous[fresh]))]
        ordered = anonymous[order]
        is_new = np.ones(len(order), dtype=bool)
        is_new[1:] = ordered[1:] != ordered[:-1]
        first[order[is_new]] = True
        self._signed_in[ordered] = True
        return first

    def _visit_no(self, account: Array, start: Array, is_other: Array) -> Array:
        number = np.full(len(account), -1, dtype=np.int64)
        human = np.flatnonzero(~is_other & (self.accounts.start_day[account] >= 0))
        order = human[np.lexsort((start[human], account[human]))]
        where = account[order]
        first = np.searchsorted(where, where)
        number[order] = self._visits_so_far[where] + np.arange(len(order)) - first
        self._visits_so_far += np.bincount(where, minlength=self.accounts.count)
        return number


def people_devices(people: People, devices: Devices) -> Array:
    """Return the devices on which more than one person logs in."""
    return np.unique(devices.borrowed[devices.borrowed >= 0])


def _budget(accounts: Accounts, vector: Difficulty) -> Array:
    share = accounts.size**0.85
    share = np.minimum(share / share.sum(), max(_LARGEST_SHARE, 3.0 / accounts.count))
    return np.asarray(vector.events_per_account_day * accounts.count * share / share.sum())


def _person_rates(accounts: Accounts, people: People, visits: Array, horizon: int) -> Array:
    start = np.maximum(accounts.start_day[people.account], 0)
    leave = np.where(people.next_workspace >= 0, people.next_leave_day, people.leave_day)
    present = np.minimum(leave, horizon) - np.maximum(people.join_day, start)
    share = np.clip(present / np.maximum(1, horizon - start), 0.0, 1.0)
    total = np.bincount(people.account, weights=people.weight * share, minlength=accounts.count)
    return np.asarray(people.weight * visits[people.account] / np.maximum(total, 0.3)[people.account])


def _clock_time(offset_min: Array, is_machine: Array, rng: np.random.Generator) -> Array:
    count = len(offset_min)
    morning = rng.random(count) < 0.55
    hour = np.where(morning, rng.normal(10.2, 1.5, count), rng.normal(14.8, 1.9, count))
    hour = np.where(is_machine, rng.integers(2, 7, count) + rng.random(count) * 0.05, np.clip(hour, 5.5, 22.5))
    return ((hour * 60 - offset_min) * 60_000_000).astype(np.int64)
