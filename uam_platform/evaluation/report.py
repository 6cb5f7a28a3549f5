"""The scoreboard as one HTML file that needs nothing else: targets, plots, every row with its note.

Here: what stands where. Not here: numbers (the sections), drawing (`report_plots`), words of numbers and text tables (`render`), verdicts
(`targets`). One world or several pooled ones: with `worlds`, rows show each world beside the pooled number and curves show all of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from uam_platform.evaluation.pooled import Pooled
from uam_platform.evaluation.render import interval, judged_sections, number
from uam_platform.evaluation.report_plots import curve_image, rows_image
from uam_platform.evaluation.results import Curve, Line, Row, Scoreboard, Section
from uam_platform.evaluation.targets import MET, NOT_ESTIMABLE, NOT_MET, verdict

ILLUSTRATIVE: Final = "illustrative"
_SYMBOLS: Final = {MET: "✔", NOT_MET: "✘", NOT_ESTIMABLE: "?", ILLUSTRATIVE: "~"}
_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Plot:
    """A plot over rows.

    Attributes:
        title: above it.
        label: of the axis.
        keys: sections to look in; the first that has such rows is shown.
        pattern: words in the metric.
        cut: words of the metric that the axis leaves out.
        limits: targets drawn as lines.
    """

    title: str
    label: str
    keys: tuple[str, ...]
    pattern: str
    cut: tuple[str, ...] = ()
    limits: tuple[tuple[float, str], ...] = ()


_BENIGN_LIMITS: Final = ((0.05, "target, announced"), (0.15, "target, unannounced"))
OVERVIEW: Final = (
    Plot(
        "Shares of margins, beside yardsticks", "share of the margin", ("churn", "churn_all"), " margin",
        ("share of the ", " margin"),
    ),
    Plot(
        "Identity by scenario class", "B-cubed F1, precision, recall; events on the right account", ("identity",),
        "B-cubed F1, ", ("B-cubed F1, ",),
    ),
    Plot(
        "Harmless look-alikes", "share that raised an alert", ("alerts",), "look-alikes raised",
        ("look-alikes raised, ", " look-alikes raised"), _BENIGN_LIMITS,
    ),
    Plot(
        "Recall by cause family", "share of severe episodes found", ("alerts",), "recall, cause family ",
        ("recall, cause family ",),
    ),
)  # fmt: skip

Verdicts = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Picture:
    """An image and what it shows, for those who cannot see it."""

    uri: str
    words: str
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """One row as it is shown."""

    metric: str
    value: str
    interval: str
    beside: str
    target: str
    status: str
    note: str
    worlds: str


def render_html(board: Scoreboard, worlds: Sequence[Scoreboard] = (), verdicts: Verdicts | None = None) -> str:
    """The report of one world, or of pooled ones.

    Args:
        board: what is shown; for pooled worlds the pooled numbers.
        worlds: the scoreboards that were pooled.
        verdicts: by section key and metric, where they are judged over worlds; else each row judges itself.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    engine = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    engine.trim_blocks = engine.lstrip_blocks = True
    page = _Page(board, worlds, verdicts)
    return engine.get_template("report.html").render(page=page, symbols=_SYMBOLS)


def render_pooled_html(pooled: Pooled) -> str:
    """The report of several worlds."""
    verdicts = {(s.key, r.row.metric): r.verdict for s in pooled.sections for r in s.rows}
    return render_html(pooled.scoreboard(), pooled.boards, verdicts)


