"""The plot of mined patterns: how much more often each comes before its outcome, with its interval.

Here: choosing and drawing. Not here: what was found (`mined_patterns`), the drawing board (`orchestration.plots`).
"""

from typing import Any, Final

import pandas as pd

from uam_platform.orchestration.plots import figure, image, png

SHOWN: Final = 14
TOLD: Final = (
    "outcome", "pattern", "showing_case_count", "case_count", "pattern_lift_ratio", "pattern_lift_low_ratio",
    "pattern_lift_high_ratio", "is_replicated", "exposed_account_count", "exposed_arr_usd_cents",
)  # fmt: skip
_TITLE: Final = "Patterns before an outcome: times as frequent as in matched accounts (filled: found again later)"
_COLOURS: Final = {"churn": "#8b1f4b", "expansion": "#6b8b1f"}


def most_telling(patterns: pd.DataFrame, shown: int = SHOWN) -> pd.DataFrame:
    """Findings in the order in which people should look at them: found again first, then by chance."""
    order = patterns.assign(is_new=~patterns["is_replicated"].astype(bool))
    ordered = order.sort_values(["is_new", "pattern_chance_ratio", "outcome", "pattern"], kind="stable")
    return ordered.drop(columns="is_new").head(shown)


def lifts(patterns: pd.DataFrame) -> Any:
    """Lift with interval of the most telling findings, on a logarithmic axis."""
    rows = most_telling(patterns)
    made, axes = figure(_TITLE, "times", "", (9.5, 1.2 + 0.32 * max(len(rows), 1)))
    places = range(len(rows))[::-1]
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        colour = _COLOURS[str(row["outcome"])]
        axes.plot(
            [row["pattern_lift_low_ratio"], row["pattern_lift_high_ratio"]], [place, place], color=colour, linewidth=1.4
        )
        filled = colour if row["is_replicated"] else "white"
        axes.plot([row["pattern_lift_ratio"]], [place], "o", color=colour, markerfacecolor=filled, markersize=6)
    axes.axvline(1, color="#555", linewidth=0.7)
    axes.set_xscale("log")
    axes.set_yticks(list(places), (rows["outcome"] + ": " + rows["pattern"]).str.slice(0, 78).tolist(), fontsize=7.5)
    axes.spines[["top", "right"]].set_visible(False)
    return image(png(made), _TITLE)
