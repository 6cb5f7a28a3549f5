"""`uam bench`: our path beside a hand-written script and other tools, one more day, features to scores.

Here: which sizes and histories are measured, and in what order. Not here: the measuring (`measure`), the made-up input (`landing`),
the tables for people (`tables`).
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from uam_platform.bench import clickstream, peers, scoring
from uam_platform.bench.baseline import differences
from uam_platform.bench.clickstream import Outcome
from uam_platform.bench.landing import FIRST_DAY, Shape, days_per_load, land
from uam_platform.bench.measure import Measured, load_ids, measure
from uam_platform.bench.tables import Comparison, comparison_table, day_table, peer_table, scoring_table
from uam_platform.lake.engine import EngineLimits
from uam_platform.lake.store import Lake
from uam_platform.settings import Settings

HISTORIES: Final = (30, 300)  # days before the one day more
DAILY: Final = 20_000  # deliveries a day of those histories
_HISTORY_LOAD_DAYS: Final = 30  # the history is landed in large loads, only the new days in loads of their own
_NEW_DAYS: Final = 3  # measured one after the other; the fastest counts, for others use this machine too


def command(sizes_in_millions: Sequence[float], days: int, accounts: int, console: Console) -> bool:
    """Measure and print, one line as soon as it is known.

    Args:
        sizes_in_millions: landed deliveries of each comparison.
        days: days they are spread over.
        accounts: of the company for features, training and scoring; 0 leaves these out.
        console: where progress and tables go.

    Returns:
        Whether all results were equal.
    """
    settings = Settings()
    limits = EngineLimits(memory=settings.engine_memory, threads=settings.engine_threads)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    found = []
    for millions in sizes_in_millions:
        with _scratch(settings.data_dir) as folder:
            found.append(compare(folder, round(millions * 1e6), days, limits, console))
    console.print(comparison_table(found), peer_table(found))
    for line in (line for one in found for line in one.different):
        console.print(f"[red]not equal[/red] {line}")
    with _scratch(settings.data_dir) as folder:
        console.print(day_table(one_more_day(folder, limits, console), DAILY))
    if accounts:
        with _scratch(settings.data_dir) as folder:
            console.print(scoring_table(*features_to_scores(folder, accounts, limits, console)))
    return not any(one.different or one.unequal or (one.clickstream.measured and one.clickstream.said) for one in found)


def compare(folder: Path, deliveries: int, days: int, limits: EngineLimits, console: Console) -> Comparison:
    """Land the deliveries (not measured), run both ways and the other tools, and compare the tables."""
    raw = folder / "raw"
    with console.status(f"landing {deliveries:,} deliveries"):
        manifest = land(raw, Shape(deliveries, FIRST_DAY, days, days_per_load(deliveries, days)))
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
    shutil.rmtree(folder / "script")
    return Comparison(landed, ours, script, different, *_other_tools(folder, limits, console))


def _other_tools(
    folder: Path, limits: EngineLimits, console: Console
) -> tuple[dict[str, Measured], list[str], Outcome]:
    lake = folder / "ours" / "lake"
    tools, results = {}, {}
    for tool in peers.TOOLS:
        out = folder / tool.replace(" ", "_")
        with console.status(f"sessions and transitions: {tool}"):
            tools[tool] = measure("peer", limits, tool=tool, lake=lake, out=out)
        results[tool] = peers.fingerprints(out)
        console.print(f"  sessions and transitions, {tool}: {tools[tool].seconds:.1f} s")
    first = next(iter(peers.TOOLS))
    ours = folder / first.replace(" ", "_")
    with console.status("sessions and transitions: retentioneering"):
        library = clickstream.run(
            peers.task(lake, folder / "retentioneering", limits),
            ours / "sessions.parquet",
            ours / "transitions.parquet",
        )
    return tools, [tool for tool in tools if results[tool] != results[first]], library


def features_to_scores(
    folder: Path, accounts: int, limits: EngineLimits, console: Console
) -> tuple[dict[str, Measured], dict[str, str]]:
    """Seconds of features, training and scoring, and in words what each of them is."""
    with console.status(f"simulating {accounts:,} accounts and running them as far as features and labels"):
        run = scoring.prepare(folder / "company", accounts, scoring.DAYS, lambda _: None)
    out = folder / "scores"
    found = {}
    for task, more in (("features", {}), ("training", {}), ("scoring", {"accounts": scoring.SCORED_ACCOUNTS})):
        with console.status(task):
            found[task] = measure(task, limits, run=run, out=out, **more)
    what = {
        "features": f"features, {accounts:,} accounts × {scoring.FEATURE_SNAPSHOTS} snapshots, links and writing included",
        "training": f"training, scoring and backtest, {accounts:,} accounts × {scoring.TRAINING_SNAPSHOTS} snapshots",
        "scoring": "scores with reasons of many accounts",
    }
    return found, what


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


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent)).absolute()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
