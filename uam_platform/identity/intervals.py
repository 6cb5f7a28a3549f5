"""Half-open intervals of days over large frames: which are alive, who is alone in a group, what overlaps.

Here: vectorised interval arithmetic on integer days. Not here: what the intervals mean (`persons`, `links`), values that follow
one another in time (`timeline`).
"""

from datetime import date

import numpy as np
import pandas as pd

FOREVER = (date(9999, 12, 31) - date(1970, 1, 1)).days
BEGINNING = -(10**6)


def days(values: pd.Series) -> pd.Series:
    """Timestamps or dates as int64 days since 1970-01-01."""
    return pd.Series(pd.to_datetime(values).to_numpy("datetime64[D]").astype(np.int64), index=values.index)


def first_days(*frames: pd.DataFrame) -> pd.DataFrame:
    """When a key's validity starts, as known over time.

    Args:
        frames: sightings with columns key, day, known.

    Returns:
        key, valid_from, valid_to, known: at known day k the rows with known <= k join to [first day known by k, forever).
    """
    seen = pd.concat([f[["key", "day", "known"]] for f in frames], ignore_index=True)
    seen = seen.sort_values(["key", "known", "day"], ignore_index=True)
    earliest = seen.groupby("key")["day"].cummin().groupby(seen["key"]).shift()
    seen = seen.assign(valid_to=earliest.fillna(FOREVER).astype(np.int64)).rename(columns={"day": "valid_from"})
    return seen.loc[seen["valid_from"] < seen["valid_to"], ["key", "valid_from", "valid_to", "known"]]


def clip(frame: pd.DataFrame, start: str, end: str, *bounds: tuple[str, str | None]) -> pd.DataFrame:
    """Cut each row's [start, end) to every [low, high) named in `bounds` (high None: open); empty rows are dropped."""
    low = frame[start].to_numpy(np.int64)
    high = frame[end].to_numpy(np.int64)
    for lower, upper in bounds:
        low = np.maximum(low, frame[lower].to_numpy(np.int64))
        high = np.minimum(high, frame[upper].to_numpy(np.int64)) if upper else high
    return frame.assign(**{start: low, end: high})[low < high]


def alone(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """When exactly one member of a group is alive, and when several are.

    Args:
        frame: group, member, start, end; a member may have many, overlapping intervals.

    Returns:
        (group, member, start, end) of the stretches with exactly one distinct member, and (group, start, end) of those
        with more than one. Stretches are maximal.
    """
    members, codes = np.unique(frame["member"].to_numpy(), return_inverse=True)
    present = _transitions(
        np.concatenate([frame["group"], frame["group"]]),
        np.concatenate([codes, codes]),
        np.concatenate([frame["start"], frame["end"]]),
        np.repeat([1, -1], len(frame)),
    )
    breaks = present.assign(total=present["change"] * present["member"]).groupby(["group", "time"], as_index=False)
    steps = breaks[["change", "total"]].sum()
    count, total = steps["change"].cumsum().to_numpy(), steps["total"].cumsum().to_numpy()
    until = np.append(steps["time"].to_numpy(), 0)[1:]
    stretch = pd.DataFrame({"group": steps["group"], "start": steps["time"], "end": until})
    single = stretch[count == 1].assign(member=members[total[count == 1]])
    several = join_adjoining(stretch[count > 1], ["group"], "start", "end")
    return join_adjoining(single, ["group", "member"], "start", "end"), several


def _transitions(group: np.ndarray, member: np.ndarray, time: np.ndarray, change: np.ndarray) -> pd.DataFrame:
    """Times at which a member of a group appears (+1) or disappears (-1), whatever overlaps."""
    steps = pd.DataFrame({"group": group, "member": member, "time": time, "change": change})
    steps = steps.groupby(["group", "member", "time"], as_index=False)[["change"]].sum()
    # the changes of each member add up to zero, so one running sum serves all
    alive = steps["change"].cumsum().to_numpy() > 0
    before = np.concatenate([[False], alive[:-1]])
    return steps.assign(change=alive.astype(np.int64) - before)[alive != before]


def join_adjoining(frame: pd.DataFrame, keys: list[str], start: str, end: str) -> pd.DataFrame:
    """Keys and intervals with adjoining [start, end) of equal `keys` joined; the intervals of a key must not overlap."""
    if frame.empty:
        return frame[[*keys, start, end]]
    ordered = frame.sort_values([*keys, start], ignore_index=True)
    is_new = (ordered[keys] != ordered[keys].shift()).any(axis=1) | (ordered[start] != ordered[end].shift())
    island = is_new.cumsum()
    first = ordered[is_new.to_numpy()][[*keys, start]].reset_index(drop=True)
    return first.assign(**{end: ordered.groupby(island)[end].max().to_numpy()})


def covered(frame: pd.DataFrame, keys: list[str], start: str, end: str) -> pd.DataFrame:
    """Keys and the maximal [start, end) that rows of equal `keys` cover together; the intervals of a key may overlap."""
    if frame.empty:
        return frame[[*keys, start, end]]
    ordered = frame.sort_values([*keys, start], ignore_index=True)
    number = ordered.groupby(keys, sort=False).ngroup()
    reach = ordered.groupby(number)[end].cummax().groupby(number).shift()
    island = (reach.isna() | (ordered[start] > reach)).cumsum()
    first = ordered.groupby(island)[[*keys, start]].first()
    return first.assign(**{end: ordered.groupby(island)[end].max()}).reset_index(drop=True)
