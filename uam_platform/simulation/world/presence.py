"""Who is there on a day: people of an account, and its owner in the CRM.

Belongs here: look-ups by account and day for whoever writes about customers. Does not belong here: who exists (``people``),
how the CRM is written (``crm``).
"""

import numpy as np

from uam_platform.simulation.world.crm import Roster
from uam_platform.simulation.world.dice import Dice
from uam_platform.simulation.world.people import People


class Presence:
    """Looks up people and owners."""

    def __init__(self, people: People, count: int, roster: Roster) -> None:
        self._people, self._roster = people, roster
        order = np.argsort(people.account, kind="stable")
        edges = np.searchsorted(people.account[order], np.arange(count + 1))
        self._of_account = [order[edges[index] : edges[index + 1]] for index in range(count)]

    def present(self, account: int, day: float) -> list[int]:
        """Return the people who are at the account on that day, administrators first."""
        people = self._people
        members = self._of_account[account]
        there = members[(people.join_day[members] <= day) & (people.leave_day[members] > day)]
        return [int(person) for person in there[np.argsort(people.role[there], kind="stable")]]

    def some(self, account: int, day: float, most: int, dice: Dice) -> list[int]:
        """Return up to ``most`` people of the account, the first of the list likeliest."""
        there = self.present(account, day)
        chosen: list[int] = []
        while there and len(chosen) < most:
            chosen.append(there.pop(int(dice.roll() ** 2.0 * len(there))))
        return chosen

    def email(self, person: int, day: float) -> str:
        """Return the address of a person on a day."""
        moved = self._people.email_change_day[person] <= day
        return self._people.later_email[person] if moved else self._people.email[person]

    def owner(self, account: int, day: float) -> int:
        """Return the number of the account's owner on a day; between two owners the first of all stands in."""
        owner = self._roster.owner(account, day)
        return owner if self._roster.leave_day[owner] > day else 0
