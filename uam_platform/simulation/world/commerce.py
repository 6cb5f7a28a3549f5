"""Contracts as they really run: terms, renewals, notice, ends, returns.

Belongs here: the decision at the end of each term and its consequences in terms and ends. Does not belong here: how the
CRM records it (``crm``) or what a probability looks like beforehand (``oracle``).
"""

from dataclasses import dataclass, field

import numpy as np

from uam_platform.simulation.world.clock import Array, add_months, date_of, day_number
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import CAUSES
from uam_platform.simulation.world.expansion import Wish, seats_after
from uam_platform.simulation.world.health import Health, Law, distress
from uam_platform.simulation.world.names import END_REASONS_ACAUSAL
from uam_platform.simulation.world.population import Accounts

_TIER_FACTOR = np.array([1.15, 1.0, 0.8, 0.6])
_MONTHLY_GAIN, _ANNUAL_GAIN = 0.145, 0.60
_BREAK_PER_WEEK = 0.003
BREAK_NOTICE_DAY, BREAK_LEAD_DAYS = 3, 14
"""A broken annual contract: notice on the fourth day of a week, end two weeks later."""
_SUDDEN_SHARE = 0.2
_RETURN_SHARE = 0.07


@dataclass(frozen=True)
class ChurnLaw:
    """Per account: ``base`` and ``gain`` of one decision, ``lead`` days from decision to end.

    ``breaks`` is the weekly probability, at full distress, of leaving an annual contract early; ``sudden`` the daily
    rate of ends that nobody could see coming. Entries ``count`` to ``2 count`` are the law of the same accounts once they
    have gone over to the other billing period; ``Term.law_row`` says which entry a term follows.
    """

    base: Array
    gain: Array
    lead: Array
    has_notice: Array
    breaks: Array
    sudden: float

    def leave(self, rows: Array, harm: Array) -> Array:
        """Return the probability that a decision ends the contract, given distress ``harm`` (0 to 1)."""
        base = self.base[rows]
        return base + (1.0 - base) * self.gain[rows] * _pull(harm)

    def leave_early(self, rows: Array, harm: Array) -> Array:
        """Return the probability of breaking an annual contract in one week, given distress ``harm``."""
        return np.asarray(self.breaks[rows] * _pull(harm))


def _pull(harm: Array) -> Array:
    return np.clip(1.0 / (1.0 + np.exp(-9.0 * (harm - 0.5))) - 0.011, 0.0, 1.0)


@dataclass
class Term:
    """One contract term; days are day numbers, ``end_day`` is exclusive, ``previous`` indexes the list of terms."""

    account: int
    start_day: int
    end_day: int
    months: int
    seats: int
    mrr_cents: int
    created_day: float
    previous: int | None
    is_renewed: bool = False
    notice_day: int | None = None
    ended_day: int | None = None
    reason: str | None = None
    changes: list[tuple[float, int, int]] = field(default_factory=list)
    plan: int = 0
    plan_changes: list[tuple[float, int]] = field(default_factory=list)
    law_row: int = 0

    @property
    def final_plan(self) -> int:
        """Plan at the end of the term."""
        return self.plan_changes[-1][1] if self.plan_changes else self.plan


@dataclass(frozen=True)
class End:
    """One subscription end: ``cause`` is an index of ``CAUSES`` or None, ``spell`` counts the account's subscriptions."""

    account: int
    spell: int
    ended_day: int
    notice_day: int | None
    cause: int | None
    is_causal: bool
    is_censored: bool


@dataclass(frozen=True)
class Book:
    """All terms and ends, and ``paying`` (accounts x days): a subscription is in force on that day."""

    terms: list[Term]
    ends: list[End]
    paying: Array


