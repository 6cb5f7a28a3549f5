"""Which situations make identity hard, and whom they concern.

Here: classes of true people, from truth tables. Not here: scores (`identity`, `identity_scores`). A person may be in several
classes; who is in none is plain. Worlds of older versions lack some tables; their classes stay empty.
"""

from collections.abc import Iterator
from typing import Final

import pandas as pd

from uam_platform.evaluation.truth import Truth

PLAIN: Final = "plain"
CLASSES: Final = (
    PLAIN, "several devices", "rotated device", "shared device", "kiosk", "contractor", "e-mail change",
    "moved between accounts", "new login", "anonymous before sign-up", "trial to paid", "anonymous only", "employee", "bot",
)  # fmt: skip
_FOREVER: Final = pd.Timestamp("2200-01-01")
_EVER: Final = pd.Timestamp("1900-01-01")
_ALMOST: Final = pd.Timedelta(seconds=2)


def classes(truth: Truth) -> dict[str, set[str]]:
    """Person ids by class; every person of the truth is in at least one."""
    people = _bounded(truth.frame("people"))
    members = _bounded(truth.frame("memberships"))
    found = {name: set(ids) for name, ids in _found(truth, people, members)}
    hard = set().union(*found.values())
    return {PLAIN: set(people["person_id"]) - hard} | {name: found.get(name, set()) for name in CLASSES[1:]}


def homes(truth: Truth) -> dict[str, str]:
    """The account that a person belonged to first; whoever belongs to none stands alone."""
    members = (
        _bounded(truth.frame("memberships")).sort_values(["valid_from", "account_id"]).drop_duplicates("person_id")
    )
    return dict(zip(members["person_id"], members["account_id"], strict=True))


def _bounded(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(
        valid_from=rows["valid_from"].fillna(_EVER).astype("datetime64[us]"),
        valid_to=rows["valid_to"].fillna(_FOREVER).astype("datetime64[us]"),
    )


def _found(truth: Truth, people: pd.DataFrame, members: pd.DataFrame) -> Iterator[tuple[str, set[str]]]:
    devices = people[people["identifier_kind"] == "anonymous_id"]
    pairs = _pairs(devices, "identifier")
    yield "several devices", set(pairs.loc[_overlap(pairs), "person_id"])
    yield "rotated device", set(pairs.loc[_follows(pairs), "person_id"])
    kinds = truth.frame("person_kinds") if truth.has("person_kinds") else pd.DataFrame({"person_id": [], "kind": []})
    of_kind = {str(kind): set(group) for kind, group in kinds.groupby("kind")["person_id"]}
    kiosk = of_kind.get("kiosk_user", set())
    yield "shared device", set(truth.frame("shared_devices")["person_id"]) - kiosk
    yield "kiosk", kiosk
    places = _pairs(members, "account_id")
    yield "contractor", of_kind.get("contractor", set()) | set(places.loc[_overlap(places), "person_id"])
    yield "moved between accounts", set(places.loc[~_overlap(places), "person_id"])
    yield "e-mail change", _several(people, "email")
    yield "new login", _several(people, "user_id")
    yield "anonymous before sign-up", _early(people)
    yield "trial to paid", _trials(truth, members)
    yield (
        "anonymous only",
        set(people["person_id"]) - set(people.loc[people["identifier_kind"] == "user_id", "person_id"]),
    )
    yield "employee", of_kind.get("employee", set())
    yield "bot", of_kind.get("bot", set())


def _pairs(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    """Pairs of different values of one person, the earlier one first."""
    own = rows[["person_id", what, "valid_from", "valid_to"]]
    both = own.merge(own, on="person_id", suffixes=("", "_next"))
    return both[(both[what] != both[f"{what}_next"]) & (both["valid_from"] <= both["valid_from_next"])]


def _overlap(pairs: pd.DataFrame) -> "pd.Series[bool]":
    return pairs["valid_to"] - pairs["valid_from_next"] > _ALMOST


def _follows(pairs: pd.DataFrame) -> "pd.Series[bool]":
    return (pairs["valid_to"] - pairs["valid_from_next"]).abs() <= _ALMOST


def _several(people: pd.DataFrame, kind: str) -> set[str]:
    count = people[people["identifier_kind"] == kind].groupby("person_id")["identifier"].nunique()
    return {str(person) for person in count.index[count > 1]}


def _early(people: pd.DataFrame) -> set[str]:
    """People whose device is older than their login."""
    first = people.pivot_table(index="person_id", columns="identifier_kind", values="valid_from", aggfunc="min")
    if not {"anonymous_id", "user_id"} <= set(first.columns):
        return set()
    return {str(person) for person in first.index[first["user_id"] - first["anonymous_id"] > _ALMOST]}


def _trials(truth: Truth, members: pd.DataFrame) -> set[str]:
    """Members of accounts on trial who were there before the first contract began."""
    if not truth.has("account_events"):
        return set()
    events = truth.frame("account_events")
    on_trial = set(events.loc[events["kind"] == "trial_started", "account_id"])
    begun = truth.frame("accounts").set_index("account_id")["started_at"]
    own = members[members["account_id"].isin(on_trial)]
    return set(own.loc[own["valid_from"] < own["account_id"].map(begun), "person_id"])
