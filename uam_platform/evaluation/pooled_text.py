"""The pooled table for people and for programs: text of at most 120 columns, and JSON.

Here: words and layout. Not here: numbers (`pooled`), the table of one world (`render`).
"""

import io
import json
import math
from dataclasses import asdict
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from uam_platform.evaluation.pooled import Pooled, PooledRow, PooledSection
from uam_platform.evaluation.render import WIDTH, interval, number

_DIGITS: Final = 10


def render_pooled(pooled: Pooled) -> str:
    """The whole table as text; unmet targets are listed at its end."""
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None, force_terminal=False, highlight=False)
    console.print(_heading(pooled), markup=False)
    for section in pooled.sections:
        if section.rows:
            console.print()
            console.print(section.title, markup=False)
            console.print(_table(section))
    console.print(_ending(pooled), markup=False)
    assert isinstance(console.file, io.StringIO)  # noqa: S101 - told to the type checker; set above
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def pooled_json(pooled: Pooled) -> str:
    """Canonical JSON: every pooled row with its worlds, spread, way of pooling and verdict."""
    content = {
        "worlds": [dict(board.world) for board in pooled.boards],
        "is_illustrative": pooled.is_illustrative,
        "sections": [asdict(section) for section in pooled.sections],
    }
    return json.dumps(_plain(content), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _heading(pooled: Pooled) -> str:
    world = pooled.boards[0].world
    seeds = ", ".join(str(board.world["seed"]) for board in pooled.boards)
    word = "illustrative (small)" if pooled.is_illustrative else "evaluation size"
    return (
        f"{len(pooled.boards)} worlds of {int(world['accounts']):,} accounts x {world['days']} days, {world['difficulty']}, world "
        f"{world['world_version']}: {word}\nseeds {seeds}; 95 %: over worlds; SD: of worlds"
    )


def _table(section: PooledSection) -> Table:
    table = Table(box=box.SIMPLE_HEAD, width=WIDTH, pad_edge=False, padding=(0, 1))
    table.add_column("metric", width=36)
    table.add_column("pooled", justify="right", width=9, no_wrap=True)
    table.add_column("95 %", justify="right", width=16, no_wrap=True)
    table.add_column("SD", justify="right", width=7, no_wrap=True)
    table.add_column("beside", ratio=1)
    table.add_column("target", width=13)
    table.add_column("verdict", width=9)
    for each in section.rows:
        row = each.row
        beside = ", ".join([*_counts(each), *(f"{n} {number(v, row.unit)}" for n, v in row.yardsticks.items())])
        table.add_row(
            row.metric, number(row.value, row.unit), interval(row), _spread(each), beside, row.target, each.verdict
        )
    return table


def _counts(row: PooledRow) -> list[str]:
    """What a pooled rate counts, how many of how many; of a scenario class how many identifiers it has."""
    parts = row.row.parts
    if row.how == "pooled counts":
        return [f"{parts['hits']:,.0f} of {parts['trials']:,.0f}"]
    return [f"{parts['identifiers']:,.0f} ids"] if "identifiers" in parts else []


def _spread(row: PooledRow) -> str:
    """Standard deviation over worlds, or in how many of them the number could be told."""
    known = sum(value is not None and math.isfinite(value) for value in row.worlds)
    return (
        f"{known} of {len(row.worlds)}" if row.sd is None or known < len(row.worlds) else number(row.sd, row.row.unit)
    )


def _ending(pooled: Pooled) -> str:
    judged = [row for section in pooled.sections for row in section.rows if row.verdict]
    unmet = pooled.unmet()
    lines = ["", f"{len(judged) - len(unmet)} of {len(judged)} targets met" + (":" if unmet else "")]
    lines += [f"  {row.verdict}: {_told(section, row)}" for section, row in unmet]
    if pooled.is_illustrative:
        lines.append("These worlds are smaller than those on which targets are judged: verdicts are illustrative.")
    return "\n".join(lines)


def _told(section: PooledSection, row: PooledRow) -> str:
    shown = (
        f"{number(row.row.value, row.row.unit)} ({interval(row.row)})"
        if interval(row.row)
        else number(row.row.value, row.row.unit)
    )
    return f"{section.key}, {row.row.metric} {shown}, target {row.row.target}" + (
        f"; {row.row.note}" if row.row.note else ""
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value
