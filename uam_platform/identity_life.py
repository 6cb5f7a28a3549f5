"""A person's life in accounts, in words: which account, in which role, before or since its first paid contract (R83, R84, R88).

Here: lines over rows of `memberships` and `subscriptions` as known on a day. Not here: whose an identifier is (`identity_story`), how
memberships come about (`uam_platform.identity.memberships`).
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any, Final

import pandas as pd

_FOREVER: Final = date(9999, 12, 31)
_LINES: Final = 20


def life(
    memberships: pd.DataFrame, subscriptions: pd.DataFrame, persons: Collection[int], known: date
) -> Iterator[str]:
    """What persons were in which account, oldest first, split on the day the account began to pay.

    Args:
        memberships: MEMBERSHIPS.
        subscriptions: SUBSCRIPTIONS.
        persons: person keys.
        known: known day.
    """
    paid = first_paid(subscriptions, known)
    own = memberships[memberships["person_key"].isin(list(persons))]
    own = own[(own["known_from_date"] <= known) & (known < own["known_to_date"])]
    rows = own.sort_values(["valid_from_date", "account_id"]).to_dict("records")
    lines = [line for row in rows for line in _lines(row, paid.get(row["account_id"]))]
    yield from lines[:_LINES]
    if len(lines) > _LINES:
        yield f"… and {len(lines) - _LINES} more stays in accounts"


def first_paid(subscriptions: pd.DataFrame, known: date) -> dict[str, date]:
    """First day of the first term with a price above zero of every account, as known on a day."""
    terms = subscriptions[subscriptions["mrr_usd_cents"] > 0]
    seen = terms[pd.to_datetime(terms["known_at"]) < pd.Timestamp(min(known, date(2261, 1, 1))) + pd.Timedelta(days=1)]
    return {
        str(a): day.date() for a, day in pd.to_datetime(seen["started_at"]).groupby(seen["account_id"]).min().items()
    }


def _lines(row: Mapping[Any, Any], paid: date | None) -> Iterator[str]:
    begin, end = row["valid_from_date"], row["valid_to_date"]
    what = f"{row['role'] or 'without a stated role'} in account {row['account_id']}"
    if paid is None:
        yield f"{what} {_span(begin, end)}; no paid contract known"
        return
    if begin < paid:
        yield f"{what} {_span(begin, min(end, paid))}, before its first paid contract"
    if end > paid:
        yield f"{what} {_span(max(begin, paid), end)}, since its first paid contract of {paid}"


def _span(begin: date, end: date) -> str:
    return f"from {begin} on" if end == _FOREVER else f"from {begin} until before {end}"
