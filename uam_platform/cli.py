"""The command line `uam …`: simulate, sandbox, run, restate, evaluate, demo, doctor, bench, docs.

Here: arguments, help texts, progress and errors for people. Not here: what the commands do (imported inside each, so that
`uam --help` answers at once), answers to alerts (`cli_ledger`), their audit (`cli_audit`), one account (`cli_account`),
worlds by the dozen (`cli_evaluation`), services that keep running (`cli_serve`), event names (`cli_taxonomy`), who is
one person (`cli_identity`), what is collected and why (`cli_governance`), what was set
aside (`cli_quarantine`).
"""

import os
import sys
import time
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from uam_platform.cli_account import COMMANDS as COMMANDS_OF_ACCOUNTS
from uam_platform.cli_audit import COMMANDS as COMMANDS_OF_AUDITS
from uam_platform.cli_evaluation import COMMANDS as COMMANDS_OF_JUDGES
from uam_platform.cli_governance import COMMANDS as COMMANDS_OF_GOVERNANCE
from uam_platform.cli_identity import app as identity_app
from uam_platform.cli_ledger import COMMANDS
from uam_platform.cli_quarantine import quarantine
from uam_platform.cli_serve import COMMANDS as COMMANDS_OF_SERVICES
from uam_platform.cli_taxonomy import app as taxonomy
from uam_platform.policy.load import PolicyError

app = typer.Typer(
    name="uam",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Product intelligence on Dagster: what users do, what they say and what they are worth, as few explained alerts.",
)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
_EXISTING = typer.Option(exists=True)


def _say(prefix: str = "  ") -> Callable[[str], None]:
    started = time.perf_counter()

    def say(text: str) -> None:
        console.print(f"[dim]{time.perf_counter() - started:6.1f} s[/dim] {prefix}{escape(text)}", soft_wrap=True)

    return say


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write: company/ for the sandbox, truth/ for the evaluation.")],
    accounts: Annotated[int, typer.Option(min=10, max=200_000)] = 1000,
    days: Annotated[int, typer.Option(min=28, max=3650)] = 364,
    seed: Annotated[int, typer.Option(min=0)] = 7,
    difficulty: Annotated[str, typer.Option(help="easy, default or hard.")] = "default",
) -> None:
    """Make a simulated B2B SaaS company with known truth. Same arguments, same bytes."""
    from uam_platform.simulation.progress import SimulationProgress, peak_memory_gib
    from uam_platform.simulation.world.generate import simulate as make

    with SimulationProgress(console, accounts) as progress:
        summary = make(accounts, days, seed, out, difficulty, progress.tell)
    console.print(
        f"{summary.deliveries:,} deliveries of {summary.people:,} people in {summary.accounts:,} accounts over "
        f"{summary.days} days, {summary.churned:,} churned, in {summary.seconds:.1f} s "
        f"({summary.deliveries / max(summary.seconds, 0.001):,.0f} a second; {time.process_time():.1f} s of CPU, "
        f"peak memory {peak_memory_gib():.2f} GiB)\n"
        f"company: {out / 'company'}\ntruth:   {out / 'truth'} (only `uam evaluate` opens it)"
    )


@app.command()
def sandbox(
    source: Annotated[Path, typer.Option("--from", exists=True, help="Folder made by `uam simulate`.")],
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8910,
    state: Annotated[
        Path | None, typer.Option(help="Where it keeps its archive and what destinations receive.")
    ] = None,
) -> None:
    """Serve the vendors' APIs on loopback from a simulated company."""
    from uam_platform.scratch import source_of
    from uam_platform.simulation.sandbox.server import serve

    company = source_of(source).company
    if company is None:
        raise PolicyError(f"--from {source}: the sandbox serves simulated companies, not mappings")
    serve(company, state or source / "sandbox", port=port, has_logs=True)


@app.command()
def run(
    source: Annotated[
        Path, typer.Option("--from", help="Folder made by `uam simulate`, or a YAML mapping of own exports.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for everything the run writes.")],
    now: Annotated[
        datetime | None, typer.Option(help="Clock of a mapping's run, UTC; else the day after its data.")
    ] = None,
) -> None:
    """Run the whole chain without the UI, in a scratch instance."""
    from uam_platform.report import summary
    from uam_platform.scratch import run_mapping, run_world, source_of

    found = source_of(source)
    say = _say()
    company, mapping = found.company, found.mapping or source
    runner = run_world(company, out, say) if company else run_mapping(mapping, out, say, now)
    say(runner.where_the_time_went())
    console.print(summary(runner.wiring.settings))


@app.command()
def restate(
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Snapshot day to write anew.")],
    reason: Annotated[str, typer.Option(help="Why; kept as a tag of the run.")],
) -> None:
    """Write a new version of a recorded snapshot, on purpose: late data and reruns never do. Plans no action."""
    from uam_platform.connectors.registry import source_names
    from uam_platform.instances import PROJECT, persistent_instance
    from uam_platform.orchestration.wiring import wire
    from uam_platform.policy.company import rulebook_for
    from uam_platform.runner import Runner
    from uam_platform.settings import Settings

    os.chdir(PROJECT)  # the instance's folders are relative to it
    settings = Settings()
    wiring = wire(settings, rulebook_for(settings), source_names(settings))
    Runner(wiring, persistent_instance(), _say()).restate(as_of.date(), reason)


