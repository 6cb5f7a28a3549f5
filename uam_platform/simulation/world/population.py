"""The customers: size, tier, plan, seats, money, parents, workspaces, start dates.

Belongs here: what is true of an account before anything happens to it. Does not belong here: its contracts
(``commerce``), its people (``people``), its fate (``health``).
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.clock import Array, date_of
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.names import COMPANY_FIRST, COMPANY_SECOND

TIERS = ("self_serve", "growth", "enterprise", "strategic")
PLANS = ("starter", "team", "business", "enterprise")
FITS = ("low", "medium", "high")
INDUSTRIES = ("Software", "Retail", "Manufacturing", "Healthcare", "Finance", "Logistics", "Education", "Media")
_TIER_EDGES = (0.50, 0.82, 0.97)
_MONTHLY_SHARE = np.array([0.74, 0.24, 0.05, 0.0])
SEAT_PRICE_CENTS = np.array([1_500, 2_900, 5_400, 8_900])
_OFFSETS = np.array([-480, -300, -300, 0, 60, 60, 120, 330, 480])
_DURING_SHARE_PER_YEAR = 0.22
_OLDEST_DAYS = 720


@dataclass(frozen=True)
class Accounts:
    """One entry per account in every array; codes index the tuples of this module."""

    account_id: list[str]
    name: list[str]
    domain: list[str]
    size: Array
    tier: Array
    plan: Array
    seats: Array
    mrr_cents: Array
    is_monthly: Array
    start_day: Array
    parent: Array
    industry: Array
    employees: Array
    fit: Array
    vulnerability: Array
    offset_min: Array
    has_two_workspaces: Array
    scheduled_share: Array

    @property
    def count(self) -> int:
        """Number of accounts."""
        return len(self.account_id)


def make_accounts(count: int, days: int, vector: Difficulty, rng: np.random.Generator) -> Accounts:
    """Draw ``count`` accounts for a world of ``days`` days; sizes are log-normal with the difficulty's tail."""
    size = np.exp(rng.normal(0.0, vector.revenue_tail, count))
    tier = np.searchsorted(np.quantile(size, _TIER_EDGES), size)
    plan = np.clip(tier + rng.choice([-1, 0, 0, 0, 1], count), 0, len(PLANS) - 1)
    seats = np.maximum(2, np.rint(4.0 * size**1.15 * np.exp(rng.normal(0, 0.2, count)))).astype(np.int64)
    price = SEAT_PRICE_CENTS[plan] * np.exp(rng.normal(0, 0.15, count))
    names, domains = _company_names(count, rng)
    return Accounts(
        account_id=[f"acc_{number:05d}" for number in range(1, count + 1)],
        name=names,
        domain=domains,
        size=size,
        tier=tier,
        plan=plan,
        seats=seats,
        mrr_cents=np.rint(seats * price / 100).astype(np.int64) * 100,
        is_monthly=rng.random(count) < _MONTHLY_SHARE[tier],
        start_day=_start_days(count, days, rng),
        parent=_parents(tier, rng),
        industry=rng.integers(0, len(INDUSTRIES), count),
        employees=np.rint(seats * np.exp(rng.normal(2.3, 0.7, count))).astype(np.int64) + 1,
        fit=rng.choice(3, count, p=[0.2, 0.5, 0.3]),
        vulnerability=np.exp(rng.normal(-0.18, 0.6, count)),
        offset_min=rng.choice(_OFFSETS, count),
        has_two_workspaces=rng.random(count) < 0.12 + 0.2 * (tier >= 2),
        scheduled_share=np.where(rng.random(count) < 0.4, rng.uniform(0.05, 0.3, count), 0.0),
    )


def workspace_ids(accounts: Accounts) -> list[list[str]]:
    """Return the one or two workspace ids of each account."""
    lists = []
    for index, account_id in enumerate(accounts.account_id):
        stem = "ws_" + account_id.removeprefix("acc_")
        lists.append([f"{stem}_{number}" for number in range(1, 2 + int(accounts.has_two_workspaces[index]))])
    return lists


def _start_days(count: int, days: int, rng: np.random.Generator) -> Array:
    share = min(0.3, _DURING_SHARE_PER_YEAR * days / 364)
    before = -np.rint(rng.uniform(10, _OLDEST_DAYS, count)).astype(np.int64)
    during = rng.integers(0, max(1, days - 7), count)
    start = np.where(rng.random(count) < share, during, before)
    for index, day in enumerate(start):
        late = date_of(int(day)).day - 28
        start[index] = day - max(0, late)
    return start


def _parents(tier: Array, rng: np.random.Generator) -> Array:
    count = len(tier)
    parent = np.full(count, -1, dtype=np.int64)
    heads = np.flatnonzero(tier >= 2)
    if len(heads) == 0:
        return parent
    heads = heads[: max(1, len(heads) // 2)]
    is_child = rng.random(count) < 0.088
    is_child[heads] = False
    parent[is_child] = rng.choice(heads, int(is_child.sum()))
    return parent


def _company_names(count: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    first = rng.integers(0, len(COMPANY_FIRST), count)
    second = rng.integers(0, len(COMPANY_SECOND), count)
    names, domains = [], []
    used: dict[str, int] = {}
    for left, right in zip(first, second, strict=True):
        name = f"{COMPANY_FIRST[left]} {COMPANY_SECOND[right]}"
        used[name] = used.get(name, 0) + 1
        number = used[name]
        names.append(name if number == 1 else f"{name} {number}")
        suffix = "" if number == 1 else str(number)
        domains.append(f"{COMPANY_FIRST[left]}{COMPANY_SECOND[right]}{suffix}.example".lower())
    return names, domains
