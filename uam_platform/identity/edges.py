"""Edges between user ids: the only two ways in which two known users become one person (R87, R89, R91).

Here: alias calls, and one e-mail address on user ids near in place and time (`nearness`). Not here: the components they form (`persons`).
"""

import numpy as np
import pandas as pd

from uam_platform.identity.evidence import ANONYMOUS, EMAIL
from uam_platform.identity.intervals import FOREVER
from uam_platform.identity.nearness import Nearness
from uam_platform.policy.identity import Identifier, IdentityPolicy

_DAY_US = 86_400_000_000
_PAIRED = 100  # user ids of an address without a limit that are joined in pairs
_COLUMNS = ["left", "right", "label", "source", "start", "end", "occurred_us"]
_TEXTS = ("label", "source")
_REFUSED = ["kind", "identifier", "user", "reason", "start", "end"]
TAKEN_OVER = "address_taken_over"


def user_edges(
    links: pd.DataFrame, daily: pd.DataFrame, users: pd.DataFrame, user_accounts: pd.DataFrame, policy: IdentityPolicy
) -> pd.DataFrame:
    """Pairs of user ids that are one person.

    Args:
        links: kind, identifier, previous, user, label, source, known, occurred_us.
        daily: kind, identifier, user, day, known: daily links of identifiers seen with several user ids.
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
        emails = links[links["kind"] == EMAIL]
        parts.append(_same_email(emails, daily[daily["kind"] == EMAIL], user_accounts, policy))
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


def _same_email(
    links: pd.DataFrame, daily: pd.DataFrame, user_accounts: pd.DataFrame, policy: IdentityPolicy
) -> pd.DataFrame:
    """Per address an edge between any two of its user ids that are near enough in time; none once too many share the address.

    In one account more silence may lie between them than in two; how much, and whether in two at all, the rulebook says.
    """
    pairs = _email_pairs(links, policy)
    pairs = pairs[~pairs["is_taken_over"]]
    days = links.assign(day=links["occurred_us"] // _DAY_US)
    near = Nearness(pairs, pd.concat([daily, days], ignore_index=True))
    in_account = np.maximum(_common_account(pairs, user_accounts), near.since(policy.same_email_in_account_within_days))
    elsewhere = near.since(policy.same_email_elsewhere_within_days)
    pairs = pairs.assign(start=np.maximum(pairs["known"], np.minimum(in_account, elsewhere)), label="email")
    return pairs.loc[pairs["start"] < pairs["end"], _COLUMNS]


def taken_over(links: pd.DataFrame, policy: IdentityPolicy) -> pd.DataFrame:
    """Addresses that join nobody because whoever came to them later had another before: kind, identifier, user, reason, start, end.

    Two who swap their addresses, or of whom one takes on the other's, are two people. A new user id of a person has the known address
    first. What counts as later is the day on which it became known, which no later delivery changes.

    Args:
        links: as of `user_edges`.
        policy: which edges count.
    """
    pairs = _email_pairs(links[links["kind"] == EMAIL], policy)
    found = pairs[pairs["is_taken_over"] & policy.same_email_in_account_is_one_person]
    rows = found.assign(kind=EMAIL, user=found["right"], reason=TAKEN_OVER, start=found["known"], end=FOREVER)
    return rows[_REFUSED].drop_duplicates(ignore_index=True)


def _email_pairs(links: pd.DataFrame, policy: IdentityPolicy) -> pd.DataFrame:
    """Two user ids of one address, the one known first left: identifier, left, right, known, end, is_taken_over, source, occurred_us."""
    most = policy.most_users(Identifier.EMAIL)
    of_user = links.sort_values(["known", "source"]).groupby(["identifier", "user"], as_index=False)
    known = of_user.agg(known=("known", "min"), occurred_us=("occurred_us", "min"), source=("source", "first"))
    known = known.assign(is_first=known["known"] == known.groupby("user")["known"].transform("min"))
    known = known[known["identifier"].duplicated(keep=False)]
    known = known.assign(end=_until_too_many(known, most)).sort_values(["identifier", "known", "user"])
    few = known.assign(place=known.groupby("identifier").cumcount())
    few = few[few["place"] < (most or _PAIRED)]  # whoever comes later finds a mailbox that is shared already
    told = ["identifier", "user", "place", "known", "is_first"]
    pairs = few[told].merge(few, on="identifier", suffixes=("_left", ""))
    pairs = pairs[pairs["place_left"] < pairs["place"]].rename(columns={"user_left": "left", "user": "right"})
    is_same_day = pairs["known_left"] == pairs["known"]
    return pairs.assign(is_taken_over=~pairs["is_first"] | (is_same_day & ~pairs["is_first_left"]))


def _common_account(pairs: pd.DataFrame, user_accounts: pd.DataFrame) -> np.ndarray:
    """First known day on which both user ids of a pair belong to one account; FOREVER if they never do."""
    left = pairs[["left", "right"]].reset_index(names="pair").merge(user_accounts, left_on="left", right_on="user")
    both = left.merge(
        user_accounts, left_on=["right", "account"], right_on=["user", "account"], suffixes=("", "_right")
    )
    start = both[["known", "known_right"]].max(axis=1).groupby(both["pair"]).min()
    found: np.ndarray = start.reindex(pairs.index).fillna(FOREVER).to_numpy(np.int64)
    return found
