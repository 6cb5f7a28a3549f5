"""Opportunities in the CRM: what sales hoped for, when, and how it came out.

Belongs here: new business, renewals, expansions and how far they are at the end of the world. Does not belong here: the terms
themselves (``commerce``). An outcome appears when it is decided, never before; an expansion that was only hoped for is lost.
"""

from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import date_of, instant
from uam_platform.simulation.world.commerce import Book, Term
from uam_platform.simulation.world.crm import Roster
from uam_platform.simulation.world.salesforce_ids import record_id

_RENEWAL_OPENS_DAYS, _EXPANSION_OPENS_DAYS, _NEW_OPENS_DAYS = 90.0, 15.0, 30.0
_STAGES = ((20.0, "Qualification"), (50.0, "Proposal"), (1e9, "Negotiation"))
_LOST_PER_YEAR = 0.12
_HOPED_SHARE = 0.2


class _Pipeline:
    """Appends deals; ``days`` is the end of the world."""

    def __init__(self, roster: Roster, days: int) -> None:
        self.roster, self.days = roster, days
        self.rows: list[dict[str, Any]] = []

    def deal(self, term: Term, kind: str, opened: float, closed: float, cents: float, won: bool | None) -> None:
        """Write one deal; ``won`` is None while nothing is decided."""
        if opened >= self.days or (term.ended_day is not None and opened >= term.ended_day):
            return
        is_closed = closed < self.days and won is not None
        age = self.days - opened
        open_stage = next(stage for limit, stage in _STAGES if age < limit)
        stage = ("Closed Won" if won else "Closed Lost") if is_closed else open_stage
        modified = max(opened, closed) if is_closed else self._moved(opened)
        owner = self.roster.owner(term.account, closed if is_closed else self.days)
        expected = int(opened + 2 * _EXPANSION_OPENS_DAYS) if kind == "Expansion" else term.end_day
        self.rows.append({
            "Id": record_id("Opportunity", len(self.rows)), "AccountId": record_id("Account", term.account),
            "Name": f"{kind} {date_of(term.start_day):%Y-%m}", "StageName": stage, "Amount": cents * 12 / 100,
            "CloseDate": date_of(int(closed) if is_closed else expected), "Type": kind,
            "OwnerId": record_id("User", owner), "IsClosed": is_closed, "IsWon": bool(is_closed and won),
            "CreatedDate": instant(opened), "SystemModstamp": instant(modified),
        })  # fmt: skip

    def _moved(self, opened: float) -> float:
        """Return when an open deal entered its present stage."""
        limits = [limit for limit, _ in _STAGES if opened + limit < self.days]
        return opened + (limits[-1] if limits else 0.0)


def opportunities(book: Book, roster: Roster, days: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return one opportunity per new contract, per annual renewal that came into view and per expansion, won or lost."""
    pipeline = _Pipeline(roster, days)
    signed = {term.previous: term.created_day for term in book.terms if term.previous is not None}
    for number, term in enumerate(book.terms):
        if term.previous is None:
            pipeline.deal(
                term, "New Business", term.created_day - _NEW_OPENS_DAYS, term.created_day, term.mrr_cents, True
            )
        if term.months == 12:
            _renewal(pipeline, term, signed.get(number))
        _expansions(pipeline, term)
        _lost_hope(pipeline, term, *rng.random(2))
    return pipeline.rows


def _renewal(pipeline: _Pipeline, term: Term, signed: float | None) -> None:
    lost = term.notice_day if term.notice_day is not None else term.ended_day
    closed = signed if lost is None else lost + 0.5
    won = None if closed is None else lost is None
    pipeline.deal(term, "Renewal", term.end_day - _RENEWAL_OPENS_DAYS, closed or 0.0, term.mrr_cents, won)


def _expansions(pipeline: _Pipeline, term: Term) -> None:
    before = term.mrr_cents
    for day, _, mrr in term.changes:
        if mrr > before:
            pipeline.deal(term, "Expansion", day - _EXPANSION_OPENS_DAYS, day, mrr - before, True)
        before = mrr


def _lost_hope(pipeline: _Pipeline, term: Term, draw: float, place: float) -> None:
    """Write an expansion that came to nothing; nobody hopes for one from a customer who has given notice."""
    day = term.start_day + place * (term.end_day - term.start_day)
    until = min(each for each in (term.notice_day, term.ended_day, term.end_day) if each is not None)
    if draw < _LOST_PER_YEAR * term.months / 12 and day < until:
        pipeline.deal(term, "Expansion", day - _EXPANSION_OPENS_DAYS, day, term.mrr_cents * _HOPED_SHARE, False)