class _Page:
    """What the template reads."""

    def __init__(self, board: Scoreboard, worlds: Sequence[Scoreboard], verdicts: Verdicts | None) -> None:
        self._board, self._worlds, self._verdicts = board, worlds, verdicts
        self.is_illustrative = board.is_illustrative
        self.is_pooled = bool(worlds)
        world = board.world
        self.title = f"{int(world['accounts']):,} accounts × {world['days']} days, {world['difficulty']}"
        self.facts = list(self._facts(world))
        self.sections = [(section, self.lines(section), self._pictures(section)) for section in board.sections]
        self.overview = self._overview()
        self.targets = [
            (s, own) for s in judged_sections(board) if (own := [line for line in self.lines(s) if line.target])
        ]
        counted = Counter(line.status for _, lines in self.targets for line in lines)
        self.counts = [(status, counted[status]) for status in _SYMBOLS if counted[status]]

    def _facts(self, world: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield (
            "World",
            f"version {world.get('world_version', '?')}, difficulty {world['difficulty']}, seed {world['seed']}",
        )
        yield (
            "Size",
            f"{int(world['accounts']):,} accounts over {world['days']} days: "
            + ("smaller than the worlds on which targets are judged" if self.is_illustrative else "evaluation size"),
        )
        if world.get("start") and world.get("end"):
            yield "Time", f"{str(world['start'])[:10]} to {str(world['end'])[:10]}"
        yield "Platform", f"version {_version()}"
        yield "Reference learner R", self._reference()
        yield (
            "Intervals",
            (
                f"95 %; over {len(self._worlds)} worlds"
                if self._worlds
                else f"95 %; whole accounts drawn 500 times, seed {self._board.seed}"
            ),
        )

    def _reference(self) -> str:
        boards = self._worlds or (self._board,)
        notes = [s.note for b in boards for s in b.sections if s.key == "churn"]
        said = [note.split("Reference learner: ", 1)[1] for note in notes if "Reference learner: " in note]
        return said[0] if said else "none"

    def status(self, section: Section, row: Row) -> str:
        """Verdict on a row; too small worlds judge nothing."""
        found = verdict(row) if self._verdicts is None else self._verdicts.get((section.key, row.metric), "")
        return ILLUSTRATIVE if found in (MET, NOT_MET) and self.is_illustrative else found

    def lines(self, section: Section) -> list[Entry]:
        """Rows of a section as they are shown."""
        return [
            Entry(
                row.metric, number(row.value, row.unit), interval(row),
                ", ".join(f"{name} {number(value, row.unit)}" for name, value in row.yardsticks.items()),
                row.target, self.status(section, row), row.note, self._of_worlds(section, row),
            )
            for row in section.rows
        ]  # fmt: skip

    def _of_worlds(self, section: Section, row: Row) -> str:
        found = [own.row(row.metric) if (own := world.section(section.key)) else None for world in self._worlds]
        return "  ".join(number(each.value if each else None, row.unit) for each in found)

    def _pictures(self, section: Section) -> list[Picture]:
        curves = section.curves or next((o.curves for b in self._worlds if (o := b.section(section.key))), ())
        return [
            Picture(
                curve_image(curve, self._others(section, curve)),
                f"{curve.title}: {curve.y_label} over {curve.x_label}",
                curve.note,
            )
            for curve in curves
            if curve.x
        ]

    def _others(self, section: Section, curve: Curve) -> list[Line]:
        found = [c for b in self._worlds[1:] if (own := b.section(section.key)) for c in own.curves]
        return [(c.x, c.y) for c in found if c.key == curve.key]

    def _overview(self) -> list[Picture]:
        """Plots over rows: shares of margins, identity by class, look-alikes."""
        pictures = []
        for plot in OVERVIEW:
            rows = next((found for key in plot.keys if (found := self._rows(key, plot.pattern))), [])
            if rows:
                named = [(_without(row.metric, plot.cut), row) for row in rows]
                words = f"{plot.title}: {plot.label}"
                pictures.append(Picture(rows_image(plot.title, plot.label, named, plot.limits), words))
        return pictures

    def _rows(self, key: str, pattern: str) -> list[Row]:
        section = self._board.section(key)
        rows = section.rows if section else ()
        return [r for r in rows if pattern in r.metric and r.value is not None and "minus quiet" not in r.metric]


def _without(text: str, cut: Sequence[str]) -> str:
    for words in cut:
        text = text.replace(words, "")
    return text


def _version() -> str:
    try:
        return version("uam-platform")
    except PackageNotFoundError:
        return "unknown"
