"""A small random company as contract rows: late facts, late and corrected links, overlapping terms. No platform code decides here."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import arrow_schema, ibis_schema

Row = dict[str, Any]
START = date(2025, 1, 6)
DAYS = 140
FOREVER = date(9999, 12, 31)
ACCOUNTS = 5
PEOPLE = 9
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - lake timestamps are naive UTC


def table(contract: Contract, rows: list[Row]) -> ir.Table:
    """`rows` as a table of the contract; columns a row leaves out are null."""
    return ibis.memtable(pa.Table.from_pylist(rows, schema=arrow_schema(contract)), schema=ibis_schema(contract))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - as above


def us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Company:
    """Rows of every table that features read."""

    actor_days: list[Row] = field(default_factory=list)
    hierarchy: list[Row] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)
    memberships: list[Row] = field(default_factory=list)
    tickets: list[Row] = field(default_factory=list)
    ticket_events: list[Row] = field(default_factory=list)
    subscriptions: list[Row] = field(default_factory=list)
    accounts: list[Row] = field(default_factory=list)

    def table(self, name: str) -> ir.Table:
        return table(getattr(tables, name.upper()), getattr(self, name))

    def joined(self, other: "Company") -> "Company":
        return replace(self, **{name: rows + getattr(other, name) for name, rows in vars(self).items()})


class _Draw:
    """Random values on the company's days."""

    def __init__(self, seed: int, first: int, last: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.first, self.last = first, last

    def number(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one(self, options: list[Any]) -> Any:
        return options[self.number(0, len(options))]

    def day(self) -> date:
        return START + timedelta(days=self.number(self.first, self.last))

    def known(self, day: date, late_share: float = 0.25) -> date:
        return day + timedelta(days=self.number(1, 40)) if self.chance(late_share) else day

    def moment(self) -> datetime:
        return midnight(self.day()) + timedelta(minutes=self.number(0, 1440))

    def validity(self) -> Row:
        first = START + timedelta(days=self.number(-5, 60))
        last = FOREVER if self.chance(0.6) else first + timedelta(days=self.number(1, 70))
        known = self.known(max(first, START), 0.5)
        replaced = FOREVER if self.chance(0.7) else known + timedelta(days=self.number(1, 40))
        return {"valid_from_date": first, "valid_to_date": last, "known_from_date": known, "known_to_date": replaced}


def random_company(seed: int) -> Company:
    draw = _Draw(seed, 0, DAYS)
    return Company(
        actor_days=actor_days(draw, 260),
        hierarchy=[
            {"workspace_key": w, "account_id": f"acc_{draw.number(0, ACCOUNTS)}", **draw.validity()}
            for w in (1, 1, 2, 2, 3, 4, 5, 5)
        ],
        people=[
            {
                "identifier_key": k,
                "identifier_kind": draw.one(["user", "anonymous", "email"]),
                "person_key": draw.number(101, 101 + PEOPLE),
                "evidence": "identify",
                **draw.validity(),
            }
            for k in (11, 11, 12, 13, 14, 14, 14, 15, 16, 17)
        ],
        memberships=[
            {
                "person_key": draw.number(101, 101 + PEOPLE),
                "account_id": f"acc_{draw.number(0, ACCOUNTS)}",
                "role": draw.one(["admin", "member", None]),
                "evidence": "membership",
                **draw.validity(),
            }
            for _ in range(14)
        ],
        tickets=[
            {"ticket_id": f"t{i}", "account_id_source": draw.one([None, *(f"acc_{n}" for n in range(ACCOUNTS))])}
            for i in range(12)
        ],
        ticket_events=ticket_events(draw, 60),
        subscriptions=[subscription(draw, i) for i in range(12)],
        accounts=[account(draw) for _ in range(8)],
    )


def actor_days(draw: _Draw, count: int) -> list[Row]:
    rows = {}
    for _ in range(count):
        day = draw.day()
        key = (draw.number(11, 20), draw.number(0, 7), day, draw.known(day))
        events = draw.number(1, 6)
        rows[key] = {
            **dict(zip(("actor_key", "workspace_key", "event_date", "known_date"), key, strict=True)),
            "event_count": events,
            "core_count": draw.number(0, events + 1),
            "friction_count": draw.number(0, 2),
            "intent_count": draw.number(0, 2),
            "progress_count": draw.number(0, 2),
            "session_count": draw.number(0, 3),
            "feature_bits": (1 << draw.number(0, 6)) | (1 << draw.number(0, 62)) if draw.chance(0.8) else 0,
            "is_admin": draw.chance(0.3),
            "amount_usd_cents": draw.number(-500, 2000),
            "quantity": 1,
        }
    return list(rows.values())


def ticket_events(draw: _Draw, count: int, first_row: int = 0) -> list[Row]:
    rows = []
    for row_no in range(first_row, first_row + count):
        occurred = draw.moment()
        known = draw.known(occurred.date(), 0.2)
        rows.append(
            {
                "ticket_id": f"t{draw.number(0, 13)}",
                "row_no": row_no,
                "change": draw.one(["opened", "escalated", "reopened", "solved", "commented"]),
                "occurred_at": occurred,
                "occurred_us": us(occurred),
                "known_date": known,
                "load_id": "l1",
            }
        )
    return rows


def subscription(draw: _Draw, number: int) -> Row:
    started = draw.moment() - timedelta(days=40)
    end = started + timedelta(days=draw.number(20, 120))
    ended = started + timedelta(days=draw.number(1, 100)) if draw.chance(0.4) else None
    return {
        "source": "salesforce",
        "subscription_id": f"s{number}",
        "account_id": f"acc_{draw.number(0, ACCOUNTS + 1)}",
        "billing_period": draw.one(["monthly", "annual"]),
        "plan": draw.one([None, "team", "business"]),
        "seat_count": draw.one([None, 0, 3, 10]),
        "mrr_usd_cents": draw.number(0, 90_000),
        "started_at": started,
        "term_end_at": end if draw.chance(0.8) else None,
        "known_at": started + timedelta(hours=draw.number(-200, 200)),
        "notice_at": started + timedelta(days=draw.number(1, 90)) if draw.chance(0.3) else None,
        "ended_at": ended,
        "load_id": "l1",
    }


def account(draw: _Draw) -> Row:
    valid = draw.moment()
    return {
        "account_id": f"acc_{draw.number(0, ACCOUNTS + 2)}",
        "tier": draw.one(["growth", "enterprise", "strategic"]),
        "strategic_fit": draw.one(["low", "high"]),
        "valid_from_at": valid,
        "known_at": valid + timedelta(hours=draw.number(0, 300)),
    }
