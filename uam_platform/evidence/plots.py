"""Pictures of what people say: breadth beside loudness.

Here: drawing. Not here: the numbers (`themes`), the canvas (`uam_platform.orchestration.plots`).
"""

import pandas as pd

from uam_platform.orchestration.plots import figure, png

_COLOURS = {"broad": "#1f6f8b", "loud": "#8b1f4b", "small": "#9a9a9a"}


def breadth_plot(found: pd.DataFrame) -> bytes | None:
    """Topics of the last week of THEMES by accounts and statements; None where nothing was said."""
    if found.empty:
        return None
    last = found[found["as_of"] == found["as_of"].max()].sort_values("topic")
    made, axes = figure(
        f"What customers speak of, the window before {pd.Timestamp(last['as_of'].iloc[0]):%Y-%m-%d}",
        "accounts",
        "statements",
        (8.0, 5.0),
    )
    most = max(int(last["mentioning_account_count"].max()), int(last["mention_count"].max()))
    axes.plot([0, most], [0, most], color="#cccccc", linewidth=1, zorder=0)
    for breadth, own in last.groupby("breadth"):
        axes.scatter(
            own["mentioning_account_count"], own["mention_count"], label=breadth, color=_COLOURS[str(breadth)], s=36
        )
    points = (
        last.assign(name=last["topic"].str.replace("_", " "))
        .groupby(["mentioning_account_count", "mention_count"], as_index=False)["name"]
        .agg("\n".join)
    )
    for row in points.itertuples():
        axes.annotate(
            str(row.name), (row.mentioning_account_count, row.mention_count), fontsize=8, xytext=(7, 0),
            textcoords="offset points", va="center",
        )  # fmt: skip
    axes.set_xlim(left=0, right=1.3 * last["mentioning_account_count"].max())
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return png(made)
