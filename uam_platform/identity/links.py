"""Devices and e-mail addresses: whose they are, and what a shared one still proves (R82, R86, R89, R91).

Here: identifiers that are no user ids, tied to persons. Not here: which user ids are one person (`persons`).

An identifier seen with exactly one person is theirs on all its days. One seen with several is, on a day on which exactly one of
them was seen on it, theirs for that day; on other days it is nobody's.
"""

import numpy as np
import pandas as pd

from uam_platform.identity.evidence import EMAIL, STRENGTH
from uam_platform.identity.guards import NOBODY
from uam_platform.identity.intervals import FOREVER, alone, clip, join_adjoining
from uam_platform.policy.identity import SharedDevices

_ROW = ["identifier", "person", "valid_from", "valid_to", "start", "end"]


def tie(links: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Links of identifiers to user ids as links to persons.

    Args:
        links: kind, identifier, user, known, until and any other columns.
        history: user, person, start, end.

    Returns:
        The links' columns with person, start, end: known days in which the link holds.
    """
    joined = links.merge(history, on="user", validate="m:m")
    return clip(joined, "start", "end", ("known", "until"))


def resolve_identifiers(
    kind: str,
    links: pd.DataFrame,
    shared_days: pd.DataFrame,
    turns: pd.DataFrame,
    seen: pd.DataFrame,
    shared: SharedDevices,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Identifiers of one kind as rows of the people table.

    Args:
        kind: anonymous or email.
        links: tied links (see `tie`): kind, identifier, person, label, start, end.
        shared_days: tied daily links of identifiers seen with several user ids, with day.
        turns: days of several persons that are one person's all the same (see `turns.by_turn`).
        seen: first days of the identifiers (see `intervals.first_days`).
        shared: what becomes of shared identifiers.

    Returns:
        identifier, kind, person, evidence, valid_from, valid_to, start, end; and the shared ones: kind, identifier, start, end.
    """
    own = links[links["kind"] == kind]
    edges = own.rename(columns={"identifier": "group", "person": "member"})[["group", "member", "start", "end"]]
    single, several = alone(edges)
    single = single.rename(columns={"group": "identifier", "member": "person"})
    rows = single.merge(seen.rename(columns={"key": "identifier"}), on="identifier")
    rows = clip(rows, "start", "end", ("known", None))[_ROW]
    if shared is not SharedDevices.ANONYMOUS:
        days = _single_days(shared_days[shared_days["kind"] == kind])
        days = pd.concat([days, turns], ignore_index=True) if shared is SharedDevices.BY_TURN else days
        rows = pd.concat([rows, _while_shared(days, several)], ignore_index=True)
    rows = rows[rows["person"] != NOBODY]
    return rows.assign(kind=kind, evidence=_labels(rows, own)), several.rename(columns={"group": "identifier"}).assign(
        kind=kind
    )


def _single_days(daily: pd.DataFrame) -> pd.DataFrame:
    """Days on which exactly one person was seen on an identifier: identifier, person, valid_from, start, end."""
    keys = daily[["identifier", "day"]].drop_duplicates(ignore_index=True)
    group = keys.reset_index(names="group").merge(daily, on=["identifier", "day"])
    single, _ = alone(group.rename(columns={"person": "member"})[["group", "member", "start", "end"]])
    rows = single.merge(keys.reset_index(names="group"), on="group", validate="m:1")
    return rows.rename(columns={"member": "person", "day": "valid_from"})[
        ["identifier", "person", "valid_from", "start", "end"]
    ]


def _while_shared(days: pd.DataFrame, several: pd.DataFrame) -> pd.DataFrame:
    """Rows of single days, while the identifier is known to be shared."""
    rows = days.assign(valid_to=days["valid_from"] + 1)
    shared = several.rename(columns={"group": "identifier", "start": "shared_from", "end": "shared_to"})
    rows = clip(rows.merge(shared, on="identifier"), "start", "end", ("shared_from", "shared_to"))
    rows = join_adjoining(rows, ["identifier", "valid_from", "valid_to", "person"], "start", "end")
    return join_adjoining(rows, ["identifier", "person", "start", "end"], "valid_from", "valid_to")[_ROW]


def _labels(rows: pd.DataFrame, links: pd.DataFrame) -> np.ndarray:
    """The evidence that first tied identifier and person; of one day the strongest."""
    ranked = links.assign(strength=links["label"].map(STRENGTH)).sort_values(["start", "strength"])
    first = ranked.drop_duplicates(["identifier", "person"])[["identifier", "person", "label"]]
    return rows[["identifier", "person"]].merge(first, how="left", validate="m:1")["label"].to_numpy()


def without_user(emails: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Addresses of directory records that name no product user, as persons of their own until a user is known for them.

    Args:
        emails: key, known: addresses of the directory.
        links: tied links of addresses.

    Returns:
        Tied links (kind, identifier, person, label, start, end) of the address to itself.
    """
    first_known = emails.groupby("key", as_index=False)["known"].min()
    users = links[links["kind"] == EMAIL].groupby("identifier")["start"].min()
    until = users.reindex(first_known["key"]).fillna(FOREVER).to_numpy(np.int64)
    rows = pd.DataFrame(
        {"kind": EMAIL, "identifier": first_known["key"], "person": first_known["key"], "label": "directory"}
    )
    rows = rows.assign(start=first_known["known"], end=until)
    return rows[rows["start"] < rows["end"]]


def is_device(links: pd.DataFrame, users: pd.DataFrame) -> pd.DataFrame:
    """Links with `until`: a previous id that an alias names counts as a device until it is known to be a user id.

    Args:
        links: kind, previous (0 where no alias names the identifier), known and any other columns.
        users: key, known: first known day of each user id.
    """
    as_user = users.set_index("key")["known"].reindex(links["previous"]).fillna(FOREVER).to_numpy(np.int64)
    return links.assign(until=as_user)[links["known"].to_numpy() < as_user]
