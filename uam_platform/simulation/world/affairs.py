"""What happens between customers: levels of parents, take-overs, mergers, splits, changes of parent, trials.

Belongs here: which account, when, and with whom. Does not belong here: the contracts that end or begin (``commerce``), the
people who follow (``careers``), how sales writes it down (``crm``). Partners are chosen by what is known on the day.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.commerce import Book
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.population import Accounts

TRIAL_DAYS = 14
ALWAYS, NEVER = -1e9, 1e9
ACQUIRED, MERGED, SPLIT = "acquired_into", "merged_into", "split_from"
_MERGED_SHARE = 0.35
_LATE_PARENT_SHARE = 0.10


@dataclass(frozen=True)
class Affair:
    """One take-over, merger or split: ``account`` goes into, or comes out of, ``other`` on ``day``."""

    account: int
    kind: str
    other: int
    day: int


@dataclass(frozen=True)
class Affairs:
    """Affairs in order of day; per account the history of its parent and the first day of its trial (``NEVER``: none).

    ``parents[account]`` lists (since day, parent or -1), oldest first; the first entry holds from ``ALWAYS``.
    """

    takeovers: tuple[Affair, ...]
    splits: tuple[Affair, ...]
    parents: tuple[tuple[tuple[float, int], ...], ...]
    trial_day: Array

    def open_days(self, accounts: Accounts, book: Book) -> Array:
        """Return (accounts x days): the product can be used, because it is paid for or on trial."""
        days = np.arange(book.paying.shape[1])
        on_trial = (self.trial_day[:, None] <= days) & (days < accounts.start_day[:, None])
        return np.asarray(book.paying | on_trial)

    def split_day(self, count: int) -> Array:
        """Return per account the day on which its second workspace leaves (``NEVER``: it stays)."""
        until = np.full(count, NEVER)
        for affair in self.splits:
            until[affair.other] = affair.day
        return until


def add_levels(accounts: Accounts, vector: Difficulty, rng: np.random.Generator) -> Accounts:
    """Return the accounts with a third level: some parents get one of the largest parents as their own."""
    heads = np.unique(accounts.parent[accounts.parent >= 0])
    tops = heads[: max(1, len(heads) // 5)]
    below = heads[len(tops) :]
    below = below[rng.random(len(below)) < vector.deep_parent_share]
    parent = accounts.parent.copy()
    if len(below):
        parent[below] = rng.choice(tops, len(below))
    return replace(accounts, parent=parent)


def make_affairs(accounts: Accounts, book: Book, vector: Difficulty, rng: np.random.Generator) -> Affairs:
    """Draw everything that happens between customers over the days of ``book``."""
    parents = _parents(accounts, book, vector, rng)
    takeovers = _takeovers(accounts, book, parents, rng)
    splits = _splits(accounts, book, takeovers, vector, rng)
    splitting = {affair.account for affair in splits}
    has_trial = (rng.random(accounts.count) < vector.trial_share) & (accounts.start_day >= TRIAL_DAYS)
    has_trial &= ~np.isin(np.arange(accounts.count), list(splitting))
    trial_day = np.where(has_trial, accounts.start_day - TRIAL_DAYS, NEVER)
    return Affairs(tuple(takeovers), tuple(splits), tuple(tuple(line) for line in parents), trial_day)


def _parents(
    accounts: Accounts, book: Book, vector: Difficulty, rng: np.random.Generator
) -> list[list[tuple[float, int]]]:
    days = book.paying.shape[1]
    heads = np.unique(accounts.parent[accounts.parent >= 0])
    is_head = np.isin(np.arange(accounts.count), heads)
    late = (accounts.parent >= 0) & ~is_head & (rng.random(accounts.count) < _LATE_PARENT_SHARE)
    changes = rng.random(accounts.count) < vector.parent_change_per_year * days / 364
    day = rng.uniform(1.0, days, (2, accounts.count))
    other = rng.choice(heads, accounts.count) if len(heads) else np.full(accounts.count, -1)
    lines: list[list[tuple[float, int]]] = []
    for account in range(accounts.count):
        parent = int(accounts.parent[account])
        line = [(ALWAYS, parent)]
        if late[account]:
            line = [(ALWAYS, -1), (float(day[0, account]), parent)]
        if changes[account] and not is_head[account] and day[1, account] > line[-1][0] + 7:
            line.append((float(day[1, account]), -1 if other[account] == parent else int(other[account])))
        lines.append(line if len(line) == 1 or line[-1][1] != line[-2][1] else line[:-1])
    return lines


def _takeovers(
    accounts: Accounts, book: Book, parents: list[list[tuple[float, int]]], rng: np.random.Generator
) -> list[Affair]:
    found: list[Affair] = []
    children = _children(parents)
    ends = [end for end in book.ends if end.is_censored]
    for end in sorted(ends, key=lambda each: (each.ended_day, each.account)):
        day = min(end.ended_day, book.paying.shape[1] - 1)
        able = book.paying[:, day] & (accounts.tier >= 1)
        able[list(_family(children, end.account))] = False
        buyers = np.flatnonzero(able)
        kind = MERGED if rng.random() < _MERGED_SHARE else ACQUIRED
        if not len(buyers):
            continue
        buyer = int(rng.choice(buyers))
        found.append(Affair(end.account, kind, buyer, end.ended_day))
        line = [step for step in parents[end.account] if step[0] < end.ended_day]
        parents[end.account] = line if line[-1][1] == buyer else [*line, (float(end.ended_day), buyer)]
        children[buyer].add(end.account)
    return found


def _children(parents: list[list[tuple[float, int]]]) -> dict[int, set[int]]:
    children: dict[int, set[int]] = defaultdict(set)
    for account, line in enumerate(parents):
        for _, parent in line:
            children[parent].add(account)
    return children


def _family(children: dict[int, set[int]], account: int) -> set[int]:
    """Return an account and all that ever stand below it, at any time, so that no ring of parents can form."""
    family, level = {account}, {account}
    while level:
        level = {child for each in level for child in children.get(each, ())} - family
        family |= level
    return family


def _splits(
    accounts: Accounts, book: Book, takeovers: list[Affair], vector: Difficulty, rng: np.random.Generator
) -> list[Affair]:
    days = book.paying.shape[1]
    wanted = int(rng.poisson(vector.split_per_year * accounts.count * days / 364))
    newborn = rng.permutation(np.flatnonzero((accounts.start_day >= 28) & (accounts.start_day < days)))
    taken = {affair.account for affair in takeovers} | {affair.other for affair in takeovers}
    found: list[Affair] = []
    for account in newborn[:wanted]:
        day = int(accounts.start_day[account])
        able = accounts.has_two_workspaces & book.paying[:, day] & (accounts.start_day < day - 60)
        sources = [int(each) for each in np.flatnonzero(able) if int(each) not in taken]
        if sources and int(account) not in taken:
            source = int(rng.choice(sources))
            found.append(Affair(int(account), SPLIT, source, day))
            taken |= {source, int(account)}
    return sorted(found, key=lambda each: (each.day, each.account))


def name_split_offs(accounts: Accounts, affairs: Affairs) -> Accounts:
    """Return the accounts with split-off companies named after the company they came from."""
    names = list(accounts.name)
    for affair in affairs.splits:
        names[affair.account] = f"{names[affair.other]} Spin-off"
    return replace(accounts, name=names)
