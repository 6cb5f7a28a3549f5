"""Tables of the shape that the outside churn simulator writes, made here with an answer that is known.

Belongs here: rows and their truth. Does not belong here: the mapping (`docs/examples/churn_simulator.yaml`), tests.

Renewals are rows of their own that start where the last one ended. Terms have 1, 3 or 12 months; some end early. Some plans have an
add-on, bought with the plan or in the middle of it. Some renewals come a week late; some customers come back after months.
"""

import calendar
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np

EVENTS = ("post", "newfriend", "like", "adview", "unfriend", "message")
_RATES = (0.5, 0.12, 0.8, 0.7, 0.02, 0.5)
_PLANS = {"basic": (9.0, 2), "team": (49.0, 5), "company": (199.0, 20)}
_ADD_ON = ("storage", 20.0)
_FADING_DAYS = 70


@dataclass
class Customer:
    """What is true of one account.

    Attributes:
        ends: days on which it left.
        spells: first day and day after the last of each unbroken relationship; the day is absent while it lasts.
    """

    account_id: int
    ends: list[date] = field(default_factory=list)
    spells: list[tuple[date, date | None]] = field(default_factory=list)


@dataclass
class Tables:
    """The tables, and what is true of them."""

    customers: list[Customer]
    subscriptions: list[dict[str, Any]]
    events: list[dict[str, Any]]
    start: date
    end: date

    def mrr_cents(self, account_id: int, day: date) -> int:
        """What an account pays on a day: the sum over the rows that run."""
        own = [s for s in self.subscriptions if s["account_id"] == account_id]
        return round(sum(s["mrr"] * 100 for s in own if s["start_date"] <= day < s["end_date"]))

    def write(self, folder: Path) -> Path:
        """The CSV files that PostgreSQL's COPY would write."""
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "subscription.csv", self.subscriptions)
        _write(folder / "event.csv", self.events)
        _write(folder / "event_type.csv", [{"event_type_id": n, "event_type_name": e} for n, e in enumerate(EVENTS)])
        return folder


def made(accounts: int, days: int, seed: int, churn: float = 0.08, activity: float = 0.5) -> Tables:
    """Tables of a company.

    Args:
        accounts: how many there are in the end.
        days: from 2024-01-01 on.
        seed: same seed, same tables.
        churn: share of customers that want to leave in a month; a longer term may hold them.
        activity: how much is done, 1 being about six actions a day and account.
    """
    draws = np.random.default_rng(seed)
    tables = Tables([], [], [], date(2024, 1, 1), date(2024, 1, 1) + timedelta(days=days))
    for account_id in range(accounts):
        customer = Customer(account_id)
        first = tables.start + timedelta(days=int(draws.integers(0, days // 2)))
        _live(customer, first, tables, draws, churn, activity)
        if customer.ends and draws.random() < 0.15:  # some come back, long after every grace
            _live(customer, customer.ends[-1] + timedelta(days=60), tables, draws, churn, activity)
        tables.customers.append(customer)
    tables.events.sort(key=lambda e: (e["event_time"], e["account_id"], e["event_type_id"], e["user_id"]))
    return tables


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _live(
    customer: Customer, first: date, tables: Tables, draws: np.random.Generator, churn: float, activity: float
) -> None:
    """One relationship: when it ends is drawn first, then what is written down about it."""
    months = int(draws.choice((1, 3, 12), p=(0.6, 0.25, 0.15)))
    plan = str(draws.choice(list(_PLANS)))
    leaves = months_after(first, int(draws.geometric(churn)) + 1)
    renewals = _renewals(first, months, leaves, tables.end, draws)
    if not renewals:
        return
    tables.subscriptions += _rows(customer.account_id, plan, months, renewals, draws)
    last = renewals[-1][1]
    left = last if last < tables.end else None
    customer.spells.append((first, left))
    if left is not None:
        customer.ends.append(left)
    tables.events += _events(customer.account_id, plan, first, left, tables.end, draws, activity)


def _renewals(first: date, months: int, leaves: date, end: date, draws: np.random.Generator) -> list[tuple[date, date]]:
    """First and last day of each term; a longer term may be cut short by the leaving, some start a week late."""
    terms, start = [], first
    while start < end:
        agreed = months_after(start, months)
        is_cut = start < leaves < agreed and months > 1 and draws.random() < 0.5
        terms.append((start, leaves if is_cut else agreed))
        if leaves <= agreed:
            break
        start = agreed + timedelta(days=7 if draws.random() < 0.03 else 0)
    return terms


def _rows(
    account_id: int, plan: str, months: int, terms: Sequence[tuple[date, date]], draws: np.random.Generator
) -> Iterable[dict[str, Any]]:
    price, users = _PLANS[plan]
    discount = float(draws.choice((0.0, 0.1, 0.25), p=(0.6, 0.25, 0.15)))
    add_on = str(draws.choice(("none", "always", "midway"), p=(0.6, 0.3, 0.1)))
    for start, end in terms:
        paid = round(price * (1 - discount), 2)
        yield _row(account_id, plan, start, end, paid, users, "users", months, discount)
        begins = start + timedelta(days=10) if add_on == "midway" else start
        if add_on != "none" and begins < end:
            yield _row(account_id, _ADD_ON[0], begins, end, _ADD_ON[1], None, None, months, discount)


def _row(account_id: int, product: str, start: date, end: date, mrr: float, *rest: Any) -> dict[str, Any]:
    quantity, units, months, discount = rest
    return {
        "account_id": account_id, "product": product, "start_date": start, "end_date": end, "mrr": mrr,
        "quantity": quantity, "units": units, "bill_period_months": months, "discount": discount,
    }  # fmt: skip


def _events(
    account_id: int, plan: str, first: date, left: date | None, end: date, draws: np.random.Generator, activity: float
) -> Iterable[dict[str, Any]]:
    """Daily Poisson counts; two of three leavers use the product less and less in the last ten weeks."""
    users = max(1, int(draws.poisson(_PLANS[plan][1] * 0.6)))
    rates = np.array(_RATES) * activity * float(draws.lognormal(0.0, 0.6)) * min(users, 4)
    fades = left is not None and draws.random() < 0.67
    for n in range(((left or end) - first).days):
        day = first + timedelta(days=n)
        remaining = (left - day).days if left else _FADING_DAYS
        level = (min(1.0, remaining / _FADING_DAYS) if fades else 1.0) * (0.4 if day.weekday() > 4 else 1.0)
        for kind, count in enumerate(draws.poisson(rates * level)):
            for second in draws.integers(0, 86_400, count):
                moment = datetime.combine(day, time()) + timedelta(seconds=int(second))
                value = round(float(draws.lognormal(2.0, 0.5)), 2) if EVENTS[kind] == "adview" else None
                yield {
                    "account_id": account_id, "event_time": moment, "event_type_id": kind,
                    "user_id": int(draws.integers(0, users)), "event_value": value,
                }  # fmt: skip


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({k: "" if v is None else str(v) for k, v in row.items()} for row in rows)
