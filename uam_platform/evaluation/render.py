"""The scoreboard for people: tables of at most 120 columns, and a few lines for a summary.

Here: words and layout. Not here: numbers. Plain text without colour codes or markup, so that it can be printed and filed.
"""

import io
from collections.abc import Iterator
from typing import Final

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from uam_platform.evaluation.results import CONTRACT, ORACLE, RANDOM, Row, Scoreboard, Section
from uam_platform.evaluation.targets import MET, verdict

WIDTH: Final = 120


def render(board: Scoreboard) -> str:
    """The whole scoreboard as text."""
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None, force_terminal=False, highlight=False)
    console.print(_heading(board), markup=False)
    for section in board.sections:
        console.print()
        console.print(section.title, markup=False)
        if section.rows:
            console.print(_table(section))
        for note in _notes(section):
            console.print(Padding(Text(note), (0, 0, 0, 1)))
    console.print(Text("\n".join(_ending(board))))
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - told to the type checker; set above
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def judged_sections(board: Scoreboard) -> list[Section]:
    """Sections whose targets count: churn over all scored weeks counts where too few weeks were scored by the learned model."""
    learned = board.section("churn")
    is_learned = learned is not None and any(row.value is not None for row in learned.rows if row.target)
    return [section for section in board.sections if section.key != ("churn_all" if is_learned else "churn")]


def _ending(board: Scoreboard) -> Iterator[str]:
    """How many targets are met, and one line per target that is not."""
    judged = [
        (section, row, said) for section in judged_sections(board) for row in section.rows if (said := verdict(row))
    ]
    unmet = [each for each in judged if each[2] != MET]
    yield ""
    yield f"{len(judged) - len(unmet)} of {len(judged)} targets met" + (":" if unmet else "")
    for section, row, said in unmet:
        shown = f"{number(row.value, row.unit)} ({interval(row)})" if interval(row) else number(row.value, row.unit)
        yield f"  {said}: {section.key}, {row.metric} {shown}, target {row.target}"
    if board.is_illustrative:
        yield "This world is smaller than those on which targets are judged: verdicts are illustrative."


def headline(board: Scoreboard) -> str:
    """The numbers a summary shows: a heading and one line per question."""
    lines = [
        _line(board, "identity", ("pairwise precision", "pairwise recall", "events on the right account")),
        _line(board, "deduplication", ("recall of planted repeats", "false drops")),
        _line(board, _churn_key(board), ("ROC-AUC", "calibration slope")),
        _line(board, "alerts", ("precision", "recall")),
        _line(board, "actions", ("first messages sent exactly once", "twins", "lost")),
    ]
    return "\n".join([_heading(board), *lines])


def _heading(board: Scoreboard) -> str:
    world = board.world
    size = f"{int(world['accounts']):,} accounts x {world['days']} days, seed {world['seed']}, {world['difficulty']}"
    word = "illustrative (small)" if board.is_illustrative else "evaluation size"
    return f"Scoreboard against the simulated company's truth, {size}: {word}"


def _churn_key(board: Scoreboard) -> str:
    learned = board.section("churn")
    row = learned.row("ROC-AUC") if learned else None
    return "churn" if row is not None and row.value is not None else "churn_all"


def _line(board: Scoreboard, key: str, metrics: tuple[str, ...]) -> str:
    section = board.section(key)
    rows = [row for metric in metrics if section and (row := section.row(metric)) is not None]
    name = key.removesuffix("_all")
    if not rows:
        return f"  {name:<14} {section.note if section else 'not measured'}"
    if all(row.value is None for row in rows):
        return f"  {name:<14} {rows[0].note}"
    return f"  {name:<14} " + "; ".join([_phrase(rows[0], True), *(_phrase(row, False) for row in rows[1:])])


def _phrase(row: Row, has_yardsticks: bool) -> str:
    beside = [
        f"{name} {number(value, row.unit)}"
        for name, value in row.yardsticks.items()
        if has_yardsticks and name in (CONTRACT, ORACLE, RANDOM) and value is not None
    ]
    extra = f" ({', '.join(part for part in (interval(row), *beside) if part)})" if interval(row) or beside else ""
    return f"{row.metric} {number(row.value, row.unit)}{extra}"


def _table(section: Section) -> Table:
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False, padding=(0, 1))
    table.add_column("metric", width=40)
    table.add_column("value", justify="right", width=9, no_wrap=True)
    table.add_column("95 %", justify="right", width=18, no_wrap=True)
    table.add_column("beside", ratio=1)
    table.add_column("target", width=18)
    for row in section.rows:
        beside = ", ".join(f"{name} {number(value, row.unit)}" for name, value in row.yardsticks.items())
        table.add_row(
            row.metric, number(row.value, row.unit), interval(row), beside, f"{row.target} {verdict(row)}".strip()
        )
    return table


def _notes(section: Section) -> Iterator[str]:
    """How to read the rows: a note that several rows share is printed once."""
    metrics_of: dict[str, list[str]] = {}
    for row in section.rows:
        if row.note:
            metrics_of.setdefault(row.note, []).append(row.metric)
    for note, metrics in metrics_of.items():
        yield f"{metrics[0]}: {note}" if len(metrics) == 1 else f"{len(metrics)} metrics: {note}"
    if section.note:
        yield section.note


def interval(row: Row) -> str:
    """The interval as it is printed; an upper bound alone where only that is known."""
    if row.low is None:
        return "" if row.high is None else f"≤ {number(row.high, row.unit)}"
    return f"{number(row.low, row.unit)} to {number(row.high, row.unit)}"


def number(value: float | None, unit: str) -> str:
    """A number as its unit is read; a dash where it cannot be told."""
    if value is None:
        return "–"
    if unit == "count":
        return f"{value:,.0f}"
    if unit in ("days", "SD"):
        return f"{value:.1f}"
    if 1e-9 < abs(value) < 0.0005:
        return f"{value:.1e}"
    is_nearly_one = unit == "share" and 0.9995 <= value < 1
    return f"{value:.5f}" if is_nearly_one else f"{value:.3f}"
