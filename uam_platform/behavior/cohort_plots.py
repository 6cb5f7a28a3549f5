"""Plots of cohorts: where accounts lie, and how big cohorts are over weeks.

Here: drawing. Not here: who belongs where (`cohorts`), the drawing board (`orchestration.plots`).
"""

from typing import Any

import numpy as np
import pandas as pd

from uam_platform.orchestration.plots import figure, image, png

_COLOURS = ("#d08c60", "#8b1f4b", "#6b8b1f", "#1f6f8b", "#7b5ea7", "#b8860b", "#2f4f4f")


def scatter(points: pd.DataFrame, members: pd.DataFrame) -> Any:
    """Accounts of the last snapshot in the plane of the two largest principal components, by cohort.

    Args:
        points: scaled inputs, index account_id, as_of.
        members: COHORTS; unstable ones are drawn hollow.
    """
    made, axes = figure("Accounts by behaviour, latest snapshot", "first component", "second component", (7.0, 5.0))
    if len(points):
        day = points.index.get_level_values("as_of").max()
        rows = points.xs(day, level="as_of")
        plane = pd.DataFrame(_plane(rows.to_numpy()), index=rows.index)
        axes.scatter(plane[0], plane[1], s=9, color="#cccccc", label="no cohort", linewidths=0)
        groups = members[members["as_of"] == day].groupby(["cohort", "cohort_name", "is_stable"])
        for number, ((cohort, name, is_stable), own) in enumerate(groups):
            inside = plane.reindex(own["account_id"]).dropna()
            colour = _COLOURS[number % len(_COLOURS)]
            face = colour if is_stable else "none"
            said = f"{cohort} {name}"[:60] + ("" if is_stable else " (unstable)")
            axes.scatter(inside[0], inside[1], s=22, facecolors=face, edgecolors=colour, label=said, linewidths=0.9)
        made.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=7)
    return image(png(made), "Accounts by behaviour")


def _plane(points: Any) -> Any:
    """First two principal components; signs fixed so that equal data give equal pictures."""
    centred = points - points.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])
    return centred @ (axes * signs[:, None])[:2].T


def sizes(profiles: pd.DataFrame) -> Any:
    """Members of each cohort over the snapshots; unstable weeks are left out."""
    made, axes = figure("Members of stable cohorts, by snapshot", "", "accounts")
    steady = profiles[profiles["is_stable"]]
    for number, (cohort, rows) in enumerate(steady.groupby("cohort")):
        colour = _COLOURS[number % len(_COLOURS)]
        axes.plot(rows["as_of"], rows["account_count"], label=cohort, color=colour, linewidth=1.4, marker=".", ms=3)
    if len(steady):
        made.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    return image(png(made), "Members of cohorts")
