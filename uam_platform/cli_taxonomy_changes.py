"""`uam taxonomy propose`, `accept`, `withdraw`, `changelog`, `audit`: what a person decides about names.

Here: arguments and what is printed. Not here: how files change (`uam_platform.policy.taxonomy_changes`), gates before a release
(`cli_taxonomy`).
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend
    from ibis.expr.types import Table as IbisTable
    from pandas import DataFrame

    from uam_platform.governance.synonyms import Proposal
    from uam_platform.lake.store import Lake
    from uam_platform.policy.taxonomy import Taxonomy
    from uam_platform.policy.taxonomy_changes import Decision
    from uam_platform.settings import Settings

console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
_MOST_ROWS: Final = 5_000_000
By = Annotated[str, typer.Option(help="Who agrees.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why; it stands in the change log.", show_default=False)]
Run = Annotated[Path | None, typer.Option("--run", help="Folder of a run; else the data folder of the settings.")]


def accept(
    name: Annotated[str, typer.Argument(help='A delivered name, as it was sent, e.g. "Clicked Button".')],
    event: Annotated[str, typer.Option("--as", help="The declared event that it means.", show_default=False)],
    by: By,
    reason: Reason,
    run: Run = None,
) -> None:
    """Make a delivered name a synonym of a declared event, in the company's own file; `withdraw` takes it back."""
    from uam_platform.policy.taxonomy_changes import accept as accepted

    settings = _settings(run)
    path = _own_file(settings)
    taxonomy = accepted(path, name, event, _decision(settings, by, reason))
    console.print(f"{escape(name)} counts as {event} from version {taxonomy.version} of {path} on", soft_wrap=True)
    _tell_replay(settings, taxonomy)


def withdraw(
    name: Annotated[str, typer.Argument(help="The synonym, as it stands in the file.")],
    by: By,
    reason: Reason,
    run: Run = None,
) -> None:
    """Take an accepted synonym back: the name is unknown again, and the log says who, when and why."""
    from uam_platform.policy.taxonomy_changes import withdraw as withdrawn

    settings = _settings(run)
    path = _own_file(settings)
    taxonomy, event = withdrawn(path, name, _decision(settings, by, reason))
    console.print(
        f"{escape(name)} no longer counts as {event} from version {taxonomy.version} of {path} on", soft_wrap=True
    )
    _tell_replay(settings, taxonomy)


