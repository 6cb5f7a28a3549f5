"""Edges that people retracted: from the known day of the retraction on, the tables are what they would be without them.

Here: which evidence a retraction touches, and the known days in which one set of retractions is in force. Not here: recording them
(`uam_platform.ledger.identity`), landing them (`uam_platform.staging.answers`), the resolution of what is left (`state`).

Only identifiers that any chain of edges connects with a retracted one can change, so these alone are resolved anew, once per set of
retractions in force; all others are resolved once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.identity.components import least_nodes
from uam_platform.identity.directory import Directory
from uam_platform.identity.evidence import ANONYMOUS, EMAIL, USER, Evidence
from uam_platform.identity.intervals import BEGINNING, FOREVER, days

Edge = tuple[str, int, int]
"""Kind of identifier, identifier, user; of two user ids the lesser key first."""
RETRACTED: Final = "retracted"
_ALIAS: Final = ("previous", "user")  # the two user ids that an alias call names


@dataclass(frozen=True)
class Part:
    """Evidence that is resolved for known days [start, end) without the edges in `apart`."""

    facts: Evidence
    records: Directory
    apart: frozenset[tuple[int, int]]
    start: int
    end: int


def in_force(retractions: pd.DataFrame) -> dict[Edge, list[tuple[int, int]]]:
    """Known days [start, end) in which each edge is retracted; of one day the last word counts.

    Args:
        retractions: rows of `staging/identity_retractions`.
    """
    ordered = retractions.assign(day=days(retractions["known_date"]))
    ordered = ordered.assign(
        digits=ordered["retraction_id"].str.len()
    )  # of one moment the greater number is the later word
    ordered = ordered.sort_values(["known_at", "digits", "retraction_id"])
    keys = ["identifier_kind", "identifier_key", "linked_actor_key"]
    last = ordered.drop_duplicates([*keys, "day"], keep="last")
    found: dict[Edge, list[tuple[int, int]]] = {}
    for kind, identifier, user, day, change in last[[*keys, "day", "edge_change"]].itertuples(index=False):
        spans = found.setdefault((kind, identifier, user), [])
        is_open = bool(spans) and spans[-1][1] == FOREVER
        if change == RETRACTED and not is_open:
            spans.append((day, FOREVER))
        elif change != RETRACTED and is_open:
            spans[-1] = (spans[-1][0], day)
    return found


def parts(facts: Evidence, records: Directory, retracted: dict[Edge, list[tuple[int, int]]]) -> Iterator[Part]:
    """The evidence in parts that together say everything: untouched by retractions, and touched ones per set in force."""
    if not retracted:
        yield Part(facts, records, frozenset(), BEGINNING, FOREVER)
        return
    touched = _touched(facts, records, retracted)
    yield Part(*_chosen(facts, records, touched, False), frozenset(), BEGINNING, FOREVER)
    own = _chosen(facts, records, touched, True)
    bounds = {BEGINNING, FOREVER} | {day for spans in retracted.values() for span in spans for day in span}
    for start, end in pairwise(sorted(bounds)):
        gone = {edge for edge, spans in retracted.items() if any(low <= start < high for low, high in spans)}
        pairs = frozenset((left, right) for kind, left, right in gone if kind == USER)
        yield Part(*_without(*own, gone, pairs), pairs, start, end)


def _touched(facts: Evidence, records: Directory, retracted: dict[Edge, list[tuple[int, int]]]) -> np.ndarray:
    """Keys of all identifiers that edges connect with those of the retracted edges."""
    links = pd.concat([facts.links, records.links()], ignore_index=True)
    left = links[["identifier", "previous"]].to_numpy(np.int64).ravel()
    right = np.repeat(links["user"].to_numpy(np.int64), 2)
    left, right = left[left != 0], right[left != 0]
    named = np.array([key for _, identifier, user in retracted for key in (identifier, user)], dtype=np.int64)
    keys = np.unique(np.concatenate([left, right, named]))
    group = least_nodes(len(keys), np.searchsorted(keys, left), np.searchsorted(keys, right))
    found: np.ndarray = keys[np.isin(group, group[np.searchsorted(keys, named)])]
    return found


def _chosen(facts: Evidence, records: Directory, keys: np.ndarray, is_in: bool) -> tuple[Evidence, Directory]:
    """Evidence of the identifiers in `keys`, or of all others; places belong to both."""

    def of(frame: pd.DataFrame, column: str) -> pd.DataFrame:
        return frame[frame[column].isin(keys) == is_in]

    rows = records.records
    is_touched = rows[["user", "email", "device"]].isin(keys).any(axis=1)
    chosen = replace(
        facts,
        users=of(facts.users, "key"),
        devices=of(facts.devices, "key"),
        emails=of(facts.emails, "key"),
        links=of(facts.links, "user"),
        shared_days=of(facts.shared_days, "user"),
        turns=of(facts.turns, "user"),
        quiet=of(facts.quiet, "identifier"),
        visits=of(facts.visits, "user"),
        roles=of(facts.roles, "user"),
        stays=of(facts.stays, "user"),
    )
    return chosen, Directory(rows[is_touched == is_in])


def _without(
    facts: Evidence, records: Directory, gone: set[Edge], pairs: frozenset[tuple[int, int]]
) -> tuple[Evidence, Directory]:
    """Evidence as if the two ends of an edge had been seen apart: what each was seen to do stays."""
    if not gone:
        return facts, records
    ties = [edge for edge in gone if edge[0] != USER]
    kept = facts.links[~(_is_any(facts.links, ties) | joins(facts.links, _ALIAS, pairs))]
    days_kept = facts.shared_days[~(_is_any(facts.shared_days, ties) | joins(facts.shared_days, _ALIAS, pairs))]
    turns = facts.turns.assign(kind=ANONYMOUS)
    turns = facts.turns[~(_is_any(turns, ties) | joins(turns, _ALIAS, pairs))]
    rows = records.records
    of_address = _is_any(rows.assign(kind=EMAIL, identifier=rows["email"]), ties)
    of_device = _is_any(rows.assign(kind=ANONYMOUS, identifier=rows["device"]), ties)
    address = rows[of_address].assign(user=0, device=0, account=None, role=None)
    apart = rows.assign(email=rows["email"].where(~of_address, 0), device=rows["device"].where(~of_device, 0))
    apart = pd.concat([apart, address], ignore_index=True) if of_address.any() else apart
    return replace(facts, links=kept, shared_days=days_kept, turns=turns), Directory(apart)


def _is_any(rows: pd.DataFrame, edges: list[Edge]) -> np.ndarray:
    wanted = pd.MultiIndex.from_tuples(edges, names=["kind", "identifier", "user"]) if edges else None
    if wanted is None:
        return np.zeros(len(rows), dtype=bool)
    return pd.MultiIndex.from_frame(rows[["kind", "identifier", "user"]]).isin(wanted)


def joins(rows: pd.DataFrame, ends: tuple[str, str], pairs: frozenset[tuple[int, int]]) -> np.ndarray:
    """Which rows have the two user ids of a pair at their ends."""
    if not pairs:
        return np.zeros(len(rows), dtype=bool)
    low, high = rows[[*ends]].min(axis=1), rows[[*ends]].max(axis=1)
    return np.array([pair in pairs for pair in zip(low, high, strict=True)], dtype=bool)
