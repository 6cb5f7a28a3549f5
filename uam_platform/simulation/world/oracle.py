"""The latent oracle: how probable an end within 56 days is, for one who knows the hidden state and nothing later.

Belongs here: the Monte Carlo over the future from a given week. Does not belong here: what really happened
(``commerce``); the oracle never looks at it, except to know which subscriptions are alive and not under notice. Onsets to
come are drawn from the average rates of the law: also the part of broken workflows that a harmful release may bring, because
neither its date nor who will see it can be known. What a release has already done is in the state it starts from.
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.clock import HORIZON_DAYS, Array
from uam_platform.simulation.world.commerce import BREAK_LEAD_DAYS, BREAK_NOTICE_DAY, Book, ChurnLaw
from uam_platform.simulation.world.health import Health, Law, distress, step
from uam_platform.simulation.world.population import Accounts

DRAWS = 40
_ROWS_PER_CHUNK = 4_000
_AHEAD_WEEKS = HORIZON_DAYS // 7
_LAST_BREAK_WEEK = (HORIZON_DAYS - BREAK_NOTICE_DAY - BREAK_LEAD_DAYS) // 7


@dataclass(frozen=True)
class Outlook:
    """One row per paying account-week without notice: decision offsets in days after ``as_of`` (-1: none)."""

    account: Array
    week: Array
    first_decision: Array
    second_decision: Array
    law_row: Array


def make_outlook(accounts: Accounts, book: Book, churn: ChurnLaw, weeks: int) -> Outlook:
    """Return the decisions that lie ahead of every eligible account-week, from the terms in force."""
    ends = np.full((accounts.count, weeks), -1, dtype=np.int64)
    following = np.full((accounts.count, weeks), -1, dtype=np.int64)
    law_row = np.zeros((accounts.count, weeks), dtype=np.int64)
    for term in book.terms:
        closed = term.end_day if term.ended_day is None else term.ended_day
        known = closed if term.notice_day is None else term.notice_day + 1
        first = max(0, -(-term.start_day // 7))
        last = min(weeks, -(-known // 7))
        if last > first:
            ends[term.account, first:last] = term.end_day
            law_row[term.account, first:last] = term.law_row
            following[term.account, first:last] = term.end_day + (30 if term.months == 1 else 365)
    account, week = np.nonzero(ends >= 0)
    as_of = week * 7
    rows = law_row[account, week]
    lead = churn.lead[rows]
    first_end, second_end = ends[account, week] - as_of, following[account, week] - as_of
    return Outlook(account, week, _offset(first_end, lead), _offset(second_end, lead), rows)


def _offset(end: Array, lead: Array) -> Array:
    decision = end - lead
    return np.where((end >= 1) & (end <= HORIZON_DAYS) & (decision >= 0), decision, -1)


def churn_probability(
    outlook: Outlook, accounts: Accounts, health: Health, law: Law, churn: ChurnLaw, rng: np.random.Generator
) -> Array:
    """Return p(end in (as_of, as_of + 56 days]) per row; the mean of exact survival over the drawn futures."""
    survival = np.ones(len(outlook.account))
    can_break = churn.breaks[outlook.law_row] > 0
    busy = np.flatnonzero((outlook.first_decision >= 0) | (outlook.second_decision >= 0) | can_break)
    for begin in range(0, len(busy), _ROWS_PER_CHUNK):
        rows = busy[begin : begin + _ROWS_PER_CHUNK]
        survival[rows] = _survival(rows, outlook, accounts, health, law, churn, rng)
    sudden = np.exp(-churn.sudden * HORIZON_DAYS)
    return np.round(1.0 - survival * sudden, 6)


def _survival(
    rows: Array,
    outlook: Outlook,
    accounts: Accounts,
    health: Health,
    law: Law,
    churn: ChurnLaw,
    rng: np.random.Generator,
) -> Array:
    account = np.repeat(outlook.account[rows], DRAWS)
    law_row = np.repeat(outlook.law_row[rows], DRAWS)
    week = np.repeat(outlook.week[rows], DRAWS)
    decisions = [np.repeat(offset[rows], DRAWS) for offset in (outlook.first_decision, outlook.second_decision)]
    level, active = health.level[week, account], health.active[week, account]
    severity = health.severity[week, account]
    tenure = week - accounts.start_day[account] / 7.0
    stays = np.ones(len(account))
    for ahead in range(_AHEAD_WEEKS + 1):
        harm = distress(level, law, account)
        for offset in decisions:
            due = np.flatnonzero((offset >= 0) & (offset // 7 == ahead))
            stays[due] *= 1.0 - churn.leave(law_row[due], harm[due])
        if ahead <= _LAST_BREAK_WEEK:
            stays *= 1.0 - churn.leave_early(law_row, harm)
        if ahead < _AHEAD_WEEKS:
            draw = rng.random(level.shape, dtype=np.float32)
            level, active, severity = step(level, active, severity, law.hazard(tenure + ahead, account), law, draw)
    return np.asarray(stays.reshape(len(rows), DRAWS).mean(axis=1))
