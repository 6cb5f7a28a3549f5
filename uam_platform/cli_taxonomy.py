"""`uam taxonomy lint` and `uam taxonomy diff`: event names checked and compared, as gates before a release.

Here: arguments, what is printed, exit codes (0 fine, 1 findings that stop a release, 2 a mistake in what was asked). Not here: the rules
(`uam_platform.policy`), commands that change the file or read the lake (`cli_taxonomy_changes`).
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from uam_platform.cli_taxonomy_changes import COMMANDS

if TYPE_CHECKING:
    from uam_platform.policy.taxonomy_diff import Change
    from uam_platform.policy.taxonomy_lint import Finding

app = typer.Typer(
    no_args_is_help=True, help="Event names: lint, diff, synonyms, change log, audit of what nobody uses."
)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
for command_on_changes in COMMANDS:
    app.command()(command_on_changes)


@app.command()
def lint(
    files: Annotated[list[Path] | None, typer.Argument(help="Taxonomy files; the company's own by default.")] = None,
    is_seen: Annotated[
        bool, typer.Option("--seen", help="Also names that were delivered and that nobody declared.")
    ] = False,
    run: Annotated[
        Path | None, typer.Option("--run", help="With --seen: folder of a run; else the settings' data.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Every naming mistake with what to write instead; exit code 1 with errors."""
    from uam_platform.policy.company import taxonomy_file
    from uam_platform.policy.load import read_yaml
    from uam_platform.policy.taxonomy_lint import lint as findings_of
    from uam_platform.settings import Settings

    paths = files or [taxonomy_file(Settings())]
    found = [finding for path in paths for finding in findings_of(read_yaml(path), str(path))]
    found += [finding for path in paths if not any(f.severity == "error" for f in found) for finding in _unlogged(path)]
    found += _seen(run) if is_seen else []
    errors = sum(finding.severity == "error" for finding in found)
    if as_json:
        _print_json([asdict(finding) | {"severity": finding.severity} for finding in found])
    else:
        for finding in found:
            style = "red" if finding.severity == "error" else "yellow"
            where = f"{finding.file}: {finding.event}" if finding.event else finding.file
            console.print(
                f"{escape(where)}: [{style}]{finding.severity}[/{style}] {finding.reason}: {escape(finding.says)}\n"
                f"    write: {escape(finding.write)}",
                soft_wrap=True,
            )
        console.print(f"{_files(paths)}: {errors} errors, {len(found) - errors} warnings")
    raise typer.Exit(1 if errors else 0)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="The file in use, or a git revision of NEW, e.g. origin/main.")],
    new: Annotated[Path | None, typer.Argument(help="The proposed file; the company's own by default.")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="Event whose breaking change is agreed on (repeatable), or all.")
    ] = None,
    as_json: Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown for a pull request.")] = False,
) -> None:
    """What changed, whom it affects; exit code 1 where something breaks that nobody allowed. A gate for CI."""
    from uam_platform.policy.company import rulebook_for, taxonomy_file
    from uam_platform.policy.consumers import Consumers
    from uam_platform.policy.load import parse, read_yaml
    from uam_platform.policy.taxonomy import Taxonomy
    from uam_platform.policy.taxonomy_diff import diff as changes_between
    from uam_platform.policy.taxonomy_diff import is_allowed, markdown
    from uam_platform.settings import Settings

    settings = Settings()
    path = new or taxonomy_file(settings)
    before = parse(Taxonomy, _taxonomy_at(old, path), old)
    after = parse(Taxonomy, read_yaml(path), str(path))
    changes = changes_between(before, after, Consumers(rulebook_for(settings)))
    allowed = frozenset(allow or ())
    breaking = [change for change in changes if change.is_breaking and not is_allowed(change, allowed)]
    if as_json:
        _print_json([asdict(change) | {"is_allowed": is_allowed(change, allowed)} for change in changes])
    elif as_markdown:
        typer.echo(markdown(changes, allowed))
    else:
        for change in changes:
            _print_change(change, is_allowed(change, allowed))
        console.print(f"{len(changes)} changes, {len(breaking)} breaking and not allowed")
    raise typer.Exit(1 if breaking else 0)


def _unlogged(path: Path) -> "list[Finding]":
    """Events that changed without an entry in the log beside the file, where it has one."""
    from uam_platform.policy.load import parse, read_yaml
    from uam_platform.policy.taxonomy import Taxonomy
    from uam_platform.policy.taxonomy_history import read_history, unlogged_findings

    history = read_history(path)
    return unlogged_findings(history, parse(Taxonomy, read_yaml(path), str(path)), path) if history.entries else []


def _seen(run: Path | None) -> "list[Finding]":
    """Names in the lake without a declared event."""
    from uam_platform.contracts.tables import EVENTS, UNKNOWN_EVENTS
    from uam_platform.governance.seen_names import findings, seen_names
    from uam_platform.lake.engine import connect
    from uam_platform.lake.store import Lake
    from uam_platform.policy.company import rulebook_for, taxonomy_file
    from uam_platform.settings import Settings

    settings = Settings() if run is None else Settings(data_dir=run, ledger_url=None)
    taxonomy, lake, connection = rulebook_for(settings).taxonomy, Lake(settings.lake_dir), connect()
    seen = seen_names(lake.read(connection, EVENTS), lake.read(connection, UNKNOWN_EVENTS), taxonomy)
    return list(findings(seen, taxonomy, str(taxonomy_file(settings))))


def _print_change(change: "Change", is_allowed: bool) -> None:
    from uam_platform.policy.taxonomy_diff import consumers_by_kind

    mark = ("[yellow]allowed[/yellow] " if is_allowed else "[red]BREAKS[/red]  ") if change.is_breaking else "        "
    step = (
        f" {change.before or '(none)'} -> {change.after or '(none)'}" if change.kind not in ("added", "removed") else ""
    )
    console.print(f"{mark}{escape(change.event)}: {change.kind}{escape(step)}: {escape(change.says)}", soft_wrap=True)
    for kind, names in consumers_by_kind(change.consumers).items():
        console.print(f"            {kind}: {escape(', '.join(names))}", soft_wrap=True)
    if change.then:
        console.print(f"          do: {escape(change.then)}", soft_wrap=True)


def _taxonomy_at(old: str, path: Path) -> object:
    """The parsed file `old`, or what git has under `path` at that revision."""
    from uam_platform.policy.load import PolicyError, parse_yaml, read_yaml

    if Path(old).exists():
        return read_yaml(Path(old))
    command = ["git", "-C", str(path.resolve().parent), "show", f"{old}:./{path.name}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - git, to show a file
    if shown.returncode:
        reason = shown.stderr.strip().splitlines()[-1:] or ["git failed"]
        raise PolicyError(f"{old}: neither a file nor a git revision with {path.name} in it ({reason[0]})")
    return parse_yaml(shown.stdout, f"{old}:{path.name}")


def _files(paths: Sequence[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))
