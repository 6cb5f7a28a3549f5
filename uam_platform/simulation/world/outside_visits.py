"""Visits that are no work of a customer: prospects who look around, the vendor's staff, robots that watch by the clock.

Belongs here: when they come and what little they do. Does not belong here: ordinary visits and unattended runs
(``sessions``, ``actions``), who these people are (``careers``).
"""

import numpy as np

from uam_platform.simulation.world.clock import DAY_US, HOUR_US, SECOND_US, START_US, Array, calendar_weight
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.people import BOT, EMPLOYEE, FOREVER, People
from uam_platform.simulation.world.product import EVENT_CODE, PAGES
from uam_platform.simulation.world.rows import PAGE, Rows, block
from uam_platform.simulation.world.sessions import PROBE, PROSPECT, STAFF, Callers, Sessions

_PROSPECT_VISITS_PER_DAY = 0.35
_PROBES_PER_DAY = 2
_LOOKED_AT = (PAGES.index("Pricing"), PAGES.index("Home"))
_MEAN_PAGES = 2.5


class OutsideVisits:
    """Draws the visits of outsiders for a stretch of days."""

    def __init__(self, people: People, channels: dict[str, Array], paying: Array, vector: Difficulty) -> None:
        self._people, self._paying = people, paying
        self._tickets, self._per_week = channels["tickets"], vector.staff_visits_per_week
        self._staff = np.flatnonzero(people.kind == EMPLOYEE)
        self._robots = np.flatnonzero(people.kind == BOT)
        self._prospects = np.flatnonzero(people.prospect_day < FOREVER)

    def draw(self, first_day: int, last_day: int, rng: np.random.Generator) -> Callers:
        """Return the visits of outsiders that start in ``[first_day, last_day)``."""
        days = np.arange(first_day, last_day)
        parts = [self._looks_around(days, rng), self._helps(days, rng), self._watches(days)]
        return Callers(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _looks_around(self, days: Array, rng: np.random.Generator) -> tuple[Array, ...]:
        people, who = self._people, self._prospects
        looks = (people.prospect_day[who, None] <= days) & (days + 1 <= people.join_day[who, None])
        place, when = np.nonzero(rng.poisson(_PROSPECT_VISITS_PER_DAY * looks))
        person = who[place]
        return self._visits(person, people.account[person], days[when], PROSPECT)

    def _helps(self, days: Array, rng: np.random.Generator) -> tuple[Array, ...]:
        rate = self._per_week / 7 * self._tickets[days // 7] * self._paying.T[days]
        rate = rate * calendar_weight(int(days[0]), int(days[-1]) + 1)[:, None]
        when, account = np.nonzero(rng.poisson(rate))
        person = self._staff[rng.integers(0, len(self._staff), len(account))]
        return self._visits(person, account, days[when], STAFF)

    def _watches(self, days: Array) -> tuple[Array, ...]:
        robots = np.repeat(self._robots, len(days) * _PROBES_PER_DAY)
        day = np.tile(np.repeat(days, _PROBES_PER_DAY), len(self._robots))
        turn = np.tile(np.arange(_PROBES_PER_DAY), len(self._robots) * len(days))
        account = self._people.account[robots]
        keep = self._paying[account, day]
        robots, day, turn, account = robots[keep], day[keep], turn[keep], account[keep]
        person, account, day, manner, _ = self._visits(robots, account, day, PROBE)
        minute = (account * 7) % 60
        start = START_US + day * DAY_US + (6 + 12 * turn) * HOUR_US + minute * 60 * SECOND_US
        return person, account, day, manner, start

    def _visits(self, person: Array, account: Array, day: Array, manner: int) -> tuple[Array, ...]:
        return person, account, day, np.full(len(person), manner, dtype=np.int8), np.full(len(person), -1)


def outside_rows(sessions: Sessions, rng: np.random.Generator) -> list[Rows]:
    """Return what prospects and robots do: a few public pages, or always the same three steps."""
    looking = np.flatnonzero(sessions.manner == PROSPECT)
    views = np.repeat(looking, 1 + rng.poisson(_MEAN_PAGES - 1, len(looking)))
    page = np.array(_LOOKED_AT)[rng.integers(0, len(_LOOKED_AT), len(views))]
    passed = rng.integers(1, 600, len(views)) * SECOND_US
    probes = np.flatnonzero(sessions.manner == PROBE)
    return [
        block(views, type=PAGE, page=page, offset_us=passed, is_anonymous=1),
        block(probes, event=EVENT_CODE["user_signed_in"], offset_us=0),
        block(probes, type=PAGE, page=PAGES.index("Home"), offset_us=2 * SECOND_US),
        block(probes, event=EVENT_CODE["dashboard_viewed"], offset_us=5 * SECOND_US),
    ]
