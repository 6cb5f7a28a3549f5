"""What changes when a contract is renewed or amended: the plan with its price, and the billing period.

Belongs here: who changes and to what. Does not belong here: whether a contract goes on at all (``commerce``).
"""

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.commerce import Book, Term
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.population import PLANS, SEAT_PRICE_CENTS, Accounts

NEVER_SWITCHES = 10_000
_UPGRADE_SHARE = 0.65
_AMENDED_SHARE = 0.35
_LOWEST_RATIO, _HIGHEST_RATIO = 0.55, 1.8


def draw_switches(accounts: Accounts, vector: Difficulty, rng: np.random.Generator) -> Array:
    """Return the renewal, counted from 1, at which an account goes over to the other billing period."""
    switches = rng.random(accounts.count) < vector.billing_switch_share
    after = np.where(accounts.is_monthly, rng.integers(3, 13, accounts.count), rng.integers(1, 3, accounts.count))
    return np.where(switches, after, NEVER_SWITCHES)


def change_plans(accounts: Accounts, book: Book, vector: Difficulty, rng: np.random.Generator) -> None:
    """Write plan changes into the terms of ``book``: at a renewal, or within a term as an amendment.

    The price per seat follows the list price within bounds; every later term of the account is priced from there.
    """
    plan = accounts.plan.copy()
    ratio = np.ones(accounts.count)
    for term in book.terms:
        account = term.account
        draw, amended, up, place = rng.random(4)
        chance = vector.plan_change_per_year * term.months / 12
        new = _next_plan(int(plan[account]), up < _UPGRADE_SHARE)
        is_renewal = term.previous is not None
        if draw < chance * (1 - _AMENDED_SHARE) and is_renewal:
            ratio[account] *= _price_ratio(int(plan[account]), new)
            plan[account] = new
        _reprice(term, int(plan[account]), float(ratio[account]))
        day = term.start_day + place * (term.end_day - 1 - term.start_day)
        if amended < chance * _AMENDED_SHARE and new > plan[account] and not term.changes and day < _bound_until(term):
            ratio[account] *= _price_ratio(int(plan[account]), new)
            plan[account] = new
            _amend(term, new, day, _price_ratio(term.plan, new))


def _next_plan(plan: int, is_upgrade: bool) -> int:
    return min(plan + 1, len(PLANS) - 1) if is_upgrade else max(plan - 1, 0)


def _price_ratio(before: int, after: int) -> float:
    ratio = float(SEAT_PRICE_CENTS[after] / SEAT_PRICE_CENTS[before])
    return float(np.clip(ratio, _LOWEST_RATIO, _HIGHEST_RATIO))


def _reprice(term: Term, plan: int, ratio: float) -> None:
    term.plan = plan
    if ratio != 1.0:
        term.mrr_cents = _rounded(term.mrr_cents * ratio)
        term.changes = [(day, seats, _rounded(mrr * ratio)) for day, seats, mrr in term.changes]


def _bound_until(term: Term) -> int:
    """Return the day on which the customer has given notice or gone; nobody upgrades from then on."""
    return min(day for day in (term.notice_day, term.ended_day, term.end_day) if day is not None)


def _amend(term: Term, plan: int, day: float, ratio: float) -> None:
    term.plan_changes.append((day, plan))
    term.changes.append((day, term.seats, _rounded(term.mrr_cents * ratio)))


def _rounded(cents: float) -> int:
    return max(100, round(cents / 100) * 100)
