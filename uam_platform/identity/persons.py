"""User ids that are one person: connected components of the user graph at every known day.

Here: the graph of user ids and the canonical person of each, over knowledge time. Not here: devices and addresses (`links`),
which evidence makes an edge (`edges`).
"""

import numpy as np
import pandas as pd

from uam_platform.identity.intervals import FOREVER


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
    """Histories of the user ids that edges touch; positions in `ranked` are graph nodes, the least is canonical."""
    key, since = ranked["key"].to_numpy(), ranked["known"].to_numpy(copy=True)
    person = np.arange(len(ranked))
    start, end = edges["start"].to_numpy(), edges["end"].to_numpy()
    ends = set(end[end < FOREVER].tolist())
    parts = []
    for day in sorted({*start.tolist(), *ends}):
        is_retracted = day in ends  # then begin anew with what still holds
        holds = (start <= day) & (day < end) if is_retracted else start == day
        new = merge(np.arange(len(ranked)) if is_retracted else person, edges[holds])
        changed = np.flatnonzero((new != person) & (since < day))
        parts.append((changed, person[changed], since[changed], np.full(len(changed), day)))
        since[new != person] = np.maximum(since[new != person], day)
        person = new
    parts.append((np.arange(len(ranked)), person, since, np.full(len(ranked), FOREVER)))
    node, owner, begin, until = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pd.DataFrame({"user": key[node], "person": key[owner], "start": begin, "end": until})


def merge(person: np.ndarray, edges: pd.DataFrame) -> np.ndarray:
    """Components after adding edges.

    Args:
        person: for each node the least node of its component so far.
        edges: left, right as node numbers.

    Returns:
        For each node the least node of its component afterwards.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(person)
    left, right = person[edges["left"].to_numpy()], person[edges["right"].to_numpy()]
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    _, least = np.unique(label, return_index=True)
    return least[label][person]
