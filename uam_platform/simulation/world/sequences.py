"""Courses of events with a meaning, planted.

S1 is set-up, S2 thinking of more seats, S3 a failed import that is reported, S4 failures that escalate and are followed by
less use.

Belongs here: where and when they are played, together with decoys (the right steps in a wrong order or too far apart). Does
not belong here: what a reader calls an occurrence. Ordinary activity contains the same events, so other occurrences come
about by chance, and a decoy may be completed by chance. S4 goes with broken workflows as far as behaviour shows harm.
"""

from dataclasses import dataclass, field

import numpy as np

from uam_platform.simulation.world.arranged import Calendar, Steps
from uam_platform.simulation.world.clock import DAY_US, SECOND_US, START_US, Array
from uam_platform.simulation.world.cohorts import visible
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.hidden_state import HiddenState
from uam_platform.simulation.world.product import EVENT_CODE

_IMPORTING = 1
_S2_WITHOUT_DRIVE, _S2_WITH_DRIVE, _S4_WITHOUT_HARM = 0.3, 0.7, 0.12
_S4_SHARE, _S4_LEAST_SEVERITY, _S4_LEAST_DAYS = 0.6, 0.5, 21
_DAMPED_WEEKS, _DAMPED_CORE, _DAMPED_SESSIONS = 3, 0.25, 0.8
MINUTE_US = 60 * SECOND_US


@dataclass
class Planting:
    """One play: instants in epoch microseconds; ``person`` -1 where the account is the scope, ``ticket`` -1 without one."""

    sequence: str
    account: int
    person: int
    first_us: int
    last_us: int
    is_decoy: bool
    ticket: int = -1


@dataclass
class Tickets:
    """Columns of tickets that are written in any case (see ``support_reasons.collect_reasons``)."""

    account: list[int] = field(default_factory=list)
    person: list[int] = field(default_factory=list)
    day: list[float] = field(default_factory=list)
    event: list[int] = field(default_factory=list)
    workflow: list[int] = field(default_factory=list)
    is_raised: list[bool] = field(default_factory=list)

    def add(self, account: int, person: int, at_us: int, workflow: int, is_raised: bool) -> int:
        """Add a ticket about a failed run and return its number."""
        self.account.append(account)
        self.person.append(person)
        self.day.append((at_us - START_US) / DAY_US)
        self.event.append(EVENT_CODE["import_failed" if workflow == _IMPORTING else "workflow_failed"])
        self.workflow.append(workflow)
        self.is_raised.append(is_raised)
        return len(self.account) - 1

    def columns(self) -> dict[str, Array]:
        """Return the columns as arrays."""
        count = len(self.account)
        return {
            "account": np.array(self.account, dtype=np.int64), "person": np.array(self.person, dtype=np.int64),
            "day": np.array(self.day, dtype=np.float64), "event": np.array(self.event, dtype=np.int64),
            "workflow": np.array(self.workflow, dtype=np.int64), "error": np.full(count, 0, dtype=np.int64),
            "is_raised": np.array(self.is_raised, dtype=bool),
        }  # fmt: skip