@app.command()
def evaluate(
    run: Annotated[Path | None, typer.Option(exists=True, help="Folder of a run.")] = None,
    world: Annotated[Path | None, typer.Option(exists=True, help="Folder made by `uam simulate`, with truth/.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the scoreboard as JSON too.")] = None,
    html_path: Annotated[
        Path | None, typer.Option("--html", help="Write a report with plots too: one file that needs nothing else.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(exists=True, help="Two scoreboard files, or two folders of `uam suite`, paired by seed."),
    ] = None,
) -> None:
    """Print the scoreboard of a run against the truth of its world, or compare two versions on the same worlds."""
    if compare is not None:
        from uam_platform.evaluation.compare import compare_paths

        console.print(compare_paths(*compare), markup=False, soft_wrap=True)
        return
    if run is None or world is None:
        raise PolicyError("uam evaluate: give --run and --world for a scoreboard, or --compare A B for two of them")
    from uam_platform.evaluation.command import command

    console.print(command(run, world, json_path, html_path))


@app.command()
def demo(
    accounts: Annotated[int, typer.Option(min=20)] = 1000,
    days: Annotated[int, typer.Option(min=120)] = 364,
    seed: Annotated[int, typer.Option(min=0)] = 7,
) -> None:
    """Simulated company → vendor APIs on loopback → the whole chain → alerts delivered by a sensor → summary."""
    from uam_platform.demo import demonstrate

    console.print(demonstrate(accounts, days, seed, _say(), console))


@app.command()
def doctor() -> None:
    """Check settings, rulebook, mapping, folders and connections; say what is missing and what to write."""
    from uam_platform.doctor import diagnose

    findings = diagnose()
    for finding in findings:
        console.print(
            f"{'[green]ok  [/green]' if finding.is_ok else '[red]FAIL[/red]'} {finding.subject}: {finding.detail}"
        )
    raise typer.Exit(0 if all(f.is_ok for f in findings) else 1)


@app.command()
def bench(
    millions: Annotated[
        str, typer.Option(help="Millions of events, comma-separated; with --identity: of identifiers, of edges.")
    ] = "5,20",
    days: Annotated[int, typer.Option(min=7, help="Days the events are spread over.")] = 91,
    accounts: Annotated[
        int, typer.Option(min=0, help="Accounts for features, training and scoring; 0 leaves these out.")
    ] = 2000,
    collector: Annotated[
        bool, typer.Option("--collector", help="Measure the collector instead: events a second on one core, synced.")
    ] = False,
    staging: Annotated[
        bool, typer.Option("--staging", help="Measure staging alone, beside a script that judges and deduplicates too.")
    ] = False,
    identity: Annotated[
        bool,
        typer.Option(
            "--identity", help="Measure identity instead: components beside SciPy and networkx, one more day."
        ),
    ] = False,
) -> None:
    """Measure the chain beside hand-written SQL, Polars, pandas and retentioneering; features, training, scoring; one more day."""
    if collector:
        from uam_platform.bench.collector import Shape
        from uam_platform.bench.collector import command as measure_collector

        measure_collector(Shape(), console)
        return
    from uam_platform.bench import identity as of_identity
    from uam_platform.bench import staging as of_staging
    from uam_platform.bench.command import command

    try:
        sizes = [float(size) for size in millions.split(",")]
    except ValueError:
        raise PolicyError(f"--millions {millions}: expected numbers separated by commas, e.g. 5,20") from None
    if identity and (len(sizes) != 2 or sizes[1] < sizes[0]):
        raise PolicyError(
            f"--identity --millions {millions}: expected identifiers and edges, at least one each, e.g. 5,20"
        )
    if identity:
        is_good = of_identity.command(round(sizes[0] * 1e6), round(sizes[1] * 1e6), console)
    elif staging:
        is_good = of_staging.command(sizes, days, console)
    else:
        is_good = command(sizes, days, accounts, console)
    if not is_good:
        raise typer.Exit(1)


@app.command()
def docs(
    check: Annotated[bool, typer.Option("--check", help="Only compare; fail when a document is stale.")] = False,
) -> None:
    """Regenerate the generated documents (data dictionary, world reference, .env.example)."""
    from uam_platform.documents import generated
    from uam_platform.instances import PROJECT

    stale = [p for p, text in generated(PROJECT).items() if not p.exists() or p.read_text(encoding="utf-8") != text]
    for path in stale:
        console.print(f"{'stale' if check else 'written'}: {path.relative_to(PROJECT)}")
        if not check:
            path.write_text(generated(PROJECT)[path], encoding="utf-8")
    raise typer.Exit(1 if check and stale else 0)


for command_of_people in COMMANDS:
    app.command()(command_of_people)
for command_of_accounts in COMMANDS_OF_ACCOUNTS:
    app.command()(command_of_accounts)
for command_of_audits in COMMANDS_OF_AUDITS:
    app.command()(command_of_audits)
for command_of_judges in COMMANDS_OF_JUDGES:
    app.command()(command_of_judges)
for command_of_governance in COMMANDS_OF_GOVERNANCE:
    app.command()(command_of_governance)
for command_of_services in COMMANDS_OF_SERVICES:
    app.command()(command_of_services)
app.add_typer(taxonomy, name="taxonomy")
app.add_typer(identity_app, name="identity")
app.add_typer(quarantine, name="quarantine")


def main() -> None:
    """Entry point: mistakes of people end in one clear message, not in a traceback."""
    # notices of pinned APIs that the tests cover
    warnings.filterwarnings("ignore", message=r".*is currently in (beta|preview)")
    from pydantic import ValidationError

    from uam_platform.orchestration.failures import RunError
    from uam_platform.settings import mistakes

    try:
        app()
    except ValidationError as error:
        _end_with("\n".join(f"{name}: {what}" for name, what in mistakes(error)))
    except (PolicyError, RunError, OSError, ValueError) as error:
        _end_with(str(error))


def _end_with(message: str) -> NoReturn:
    Console(stderr=True, highlight=False).print(f"[red]error:[/red] {escape(message)}", soft_wrap=True)
    sys.exit(2)
