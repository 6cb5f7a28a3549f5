"""Visits that are arranged beforehand: who comes when and does what in which order.

Belongs here: the list of arranged steps, who can take them, and their turning into visits and rows of one stretch. Does not
belong here: which steps make which sequence (``sequences``) or pattern (``patterns``). An arranged visit is otherwise like
any other: its visitor also does what visitors do.
"""

from dataclasses import dataclass, field

import numpy as np

from uam_platform.simulation.world.clock import DAY_US, SECOND_US, START_US, Array
from uam_platform.simulation.world.people import CUSTOMER, People
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.product import ERRORS, EVENT_CODE, EVENTS, SERVER_EVENTS
from uam_platform.simulation.world.rows import CLIENT, SERVER, Rows, block
from uam_platform.simulation.world.sessions import VISIT, Callers

_IS_SERVER = np.array([SERVER if name in SERVER_EVENTS else CLIENT for name in EVENTS], dtype=np.int8)
_STATE_OF = np.full(len(EVENTS), -1, dtype=np.int8)
for _name, _state in (("workflow_started", 0), ("import_attempted", 0), ("workflow_failed", 2), ("import_failed", 2)):
    _STATE_OF[EVENT_CODE[_name]] = _state
_TRIES = 6
_BEFORE_US = 30 * SECOND_US


@dataclass
class Steps:
    """Columns of arranged steps; steps of the same ``visit`` are taken in one visit, ``run`` numbers workflow runs or -1."""

    visit: list[int] = field(default_factory=list)
    person: list[int] = field(default_factory=list)
    account: list[int] = field(default_factory=list)
    at_us: list[int] = field(default_factory=list)
    event: list[int] = field(default_factory=list)
    workflow: list[int] = field(default_factory=list)
    run: list[int] = field(default_factory=list)
    visits: int = 0
    runs: int = 0

    def add(self, person: int, account: int, taken: list[tuple[str, int]], workflow: int = -1) -> None:
        """Add one visit of steps (event, epoch microseconds) in time order; with a ``workflow`` they are one run of it."""
        for event, at_us in taken:
            self.visit.append(self.visits)
            self.person.append(person)
            self.account.append(account)
            self.at_us.append(at_us)
            self.event.append(EVENT_CODE[event])
            self.workflow.append(workflow)
            self.run.append(self.runs if workflow >= 0 else -1)
        self.visits += 1
        self.runs += workflow >= 0


class Calendar:
    """Answers who of an account is there on a day."""

    def __init__(self, accounts: Accounts, people: People, paying: Array, days: int) -> None:
        self.accounts, self.people, self.paying, self.days = accounts, people, paying, days
        own = np.flatnonzero((people.kind == CUSTOMER) & ~people.is_blocked)
        self._by_account = own[np.argsort(people.account[own], kind="stable")]
        self._number = np.bincount(people.account[own], minlength=accounts.count)
        self._first = np.concatenate([[0], np.cumsum(self._number)[:-1]]).astype(np.int64)

    def person(self, account: Array, day: Array, rng: np.random.Generator) -> Array:
        """Return for each account and fractional day a person who is there and can be seen, -1 if nobody was found."""
        found = np.full(len(account), -1, dtype=np.int64)
        on = np.clip(day.astype(np.int64), 0, self.days - 1)
        is_open = (day >= 0) & (day < self.days - 0.1) & self.paying[account, on] & (self._number[account] > 0)
        for _ in range(_TRIES):
            place = np.floor(rng.random(len(account)) ** 1.5 * self._number[account]).astype(np.int64)
            person = self._by_account[np.minimum(self._first[account] + place, len(self._by_account) - 1)]
            there = is_open & (found < 0) & self.is_there(person, day)
            found[there] = person[there]
        return found

    def is_there(self, person: Array, day: Array) -> Array:
        """Return whether each person is at the own account on a day."""
        return np.asarray((self.people.join_day[person] <= day) & (self.people.leave_day[person] > day))

    def office_us(self, account: Array, day: Array, rng: np.random.Generator) -> Array:
        """Return instants in local office hours of whole days."""
        minutes = rng.uniform(8.5 * 60, 16.5 * 60, len(account)) - self.accounts.offset_min[account]
        return START_US + day.astype(np.int64) * DAY_US + (minutes * 60).astype(np.int64) * SECOND_US


class Agenda:
    """The arranged steps, handed out stretch by stretch."""

    def __init__(self, steps: Steps) -> None:
        self._columns = {
            name: np.array(getattr(steps, name), dtype=np.int64)
            for name in ("visit", "person", "account", "at_us", "event", "workflow", "run")
        }
        self._opens = np.full(steps.visits, np.iinfo(np.int64).max)
        np.minimum.at(self._opens, self._columns["visit"], self._columns["at_us"])

    def callers(self, first_day: int, last_day: int) -> tuple[Callers, dict[str, Array]]:
        """Return the visits that begin in ``[first_day, last_day)`` and their steps; ``visit`` counts these visits."""
        begins, ends = START_US + first_day * DAY_US, START_US + last_day * DAY_US
        opens = self._opens - _BEFORE_US
        due = np.flatnonzero((opens >= begins) & (opens < ends))
        number = np.full(len(opens), -1, dtype=np.int64)
        number[due] = np.arange(len(due))
        mine = np.flatnonzero(number[self._columns["visit"]] >= 0)
        steps = {name: values[mine] for name, values in self._columns.items()}
        steps["offset_us"] = steps["at_us"] - opens[steps["visit"]]
        steps["visit"] = number[steps["visit"]]
        _, lead = np.unique(steps["visit"], return_index=True)
        day = (opens[due] - START_US) // DAY_US
        person, account = steps["person"][lead], steps["account"][lead]
        return Callers(person, account, day, np.full(len(due), VISIT), opens[due]), steps


def arranged_rows(steps: dict[str, Array], first_session: int, rng: np.random.Generator) -> Rows:
    """Return the rows of the steps; their visits are the sessions from ``first_session`` on, their runs count from 0."""
    event = steps["event"]
    _, run = np.unique(steps["run"], return_inverse=True)
    run = run - int((steps["run"] < 0).any())
    state = _STATE_OF[event]
    return block(
        first_session + steps["visit"], event=event, offset_us=steps["offset_us"], side=_IS_SERVER[event],
        workflow=steps["workflow"], workflow_id=np.where(steps["run"] >= 0, run, -1), state=state,
        step=np.where(state == 2, 2, np.where(state == 0, 0, -1)),
        error=np.where(state == 2, rng.integers(0, len(ERRORS), len(event)), -1),
    )  # fmt: skip


def together(left: Callers, right: Callers) -> Callers:
    """Return the visits of both, the left ones first."""
    return Callers(
        *(
            np.concatenate([getattr(left, name), getattr(right, name)])
            for name in ("person", "account", "day", "manner", "start_us")
        )
    )
