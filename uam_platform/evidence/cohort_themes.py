"""Why a cohort behaves as it does: what its members speak of more than others, each topic with a quote (R113).

Here: COHORTS of the latest week and STATEMENTS into COHORT_THEMES. Not here: who is in a cohort (`uam_platform.behavior.cohorts`),
topics (`topics`), breadth over all accounts (`themes`).

Accounts count, not words: one loud member is one member. How many members would speak of a topic by chance is the hypergeometric tail
(Fisher 1935): its speakers drawn at random from all accounts that are looked at.
"""

from datetime import timedelta
from typing import Any, Final

import pandas as pd

from uam_platform.contracts.tables import COHORT_THEMES
from uam_platform.policy.topics import TopicPolicy

_HALF: Final = 0.5  # added to both counts, so that a topic that nobody else names has a finite lift


def cohort_themes(members: pd.DataFrame, found: pd.DataFrame, accounts: pd.Index, policy: TopicPolicy) -> pd.DataFrame:
    """COHORT_THEMES of the latest week in `members`, most telling first within a cohort.

    Args:
        members: COHORTS; clusters that are not stable are left out.
        found: STATEMENTS; those count that were known before the week, as far back as `cohort_window_days`.
        accounts: all accounts that are looked at; members of every cohort are among them.
        policy: window and what counts as a theme.
    """
    if members.empty or found.empty:
        return pd.DataFrame(columns=list(COHORT_THEMES.column_names))
    days = pd.to_datetime(members["as_of"])
    latest = members.loc[(days == days.max()) & members["is_stable"].astype(bool)]
    as_of = days.max()
    known = pd.to_datetime(found["known_date"])
    is_inside = (known < as_of) & (known >= as_of - timedelta(days=policy.cohort_window_days))
    heard = found.loc[is_inside & found["topic"].notna() & found["account_id"].isin(accounts)]
    by_topic = list(heard.groupby("topic", sort=True))
    rows: list[dict[str, Any]] = []
    for (cohort, name), own in latest.groupby(["cohort", "cohort_name"], sort=True):
        ids = set(own["account_id"])
        told = [_row(topic, said, ids, len(accounts)) for topic, said in by_topic]
        kept = [row for row in told if row["mentioning_account_count"] >= policy.least_accounts]
        kept.sort(key=lambda row: (row["chance_ratio"], -row["member_lift_ratio"], row["topic"]))
        rows += [{"as_of": as_of.date(), "cohort": cohort, "cohort_name": name, **row} for row in kept]
    return pd.DataFrame(rows, columns=list(COHORT_THEMES.column_names))


def _row(topic: Any, said: pd.DataFrame, members: set[str], accounts: int) -> dict[str, Any]:
    from scipy.stats import hypergeom

    inside = said[said["account_id"].isin(members)]
    hits, speakers, size = inside["account_id"].nunique(), said["account_id"].nunique(), len(members)
    others = accounts - size
    share, other = hits / size, (speakers - hits) / others if others else 0.0
    example = inside.sort_values(["sentiment", "statement_id"]).head(1).to_dict("records")
    lift = (hits + _HALF) / (size + 2 * _HALF) / ((speakers - hits + _HALF) / (others + 2 * _HALF))
    return {
        "topic": topic,
        "account_count": size,
        "mentioning_account_count": hits,
        "mention_count": len(inside),
        "member_share_ratio": share,
        "other_share_ratio": other,
        "member_lift_ratio": lift,
        "chance_ratio": float(hypergeom.sf(hits - 1, accounts, speakers, size)),
        "sentiment_mean": float(inside["sentiment"].mean()) if hits else 0.0,
        "statement_id": example[0]["statement_id"] if example else None,
        "quote": example[0]["quote"] if example else None,
    }
