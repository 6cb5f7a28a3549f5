"""The plot of transitions: out of each frequent action, where people go next.

Here: choosing rows and drawing. Not here: counting (`transitions`), the drawing board (`orchestration.plots`).
"""

from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.orchestration.plots import figure, image, png

SHOWN: Final = 16
_SIZE: Final = (9.0, 6.2)
_TITLE: Final = "What follows what within a session (share of all that follows)"


def next_shares(transitions: pd.DataFrame, shown: int = SHOWN) -> pd.DataFrame:
    """Among the most frequent actions: share of what follows each.

    Args:
        transitions: rows of the transitions contract.
        shown: actions that are kept, by how often they take part.

    Returns:
        A square frame, rows the action and columns the next one, in the order of frequency; a row sums to at most 1, the rest going to
        actions that are not shown.
    """
    counts = transitions.pivot_table(
        index="event_name", columns="next_event_name", values="transition_count", aggfunc="sum", fill_value=0
    )
    names = counts.index.union(counts.columns)
    counts = counts.reindex(index=names, columns=names, fill_value=0)
    taking_part = (counts.sum(axis=0) + counts.sum(axis=1)).sort_values(ascending=False, kind="stable")
    kept = list(taking_part.index[:shown])
    return counts.div(counts.sum(axis=1).replace(0, 1), axis=0).loc[kept, kept]


def heat_map(transitions: pd.DataFrame) -> Any:
    """The shares as a heat map for materialisation metadata."""
    shares = next_shares(transitions)
    made, axes = figure(_TITLE, "next action", "action", _SIZE)
    values = shares.to_numpy(dtype=float)
    axes.imshow(np.where(values > 0, values, np.nan), cmap="YlGnBu", vmin=0, aspect="auto")
    axes.set_xticks(range(len(shares)), list(shares.columns), rotation=60, ha="right", fontsize=7)
    axes.set_yticks(range(len(shares)), list(shares.index), fontsize=7)
    top = values.max(initial=0)
    for row, column in zip(*np.nonzero(values >= 0.05), strict=True):
        colour = "white" if values[row, column] > 0.6 * top else "black"
        axes.text(column, row, f"{100 * values[row, column]:.0f}", ha="center", va="center", fontsize=6.5, color=colour)
    return image(png(made), _TITLE)
