"""The daily quality report as one HTML file that needs nothing else: tables, plots inside.

Here: plots and the template. Not here: what is shown (`report`).
"""

import base64
from datetime import date, timedelta
from typing import Final

import pandas as pd
from markupsafe import Markup

from uam_platform.orchestration.plots import figure, png
from uam_platform.policy.quality import Daily
from uam_platform.quality.odd_days import expected_rows
from uam_platform.quality.profiles import MISSING, VOLUME
from uam_platform.quality.report import TITLE, Report, Row

_DAYS: Final = 91
_MOST_SOURCES: Final = 4
_MOST_FIELDS: Final = 5
_COLOURS: Final = ("#1f6f8b", "#d08c60", "#8b1f4b", "#6b8b1f", "#5b6775")
_SIZE: Final = (5.6, 2.7)


def render(report: Report, plots: list[Markup]) -> str:
    """The page; equal reports give equal pages."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("uam_platform.quality"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"pct": lambda ratio: f"{ratio:.1%}", "count": lambda number: f"{number:,}"}
    return environment.get_template("report.html").render(report=report, title=TITLE, plots=plots)


def plots_of(report: Report, tellings: pd.DataFrame, profiles: pd.DataFrame, rule: Daily) -> dict[str, bytes]:
    """PNG by title: volume of the largest sources, runs that no client told of, fields that are missing."""
    as_of = date.fromisoformat(report.as_of)
    made = {}
    for row in sorted(report.sources, key=lambda row: -row["expected"])[:_MOST_SOURCES]:
        own = profiles[(profiles["source"] == row["source"]) & (profiles["side"] == row["side"])]
        made[f"Volume of {row['source']}, {row['side']}"] = _volume(own, as_of, rule, f"{row['source']}, {row['side']}")
    if report.browsers:
        made["Runs no client told of, by browser"] = _by_browser(report.browsers)
        made["Runs no client told of, by week"] = _by_week(tellings, as_of)
    missing = profiles[profiles["profile_kind"] == MISSING]
    if len(missing):
        made["Missing fields, by week"] = _missing(missing, as_of)
    return made


def image(content: bytes, title: str) -> Markup:
    """An image tag that holds its image."""
    return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(title, base64.b64encode(content).decode())


def _volume(own: pd.DataFrame, as_of: date, rule: Daily, name: str) -> bytes:
    volume = own[own["profile_kind"] == VOLUME].set_index("event_date")["profile_row_count"]
    days = pd.date_range(volume.index.min(), as_of - timedelta(days=1))
    counts = volume.set_axis(pd.to_datetime(volume.index)).reindex(days).fillna(0.0)
    middle, spread = (values[:, 0] for values in expected_rows(counts.to_frame(), rule))
    shown = slice(-_DAYS, None)
    made, axes = figure(f"{name}: rows by event day", "", "", _SIZE)
    band = rule.deviations * spread
    low = (middle - band).clip(min=0)
    axes.fill_between(
        days[shown], low[shown], (middle + band)[shown], color=_COLOURS[0], alpha=0.15, linewidth=0, label="expected"
    )
    axes.plot(days[shown], counts[shown], color=_COLOURS[0], linewidth=1.2, label="rows")
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    axes.legend(frameon=False, fontsize=8)
    return png(made)


def _by_browser(rows: list[Row]) -> bytes:
    made, axes = figure("Runs no client told of, last four weeks", "%", "", _SIZE)
    shown = rows[::-1]
    ratios = [100 * row["ratio"] for row in shown]
    reach = [
        [100 * (row["ratio"] - row["low"]) for row in shown],
        [100 * (row["high"] - row["ratio"]) for row in shown],
    ]
    axes.barh(range(len(shown)), ratios, xerr=reach, color=_COLOURS[1], error_kw={"linewidth": 1})
    axes.set_yticks(range(len(shown)), [f"{row['browser']} ({row['runs']:,})" for row in shown], fontsize=8)
    axes.set_xlim(0, 105)
    return png(made)


def _by_week(tellings: pd.DataFrame, as_of: date) -> bytes:
    made, axes = figure("Runs no client told of, by week", "", "%", _SIZE)
    told = tellings[tellings["server_count"] > 0]
    age = (pd.Timestamp(as_of) - pd.to_datetime(told["event_date"])).dt.days
    weeks = pd.to_datetime(as_of) - pd.to_timedelta((age // 7 + 1) * 7, unit="D")
    for number, (twin, own) in enumerate(told.groupby("twin")):
        sums = own.groupby(weeks[own.index])[["server_count", "matched_count"]].sum().tail(52)
        ratio = 100 * (1 - sums["matched_count"] / sums["server_count"])
        axes.plot(
            ratio.index, ratio, color=_COLOURS[number % len(_COLOURS)], linewidth=1.4, label=str(twin).replace("_", " ")
        )
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    axes.legend(frameon=False, fontsize=8)
    return png(made)


def _missing(missing: pd.DataFrame, as_of: date) -> bytes:
    """The fields whose missing share moved most, by week, over the events that ever carry them."""
    made, axes = figure("Missing share of the fields that moved most", "", "%", _SIZE)
    age = (pd.Timestamp(as_of) - pd.to_datetime(missing["event_date"])).dt.days
    weeks = pd.to_datetime(as_of) - pd.to_timedelta((age // 7 + 1) * 7, unit="D")
    field = missing["source"] + " " + missing["profile_subject"].str.rsplit(".", n=1).str[-1]
    sums = missing.groupby([field.rename("field"), weeks.rename("week")])[
        ["profile_row_count", "profile_part_count"]
    ].sum()
    share = (100 * sums["profile_part_count"] / sums["profile_row_count"]).unstack("field").tail(26)
    moved = (share.max() - share.min()).nlargest(_MOST_FIELDS).index
    for number, name in enumerate(moved):
        axes.plot(share.index, share[name], color=_COLOURS[number], linewidth=1.2, label=name)
    axes.set_ylim(bottom=0)
    axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    axes.legend(frameon=False, fontsize=7)
    return png(made)
