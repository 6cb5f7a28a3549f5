"""Edges between user ids: the only two ways in which two known users become one person (R87, R89, R91).

Here: alias calls, and one e-mail address on two user ids of one account. Not here: the components they form (`persons`).
"""

import numpy as np
import pandas as pd

from uam_platform.identity.evidence import ANONYMOUS, EMAIL
from uam_platform.identity.intervals import FOREVER
from uam_platform.policy.identity import IdentityPolicy

_COLUMNS = ["left", "right", "label", "start", "end", "occurred_us"]


def user_edges(
    links: pd.DataFrame, users: pd.DataFrame, user_accounts: pd.DataFrame, policy: IdentityPolicy
) -> pd.DataFrame:
    """Pairs of user ids that are one person.

    Args:
        links: kind, identifier, user, label, known, occurred_us.
        users: key, known: first known day of each user id.
        user_accounts: user, account, known: first known day of a user in an account.
        policy: which edges count.

    Returns:
        left, right, label (alias | email), start, end (known days in which the edge holds), occurred_us.
    """
    parts = []
    if policy.aliased_users_are_one_person:
        parts.append(_aliases(links, users))
    if policy.same_email_in_account_is_one_person:
        parts.append(_same_email(links[links["kind"] == EMAIL], user_accounts, policy.max_users_per_email))
    empty = pd.DataFrame({c: pd.Series(dtype=object if c == "label" else np.int64) for c in _COLUMNS})
    return pd.concat([p for p in parts if len(p)] or [empty], ignore_index=True)


def _aliases(links: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Aliases whose previous id is known as a user id, from the day on which both are known."""
    named = links[(links["kind"] == ANONYMOUS) & (links["label"] == "alias")]
    known = users.set_index("key")["known"]
    pairs = named[named["identifier"].isin(known.index)]
    start = np.maximum(pairs["known"], known.reindex(pairs["identifier"]).to_numpy())
    return pairs.rename(columns={"identifier": "left", "user": "right"}).assign(start=start, end=FOREVER)[_COLUMNS]


def _same_email(links: pd.DataFrame, user_accounts: pd.DataFrame, most: int) -> pd.DataFrame:
    """Per address and account an edge from the user id known first to each other one; none once too many share the address."""
    known = links.groupby(["identifier", "user"], as_index=False).agg(
        known=("known", "min"), occurred_us=("occurred_us", "min")
    )
    known = known[known["identifier"].duplicated(keep=False)].sort_values(["identifier", "known", "user"])
    too_many = known[known.groupby("identifier").cumcount() == most].set_index("identifier")["known"]
    both = known.merge(user_accounts, on="user", suffixes=("", "_account"))
    both = both.assign(start=both[["known", "known_account"]].max(axis=1)).sort_values(["start", "user"])
    first = both.groupby(["identifier", "account"])["user"].transform("first")
    pairs = both.assign(left=first, right=both["user"], label="email")
    pairs = pairs.assign(end=too_many.reindex(pairs["identifier"]).fillna(FOREVER).to_numpy(np.int64))
    return pairs.loc[(pairs["left"] != pairs["right"]) & (pairs["start"] < pairs["end"]), _COLUMNS]
