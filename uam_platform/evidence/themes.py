"""Breadth beside loudness: how many accounts and how much revenue speak of a topic, and whether it is one account that is loud.

Here: STATEMENTS and contracts into THEMES, one row per topic and Monday. Not here: single statements (`statements`), words without a
topic (`emerging`). A row of a Monday counts what was known before it, so that a later run changes nothing of it.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from uam_platform.contracts.tables import THEMES
from uam_platform.policy.topics import TopicPolicy

_MONTHS: Final = 12


def mondays(found: pd.DataFrame) -> list[date]:
    """Mondays from the first known day to the one after the last."""
    if found.empty:
        return []
    days = found["known_date"]
    first, last = min(days), max(days)
    start = first + timedelta(days=7 - first.weekday())
    return [start + timedelta(days=7 * n) for n in range((last - start).days // 7 + 2)]


def themes(found: pd.DataFrame, subscriptions: pd.DataFrame, policy: TopicPolicy) -> pd.DataFrame:
    """THEMES of all weeks.

    Args:
        found: STATEMENTS contract.
        subscriptions: contract terms, for the revenue of an account at a Monday.
        policy: window and what counts as broad or loud.
    """
    placed = found[found["account_id"].notna()]
    rows = [row for as_of in mondays(placed) for row in _week(placed, subscriptions, as_of, policy)]
    return pd.DataFrame(rows, columns=list(THEMES.column_names))


def _week(
    placed: pd.DataFrame, subscriptions: pd.DataFrame, as_of: date, policy: TopicPolicy
) -> Iterator[dict[str, Any]]:
    window = timedelta(days=policy.window_days)
    now = placed[(placed["known_date"] < as_of) & (placed["known_date"] >= as_of - window)]
    before = placed[(placed["known_date"] < as_of - window) & (placed["known_date"] >= as_of - 2 * window)]
    arr = arr_at(subscriptions, as_of)
    speaking = now["account_id"].nunique()
    earlier = before["topic"].value_counts()
    for topic, own in now[now["topic"].notna()].groupby("topic", sort=True):
        previous = int(earlier.get(topic, 0))
        yield {"as_of": as_of, "topic": topic, "previous_mention_count": previous} | _row(
            own, previous, speaking, arr, policy
        )


def _row(own: pd.DataFrame, previous: int, speaking: int, arr: pd.Series, policy: TopicPolicy) -> dict[str, Any]:
    counts = own["account_id"].value_counts()
    shares = counts / counts.sum()
    revenue, whole = int(arr.reindex(counts.index).fillna(0).sum()), int(arr.sum())
    example = own.sort_values(["sentiment", "statement_id"]).iloc[0]
    share = len(counts) / speaking
    in_calls = own[own["channel"] == "call"]
    return {
        "mention_count": len(own),
        "call_mention_count": len(in_calls),
        "call_account_count": in_calls["account_id"].nunique(),
        "mentioning_account_count": len(counts),
        "account_share_ratio": share,
        "mentioning_arr_usd_cents": revenue,
        "arr_share_ratio": revenue / whole if whole else None,
        "loudest_share_ratio": float(shares.max()),
        "effective_account_count": float(1 / (shares**2).sum()),
        "trend_ratio": (len(own) + 1) / (previous + 1),
        "sentiment_mean": float(own["sentiment"].mean()),
        "escalation_count": int(own["is_escalation"].sum()),
        "breadth": _breadth(len(own), len(counts), share, float(shares.max()), policy),
        "statement_id": example["statement_id"],
        "quote": example["quote"],
    }


def _breadth(mentions: int, accounts: int, share: float, loudest: float, policy: TopicPolicy) -> str:
    if loudest >= policy.loud_share and mentions > accounts:
        return "loud"
    is_broad = accounts >= policy.least_accounts and share >= policy.broad_share
    return "broad" if is_broad else "small"


def arr_at(subscriptions: pd.DataFrame, as_of: date) -> pd.Series:
    """ARR in cents by account, of the contracts that run at the midnight of `as_of` and are known by then."""
    at = pd.Timestamp(as_of)
    started, ended = pd.to_datetime(subscriptions["started_at"]), pd.to_datetime(subscriptions["ended_at"])
    is_known = pd.to_datetime(subscriptions["known_at"]) <= at
    running = subscriptions[(started <= at) & ~(ended <= at) & is_known]
    by_account: pd.Series = running.groupby("account_id")["mrr_usd_cents"].sum() * _MONTHS
    return by_account
