"""The benchmark of identity: components of a large graph beside SciPy and networkx, and what one more day costs.

Here: the order of the pieces of work, and the table. Not here: the pieces (`identity_work`), the made-up graph (`graphs`), the processes
they run in (`measure`).

SciPy is given the edges between numbers from 0 on, ours the 63-bit keys that the platform has and must first make such numbers of.
networkx would need more than ten GB for the whole graph, so it gets a smaller one, beside ours on the same; its time grows at least
linearly. Reading the edges from disk is in none of the times.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from uam_platform.bench import graphs
from uam_platform.bench.identity_work import NEW_EDGES, load
from uam_platform.bench.measure import Measured, measure
from uam_platform.lake.engine import EngineLimits
from uam_platform.settings import Settings

SEED: Final = 20250106
MOST_SECONDS: Final = 60.0
MOST_GIGABYTES: Final = 6.0
MOST_TO_SCIPY: Final = 2.0
LEAST_TO_NETWORKX: Final = 20.0
_SMALLER: Final = 20  # the smaller graph has one in so many identifiers and edges
_HISTORIES: Final = (50, 5, 1)  # one more day after one in so many identifiers
_COMPANIES: Final = (250, 50, 10)  # one more day of the tables after one person in so many identifiers


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: which work.
        identifiers: in the graph.
        edges: of it, or of the new day.
        seconds: of the work alone, on the clock.
        cpu: the same on all cores together; what others do on this machine is not in it.
        gigabytes: largest resident memory of its process.
        beside: in words, against what and with which limit.
        is_kept: whether the limit was kept; None without one.
    """

    what: str
    identifiers: int
    edges: int
    seconds: float
    cpu: float
    gigabytes: float
    beside: str = ""
    is_kept: bool | None = None


