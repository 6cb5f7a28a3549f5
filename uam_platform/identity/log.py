"""What is told of a resolution: the edges that join identifiers to user ids, and what stayed with nobody.

Here: rows of the merge log and of ambiguous identifiers. Not here: the resolution (`state`), reading them for people
(`uam_platform.identity_story`).
"""

from typing import Final

import pandas as pd

from uam_platform.identity.evidence import STRENGTH, USER
from uam_platform.identity.guards import NOBODY, TOO_LARGE, TOO_MANY_USERS
from uam_platform.identity.intervals import FOREVER, clip, covered

SHARED: Final = "several_persons"
_EDGE: Final = ["kind", "identifier", "user"]
_TOLD: Final = ["label", "source", "occurred_us", "known"]


def merge_log(people: pd.DataFrame, tied: pd.DataFrame, edges: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """The edges that make identifiers a person's.

    Args:
        people: identifier, kind, person, start, end of devices and addresses.
        tied: links of devices and addresses with person, start, end.
        edges: accepted edges between user ids.
        history: user, person, start, end.

    Returns:
        kind, identifier, user, label, source, occurred_us, known, person, start, end: one row per edge and stretch of known days in
        which the identifier is that person's, if only on some event days. What an edge tells is of the evidence known first.
    """
    held = people.groupby(["kind", "identifier", "person"], as_index=False).agg(
        held_from=("start", "min"), held_to=("end", "max")
    )
    ties = clip(tied.merge(held, on=["kind", "identifier", "person"]), "start", "end", ("held_from", "held_to"))
    pairs = edges.rename(columns={"left": "identifier", "right": "user"}).assign(kind=USER, known=edges["start"])
    owners = pairs[["user"]].merge(_last(history, ["user"]), on="user", how="left", validate="m:1")
    pairs = pairs.assign(person=owners["person"].to_numpy())
    columns = [*_EDGE, *_TOLD, "person", "start", "end"]
    rows = pd.concat([ties[columns], pairs[columns]], ignore_index=True)
    rows = rows.assign(strength=rows["label"].map(STRENGTH))
    first = rows.sort_values(["known", "strength", "occurred_us", "source"]).drop_duplicates(_EDGE)
    told = first[[*_EDGE, *_TOLD]].merge(_last(rows, _EDGE), on=_EDGE, validate="1:1")
    return covered(rows, _EDGE, "start", "end").merge(told, on=_EDGE, validate="m:1")


def _last(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Keys with the person they had last."""
    return rows.sort_values(["end", "person"]).drop_duplicates(keys, keep="last")[[*keys, "person"]]


def ambiguous(crowded: pd.DataFrame, shared: pd.DataFrame, refused: pd.DataFrame) -> pd.DataFrame:
    """What is left with nobody, or with somebody on some days only: kind, identifier, user, reason, start, end.

    Args:
        crowded: kind, identifier, start.
        shared: kind, identifier, start, end.
        refused: kind, identifier, user, start, end.
    """
    rows = pd.concat(
        [
            crowded.assign(user=NOBODY, reason=TOO_MANY_USERS, end=FOREVER),
            shared.assign(user=NOBODY, reason=SHARED),
            refused.assign(reason=TOO_LARGE),
        ],
        ignore_index=True,
    )
    return rows[["kind", "identifier", "user", "reason", "start", "end"]]
