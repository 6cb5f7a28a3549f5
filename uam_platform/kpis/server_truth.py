"""Inputs of scores that only a server may vouch for: missing, not zero, while no server tells of them.

Here: which inputs are refused at which snapshot, and why. Not here: leaving out single client tellings
(`uam_platform.behavior.named_actions`), which events are a server's (`rulebook/taxonomy.yaml`).

A client can be blocked, drift or be made up, so what it says of business state is no truth (R54, R57, R58). A group of such actions is
refused before any server told of any such event (no server is connected), and where clients tell of the group and no server does.
"""

from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.policy.scores import ACTION_INPUTS

REFUSED: Final = "refused_inputs"
"""Column with the names of the refused inputs of a row, a set."""


def without_server_truth(
    rows: pd.DataFrame, told_sides: pd.DataFrame, groups: Mapping[str, Collection[str]]
) -> pd.DataFrame:
    """Rows in which the refused inputs are null, and `REFUSED` names them.

    Args:
        rows: one per account and snapshot, with the inputs of every group.
        told_sides: event_name, side, known_date: since when each side tells of an event that only a server may tell.
        groups: groups of actions made of such events alone, with those events.
    """
    days = pd.to_datetime(rows["as_of"])
    names: list[set[str]] = [set() for _ in range(len(rows))]
    refused: dict[str, pd.Series] = {}
    anything = _since(told_sides, None, "server")
    for group, events in groups.items():
        by_server, by_client = (_since(told_sides, events, side) for side in ("server", "client"))
        is_refused = (
            ~_is_known(days, anything) | (_is_known(days, by_client) & ~_is_known(days, by_server))
        ).to_numpy()
        inputs = [f"{group}_{name}" for name in ACTION_INPUTS]
        refused |= {name: rows[name].where(~is_refused) for name in inputs}
        for place in np.flatnonzero(is_refused):
            names[place].update(inputs)
    return rows.assign(**refused, **{REFUSED: pd.Series(names, index=rows.index, dtype=object)})


def _since(told_sides: pd.DataFrame, events: Collection[str] | None, side: str) -> pd.Timestamp | None:
    """Day from which a side tells of some of these events; of any without `events`."""
    is_mine = told_sides["side"] == side
    if events is not None:
        is_mine &= told_sides["event_name"].isin(list(events))
    first = pd.to_datetime(told_sides.loc[is_mine, "known_date"]).min()
    return None if pd.isna(first) else first


def _is_known(days: "pd.Series[pd.Timestamp]", since: pd.Timestamp | None) -> "pd.Series[bool]":
    return pd.Series(False, index=days.index) if since is None else days > since