class _Session:
    """Runs the pieces one after the other and keeps their lines.

    Args:
        folder: for graphs and results.
        identifiers: of the large graph.
        edges: of it.
        limits: of the engine.
        console: where progress goes.
    """

    def __init__(self, folder: Path, identifiers: int, edges: int, limits: EngineLimits, console: Console) -> None:
        self._folder, self._limits, self._console = folder, limits, console
        self.sizes = {"large": (identifiers, edges), "small": (identifiers // _SMALLER, edges // _SMALLER)}
        for name, size in self.sizes.items():
            with console.status(f"making a graph of {size[0]:,} identifiers and {size[1]:,} edges"):
                graphs.people(*size, SEED).save(folder / name)

    def components(self, task: str, graph: str, what: str) -> Line:
        """One way to find the components of a graph."""
        done = self._measured(task, what, self._out(graph, task), graph=self._folder / graph)
        beside = f"{done.parts['rounds']:.0f} rounds" if "rounds" in done.parts else ""
        return Line(what, *self.sizes[graph], done.parts["seconds"], done.parts["cpu"], done.peak_bytes / 1e9, beside)

    def day(self, identifiers: int) -> Line:
        """One more day after a history of so many identifiers."""
        labels, out = self._out("large", "components"), self._folder / f"day-{identifiers}"
        done = self._measured("components day", "one more day", out, labels=labels, identifiers=identifiers)
        beside = f"{done.parts['changed']:,.0f} labels change"
        known = int(done.parts["identifiers"])
        seconds = (done.parts["seconds"], done.parts["cpu"])
        return Line("one more day", known, NEW_EDGES, *seconds, done.peak_bytes / 1e9, beside)

    def tables_day(self, people: int) -> Line:
        """One more day of the identity tables after a history of so many people."""
        done = self._measured(
            "identity day", "one more day of the tables", self._folder / f"tables-{people}", people=people
        )
        told = done.parts
        beside = (
            f"{told['day identifiers']:,.0f} identifiers touched; everything took {told['everything']:.1f} s; "
            f"publishing {told['publishing']:.1f} s"
        )
        known, seconds = int(told["everything identifiers"]), (told["seconds"], told["cpu"])
        return Line("one more day, tables", known, 0, *seconds, done.peak_bytes / 1e9, beside)

    def is_equal(self, graph: str, task: str) -> bool:
        """Whether a way found the components that ours found."""
        folders = (self._out(graph, "components"), self._out(graph, task))
        return all(np.array_equal(*(load(str(f), name)[0] for f in folders)) for name in ("keys", "labels"))

    def _out(self, graph: str, task: str) -> Path:
        return self._folder / f"{graph}-{task.replace(' ', '-')}"

    def _measured(self, task: str, what: str, out: Path, **given: Any) -> Measured:
        with self._console.status(what):
            done = measure(task, self._limits, out=out, **given)
        self._console.print(f"  {what}: {done.parts['seconds']:.2f} s")
        return done


def command(identifiers: int, edges: int, console: Console) -> bool:
    """Measure and print; whether all components were equal and all limits kept."""
    settings = Settings()
    limits = EngineLimits(memory=settings.engine_memory, threads=settings.engine_threads)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=settings.data_dir) as folder:
        return compare(Path(folder).absolute(), identifiers, edges, limits, console)


def compare(folder: Path, identifiers: int, edges: int, limits: EngineLimits, console: Console) -> bool:
    """The same in a given folder."""
    session = _Session(folder, identifiers, edges, limits, console)
    ours = session.components("components", "large", "ours, from 63-bit keys")
    scipy = session.components("components scipy", "large", "SciPy alone, from numbers")
    few = session.components("components", "small", "ours, smaller graph")
    networkx = session.components("components networkx", "small", "networkx, smaller graph")
    stars = session.components("components stars", "small", "large-star, small-star in DuckDB")
    days = [session.day(identifiers // share) for share in _HISTORIES]
    days += [session.tables_day(max(identifiers // share, 2_000)) for share in _COMPANIES]
    lines = [_limited(ours, scipy), scipy, _compared(few, networkx), networkx, stars, *days]
    console.print(table(lines))
    pairs = (("large", "components scipy"), ("small", "components networkx"), ("small", "components stars"))
    unequal = [task for graph, task in pairs if not session.is_equal(graph, task)]
    for task in unequal:
        console.print(f"[red]not equal[/red] {task}")
    return not unequal and all(line.is_kept is not False for line in lines)


def _limited(ours: Line, scipy: Line) -> Line:
    ratio = ours.seconds / scipy.seconds
    is_kept = ours.seconds <= MOST_SECONDS and ours.gigabytes <= MOST_GIGABYTES and ratio <= MOST_TO_SCIPY
    limits = f"limits {MOST_SECONDS:.0f} s, {MOST_GIGABYTES:.0f} GB, {MOST_TO_SCIPY:.0f} × SciPy"
    beside = f"{ratio:.2f} × SciPy (CPU {ours.cpu / scipy.cpu:.2f} ×); {limits}"
    return replace(ours, beside=beside, is_kept=is_kept)


def _compared(ours: Line, networkx: Line) -> Line:
    faster = networkx.seconds / ours.seconds
    return replace(
        ours,
        beside=f"{faster:.0f} × as fast as networkx (CPU {networkx.cpu / ours.cpu:.0f} ×); limit {LEAST_TO_NETWORKX:.0f} ×",
        is_kept=faster >= LEAST_TO_NETWORKX,
    )


def table(lines: Sequence[Line]) -> Table:
    """One line per piece of work."""
    shown = Table(title="identity: identifiers to components")
    for name in ("work", "identifiers", "edges", "seconds", "CPU s", "peak", "beside", "kept"):
        shown.add_column(name, justify="left" if name in ("work", "beside") else "right")
    for line in lines:
        kept = "" if line.is_kept is None else "yes" if line.is_kept else "no"
        sizes = (
            f"{line.identifiers:,}",
            f"{line.edges:,}",
            f"{line.seconds:.3f}",
            f"{line.cpu:.3f}",
            f"{line.gigabytes:.2f} GB",
        )
        shown.add_row(line.what, *sizes, line.beside, kept)
    return shown
