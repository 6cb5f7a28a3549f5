"""The commands that judge the platform on many simulated companies: `uam suite`, `uam nulls`, `uam reference`.

Here: arguments, help texts, what is printed. Not here: the worlds and the tables (`uam_platform.evaluation`), the scoreboard of one
run (`cli`).
"""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from uam_platform.policy.load import PolicyError

console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def _say(started: float, line: str) -> None:
    console.print(f"[dim]{time.monotonic() - started:7.0f} s[/dim]   {escape(line)}", soft_wrap=True)


def suite(
    accounts: Annotated[int, typer.Option(min=10, help="Customers of each world.")] = 3000,
    days: Annotated[int, typer.Option(min=60, help="Days of each world.")] = 546,
    difficulty: Annotated[str, typer.Option(help="easy, default or hard.")] = "default",
    worlds: Annotated[int | None, typer.Option(min=1, help="Only the first so many of the seven.")] = None,
    seeds: Annotated[str, typer.Option(help="These seeds instead, comma-separated.")] = "",
    out: Annotated[Path, typer.Option(help="Folder of all suites.")] = Path("data/evaluation"),
    inputs: Annotated[
        bool,
        typer.Option("--inputs", help="Only what scores stand on: repeats, quarantine, books, identity; sooner done."),
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep world and lake of every world, about 3 GB each.")] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Exit code 1 when a target is not met.")] = False,
) -> None:
    """Simulate, run and judge seven companies and print the pooled table. Goes on where it was stopped."""
    from uam_platform.evaluation.suite import plan
    from uam_platform.evaluation.suite_command import make_suite

    started = time.monotonic()
    planned = plan(accounts, days, difficulty, worlds, _numbers(seeds), is_of_inputs=inputs)
    made = make_suite(planned, out, lambda line: _say(started, line), is_keeping=keep)
    console.print(made.text, markup=False, soft_wrap=True)
    console.print(f"{made.folder}: {', '.join(path.name for path in made.files)}", markup=False, soft_wrap=True)
    raise typer.Exit(1 if gate and made.unmet_count else 0)


def nulls(
    accounts: Annotated[int, typer.Option(min=100, help="Customers of each world.")] = 1000,
    days: Annotated[int, typer.Option(min=180, help="Days of each world.")] = 364,
    seed: Annotated[int, typer.Option(min=0)] = 11,
    difficulty: Annotated[str, typer.Option(help="easy, default or hard.")] = "default",
    out: Annotated[Path, typer.Option(help="Folder of all suites.")] = Path("data/evaluation"),
) -> None:
    """Make eight worlds in which skill must vanish, fall or stay, and check that it does. Exit code 1 when a rule is broken."""
    from uam_platform.evaluation.suite_command import make_nulls

    started = time.monotonic()
    made = make_nulls(accounts, days, seed, difficulty, out, lambda line: _say(started, line))
    console.print(made.text, markup=False, soft_wrap=True)
    console.print(f"{made.folder}: {', '.join(path.name for path in made.files)}", markup=False, soft_wrap=True)
    raise typer.Exit(1 if made.unmet_count else 0)


def reference(
    worlds: Annotated[
        int, typer.Option(min=1, help="Worlds to learn from; six of 3,000 accounts are the least that counts.")
    ] = 6,
    accounts: Annotated[int, typer.Option(min=10, help="Customers of each world.")] = 3000,
    days: Annotated[int, typer.Option(min=120, help="Days of each world.")] = 546,
    first_seed: Annotated[
        int, typer.Option(min=0, help="Seeds from here on; none of them may be evaluated later.")
    ] = 9001,
    difficulty: Annotated[str, typer.Option(help="easy, default or hard.")] = "default",
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; where evaluations look for it when absent.")
    ] = None,
    rows: Annotated[Path, typer.Option(help="Where training rows are kept from one build to the next.")] = Path(
        "data/reference"
    ),
    keep: Annotated[bool, typer.Option("--keep", help="Keep world and lake of every world too.")] = False,
) -> None:
    """Make the reference learner R: the yardstick that has seen many more accounts than a company has. Goes on where it was stopped."""
    from uam_platform.evaluation.reference import folder_of, store
    from uam_platform.evaluation.reference_training import build
    from uam_platform.evaluation.reference_worlds import Plan

    started = time.monotonic()
    plan = Plan(tuple(range(first_seed, first_seed + worlds)), accounts, days, difficulty, rows, keep)
    made = build(plan, lambda line: _say(started, line))
    folder = out or folder_of(made.card.world_version, difficulty)
    store(folder, made)
    console.print(f"{folder}: {made.card.summary}", markup=False, soft_wrap=True)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise PolicyError(f"--seeds {text}: expected whole numbers separated by commas, e.g. 1,2,3") from None


COMMANDS = (suite, nulls, reference)
