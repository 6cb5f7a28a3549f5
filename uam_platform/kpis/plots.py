"""What people see of the scores: their distribution, the accounts at either end, what each line adds, where durable value moves.

Here: plots as PNG, and the table of accounts. Not here: the scores (`scores`), a worksheet's page (`worksheet`).
"""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from uam_platform.orchestration.plots import figure, png

_SCORES: Final = ("behaviour", "friction", "health", "expansion")
_BINS: Final = 20
_ROWS: Final = 8
_EARNED, _POSSIBLE, _TAKEN = "#1f6f8b", "#dfe5e8", "#8b1f4b"


def distribution(scores: pd.DataFrame) -> bytes:
    """Histograms of the four scores side by side, with the number of accounts whose score is unknown."""
    made, axes = figure("", "", "", (10.0, 2.6))
    axes.remove()
    for number, name in enumerate(_SCORES, start=1):
        known = scores[f"{name}_score"].dropna()
        panel = made.add_subplot(1, len(_SCORES), number)
        panel.hist(known, bins=_BINS, range=(0, 100), color=_EARNED)
        unknown = len(scores) - len(known)
        panel.set(title=f"{name} ({unknown} unknown)" if unknown else name, xlim=(0, 100), xlabel="points")
        panel.spines[["top", "right"]].set_visible(False)
    return png(made)


def ends_of(scores: pd.DataFrame, names: pd.Series, by: str, is_least: bool) -> pd.DataFrame:
    """The accounts with the lowest or the highest score.

    Args:
        scores: ACCOUNT_SCORES of one snapshot.
        names: account names by account_id; others are shown by id.
        by: column of the score.
        is_least: the lowest, else the highest.
    """
    ordered = scores.dropna(subset=[by]).sort_values([by, "account_id"], ascending=[is_least, True]).head(_ROWS)
    called = ordered["account_id"].map(names).fillna(ordered["account_id"])
    shown = {f"{name}_score": name for name in _SCORES}
    rows = ordered.assign(account=called, weighted_usd=ordered["revenue_weight_usd_cents"] // 100)
    return rows.loc[:, ["account", *shown, "weighted_usd"]].rename(columns=shown)


def dollars_by_direction(weeks: pd.DataFrame) -> bytes:
    """Dollars a year of accounts that strengthen, upwards, and weaken, downwards, by snapshot.

    Args:
        weeks: VALUE_WEEKS of several snapshots.
    """
    arr = weeks.pivot_table(
        index="as_of", columns="value_direction", values="arr_usd_cents", aggfunc="sum", fill_value=0
    )
    arr = arr.reindex(columns=["strengthening", "weakening"], fill_value=0) / 100_000
    made, axes = figure("Durable value: dollars that strengthen and weaken", "", "USD thousand a year")
    places = range(len(arr))
    axes.bar(places, arr["strengthening"], color=_EARNED, label="strengthening")
    axes.bar(places, -arr["weakening"], color=_TAKEN, label="weakening")
    axes.axhline(0, color="#555", linewidth=0.6)
    named = list(places)[:: max(len(arr) // 10, 1)]
    axes.set_xticks(named, [str(arr.index[place])[:10] for place in named], rotation=30, fontsize=8)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return png(made)


def contributions(title: str, labels: Sequence[str], points: Sequence[float], possible: Sequence[float]) -> bytes:
    """Bars of what each line adds, in front of what it could add at most; what a line takes off points left."""
    made, axes = figure(title, "points", "", (7.5, 0.8 + 0.3 * len(labels)))
    places = list(range(len(labels)))[::-1]
    axes.barh(places, list(possible), color=_POSSIBLE, height=0.7)
    axes.barh(places, list(points), color=[_EARNED if p >= 0 else _TAKEN for p in points], height=0.7)
    axes.set_yticks(places, list(labels), fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return png(made)