class Planner:
    """Plants all sequences into the steps and tickets of a world."""

    def __init__(
        self, calendar: Calendar, state: HiddenState, vector: Difficulty, steps: Steps, rng: np.random.Generator
    ) -> None:
        self.calendar, self.state, self.vector, self.steps, self.rng = calendar, state, vector, steps, rng
        self.plantings: list[Planting] = []
        self.tickets = Tickets()
        self.damped: list[tuple[int, int]] = []
        """(account, first week) in which an S4 cuts use."""

    def plant(self) -> None:
        """Plant S1 to S4."""
        count, rate = self.calendar.accounts.count, self.vector.sequences_per_year
        self._setups(*self._moments(np.full(count, rate)))
        self._growth(*self._moments(np.full(count, rate * _S2_WITHOUT_DRIVE)))
        self._growth(*self._driven())
        self._imports(*self._failing(rate))
        self._escalations()

    def _moments(self, rate: Array) -> tuple[Array, Array]:
        days = self.calendar.days
        account = np.repeat(np.arange(len(rate)), self.rng.poisson(rate * days / 364.0))
        return account, np.floor(self.rng.random(len(account)) * days).astype(np.int64)

    def _driven(self) -> tuple[Array, Array]:
        drives = self.state.drives
        share = _S2_WITH_DRIVE * min(1.0, self.vector.drive_gain)
        hit = np.flatnonzero(self.rng.random(len(drives.account)) < share)
        length = (drives.last_week[hit] - drives.first_week[hit]) * 7
        day = drives.first_week[hit] * 7 + np.floor(self.rng.random(len(hit)) * 0.5 * length)
        return drives.account[hit], day.astype(np.int64)

    def _failing(self, rate: float) -> tuple[Array, Array]:
        weeks = self.calendar.days // 7
        odds = self.state.channels["failure"][:weeks]
        week, account = np.nonzero(self.rng.poisson(rate / 52.0 * np.minimum(odds, 5.0)))
        return account, week * 7 + self.rng.integers(0, 5, len(week))

    def _is_decoy(self) -> tuple[bool, bool]:
        return bool(self.rng.random() < self.vector.decoy_share), bool(self.rng.random() < 0.5)

    def _play(
        self, account: int, plays: list[tuple[int, list[str]]], workflow: int = -1
    ) -> tuple[int, list[int]] | None:
        """Play visits (day, events) at one account; return the last visitor and the instants, or None if nobody is there."""
        where = np.full(len(plays), account)
        days = np.array([day for day, _ in plays])
        at = self.calendar.office_us(where, days, self.rng)
        people = self.calendar.person(where, (at - START_US) / DAY_US, self.rng)
        if (people < 0).any():
            return None
        instants: list[int] = []
        for (_, events), start, person in zip(plays, at, people, strict=True):
            gaps = np.cumsum(self.rng.integers(45, 400, len(events))) * SECOND_US
            taken = [(event, int(start + gap)) for event, gap in zip(events, gaps, strict=True)]
            self.steps.add(int(person), account, taken, workflow)
            instants += [at_us for _, at_us in taken]
        return int(people[-1]), instants

    def _note(self, sequence: str, account: int, played: tuple[int, list[int]] | None, is_decoy: bool) -> None:
        if played is not None:
            self.plantings.append(Planting(sequence, account, -1, played[1][0], played[1][-1], is_decoy))

    def _setups(self, account: Array, day: Array) -> None:
        for where, first in zip(account.tolist(), day.tolist(), strict=True):
            is_decoy, is_reversed = self._is_decoy()
            gap = int(self.rng.integers(1, 27)) + (33 if is_decoy and not is_reversed else 0)
            plays = [(first, ["setup_started"]), (first + gap, ["integration_connected", "report_generated"])]
            if is_decoy and is_reversed:
                plays = [(first, plays[1][1]), (first + gap, plays[0][1])]
            self._note("S1", where, self._play(where, plays), is_decoy)

    def _growth(self, account: Array, day: Array) -> None:
        names = ["pricing_viewed", "admin_invited", "seat_limit_reached"]
        for where, first in zip(account.tolist(), day.tolist(), strict=True):
            is_decoy, is_reversed = self._is_decoy()
            gaps = self.rng.integers(1, 13, 2)
            second, third = first + int(gaps[0]), first + int(gaps.sum()) + (32 if is_decoy and not is_reversed else 0)
            order = names[::-1] if is_decoy and is_reversed else names
            plays = [(on, [name]) for on, name in zip((first, second, third), order, strict=True)]
            self._note("S2", where, self._play(where, plays), is_decoy)

    def _imports(self, account: Array, day: Array) -> None:
        for where, first in zip(account.tolist(), day.tolist(), strict=True):
            is_decoy, is_reversed = self._is_decoy()
            played = self._play(where, [(first, ["import_attempted", "import_failed"])], _IMPORTING)
            if played is None:
                continue
            person, (begun, failed) = played
            wait = self.rng.uniform(0.03, 2.4)
            if is_decoy:
                wait = -self.rng.uniform(0.1, 1.2) if is_reversed else self.rng.uniform(3.5, 8.0)
            opened = self._ticket(where, person, failed + int(wait * DAY_US), _IMPORTING, False)
            if opened is not None:
                ends = sorted((begun, opened[1]))
                self.plantings.append(Planting("S3", where, person, ends[0], ends[1], is_decoy, opened[0]))

    def _ticket(self, account: int, person: int, at_us: int, workflow: int, is_raised: bool) -> tuple[int, int] | None:
        at_us = at_us // SECOND_US * SECOND_US
        day = np.array([(at_us - START_US) / DAY_US])
        if not 0 <= day[0] < self.calendar.days or not self.calendar.is_there(np.array([person]), day)[0]:
            return None
        if not self.calendar.paying[account, int(day[0])]:
            return None
        return self.tickets.add(account, person, at_us, workflow, is_raised), at_us

    def _escalations(self) -> None:
        for account, week, workflow in [*self._broken(), *self._unharmed()]:
            is_decoy, is_reversed = self._is_decoy()
            days = [week * 7 + 1, week * 7 + 3, week * 7 + 4]
            if is_decoy and not is_reversed:
                days = [week * 7 - 10, week * 7 - 3, week * 7 + 4]
            kind = (
                ["import_attempted", "import_failed"]
                if workflow == _IMPORTING
                else ["workflow_started", "workflow_failed"]
            )
            played = self._play(account, [(day, kind) for day in days], workflow)
            if played is None:
                continue
            first, third = played[1][1], played[1][-1]
            at_us = first - 2 * DAY_US if is_decoy and is_reversed else third + int(self.rng.uniform(5, 90)) * MINUTE_US
            opened = self._ticket(account, played[0], at_us, workflow, True)
            if opened is None:
                continue
            if not is_decoy:
                self.damped.append((account, week + 1))
            ends = sorted((first, opened[1] + 14 * DAY_US))
            self.plantings.append(Planting("S4", account, -1, ends[0], ends[1], is_decoy, opened[0]))

    def _broken(self) -> list[tuple[int, int, int]]:
        health, found = self.state.health, []
        workflows, days = self.state.breakage.of_spell, self.calendar.days
        for spell in np.flatnonzero(
            (workflows >= 0) & (health.spell_severity >= _S4_LEAST_SEVERITY) & ~health.is_older
        ):
            onset = int(health.spell_onset_day[spell])
            lots = self.rng.random(4)
            if health.spell_end_day[spell] - onset < _S4_LEAST_DAYS or onset < 28 or lots[0] >= _S4_SHARE:
                continue
            account, week = int(health.spell_account[spell]), onset // 7 + 1
            if lots[1] >= visible(self.vector):
                account, week = int(lots[2] * self.calendar.accounts.count), 5 + int(lots[3] * max(1, days // 7 - 9))
            if week * 7 < days - 25:
                found.append((account, week, int(workflows[spell])))
        return found

    def _unharmed(self) -> list[tuple[int, int, int]]:
        rate = np.full(self.calendar.accounts.count, self.vector.sequences_per_year * _S4_WITHOUT_HARM)
        account, day = self._moments(rate)
        week = np.maximum(day // 7, 5)
        return [(int(where), int(when), 0) for where, when in zip(account, week, strict=True)]


def damp(channels: dict[str, Array], damped: list[tuple[int, int]]) -> dict[str, Array]:
    """Return the channels with use cut for the weeks after an S4's ticket is raised."""
    core, sessions = channels["core"].copy(), channels["sessions"].copy()
    for account, week in damped:
        core[week : week + _DAMPED_WEEKS, account] *= np.float32(_DAMPED_CORE)
        sessions[week : week + _DAMPED_WEEKS, account] *= np.float32(_DAMPED_SESSIONS)
    return channels | {"core": core, "sessions": sessions}
