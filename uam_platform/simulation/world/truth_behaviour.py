"""The truth about behaviour: kinds of customers, releases, growth, planted sequences and patterns.

Belongs here: the printing of what was drawn. Does not belong here: causes and look-alikes (``truth``), people
(``truth_people``). A planting is listed when it was played; see ``sequence_truth`` for S4.
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from uam_platform.simulation.world.breakage import Breakage
from uam_platform.simulation.world.clock import START, START_US, Array, instant
from uam_platform.simulation.world.cohorts import KINDS
from uam_platform.simulation.world.commerce import Book, Term
from uam_platform.simulation.world.deliveries import person_id
from uam_platform.simulation.world.depth_watch import DepthWatch
from uam_platform.simulation.world.habits import Habits
from uam_platform.simulation.world.hidden_state import HiddenState
from uam_platform.simulation.world.patterns import PATTERNS, Play
from uam_platform.simulation.world.people import ADMIN, FOREVER, People
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.product import WORKFLOWS
from uam_platform.simulation.world.releases import Releases, release_id, version
from uam_platform.simulation.world.sequences import Planting
from uam_platform.simulation.world.support_directory import USER_ID

Rows = list[dict[str, Any]]
_SETTLES = timedelta(days=14)


def _at(micros: int) -> datetime:
    return START + timedelta(microseconds=int(micros) - START_US)


def _us(at: datetime) -> int:
    return START_US + round((at - START).total_seconds()) * 1_000_000


def cohort_truth(accounts: Accounts, state: HiddenState, people: People, habits: Habits, days: int) -> Rows:
    """Return one row per account of C1 and C2 and per evaluator of C3, with the time for which it holds."""
    rows: Rows = []
    for account in np.flatnonzero((state.cohorts.kind >= 0) & (accounts.start_day < days)).tolist():
        kind = KINDS[state.cohorts.kind[account]]
        if kind != "C3":
            rows.append(_member(kind, accounts, account, None, max(0.0, float(accounts.start_day[account])), FOREVER))
    for person in np.flatnonzero(habits.is_evaluator & (people.join_day < days)).tolist():
        account = int(people.account[person])
        turns = people.role_change_day[person] if people.later_role[person] != ADMIN else FOREVER
        until = float(min(people.leave_day[person], turns))
        since = max(0.0, float(people.join_day[person]))
        if until > since:
            rows.append(_member("C3", accounts, account, person_id(person), since, until))
    return rows


def _member(
    cohort: str, accounts: Accounts, account: int, person: str | None, since: float, until: float
) -> dict[str, Any]:
    return {
        "cohort": cohort, "account_id": accounts.account_id[account], "person_id": person, "valid_from": instant(since),
        "valid_to": instant(until) if until < FOREVER else None,
    }  # fmt: skip


def release_truth(releases: Releases, breakage: Breakage, days: int) -> Rows:
    """Return every visible release with the number of accounts that a harmful one hurt."""
    hurt = np.bincount(breakage.release_of_spell[breakage.release_of_spell >= 0], minlength=releases.count)
    return [
        {
            "release_id": release_id(int(index)), "version": version(int(index)),
            "flag_key": releases.flag_key(int(index)), "is_harmful": bool(releases.is_harmful[index]),
            "workflow": WORKFLOWS[releases.workflow[index]] if releases.is_harmful[index] else None,
            "released_at": instant(float(releases.day[index])), "affected_accounts": int(hurt[index]),
        }
        for index in np.flatnonzero(releases.day < days)
    ]  # fmt: skip


def expansion_truth(accounts: Accounts, state: HiddenState, book: Book, days: int) -> Rows:
    """Return drives with the growth they brought (or none) and growth without a drive, within terms and at renewals."""
    drives, rows = state.drives, []
    driven = {
        (account, wish.day): wish.drive
        for account, wishes in enumerate(state.wishes)
        for wish in wishes
        if wish.drive >= 0
    }
    found: set[int] = set()
    for day, account, before, after, cents in _growths(book, days):
        drive = driven.get((account, day), -1)
        found.add(drive)
        rows.append(_growth(accounts, state, account, drive) | {
            "grew_at": instant(day), "seats_before": before, "seats_after": after, "mrr_delta_usd_cents": cents,
        })  # fmt: skip
    terms_of: dict[int, list[Term]] = {}
    for term in book.terms:
        terms_of.setdefault(term.account, []).append(term)
    for drive in range(len(drives.account)):
        account, first = int(drives.account[drive]), int(drives.first_week[drive]) * 7
        if drive in found or first >= days or not book.paying[account, first]:
            continue
        seats = _seats_on(terms_of.get(account, []), first)
        rows.append(_growth(accounts, state, account, drive) | {"seats_before": seats, "grew_at": None})
    rows.sort(key=lambda row: (row["account_id"], row["grew_at"] or row["drive_from"]))
    return rows


def _growth(accounts: Accounts, state: HiddenState, account: int, drive: int) -> dict[str, Any]:
    drives, is_driven = state.drives, drive >= 0
    return {
        "account_id": accounts.account_id[account], "is_driven": is_driven,
        "drive_from": instant(int(drives.first_week[drive]) * 7) if is_driven else None,
        "drive_to": instant(int(drives.last_week[drive]) * 7) if is_driven else None,
    }  # fmt: skip


def _growths(book: Book, days: int) -> list[tuple[float, int, int, int, int]]:
    found = []
    for term in book.terms:
        seats, cents = term.seats, term.mrr_cents
        before = book.terms[term.previous] if term.previous is not None else None
        if before is not None:
            old_seats, old_cents = _last(before)
            if seats > old_seats and 0 <= term.start_day < days:
                found.append((float(term.start_day), term.account, old_seats, seats, cents - old_cents))
        for day, grown, price in term.changes:
            if grown > seats and 0 <= day < days:
                found.append((day, term.account, seats, grown, price - cents))
            seats, cents = grown, price
    return found


def _last(term: Term) -> tuple[int, int]:
    return (term.changes[-1][1], term.changes[-1][2]) if term.changes else (term.seats, term.mrr_cents)


def _seats_on(terms: list[Term], day: int) -> int:
    seats = 0
    for term in terms:
        if term.start_day <= day:
            seats = next((grown for on, grown, _ in reversed(term.changes) if on <= day), term.seats)
    return seats


def sequence_truth(
    accounts: Accounts, plantings: list[Planting], tickets: dict[str, Array], desk: dict[str, Rows], watch: DepthWatch
) -> Rows:
    """Return the plantings by time; the last instant of an S4 is fourteen days after its ticket was really raised.

    An S4 whose ticket was not raised before the end, or after which use did not fall, did not come about and is left out.
    """
    raised = _raises(desk)
    rows: Rows = []
    for planting in plantings:
        last = _at(planting.last_us)
        if planting.sequence == "S4":
            key = (USER_ID + int(tickets["person"][planting.ticket]), instant(float(tickets["day"][planting.ticket])))
            if key not in raised:
                continue
            last = raised[key] + _SETTLES
            if not planting.is_decoy and not watch.has_fallen(planting.account, planting.first_us, _us(raised[key])):
                continue
        rows.append({
            "sequence": planting.sequence, "account_id": accounts.account_id[planting.account],
            "person_id": person_id(planting.person) if planting.person >= 0 else None, "first_at": _at(planting.first_us),
            "last_at": last, "is_decoy": planting.is_decoy,
        })  # fmt: skip
    rows.sort(key=lambda row: (row["first_at"], row["sequence"], row["account_id"]))
    return [{"planting_id": f"pl_{number + 1:06d}"} | row for number, row in enumerate(rows)]


def _raises(desk: dict[str, Rows]) -> dict[tuple[int, datetime], datetime]:
    opened = {row["ticket_id"]: (row["requester_id"], row["created_at"]) for row in desk["zendesk_tickets"]}
    raised: dict[tuple[int, datetime], datetime] = {}
    for event in desk["zendesk_ticket_events"]:
        if event["field"] == "priority" and event["value"] in ("high", "urgent"):
            raised.setdefault(opened[event["ticket_id"]], event["occurred_at"])
    return raised


def pattern_truth(accounts: Accounts, plays: list[Play]) -> Rows:
    """Return one row per planted occurrence; ``outcome`` is what the pattern is commoner before, not what came."""
    rows = [
        {
            "pattern_id": PATTERNS[play.pattern].pattern_id, "account_id": accounts.account_id[play.account],
            "outcome": PATTERNS[play.pattern].outcome, "steps": list(PATTERNS[play.pattern].steps),
            "first_at": _at(play.first_us), "last_at": _at(play.last_us),
        }
        for play in plays
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row["first_at"], row["account_id"], row["pattern_id"]))
