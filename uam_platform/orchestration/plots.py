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

_SIZE = (8.0, 3.2)
_COLOURS = ("#1f6f8b", "#d08c60", "#8b1f4b", "#6b8b1f")


def image(png: bytes, title: str) -> dg.MarkdownMetadataValue:
    """A PNG that Dagster's UI shows in place."""
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def day_series(
    title: str, days: Sequence[date], series: Mapping[str, Sequence[int]], unit: str
) -> dg.MarkdownMetadataValue:
    """One line per series over days; the first on the left axis, the others, smaller by nature, on the right."""
    figure, axes = _figure(title, "", unit)
    right = axes.twinx() if len(series) > 1 else axes
    for number, (name, values) in enumerate(series.items()):
        target = axes if number == 0 else right
        target.plot(days, values, color=_COLOURS[number % len(_COLOURS)], linewidth=1.2, label=name)
    figure.legend(loc="outside lower center", ncols=len(series), frameon=False, fontsize=8)
    return image(_png(figure), title)


def top_bars(title: str, names: Sequence[str], values: Sequence[float], unit: str) -> dg.MarkdownMetadataValue:
    """Horizontal bars, first name on top."""
    figure, axes = _figure(title, unit, "")
    axes.barh(list(names)[::-1], list(values)[::-1], color=_COLOURS[0])
    axes.tick_params(axis="y", labelsize=8)
    return image(_png(figure), title)


def _figure(title: str, x: str, y: str) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure, axes


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, metadata={"Software": None})
    return buffer.getvalue()