def make_churn_law(
    accounts: Accounts, vector: Difficulty, rng: np.random.Generator, switched: np.random.Generator
) -> ChurnLaw:
    """Return the law of leaving of every account at this difficulty, and after a switch of its billing period."""
    monthly = np.concatenate([accounts.is_monthly, ~accounts.is_monthly])
    factor = np.tile(_TIER_FACTOR[accounts.tier], 2)
    slow = vector.acausal_per_year * (1 - _SUDDEN_SHARE)
    own, other = _notice(accounts.is_monthly, rng), _notice(~accounts.is_monthly, switched)
    has_notice, lead = np.concatenate([own[0], other[0]]), np.concatenate([own[1], other[1]])
    return ChurnLaw(
        base=np.clip(np.where(monthly, slow / 12.0, slow) * factor, 0.0, 0.9),
        gain=np.clip(np.where(monthly, _MONTHLY_GAIN, _ANNUAL_GAIN) * factor * vector.churn_gain, 0.0, 0.97),
        lead=np.where(has_notice, lead, 0),
        has_notice=has_notice,
        breaks=np.where(monthly, 0.0, _BREAK_PER_WEEK * factor * vector.churn_gain),
        sudden=vector.acausal_per_year * _SUDDEN_SHARE / 365.0,
    )


