"""Small plots for materialisation metadata, where a person would rather look than read.

Here: drawing from plain numbers, as PNG inside Markdown. Not here: what is plotted (the stages), the model's own plots
(`uam_platform.churn.plots`).
"""

import base64
import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

WIDE = (8.0, 3.2)
_COLOURS = ("#1f6f8b", "#d08c60", "#8b1f4b", "#6b8b1f")


def image(content: bytes, title: str) -> dg.MarkdownMetadataValue:
    """A PNG that Dagster's UI shows in place."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(content).decode()})")


def day_series(
    title: str, days: Sequence[date], series: Mapping[str, Sequence[int]], unit: str
) -> dg.MarkdownMetadataValue:
    """One line per series over days; the first on the left axis, the others, smaller by nature, on the right."""
    made, axes = figure(title, "", unit)
    right = axes.twinx() if len(series) > 1 else axes
    for number, (name, values) in enumerate(series.items()):
        target = axes if number == 0 else right
        target.plot(days, values, color=_COLOURS[number % len(_COLOURS)], linewidth=1.2, label=name)
    made.legend(loc="outside lower center", ncols=len(series), frameon=False, fontsize=8)
    return image(png(made), title)


def top_bars(title: str, names: Sequence[str], values: Sequence[float], unit: str) -> dg.MarkdownMetadataValue:
    """Horizontal bars, first name on top."""
    made, axes = figure(title, unit, "")
    axes.barh(list(names)[::-1], list(values)[::-1], color=_COLOURS[0])
    axes.tick_params(axis="y", labelsize=8)
    return image(png(made), title)


def figure(title: str, x: str, y: str, size: tuple[float, float] = WIDE) -> tuple[Any, Any]:
    """A figure without a screen and its axes, labelled."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(made)
    axes = made.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    return made, axes


def png(made: Any) -> bytes:
    """A figure as PNG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    made.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()
