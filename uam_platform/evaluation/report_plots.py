"""Plots of the HTML report, as images that need nothing else.

Here: drawing curves and rows. Not here: their numbers (the sections), where a plot stands (`report`). The colours are those of Okabe and
Ito (2008), which colour-blind readers tell apart; every line also has its own dashes. Equal input gives equal bytes.
"""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any, Final

from uam_platform.evaluation.results import (
    BASE_RATE,
    CONTRACT,
    HAND,
    LOGISTIC,
    ORACLE,
    RANDOM,
    REFERENCE,
    Curve,
    Line,
    Row,
)

OWN: Final = "this platform"
_OWN_COLOUR: Final = "#0072B2"
_COLOURS: Final = ("#56B4E9", "#E69F00", "#882255", "#000000", "#999933", "#CC79A7")
_FIXED: Final = {
    ORACLE: "#009E73", CONTRACT: "#D55E00", REFERENCE: "#000000", LOGISTIC: "#CC79A7", HAND: "#E69F00", RANDOM: "#666666",
    BASE_RATE: "#999999",
}  # fmt: skip
_DASHES: Final = ("--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)), (0, (3, 3)))
_MARKS: Final = ("D", "s", "^", "v", "P", "X", "*")
_SIZE: Final = (6.2, 3.7)
_ROW_INCHES: Final = 0.34
_SETTINGS: Final = {
    "svg.hashsalt": "scoreboard", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#e4e4e4", "axes.axisbelow": True, "axes.titlesize": 11, "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}  # fmt: skip


def curve_image(curve: Curve, others: Sequence[Line] = ()) -> str:
    """A curve with its yardsticks as a data URI.

    Args:
        curve: what is drawn.
        others: the platform's lines of further worlds, drawn thin.
    """
    from matplotlib import rc_context

    with rc_context(_SETTINGS):
        figure, axes = _figure(curve.title, curve.x_label, curve.y_label, _SIZE)
        if curve.key == "reliability":
            top = max((v for v in (*curve.x, *curve.y) if math.isfinite(v)), default=1.0)
            axes.plot([0, top], [0, top], color="#999999", linewidth=1, label="perfect")
        for x, y in others:
            axes.plot(x, y, color=_OWN_COLOUR, linewidth=0.8, alpha=0.5)
        for place, (name, (x, y)) in enumerate(curve.yardsticks.items()):
            _draw(axes, name, x, y, place)
        axes.plot(curve.x, curve.y, color=_OWN_COLOUR, linewidth=2.4, marker="o", markersize=3, label=OWN)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
        return _uri(figure)


def _draw(axes: Any, name: str, x: Sequence[float], y: Sequence[float], place: int) -> None:
    colour = _FIXED.get(name, _COLOURS[place % len(_COLOURS)])
    if len(x) == 1:
        axes.plot(x, y, color="#000000", linestyle="", marker="*", markersize=13, label=name, zorder=5)
    else:
        axes.plot(x, y, color=colour, linestyle=_DASHES[place % len(_DASHES)], linewidth=1.5, label=name)


def rows_image(
    title: str, label: str, rows: Sequence[tuple[str, Row]], limits: Sequence[tuple[float, str]] = ()
) -> str:
    """Values of rows with their intervals, one below the other, yardsticks beside, as a data URI.

    Args:
        title: above the plot.
        label: of the horizontal axis, with unit.
        rows: name at the axis, and row.
        limits: targets drawn as vertical lines: place, words.
    """
    from matplotlib import rc_context

    with rc_context(_SETTINGS):
        height = 1.3 + _ROW_INCHES * max(len(rows), 3)
        figure, axes = _figure("", label, "", (_SIZE[0], height))
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
        for place, (_, row) in enumerate(rows):
            _interval(axes, row, len(rows) - 1 - place)
        _beside(axes, [row for _, row in rows])
        for place, (at, words) in enumerate(limits):
            axes.axvline(at, color="#000000", linewidth=1.2, linestyle=_DASHES[2 * place % len(_DASHES)], label=words)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows][::-1])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        if 0 <= axes.get_xlim()[0] + 0.1 < 0.5:  # near 1 the differences matter, elsewhere the size does
            axes.set_xlim(left=-0.015 * axes.get_xlim()[1])
        handles, names = axes.get_legend_handles_labels()
        unique = dict(zip(names, handles, strict=True))
        figure.legend(
            list(unique.values()), list(unique), loc="outside lower center", ncols=3, frameon=False, fontsize=9
        )
        return _uri(figure)


def _interval(axes: Any, row: Row, height: int) -> None:
    if row.value is None:
        return
    low = row.value if row.low is None else row.low
    high = row.value if row.high is None else row.high
    axes.plot([low, high], [height, height], color=_OWN_COLOUR, linewidth=3, alpha=0.45, solid_capstyle="butt")
    axes.plot([row.value], [height], color=_OWN_COLOUR, linestyle="", marker="o", markersize=7, label=OWN)


def _beside(axes: Any, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name, value in row.yardsticks.items() if value is not None))
    for place, name in enumerate(names):
        points = [
            (value, len(rows) - 1 - height)
            for height, row in enumerate(rows)
            if (value := row.yardsticks.get(name)) is not None
        ]
        colour = _FIXED.get(name, _COLOURS[place % len(_COLOURS)])
        mark = _MARKS[place % len(_MARKS)]
        axes.plot(
            [x for x, _ in points], [y for _, y in points], color=colour, marker=mark, markerfacecolor="none",
            linestyle="", markersize=7, label=name,
        )  # fmt: skip


def _figure(title: str, x: str, y: str, size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(made)
    axes = made.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    return made, axes


def _uri(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