def propose(
    run: Run = None,
    days: Annotated[int, typer.Option(min=1, help="Days of data looked at, counted back from the last one.")] = 28,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """What names that were set aside may mean, each with its evidence; nothing is accepted by this."""
    from uam_platform.governance.synonyms import counted, proposals, told
    from uam_platform.lake.engine import connect
    from uam_platform.lake.store import Lake
    from uam_platform.policy.company import rulebook_for

    settings = _settings(run)
    taxonomy = rulebook_for(settings).taxonomy
    rows = told(*_tables(Lake(settings.lake_dir), connect(), days))
    found = proposals(counted(_sampled(rows), taxonomy.proposals), taxonomy.events, taxonomy.proposals)
    if as_json:
        typer.echo(json.dumps([asdict(proposal) for proposal in found], indent=2, ensure_ascii=False))
        return
    for proposal in found:
        _print_proposal(proposal)
    console.print(
        f"{len(found)} proposals for {len({p.name for p in found})} names; accept those that are right, each by itself"
    )


def audit(
    run: Run = None,
    is_all: Annotated[bool, typer.Option("--all", help="Also events that somebody uses.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """What each event costs and who uses it; those that nothing stands on are proposed for removal."""
    from uam_platform.governance.usage import stored_deprecated, stored_usage
    from uam_platform.lake.engine import connect
    from uam_platform.lake.store import Lake
    from uam_platform.policy.company import rulebook_for

    settings = _settings(run)
    rulebook, lake, connection = rulebook_for(settings), Lake(settings.lake_dir), connect()
    frame = stored_usage(lake, connection, rulebook).sort_values(["proposal", "stored_bytes"], ascending=[True, False])
    shown = frame if is_all else frame.loc[~frame["proposal"].isin(["keep", "too_new"])]
    if as_json:
        typer.echo(shown.to_json(orient="records", date_format="iso", indent=2))
        return
    if len(shown):
        console.print(_usage_table(shown, rulebook.taxonomy.audit.window_days))
    removed = frame.loc[frame["proposal"].str.startswith("remove")]
    console.print(
        f"{len(removed)} of {len(frame)} events proposed for removal, {removed['stored_ratio'].sum():.1%} of the bytes"
    )
    for one in stored_deprecated(lake, connection, rulebook):
        console.print(f"[yellow]deprecated[/yellow] {escape(one.says)}", soft_wrap=True)


def _usage_table(frame: "DataFrame", days: int) -> Table:
    table = Table(title=f"Events, volume of the last {days} days", title_justify="left")
    for name in ("Event", "Proposed", "Events", "MB", "Share", "First seen", "Last seen", "Owner", "Used by"):
        table.add_column(name, justify="right" if name in ("Events", "MB", "Share") else "left")
    for row in frame.to_dict("records"):
        numbers = (f"{row['window_event_count']:,}", f"{row['stored_bytes'] / 1e6:,.2f}", f"{row['stored_ratio']:.1%}")
        seen = (str(row["used_from_date"] or "never"), str(row["used_until_date"] or "never"))
        cells = (
            row["event_name"],
            row["proposal"],
            *numbers,
            *seen,
            row["event_owner"] or "",
            str(row["consumer_count"]),
        )
        table.add_row(*map(escape, cells))
    return table


def _tables(lake: "Lake", connection: "Backend", days: int) -> "tuple[IbisTable, IbisTable, IbisTable]":
    """EVENTS, UNKNOWN_EVENTS and DELIVERIES of the last days with events."""
    from uam_platform.contracts.tables import DELIVERIES, EVENTS, UNKNOWN_EVENTS
    from uam_platform.policy.load import PolicyError
    from uam_platform.staging.intake import delivery_keys_of

    last = sorted(lake.keys(EVENTS))[-days:]
    if not last:
        raise PolicyError(f"{lake.root}: no events yet; name the folder of a run with --run")
    deliveries = lake.read(connection, DELIVERIES, delivery_keys_of(lake, last))
    return lake.read(connection, EVENTS, last), lake.read(connection, UNKNOWN_EVENTS, last), deliveries


def _sampled(rows: "IbisTable") -> "IbisTable":
    """All actors, or every n-th by their key, so that about five million rows are ordered at most."""
    count = int(rows.count().execute())
    step = max(1, -(-count // _MOST_ROWS))
    return rows if step == 1 else rows.filter(rows.actor_key % step == 0)


def _print_proposal(proposal: "Proposal") -> None:
    console.print(
        f"[bold]{escape(proposal.name)}[/bold] ({proposal.rows:,} events from {escape(', '.join(proposal.sources))})",
        soft_wrap=True,
    )
    target = "" if proposal.is_declared else " (nobody declared it either: declare one event for both)"
    console.print(f"    as {escape(proposal.meant)}{target}", soft_wrap=True)
    for evidence in proposal.evidence:
        console.print(f"        {evidence.kind}: {escape(evidence.numbers)}", soft_wrap=True)
    if proposal.is_declared:
        console.print(
            f"    uam taxonomy accept {escape(json.dumps(proposal.name, ensure_ascii=False))} --as {proposal.meant} --by … --reason …",
            soft_wrap=True,
        )


def changelog(
    file: Annotated[Path | None, typer.Argument(help="Taxonomy file; the company's own by default.")] = None,
    is_note: Annotated[
        bool, typer.Option("--note", help="Write an entry for what changed since the last one.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="With --note: who agrees.")] = None,
    reason: Annotated[str | None, typer.Option(help="With --note: why.")] = None,
) -> None:
    """What the taxonomy said when, newest first, as Markdown; --note writes an entry for edits by hand."""
    from uam_platform.policy.company import taxonomy_file
    from uam_platform.policy.load import PolicyError
    from uam_platform.policy.taxonomy_changes import note
    from uam_platform.policy.taxonomy_history import changelog as in_words
    from uam_platform.policy.taxonomy_history import changes_path, read_history

    settings = _settings(None)
    path = file or taxonomy_file(settings)
    if not is_note:
        typer.echo(in_words(read_history(path), f"Changes of {path.name}"))
        return
    if not by or not reason:
        raise PolicyError("--note needs --by and --reason: who agreed to the change, and why")
    noted = note(path, _decision(settings, by, reason))
    said = (
        f"{len(noted)} events noted in {changes_path(path)}: {', '.join(noted)}"
        if noted
        else "nothing changed since the last entry"
    )
    console.print(escape(said), soft_wrap=True)


def _settings(run: Path | None) -> "Settings":
    from uam_platform.settings import Settings

    return Settings() if run is None else Settings(data_dir=run, ledger_url=None)


def _own_file(settings: "Settings") -> Path:
    from uam_platform.policy.company import mapped_taxonomy
    from uam_platform.policy.taxonomy_changes import own_file

    return own_file(settings.policy_dir, mapped_taxonomy(settings))


def _decision(settings: "Settings", by: str, reason: str) -> "Decision":
    from uam_platform.policy.taxonomy_changes import Decision

    return Decision(settings.clock().date(), by, reason)


def _tell_replay(settings: "Settings", taxonomy: "Taxonomy") -> None:
    """How many stored rows the change would name otherwise."""
    from uam_platform.contracts.tables import EVENTS, UNKNOWN_EVENTS
    from uam_platform.lake.engine import connect
    from uam_platform.lake.store import Lake
    from uam_platform.staging.renamed import days_of, renamed

    lake = Lake(settings.lake_dir)
    if not lake.keys(EVENTS):
        console.print("nothing is loaded yet that it would change")
        return
    connection = connect()
    found = renamed(lake.read(connection, EVENTS), lake.read(connection, UNKNOWN_EVENTS), taxonomy)
    rows, released = sum(one.rows for one in found), sum(one.rows for one in found if one.is_released)
    console.print(
        f"{rows:,} stored rows on {len(days_of(found)):,} days are named otherwise now; {released:,} of them were set aside",
        soft_wrap=True,
    )
    if found:
        option = "" if released == rows else " --renamed"
        console.print(f"compute these days again: uam quarantine replay{option}")


COMMANDS: Final[tuple[Callable[..., Any], ...]] = (propose, accept, withdraw, changelog, audit)
