"""Drives to expand: a team grows, looks around for more, and mostly buys more seats.

Belongs here: the hidden drives, the growth they bring, growth without any sign, and how drives show. Does not belong here:
what a growth does to a contract (``commerce``). A drive knows nothing of harm, and harm nothing of a drive.
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.cohorts import Cohorts
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.population import Accounts

_EVALUATED_FACTOR = 1.5
_SHORTEST_WEEKS, _LONGEST_WEEKS = 5, 14
_EARLIEST_SHARE, _LATEST_DAYS = 0.4, 14.0
_EFFECT = {"sessions": 0.12, "breadth": 0.3, "intent": 1.25}


@dataclass(frozen=True)
class Drives:
    """One entry per drive in whole weeks ``[first_week, last_week)``; strength 0.5 to 1."""

    account: Array
    first_week: Array
    last_week: Array
    strength: Array


@dataclass(frozen=True)
class Wish:
    """Seats to be added on a day by a factor; ``drive`` indexes the drives or is -1."""

    day: float
    factor: float
    drive: int


def make_drives(
    accounts: Accounts, cohorts: Cohorts, weeks: int, vector: Difficulty, rng: np.random.Generator
) -> Drives:
    """Draw the drives of every account over ``weeks`` weeks; one account never has two at the same time."""
    rate = vector.drives_per_year * weeks / 52.0 * np.where(cohorts.of("C3"), _EVALUATED_FACTOR, 1.0)
    account = np.repeat(np.arange(accounts.count), rng.poisson(rate))
    first = rng.integers(0, weeks, len(account))
    last = np.minimum(first + rng.integers(_SHORTEST_WEEKS, _LONGEST_WEEKS + 1, len(account)), weeks)
    strength = rng.uniform(0.5, 1.0, len(account))
    order = np.lexsort((first, account))
    account, first, last, strength = account[order], first[order], last[order], strength[order]
    clear = np.ones(len(account), dtype=bool)
    clear[1:] = (account[1:] != account[:-1]) | (first[1:] >= last[:-1])
    clear &= first * 7 >= accounts.start_day[account]
    return Drives(account[clear], first[clear], last[clear], strength[clear])


def make_wishes(
    drives: Drives, accounts: Accounts, horizon: int, vector: Difficulty, rng: np.random.Generator
) -> list[list[Wish]]:
    """Return per account the growths it would buy, by day: those of drives late in the drive or soon after."""
    wishes: list[list[Wish]] = [[] for _ in range(accounts.count)]
    number = len(drives.account)
    succeeds = rng.random(number) < vector.driven_growth_share
    place, late, factor = rng.uniform(_EARLIEST_SHARE, 1.0, number), rng.random(number), rng.uniform(1.10, 1.6, number)
    for drive in np.flatnonzero(succeeds):
        first, last = drives.first_week[drive] * 7, drives.last_week[drive] * 7
        day = float(first + place[drive] * (last - first) + late[drive] * _LATEST_DAYS)
        wishes[drives.account[drive]].append(Wish(day, float(factor[drive]), int(drive)))
    begin = accounts.start_day
    silent = rng.poisson(vector.undriven_growth_per_year * np.maximum(0, horizon - begin) / 365.0)
    account = np.repeat(np.arange(accounts.count), silent)
    days = begin[account] + rng.random(len(account)) * (horizon - begin[account])
    for index, size in enumerate(rng.uniform(1.05, 1.4, len(account))):
        wishes[account[index]].append(Wish(float(days[index]), float(size), -1))
    return [sorted(each, key=lambda wish: wish.day) for each in wishes]


def seats_after(seats: int, factor: float) -> int:
    """Return the number of seats after a growth: at least one more."""
    return max(seats + 1, round(seats * factor))


def driven_weeks(drives: Drives, weeks: int, count: int) -> Array:
    """Return the strength of the drive (weeks x accounts), 0 where there is none."""
    strength = np.zeros((weeks, count), dtype=np.float32)
    for account, first, last, value in zip(
        drives.account, drives.first_week, drives.last_week, drives.strength, strict=True
    ):
        strength[first:last, account] = value
    return strength


def follow_drives(channels: dict[str, Array], drives: Drives, vector: Difficulty) -> dict[str, Array]:
    """Return the channels with ``intent`` added and breadth and visits raised while a drive lasts."""
    weeks, count = channels["sessions"].shape
    strength = driven_weeks(drives, weeks, count) * np.float32(vector.drive_gain)
    ones = np.ones_like(strength)
    raised = {
        channel: (channels.get(channel, ones) * np.exp(np.float32(effect) * strength)).astype(np.float32)
        for channel, effect in _EFFECT.items()
    }
    return channels | raised
