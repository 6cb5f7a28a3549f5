"""`uam bench`: our path beside the hand-written script, and the cost of one more day, as tables for people.

Here: which sizes and histories are measured, in what order, and how it is shown. Not here: the measuring (`measure`), the made-up
input (`landing`).
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from uam_platform.bench.baseline import differences
from uam_platform.bench.landing import Shape, land
from uam_platform.bench.measure import Measured, load_ids, measure
from uam_platform.lake.engine import EngineLimits
from uam_platform.lake.store import Lake
from uam_platform.settings import Settings

FIRST_DAY: Final = date(2025, 1, 6)
HISTORIES: Final = (30, 300)  # days before the one day more
DAILY: Final = 20_000  # deliveries a day of those histories
_HISTORY_LOAD_DAYS: Final = 30  # the history is landed in large loads, only the new days in loads of their own
_NEW_DAYS: Final = 3  # measured one after the other; the fastest counts, for others use this machine too
_PER_LOAD: Final = 1_500_000


@dataclass(frozen=True)
class Comparison:
    """Both ways over the same deliveries.

    Attributes:
        deliveries: landed rows.
        ours: our path.
        script: the hand-written script.
        different: where the results differ; empty when they are equal.
    """

    deliveries: int
    ours: Measured
    script: Measured
    different: list[str]


def command(sizes_in_millions: Sequence[float], days: int, console: Console) -> None:
    """Measure and print, one line as soon as it is known.

    Args:
        sizes_in_millions: landed deliveries of each comparison.
        days: days they are spread over.
        console: where progress and tables go.
    """
    settings = Settings()
    limits = EngineLimits(memory=settings.engine_memory, threads=settings.engine_threads)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    found = []
    for millions in sizes_in_millions:
        with _scratch(settings.data_dir) as folder:
            found.append(compare(folder, round(millions * 1e6), days, limits, console))
    console.print(comparison_table(found))
    for line in (line for one in found for line in one.different):
        console.print(f"[red]not equal[/red] {line}")
    with _scratch(settings.data_dir) as folder:
        console.print(day_table(one_more_day(folder, limits, console)))


def compare(folder: Path, deliveries: int, days: int, limits: EngineLimits, console: Console) -> Comparison:
    """Land the deliveries (not measured), run both ways and compare the tables."""
    per_load = max(1, round(days * _PER_LOAD / deliveries))
    raw = folder / "raw"
    with console.status(f"landing {deliveries:,} deliveries"):
        manifest = land(raw, Shape(deliveries, FIRST_DAY, days, min(days, per_load)))
    loads = manifest.loads()
    landed = sum(load.rows["deliveries"] for load in loads)
    console.print(f"{landed:,} deliveries in {len(loads)} loads over {days} days")
    with console.status("hand-written script"):
        script = measure("script", limits, raw=raw, out=folder / "script")
    with console.status("our path"):
        ours = measure("ours", limits, raw=raw, out=folder / "ours")
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in ours.parts.items())
    console.print(f"  script {script.seconds:.1f} s, ours {ours.seconds:.1f} s ({parts})")
    with console.status("comparing the results"):
        different = differences(Lake(folder / "ours" / "lake"), folder / "script")
    return Comparison(landed, ours, script, different)


def one_more_day(folder: Path, limits: EngineLimits, console: Console) -> dict[int, Measured]:
    """Seconds of one new day's load and that day's tables, by days of history before it."""
    longest = max(HISTORIES)
    raw = folder / "raw"
    days = longest + _NEW_DAYS
    with console.status(f"landing {days} days of {DAILY:,} deliveries"):
        land(raw, Shape(days * DAILY, FIRST_DAY, days, _HISTORY_LOAD_DAYS, single_days=_NEW_DAYS))
    ids = load_ids(raw)
    new_ids = ids[-_NEW_DAYS:]
    found = {}
    for history in HISTORIES:
        out = folder / f"after-{history}"
        with console.status(f"building {history} days of history"):
            since = ids[(longest - history) // _HISTORY_LOAD_DAYS]
            measure("history", limits, raw=raw, out=out, since=since, until=new_ids[0])
        new = [
            measure(
                "one_more_day", limits, raw=raw, out=out, load_id=load_id, day=FIRST_DAY + timedelta(days=longest + n)
            )
            for n, load_id in enumerate(new_ids)
        ]
        found[history] = min(new, key=lambda one: one.seconds)
        shutil.rmtree(out)
    return found


def comparison_table(found: Sequence[Comparison]) -> Table:
    """One line per size."""
    table = Table(title="raw → staged → sessions → actor_days, beside one hand-written DuckDB script")
    for name in ("deliveries", "ours", "events/s", "peak", "script", "events/s", "peak", "ratio", "equal"):
        table.add_column(name, justify="right")
    for one in found:
        sides = [
            text
            for side in (one.ours, one.script)
            for text in (
                f"{side.seconds:.1f} s",
                f"{one.deliveries / side.seconds:,.0f}",
                f"{side.peak_bytes / 1e9:.2f} GB",
            )
        ]
        ratio = one.ours.seconds / one.script.seconds
        table.add_row(f"{one.deliveries:,}", *sides, f"{ratio:.2f}", "no" if one.different else "yes")
    return table


def day_table(found: dict[int, Measured]) -> Table:
    """One line per length of history, and what the longest costs beside the shortest."""
    table = Table(title=f"one more day of {DAILY:,} deliveries: its load taken in, its tables computed")
    for name in ("days of history", "seconds", "of which", "ratio"):
        table.add_column(name, justify="right")
    shortest = found[min(found)]
    for history, one in sorted(found.items()):
        parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in one.parts.items())
        table.add_row(f"{history}", f"{one.seconds:.2f}", parts, f"{one.seconds / shortest.seconds:.2f}")
    return table


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent)).absolute()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
