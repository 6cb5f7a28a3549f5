"""User ids that are one person: connected components of the user graph at every known day.

Here: the graph of user ids and the canonical person of each, over knowledge time. Not here: devices and addresses (`links`),
which evidence makes an edge (`edges`), how components are found (`components`).
"""

from typing import Final

import numpy as np
import pandas as pd

from uam_platform.identity.components import Ints, Nodes, least_nodes
from uam_platform.identity.intervals import FOREVER

_NO_DAY: Final = -(2**62)


def person_history(users: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """The person of every user id, as known over time.

    The person's key is the key of its user id known first (ties: least key), so it does not change when others join.

    Args:
        users: key, known: first known day of each user id; one row per key.
        edges: left, right, start, end: user ids that are one person while start <= known day < end.

    Returns:
        user, person, start, end: one row per user id and stretch of known days; stretches of a user id are disjoint and
        cover [known, forever).
    """
    touched = users[users["key"].isin(edges["left"]) | users["key"].isin(edges["right"])]
    ranked = touched.sort_values(["known", "key"], ignore_index=True)
    place = pd.Series(ranked.index.to_numpy(), index=ranked["key"])
    nodes = {side: place.reindex(edges[side]).to_numpy() for side in ("left", "right")}
    joined = edges[["start", "end"]].assign(**nodes)
    if joined[["left", "right"]].isna().any(axis=None):
        raise ValueError("an edge names a user id that is not in `users`")
    rest = users[~users["key"].isin(ranked["key"])]
    alone = pd.DataFrame({"user": rest["key"], "person": rest["key"], "start": rest["known"], "end": FOREVER})
    return pd.concat([alone, _replay(ranked, joined.astype(np.int64))], ignore_index=True)


def _replay(ranked: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Histories of the user ids that edges touch; positions in `ranked` are graph nodes, the least is canonical.

    What edges ever join is apart from all else, so each such part has days of its own on which it changes. Step by step every part is
    taken to its next one, all at once: there are as many steps as the part that changes most often has days, and a part costs its size
    for each of its days, whatever else there is.
    """
    key, since = ranked["key"].to_numpy(), ranked["known"].to_numpy(copy=True)
    left, right, start, end = (edges[name].to_numpy() for name in ("left", "right", "start", "end"))
    part = least_nodes(len(ranked), left, right)
    nodes, person, today = np.arange(len(ranked)), np.arange(len(ranked)), np.full(len(ranked), _NO_DAY)
    rows = []
    for _, now in _days_of_change(part[left], start, end).groupby("step"):
        today[now["part"]] = now["day"]
        nodes = nodes[today[part[nodes]] != _NO_DAY]
        still = today[part[left]] != _NO_DAY
        left, right, start, end = left[still], right[still], start[still], end[still]
        holds = (start <= today[part[left]]) & (today[part[left]] < end)
        new = _joined(nodes, left[holds], right[holds])
        moved = nodes[new != person[nodes]]
        day = today[part[moved]]
        was = since[moved] < day
        rows.append((moved[was], person[moved[was]], since[moved[was]], day[was]))
        since[moved] = np.maximum(since[moved], day)
        person[nodes] = new
        today[now["part"]] = _NO_DAY
    rows.append((np.arange(len(ranked)), person, since, np.full(len(ranked), FOREVER)))
    node, owner, begin, until = (np.concatenate(column) for column in zip(*rows, strict=True))
    return pd.DataFrame({"user": key[node], "person": key[owner], "start": begin, "end": until})


def _days_of_change(part: Nodes, start: Ints, end: Ints) -> pd.DataFrame:
    """part, day, step: the known days on which edges of a part begin or end, numbered from 0 in each part."""
    both = pd.DataFrame({"part": np.concatenate([part, part]), "day": np.concatenate([start, end])})
    days = both[both["day"] < FOREVER].drop_duplicates().sort_values(["part", "day"], ignore_index=True)
    return days.assign(step=days.groupby("part").cumcount())


def _joined(nodes: Ints, left: Ints, right: Ints) -> Ints:
    """The least node that edges join each of `nodes` (ascending) to."""
    least = least_nodes(len(nodes), np.searchsorted(nodes, left), np.searchsorted(nodes, right))
    return nodes[least]
