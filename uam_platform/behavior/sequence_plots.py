"""Plots of sequences, journeys and issues: how many by week, and how many accounts came how far.

Here: counting and drawing. Not here: what completes a sequence (`sequences`), the drawing board (`orchestration.plots`).
"""

from typing import Any

import numpy as np
import pandas as pd

from uam_platform.orchestration.plots import figure, image, png
from uam_platform.policy.sequences import SequencePolicy

_COLOURS = ("#1f6f8b", "#d08c60", "#8b1f4b", "#6b8b1f", "#555555")


def matches_by_week(matches: pd.DataFrame) -> Any:
    """Completions by week, one line per sequence, as they are known now."""
    latest = matches[matches["known_to_date"].astype(str) == "9999-12-31"]
    return _weekly(latest["completed_at"], latest["sequence_name"], "Sequences completed, by week", "completions")


def journeys_by_week(journeys: pd.DataFrame) -> Any:
    """Journeys by the week in which they were judged, one line per kind."""
    days = pd.to_datetime(journeys["event_date"])
    return _weekly(days, journeys["journey_kind"], "Journeys, by the week they were judged", "journeys")


def issues_by_week(weeks: pd.DataFrame) -> Any:
    """The most frequent issues by week.

    Args:
        weeks: ISSUE_WEEKS.
    """
    counts = weeks.pivot_table(index="week_date", columns="issue", values="failure_count", aggfunc="sum", fill_value=0)
    kept = counts.sum().sort_values(ascending=False, kind="stable").index[: len(_COLOURS)]
    made, axes = figure("The most frequent issues, by week", "", "failures")
    for number, name in enumerate(kept):
        axes.plot(counts.index, counts[name], label=name, color=_COLOURS[number], linewidth=1.4)
    axes.set_ylim(bottom=0)
    if len(kept):
        made.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return image(png(made), "The most frequent issues, by week")


def _weekly(moments: pd.Series, names: pd.Series, title: str, unit: str) -> Any:
    weeks = moments.dt.to_period("W").dt.start_time.rename("week")
    counted = pd.DataFrame({"week": weeks, "name": names}).groupby(["week", "name"]).size().unstack(fill_value=0)
    if len(counted):
        counted = counted.reindex(pd.date_range(counted.index.min(), counted.index.max(), freq="7D"), fill_value=0)
    made, axes = figure(title, "", unit)
    for number, name in enumerate(counted.columns):
        axes.plot(counted.index, counted[name], label=name, color=_COLOURS[number % len(_COLOURS)], linewidth=1.4)
    if len(counted):
        made.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return image(png(made), title)


def accounts_by_step(facts: pd.DataFrame, matches: pd.DataFrame, policy: SequencePolicy) -> pd.DataFrame:
    """How many accounts did each step at all, and how many completed the sequence.

    Returns:
        sequence_name, step (its meaning; the last row is `completed`), account_count.
    """
    rows: list[tuple[str, str, int]] = []
    for name, sequence in policy.sequences.items():
        for step in sequence.steps:
            named = (f"ticket_{step.ticket}",) if step.ticket else step.events
            if named:
                done = facts.loc[facts["event_name"].isin(named), "account_id"].nunique()
                rows.append((name, step.meaning, int(done)))
        completed = matches.loc[matches["sequence_name"] == name, "account_id"].nunique()
        rows.append((name, "completed in order and in time", int(completed)))
    return pd.DataFrame(rows, columns=["sequence_name", "step", "account_count"])


def steps_reached(facts: pd.DataFrame, matches: pd.DataFrame, policy: SequencePolicy) -> Any:
    """Bars: accounts that did each step at all beside those that completed the sequence in order and in time."""
    counted = accounts_by_step(facts, matches, policy)
    title = "Accounts that did a step at all; red: completed in order and time"
    made, axes = figure(title, "accounts", "", size=(8.0, 0.8 + 0.28 * len(counted)))
    places = np.arange(len(counted))[::-1]
    is_end = counted["step"] == "completed in order and in time"
    colours = np.where(is_end, _COLOURS[2], _COLOURS[0])
    bars = axes.barh(places, counted["account_count"], color=list(colours))
    axes.bar_label(bars, fontsize=7, padding=2)
    axes.set_yticks(places, (counted["sequence_name"] + ": " + counted["step"]).tolist(), fontsize=7)
    return image(png(made), title)