def _notice(monthly: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    count = len(monthly)
    has_notice = rng.random(count) < np.where(monthly, 0.25, 0.88)
    return has_notice, np.where(monthly, rng.integers(1, 6, count), rng.integers(10, 46, count))


def run_contracts(
    accounts: Accounts, health: Health, law: Law, churn: ChurnLaw, vector: Difficulty, horizon: int, seed: int,
    switch_at: Array, wishes: list[list[Wish]],
) -> Book:  # fmt: skip
    """Run every subscription to day ``horizon``; each account has its own stream, so one never disturbs another.

    ``wishes`` are the growths each account buys within its terms (``expansion``).
    ``switch_at`` is the renewal at which an account goes over to the other billing period.
    """
    harm = distress(health.level, law)
    desk = _Desk(accounts, health, law, churn, harm, horizon, vector.censored_per_year / 365.0, switch_at, wishes)
    for account in range(accounts.count):
        desk.run(account, np.random.default_rng([seed, account]))
    return Book(desk.terms, desk.ends, desk.paying)


class _Desk:
    """Carries the growing lists while accounts are run one after the other."""

    def __init__(
        self, accounts: Accounts, health: Health, law: Law, churn: ChurnLaw, harm: Array, horizon: int, censored: float,
        switch_at: Array, wishes: list[list[Wish]],
    ) -> None:  # fmt: skip
        self.accounts, self.health, self.law, self.churn = accounts, health, law, churn
        self.harm, self.horizon, self.censored = harm, horizon, censored
        self.switch_at, self.wishes = switch_at, wishes
        self.terms: list[Term] = []
        self.ends: list[End] = []
        self.paying = np.zeros((accounts.count, horizon), dtype=bool)

    def run(self, account: int, rng: np.random.Generator) -> None:
        start: int | None = int(self.accounts.start_day[account])
        spell = 0
        while start is not None and start < self.horizon:
            ended = self._spell(account, start, spell, rng)
            self.paying[account, max(0, start) : max(0, ended)] = True
            returns = ended < self.horizon and rng.random() < _RETURN_SHARE
            start = ended + int(rng.integers(30, 121)) if returns and not self._is_gone(account) else None
            if start is not None:
                start -= max(0, date_of(start).day - 28)
            spell += 1

    def _is_gone(self, account: int) -> bool:
        return bool(self.ends) and self.ends[-1].account == account and self.ends[-1].is_censored

    def _spell(self, account: int, start: int, spell: int, rng: np.random.Generator) -> int:
        is_monthly, row = bool(self.accounts.is_monthly[account]), account
        sudden, taken_over = self._accidents(start, rng)
        first = date_of(start)
        seats, mrr = int(self.accounts.seats[account]), int(self.accounts.mrr_cents[account])
        previous: int | None = None
        number = passed = lead = 0
        while True:
            if number == self.switch_at[account]:
                is_monthly, row = not is_monthly, account + self.accounts.count
            months = 1 if is_monthly else 12
            begin, end = day_number(add_months(first, passed)), day_number(add_months(first, passed + months))
            created = start - rng.uniform(0.1, 9.0) if number == 0 else _signed(begin, months, lead, rng)
            lead = int(self.churn.lead[row])
            term = Term(account, begin, end, months, seats, mrr, created, previous, law_row=row)
            self.terms.append(term)
            previous = len(self.terms) - 1
            accident = min(sudden, taken_over)
            if accident < min(end, self.horizon):
                return self._cut(term, spell, int(accident), sudden > taken_over, rng)
            _change_within(term, self.wishes[account])
            seats, mrr = (term.changes[-1][1], term.changes[-1][2]) if term.changes else (term.seats, term.mrr_cents)
            decision = max(begin, end - lead)
            broken = self._breaks(term, spell, decision, rng)
            if broken is not None:
                return broken
            if decision >= self.horizon:
                return self.horizon
            if self._leaves(term, spell, decision, rng):
                return end
            term.is_renewed = True
            seats, mrr = _grown(seats, mrr, months, rng)
            number, passed = number + 1, passed + months

    def _accidents(self, start: int, rng: np.random.Generator) -> tuple[float, float]:
        origin = max(start, 0)
        return origin + 1 + rng.exponential(1 / self.churn.sudden), origin + 1 + rng.exponential(1 / self.censored)

    def _leaves(self, term: Term, spell: int, decision: int, rng: np.random.Generator) -> bool:
        draw, notice_draw = rng.random(), rng.random()
        if decision < 0:
            return False
        account = term.account
        week = decision // 7
        chance = float(self.churn.leave(np.array([term.law_row]), self.harm[week, [account]])[0])
        if draw >= chance:
            return False
        is_causal = draw >= float(self.churn.base[term.law_row])
        pull = self.health.level[week, account] * self.law.churn_weight[account]
        cause = int(np.argmax(pull)) if is_causal else None
        term.notice_day = decision if self.churn.has_notice[term.law_row] else None
        term.ended_day = term.end_day
        choice = END_REASONS_ACAUSAL[int(notice_draw * len(END_REASONS_ACAUSAL))]
        term.reason = choice if cause is None or notice_draw > 0.7 else CAUSES[cause].end_reason
        self.ends.append(End(account, spell, term.end_day, term.notice_day, cause, is_causal, False))
        return True

    def _breaks(self, term: Term, spell: int, decision: int, rng: np.random.Generator) -> int | None:
        if term.months == 1 or decision <= 0:
            return None
        account, first = term.account, max(0, -(-term.start_day // 7))
        last = min(decision, self.horizon) // 7
        weeks = np.arange(first, max(first, last))
        rows = np.full(len(weeks), term.law_row)
        hits = np.flatnonzero(rng.random(len(weeks)) < self.churn.leave_early(rows, self.harm[weeks, account]))
        if not len(hits):
            return None
        week = int(weeks[hits[0]])
        term.notice_day = week * 7 + BREAK_NOTICE_DAY
        term.ended_day = min(term.notice_day + BREAK_LEAD_DAYS, term.end_day)
        term.changes = [change for change in term.changes if change[0] < term.notice_day]
        cause = int(np.argmax(self.health.level[week, account] * self.law.churn_weight[account]))
        term.reason = CAUSES[cause].end_reason
        self.ends.append(End(account, spell, term.ended_day, term.notice_day, cause, True, False))
        return term.ended_day

    def _cut(self, term: Term, spell: int, day: int, is_censored: bool, rng: np.random.Generator) -> int:
        term.ended_day = day
        term.reason = "Acquired" if is_censored else str(rng.choice(("Insolvency", "Budget cut")))
        self.ends.append(End(term.account, spell, day, None, None, False, is_censored))
        return day


def _signed(begin: int, months: int, lead: int, rng: np.random.Generator) -> float:
    if months == 1:
        return begin + rng.uniform(0.0, 0.1)
    # Never before the decision: a signed renewal that the oracle does not know of would be a fact from the future.
    return begin + (rng.uniform(1.0, 12.0) if rng.random() < 0.04 else -rng.uniform(0.0, 1.0) * min(9, lead))


def _change_within(term: Term, wishes: list[Wish]) -> None:
    seats, mrr = term.seats, term.mrr_cents
    for wish in wishes:
        if term.start_day <= wish.day < term.end_day - 1:
            grown = seats_after(seats, wish.factor)
            seats, mrr = grown, _price(mrr, seats, grown)
            term.changes.append((wish.day, seats, mrr))


def _grown(seats: int, mrr: int, months: int, rng: np.random.Generator) -> tuple[int, int]:
    if rng.random() > 0.04 * months + 0.1:
        return seats, mrr
    changed = max(1, round(seats * float(np.exp(rng.normal(0.04, 0.12)))))
    return changed, _price(mrr, seats, changed)


def _price(mrr: int, seats: int, changed: int) -> int:
    return max(100, round(mrr * changed / seats / 100) * 100)
