"""Contracts that are written as several lines: a plan and its add-ons, each with money and dates of its own.

Here: the lines of one account that run beside each other as one term at a time, with their money summed. Not here: reading the lines
(`mapped_records`), joining terms that follow each other (`uam_platform.churn`).

A term answers what an account pays and until when. Lines of different products therefore add up; lines of the same product
replace each other. Wherever a line starts or stops, one term ends and the next begins; nothing that is only known later changes
what an earlier term said, but for `ended_at`, which readers compare with their own day.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

Row = dict[str, Any]
_NEVER: Final = datetime.max  # noqa: DTZ901 - lake timestamps are naive UTC


@dataclass(frozen=True)
class Line:
    """One product of an account's contract.

    Attributes:
        product: what is sold.
        row: the line as a row of SUBSCRIPTIONS.
        stops_at: when it ended or the next line of the same product replaced it; `datetime.max` while neither is known.
    """

    product: str
    row: Row
    stops_at: datetime


def joined_lines(lines: Iterable[tuple[str, Row]]) -> list[Row]:
    """Terms of accounts whose contracts have lines.

    Args:
        lines: product and SUBSCRIPTIONS row of every line.

    Returns:
        Rows of SUBSCRIPTIONS, by account and start, no two of an account at the same time. Money and seats are sums over the lines;
        plan, billing period, agreed end and notice are those of the line with the most money.
    """
    accounts: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    for product, row in lines:
        accounts[row["account_id"]].append((product, row))
    return [term for account in sorted(accounts) for term in _terms(_lines(accounts[account]))]


def _lines(rows: Sequence[tuple[str, Row]]) -> list[Line]:
    ordered = sorted(rows, key=lambda r: (r[0], r[1]["started_at"], r[1]["subscription_id"]))
    found = []
    for this, following in itertools.zip_longest(ordered, ordered[1:]):
        product, row = this
        is_replaced = following is not None and following[0] == product
        stops = min(row["ended_at"] or _NEVER, following[1]["started_at"] if is_replaced else _NEVER)
        if stops > row["started_at"]:
            found.append(Line(product, row, stops))
    return found


def _terms(lines: Sequence[Line]) -> list[Row]:
    moments = sorted({line.row["started_at"] for line in lines} | {line.stops_at for line in lines})
    terms = []
    for start, stop in itertools.pairwise(moments):
        running = [line for line in lines if line.row["started_at"] <= start < line.stops_at]
        if running:
            terms.append(_term(running, start, stop))
    return terms


def _term(running: Sequence[Line], start: datetime, stop: datetime) -> Row:
    main = max(running, key=lambda line: (line.row["mrr_usd_cents"], line.row["subscription_id"])).row
    seats = [line.row["seat_count"] for line in running if line.row["seat_count"] is not None]
    agreed = main["term_end_at"]
    return {
        **main,
        "subscription_id": main["subscription_id"] if start == main["started_at"] else _part(main, start),
        "mrr_usd_cents": sum(line.row["mrr_usd_cents"] for line in running),
        "seat_count": sum(seats) if seats else None,
        "started_at": start,
        "term_end_at": agreed if agreed is None or agreed >= start else None,
        "known_at": max(start, *(line.row["known_at"] for line in running)),
        "ended_at": None if stop == _NEVER else stop,
        "end_reason": main["end_reason"] if stop == main["ended_at"] else None,
    }


def _part(main: Row, start: datetime) -> str:
    """Id of a later part of a line: its own and the day it starts, to the second where it is not midnight."""
    return f"{main['subscription_id']}@{start.isoformat().removesuffix('T00:00:00')}"
