"""Edges between user ids: the only two ways in which two known users become one person (R87, R89, R91).

Here: alias calls, and one e-mail address on two user ids of one account. Not here: the components they form (`persons`).
"""

import numpy as np
import pandas as pd

from uam_platform.identity.evidence import ANONYMOUS, EMAIL
from uam_platform.identity.intervals import FOREVER
from uam_platform.policy.identity import Identifier, IdentityPolicy

_COLUMNS = ["left", "right", "label", "source", "start", "end", "occurred_us"]
_TEXTS = ("label", "source")


def user_edges(
    links: pd.DataFrame, users: pd.DataFrame, user_accounts: pd.DataFrame, policy: IdentityPolicy
) -> pd.DataFrame:
    """Pairs of user ids that are one person.

    Args:
        links: kind, identifier, previous, user, label, source, known, occurred_us.
        users: key, known: first known day of each user id.
        user_accounts: user, account, known: first known day of a user in an account.
        policy: which edges count.

    Returns:
        left, right, label (alias | email), source, start, end (known days in which the edge holds), occurred_us.
    """
    parts = []
    if policy.aliased_users_are_one_person:
        parts.append(_aliases(links, users, policy.most_users(Identifier.ALIAS)))
    if policy.same_email_in_account_is_one_person:
        parts.append(_same_email(links[links["kind"] == EMAIL], user_accounts, policy.most_users(Identifier.EMAIL)))
    empty = pd.DataFrame({c: pd.Series(dtype=object if c in _TEXTS else np.int64) for c in _COLUMNS})
    return pd.concat([p for p in parts if len(p)] or [empty], ignore_index=True)


def _aliases(links: pd.DataFrame, users: pd.DataFrame, most: int | None) -> pd.DataFrame:
    """Aliases whose previous id is known as a user id, from the day on which both are known; none once too many replace the id."""
    named = links[(links["kind"] == ANONYMOUS) & (links["label"] == "alias")]
    known = users.set_index("key")["known"]
    pairs = named[named["previous"].isin(known.index) & (named["previous"] != named["user"])]
    start = np.maximum(pairs["known"], known.reindex(pairs["previous"]).to_numpy())
    pairs = pairs.assign(start=start, end=_until_too_many(pairs, most))
    pairs = pairs[pairs["start"] < pairs["end"]]
    return pairs.rename(columns={"previous": "left", "user": "right"})[_COLUMNS]


def _until_too_many(links: pd.DataFrame, most: int | None) -> np.ndarray:
    """Per link the known day from which its identifier is on more than `most` user ids; one row per identifier and user."""
    ordered = links.sort_values(["identifier", "known", "user"])
    beyond = ordered[ordered.groupby("identifier").cumcount() == (len(links) if most is None else most)]
    found: np.ndarray = (
        beyond.set_index("identifier")["known"].reindex(links["identifier"]).fillna(FOREVER).to_numpy(np.int64)
    )
    return found


def _same_email(links: pd.DataFrame, user_accounts: pd.DataFrame, most: int | None) -> pd.DataFrame:
    """Per address and account an edge from the user id known first to each other one; none once too many share the address."""
    of_user = links.sort_values(["known", "source"]).groupby(["identifier", "user"], as_index=False)
    known = of_user.agg(known=("known", "min"), occurred_us=("occurred_us", "min"), source=("source", "first"))
    known = known[known["identifier"].duplicated(keep=False)]
    known = known.assign(end=_until_too_many(known, most)).sort_values(["identifier", "known", "user"])
    both = known.merge(user_accounts, on="user", suffixes=("", "_account"))
    both = both.assign(start=both[["known", "known_account"]].max(axis=1)).sort_values(["start", "user"])
    first = both.groupby(["identifier", "account"])["user"].transform("first")
    pairs = both.assign(left=first, right=both["user"], label="email")
    return pairs.loc[(pairs["left"] != pairs["right"]) & (pairs["start"] < pairs["end"]), _COLUMNS]
