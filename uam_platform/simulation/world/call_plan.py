"""Which calls take place: kick-offs, reviews, renewal and escalation calls.

Belongs here: the occasions and their days. Does not belong here: what is said (``calls``). A renewal call lies before the
decision on the renewal, so nobody can know its outcome; a call that was planned for after a notice or an end is not held.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import START, Array
from uam_platform.simulation.world.commerce import Book
from uam_platform.simulation.world.population import Accounts

KICK_OFF, REVIEW, RENEWAL, ESCALATION = range(4)
CALL_KINDS = ("kick_off", "review", "renewal", "escalation")
_KICK_OFF_SHARE = np.array([0.05, 0.6, 0.9, 1.0])
_REVIEW_SHARE = np.array([0.0, 0.3, 0.75, 0.95])
_RENEWAL_SHARE = np.array([0.10, 0.6, 0.85, 0.95])
_ESCALATION_SHARE = np.array([0.05, 0.35, 0.7, 0.9])
_REVIEW_EVERY_DAYS = 91
_EARLIEST_RENEWAL_DAYS, _LATEST_RENEWAL_DAYS = 85.0, 50.0
"""Days before the end of a term; decisions are made at most 46 days before it."""


@dataclass(frozen=True)
class CallPlan:
    """One entry per call, in order of time: account, fractional day of its start, kind (code of ``CALL_KINDS``)."""

    account: Array
    day: Array
    kind: Array


def plan_calls(
    accounts: Accounts, book: Book, tickets: list[dict[str, Any]], events: list[dict[str, Any]], account_of_ticket: Array,
    days: int, gain: float, rng: np.random.Generator,
) -> CallPlan:  # fmt: skip
    """Draw the calls that are held before the end of the world; ``gain`` scales the share of each occasion."""
    parts = [
        _kick_offs(accounts, gain, rng), _reviews(accounts, days, gain, rng), _renewals(accounts, book, days, gain, rng),
        _escalations(accounts, tickets, events, account_of_ticket, gain, rng),
    ]  # fmt: skip
    account = np.concatenate([part[0] for part in parts]).astype(np.int64)
    day = np.floor(np.concatenate([part[1] for part in parts]))
    kind = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    day = (
        day + np.array([0, 0, 0, 0, 0, 2, 1])[(day % 7).astype(np.int64)] + 0.36 + rng.integers(0, 18, len(day)) / 48.0
    )
    inside = (day >= 0) & (day < days - 0.1)
    held = inside & book.paying[account, np.clip(day, 0, days - 1).astype(np.int64)]
    held &= ~_is_under_notice(book, account, day)
    order = np.flatnonzero(held)[np.lexsort((kind[held], account[held], day[held]))]
    return CallPlan(account[order], day[order], kind[order])


def _is_under_notice(book: Book, account: Array, day: Array) -> Array:
    noticed: dict[int, list[tuple[float, float]]] = {}
    for term in book.terms:
        if term.notice_day is not None:
            until = term.end_day if term.ended_day is None else term.ended_day
            noticed.setdefault(term.account, []).append((term.notice_day, until))
    spans = (noticed.get(int(each), []) for each in account)
    return np.array(
        [any(first <= at < last for first, last in span) for span, at in zip(spans, day, strict=True)], dtype=bool
    )


def _kick_offs(accounts: Accounts, gain: float, rng: np.random.Generator) -> tuple[Array, Array]:
    drawn = rng.random(accounts.count) < _KICK_OFF_SHARE[accounts.tier] * gain
    day = accounts.start_day + rng.uniform(2.0, 14.0, accounts.count)
    return np.flatnonzero(drawn), day[drawn]


def _reviews(accounts: Accounts, days: int, gain: float, rng: np.random.Generator) -> tuple[Array, Array]:
    rounds = days // _REVIEW_EVERY_DAYS + 1
    phase = rng.uniform(0, _REVIEW_EVERY_DAYS, accounts.count)
    day = phase[:, None] + np.arange(rounds) * _REVIEW_EVERY_DAYS + rng.normal(0.0, 5.0, (accounts.count, rounds))
    drawn = rng.random(day.shape) < _REVIEW_SHARE[accounts.tier][:, None] * gain
    drawn &= day > accounts.start_day[:, None] + 45.0
    return np.nonzero(drawn)[0], day[drawn]


def _renewals(accounts: Accounts, book: Book, days: int, gain: float, rng: np.random.Generator) -> tuple[Array, Array]:
    terms = [term for term in book.terms if term.months >= 12 and 0 <= term.end_day < days + _EARLIEST_RENEWAL_DAYS]
    account = np.array([term.account for term in terms], dtype=np.int64)
    starts = np.array([term.start_day for term in terms], dtype=np.float64)
    ends = np.array([term.end_day for term in terms], dtype=np.float64)
    day = ends - rng.uniform(_LATEST_RENEWAL_DAYS + 3.0, _EARLIEST_RENEWAL_DAYS, len(terms))
    drawn = (rng.random(len(terms)) < _RENEWAL_SHARE[accounts.tier[account]] * gain) & (day > starts)
    return account[drawn], day[drawn]


def _escalations(
    accounts: Accounts, tickets: list[dict[str, Any]], events: list[dict[str, Any]], account_of_ticket: Array, gain: float,
    rng: np.random.Generator,
) -> tuple[Array, Array]:  # fmt: skip
    first = tickets[0]["ticket_id"] if tickets else 0
    raised: dict[int, datetime] = {}
    for row in events:
        if row["field"] == "priority" and row["value"] in ("high", "urgent"):
            raised.setdefault(row["ticket_id"] - first, row["occurred_at"])
    account = account_of_ticket[np.array(list(raised), dtype=np.int64)].astype(np.int64)
    day = np.array([(at - START).total_seconds() / 86_400 for at in raised.values()])
    day = day + rng.uniform(1.0, 5.0, len(day))
    drawn = rng.random(len(day)) < _ESCALATION_SHARE[accounts.tier[account]] * gain
    return account[drawn], day[drawn]
