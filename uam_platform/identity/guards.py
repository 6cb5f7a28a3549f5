"""What keeps wrong edges from joining strangers: limits per identifier and per person (R91).

Here: identifiers that too many users share, and persons that would grow too large. Not here: values that identify nobody (`blocked`),
which evidence makes an edge at all (`edges`), the limits with their reasons (`rulebook/identity.yaml`).

Which edges are refused depends on the set of edges only: at a known day those that hold are taken in the order of the day on which they
became known, priority of their type, keys; each is accepted if the person it makes keeps all limits. So an edge accepted once stays
accepted while no older edge changes, and what was refused at a known day is refused whatever becomes known later.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from uam_platform.identity.components import least_nodes
from uam_platform.identity.evidence import ANONYMOUS, EMAIL, USER
from uam_platform.identity.intervals import BEGINNING, FOREVER, covered
from uam_platform.policy.identity import Identifier, IdentityPolicy

NOBODY: Final = -1
"""Person of a refused tie: the identifier stays shared with somebody who cannot be told."""
TOO_MANY_USERS: Final = "too_many_users"
TOO_LARGE: Final = "person_too_large"
_TYPES: Final = {USER: Identifier.USER, ANONYMOUS: Identifier.DEVICE, EMAIL: Identifier.EMAIL}
_TIE: Final = ["kind", "identifier", "user"]
_SPANS: Final = [*_TIE, "start", "end"]


def crowded(links: pd.DataFrame, policy: IdentityPolicy) -> pd.DataFrame:
    """Identifiers that are on more user ids than their type allows: kind, identifier, start (known day from which they are nobody's).

    Args:
        links: kind, identifier, user, label, known; what only aliases tie to a user counts by the limit of aliases too.
        policy: the limits.
    """
    is_alias = links["label"] == "alias"
    limits = [
        (links[(links["kind"] == ANONYMOUS) & is_alias], policy.most_users(Identifier.ALIAS)),
        (links[links["kind"] == ANONYMOUS], policy.most_users(Identifier.DEVICE)),
        (links[links["kind"] == EMAIL], policy.most_users(Identifier.EMAIL)),
    ]
    parts = [_beyond(rows, most) for rows, most in limits if most is not None]
    found = pd.concat(parts, ignore_index=True) if parts else _beyond(links.iloc[:0], 0)
    return found.groupby(["kind", "identifier"], as_index=False)[["start"]].min()


def _beyond(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    first = rows.groupby(_TIE, as_index=False)[["known"]].min().sort_values(["kind", "identifier", "known"])
    place = first.groupby(["kind", "identifier"]).cumcount()
    return first.loc[place == most, ["kind", "identifier", "known"]].rename(columns={"known": "start"})


def until_crowded(links: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Links whose `until` is no later than the day on which too many share the identifier; empty ones are dropped."""
    if found.empty:
        return links
    ends = found.set_index(["kind", "identifier"])["start"]
    end = ends.reindex(pd.MultiIndex.from_frame(links[["kind", "identifier"]])).fillna(FOREVER).to_numpy(np.int64)
    until = np.minimum(links["until"].to_numpy(np.int64), end)
    return links.assign(until=until)[links["known"].to_numpy() < until]


@dataclass(frozen=True)
class Guarded:
    """What the limits of persons leave.

    Attributes:
        edges: edges between user ids, clipped to the known days in which they are accepted.
        accepted: kind, identifier, user, start, end: ties of persons that could grow too large; others are accepted throughout.
        refused: kind, identifier, user, start, end: edges that would make a person too large; of edges between user ids kind is
            user and identifier the left one.
        checked: user ids whose ties are listed in `accepted` and `refused`.
    """

    edges: pd.DataFrame
    accepted: pd.DataFrame
    refused: pd.DataFrame
    checked: frozenset[int] = frozenset()

    def split(self, tied: pd.DataFrame) -> pd.DataFrame:
        """Tied links (kind, identifier, user, person, start, end, …); where a tie is refused its person is NOBODY."""
        if not self.checked:
            return tied
        is_checked = tied["user"].isin(self.checked)
        own = tied[is_checked].drop(columns=["start", "end"]).assign(row=np.arange(is_checked.sum()))
        spans = tied.loc[is_checked, ["start", "end"]].to_numpy(np.int64)
        parts = [tied[~is_checked]]
        for given, is_accepted in ((self.accepted, True), (self.refused, False)):
            pieces = own.merge(given, on=_TIE)
            low = np.maximum(pieces["start"], spans[pieces["row"], 0])
            high = np.minimum(pieces["end"], spans[pieces["row"], 1])
            person = pieces["person"] if is_accepted else NOBODY
            parts.append(pieces.assign(start=low, end=high, person=person).drop(columns="row")[low < high])
        return pd.concat(parts, ignore_index=True)


def guard(users: pd.DataFrame, links: pd.DataFrame, edges: pd.DataFrame, policy: IdentityPolicy) -> Guarded:
    """Refuse edges that would give a person more identifiers than the rulebook allows.

    Args:
        users: key, known.
        links: kind, identifier, user, label, known, until: ties of devices and addresses to user ids.
        edges: left, right, label, start, end, …: user ids that are one person.
        policy: limits and priorities.
    """
    limits = {kind: policy.most_per_person(of) for kind, of in _TYPES.items()}
    group = pd.Series(_ever_joined(users, edges), index=users["key"].to_numpy())
    large = _could_grow_too_large(group, links, limits, policy.most_identifiers_per_person.most)
    if large.empty:
        none = pd.DataFrame({name: pd.Series(dtype=object if name == "kind" else np.int64) for name in _SPANS})
        return Guarded(edges, none, none)
    members = group[group.isin(large)]
    inside = edges["left"].isin(members.index)
    competing = _competing(links[links["user"].isin(members.index)], edges[inside], members, policy)
    accepted, refused = _replayed(competing, limits, policy.most_identifiers_per_person.most)
    is_pair = accepted["kind"] == USER
    taken = accepted.loc[is_pair, ["row", "start", "end"]]
    kept = edges[inside].drop(columns=["start", "end"]).merge(taken, left_index=True, right_on="row")[edges.columns]
    return Guarded(
        pd.concat([edges[~inside], kept], ignore_index=True),
        covered(accepted[~is_pair], _TIE, "start", "end"),
        covered(refused, _TIE, "start", "end"),
        frozenset(members.index),
    )


def _ever_joined(users: pd.DataFrame, edges: pd.DataFrame) -> np.ndarray:
    """Group number of every user id: those that edges join on any known day share one."""
    place = pd.Series(np.arange(len(users)), index=users["key"].to_numpy())
    left, right = (place.reindex(edges[side]).to_numpy(np.int64) for side in ("left", "right"))
    return least_nodes(len(users), left, right)


def _could_grow_too_large(
    group: "pd.Series[int]", links: pd.DataFrame, limits: Mapping[str, int], most: int
) -> "pd.Series[int]":
    """Groups whose edges, counted once each, reach beyond a limit; all others keep every limit on every day."""
    ties = pd.DataFrame({"kind": links["kind"].to_numpy(), "group": group.reindex(links["user"]).to_numpy()})
    of_users = pd.DataFrame({"kind": USER, "group": group.to_numpy()})
    counts = pd.concat([ties, of_users]).groupby(["kind", "group"]).size().reset_index(name="count")
    beyond = counts[counts["count"] > counts["kind"].map(limits)]["group"]
    total = counts.groupby("group")["count"].sum()
    return pd.Series(np.unique(np.concatenate([beyond, total.index[total > most]])), dtype=np.int64)


class _Edge(NamedTuple):
    group: int
    start: int
    priority: int
    kind: str
    identifier: int
    user: int
    end: int
    row: int


def _competing(
    links: pd.DataFrame, edges: pd.DataFrame, group: "pd.Series[int]", policy: IdentityPolicy
) -> list[_Edge]:
    """Ties and edges of some groups in the order in which they are taken."""
    priority = {kind: rule.priority for kind, rule in policy.identifiers.items()}
    types = links["kind"].map(_TYPES).where(links["label"] != "alias", Identifier.ALIAS)
    of_tie = links.assign(priority=types.map(priority)).groupby(_TIE, as_index=False)
    ties = of_tie.agg(start=("known", "min"), end=("until", "max"), priority=("priority", "min")).assign(row=-1)
    pairs = edges.assign(kind=USER, priority=edges["label"].map({"alias": priority[Identifier.ALIAS]}))
    pairs = pairs.assign(priority=pairs["priority"].fillna(priority[Identifier.EMAIL]).astype(np.int64))
    pairs = pairs.rename(columns={"left": "identifier", "right": "user"}).assign(row=edges.index)
    columns = [name for name in _Edge._fields if name != "group"]
    rows = pd.concat([ties[columns], pairs[columns]], ignore_index=True)
    rows.insert(0, "group", group.reindex(rows["user"]).to_numpy(np.int64))
    return sorted(map(_Edge._make, rows[list(_Edge._fields)].itertuples(index=False, name=None)))


def _replayed(edges: list[_Edge], limits: Mapping[str, int], most: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Known days in which each edge is accepted, and those in which it is refused: kind, identifier, user, start, end, row."""
    told: dict[bool, list[tuple[str, int, int, int, int, int]]] = {True: [], False: []}
    for _, own in groupby(edges, key=lambda edge: edge.group):
        for edge, is_accepted, start, end in _taken(list(own), limits, most):
            told[is_accepted].append((edge.kind, edge.identifier, edge.user, start, end, edge.row))
    accepted, refused = (pd.DataFrame(told[which], columns=[*_SPANS, "row"]) for which in (True, False))
    return covered(accepted, [*_TIE, "row"], "start", "end"), refused


def _taken(edges: list[_Edge], limits: Mapping[str, int], most: int) -> Iterator[tuple[_Edge, bool, int, int]]:
    """Each edge of one group, whether it is accepted, and from when to when; all is taken anew where an edge ends."""
    ends = sorted({edge.end for edge in edges if edge.end < FOREVER})
    for low, high in pairwise([BEGINNING, *ends, FOREVER]):
        persons = _Persons(limits, most)
        for edge in edges:
            if edge.start < high and edge.end > low:
                yield edge, persons.takes(edge), max(edge.start, low), min(edge.end, high)


class _Persons:
    """Persons of one group while edges are taken."""

    def __init__(self, limits: Mapping[str, int], most: int) -> None:
        self._limits, self._most = limits, most
        self._person: dict[int, int] = {}
        self._held: dict[int, dict[str, set[int]]] = {}

    def takes(self, edge: _Edge) -> bool:
        """Accept an edge if the person it makes keeps all limits."""
        person = self._find(edge.user)
        if edge.kind == USER:
            return self._joins(person, self._find(edge.identifier))
        return self._fits(person, {edge.kind: {edge.identifier}})

    def _find(self, user: int) -> int:
        self._held.setdefault(self._person.setdefault(user, user), {USER: {user}, ANONYMOUS: set(), EMAIL: set()})
        return self._person[user]

    def _fits(self, person: int, more: Mapping[str, set[int]]) -> bool:
        held = self._held[person]
        sizes = {kind: len(own) + len(more.get(kind, set()) - own) for kind, own in held.items()}
        if sum(sizes.values()) > self._most or any(size > self._limits[kind] for kind, size in sizes.items()):
            return False
        for kind, added in more.items():
            held[kind] |= added
        return True

    def _joins(self, left: int, right: int) -> bool:
        if left == right:
            return True
        small, large = sorted((left, right), key=lambda person: sum(map(len, self._held[person].values())))
        if not self._fits(large, self._held[small]):
            return False
        for user in self._held.pop(small)[USER]:
            self._person[user] = large
        return True
