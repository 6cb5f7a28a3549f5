"""The benchmark of staging: deliveries judged, deduplicated and named, beside a hand-written script that does the same.

Here: the order of work, and the table. Not here: the script and what both ways are compared by (`staging_work`), our path (`ours`), the
script of the whole path (`baseline`), the processes they run in (`measure`).

The script ends with the same count of broken rules over its events as ours; it writes neither deliveries by load and day nor an index of
ids, which is what lets ours take one more day in without reading the others again, nor evidence for identity.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.table import Table

from uam_platform.bench.landing import FIRST_DAY, Shape, days_per_load, land
from uam_platform.bench.measure import Measured, measure
from uam_platform.bench.staging_work import differences
from uam_platform.lake.engine import EngineLimits
from uam_platform.lake.store import Lake
from uam_platform.settings import Settings

MOST_TO_SCRIPT: Final = 2.0
MOST_GIGABYTES: Final = 6.0


@dataclass(frozen=True)
class Staged:
    """Both ways over the same deliveries.

    Attributes:
        deliveries: landed rows.
        ours: our path as far as events.
        script: the hand-written script.
        different: where the results differ; empty when they are equal.
    """

    deliveries: int
    ours: Measured
    script: Measured
    different: list[str]


def command(sizes_in_millions: Sequence[float], days: int, console: Console) -> bool:
    """Measure and print; whether all results were equal and all limits kept."""
    settings = Settings()
    limits = EngineLimits(memory=settings.engine_memory, threads=settings.engine_threads)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    found = []
    for millions in sizes_in_millions:
        with TemporaryDirectory(prefix="bench-", dir=settings.data_dir) as folder:
            found.append(compare(Path(folder).absolute(), round(millions * 1e6), days, limits, console))
    console.print(table(found))
    for line in (line for one in found for line in one.different):
        console.print(f"[red]not equal[/red] {line}")
    return all(not one.different and _is_kept(one) for one in found)


def compare(folder: Path, deliveries: int, days: int, limits: EngineLimits, console: Console) -> Staged:
    """Land the deliveries (not measured), run both ways and compare what they set aside and kept."""
    raw = folder / "raw"
    with console.status(f"landing {deliveries:,} deliveries"):
        manifest = land(raw, Shape(deliveries, FIRST_DAY, days, days_per_load(deliveries, days)))
    landed = sum(load.rows["deliveries"] for load in manifest.loads())
    with console.status("hand-written script"):
        script = measure("staging script", limits, raw=raw, out=folder / "script")
    with console.status("our path as far as events"):
        ours = measure("staging", limits, raw=raw, out=folder / "ours")
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in ours.parts.items())
    console.print(f"  {landed:,} deliveries: script {script.seconds:.1f} s, ours {ours.seconds:.1f} s ({parts})")
    with console.status("comparing the results"):
        different = differences(Lake(folder / "ours" / "lake"), folder / "script")
    shutil.rmtree(folder / "script")
    return Staged(landed, ours, script, different)


def _is_kept(one: Staged) -> bool:
    return one.ours.seconds <= MOST_TO_SCRIPT * one.script.seconds and one.ours.peak_bytes <= MOST_GIGABYTES * 1e9


def table(found: Sequence[Staged]) -> Table:
    """One line per size."""
    made = Table(title="raw → staged events, judged and deduplicated, beside a hand-written script that does the same")
    for name in ("deliveries", "ours", "CPU", "peak", "script", "CPU", "peak", "ratio", "of CPU", "limits", "equal"):
        made.add_column(name, justify="right")
    for one in found:
        sides = [
            text
            for side in (one.ours, one.script)
            for text in (f"{side.seconds:.1f} s", f"{side.cpu_seconds:.1f} s", f"{side.peak_bytes / 1e9:.2f} GB")
        ]
        made.add_row(
            f"{one.deliveries:,}",
            *sides,
            f"{one.ours.seconds / one.script.seconds:.2f}",
            f"{one.ours.cpu_seconds / one.script.cpu_seconds:.2f}",
            f"≤ {MOST_TO_SCRIPT:g}×, ≤ {MOST_GIGABYTES:g} GB: {'kept' if _is_kept(one) else 'missed'}",
            "no" if one.different else "yes",
        )
    return made
