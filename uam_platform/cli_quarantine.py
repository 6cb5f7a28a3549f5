"""Commands about what was set aside: `uam quarantine`, `uam quarantine explain`, `uam quarantine replay`.

Here: arguments, help texts and lists. Not here: counting and finding records (`staging.set_aside`), words for reasons
(`staging.refusals`), replays (`replays`).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from uam_platform.cli_ledger import add_row, console, new_table

if TYPE_CHECKING:
    from uam_platform.lake.resource import Warehouse
    from uam_platform.replays import Outcome, Plan

quarantine: Final = typer.Typer(
    invoke_without_command=True,
    help="What was set aside, by reason; explain one record; take in again what today's rules accept.",
)
Run = Annotated[Path | None, typer.Option("--run", help="Folder of a run; else the data folder of the settings.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only this reason code.")]
Source = Annotated[str | None, typer.Option("--source", help="Only this source.")]


@quarantine.callback()
def listed(context: typer.Context, reason: Reason = None, source: Source = None, run: Run = None) -> None:
    """Count what was set aside by source, kind, reason and name; with --reason also say where examples lie."""
    if context.invoked_subcommand is not None:
        return
    from uam_platform.staging.refusals import refusal
    from uam_platform.staging.set_aside import examples, groups

    with opened_warehouse(run) as warehouse:
        lake, connection = warehouse.lake, warehouse.connection
        found = groups(connection, lake, warehouse.manifest, reason=reason, source=source)
        where = examples(connection, lake, reason, source) if reason else []
    if not found:
        console.print("nothing is set aside" + (" for that" if reason or source else ""))
        return
    table = new_table(
        f"Set aside: {sum(g.rows for g in found):,} records", "Reason", "Source", "Kind", "Name", "Rows", "Loads",
        "First seen", "Last seen", "Replay",
    )  # fmt: skip
    for g in found:
        can = "after a rule changed" if refusal(g.reason).is_replayable else "the sender must deliver it again"
        seen = (g.first_seen[:16], g.last_seen[:16])
        add_row(table, g.reason, g.source, g.kind, g.name, f"{g.rows:,}", f"{g.loads:,}", *seen, can)
    console.print(table)
    for load_id, row_no in where:
        console.print(f"uam quarantine explain {load_id} {row_no}")


@quarantine.command()
def explain(
    load: Annotated[str, typer.Argument(help="Id of the load, see `uam quarantine --reason …`.")],
    row: Annotated[int, typer.Argument(help="Position of the record in the load.", min=0)],
    run: Run = None,
) -> None:
    """Show one record that was set aside, redacted: which rule refused it and what would let it in."""
    from uam_platform.staging.refusals import refusal
    from uam_platform.staging.set_aside import explain as explained

    with opened_warehouse(run) as warehouse:
        found = explained(warehouse.connection, warehouse.lake, warehouse.manifest, load, row)
    if not found:
        raise ValueError(f"row {row} of load {load} is not set aside")
    for one in found:
        rule = refusal(one.reason)
        console.print(
            f"[bold]{one.reason}[/bold], {one.source} {escape(one.kind)}, contract version {one.contract_version}"
        )
        console.print(f"  where    raw/{escape(one.file)}, row_no {one.row_no}", soft_wrap=True)
        console.print(
            f"  rule     {escape(rule.rule)}" + (f" ({escape(one.detail)})" if one.detail else ""), soft_wrap=True
        )
        console.print(f"  let in   {escape(rule.accepts)}", soft_wrap=True)
        console.print(f"  record   {escape(json.dumps(one.raw, ensure_ascii=False, indent=2, default=str))}")


@quarantine.command()
def replay(
    reason: Reason = None,
    source: Source = None,
    load: Annotated[
        str | None,
        typer.Option("--load", help="Only this load; it is judged again even if nothing of it was set aside."),
    ] = None,
    is_renamed: Annotated[
        bool,
        typer.Option(
            "--renamed", help="Also events that today's taxonomy names otherwise, e.g. after `uam taxonomy withdraw`."
        ),
    ] = False,
    is_trial: Annotated[bool, typer.Option("--dry-run", help="Only say what would become accepted.")] = False,
    run: Run = None,
) -> None:
    """Judge again what was set aside, and take in what today's rules accept: each load as one step, nothing twice."""
    from uam_platform.replays import Wanted, replayer

    wanted = Wanted(reason, source, load, is_renamed)
    replaying = replayer(run, lambda text: console.print(f"  {escape(text)}", soft_wrap=True))
    plan = replaying.plan(wanted)
    _print_plan(plan)
    if is_trial or plan.is_empty:
        return
    _print_outcome(replaying.carry_out(plan, wanted, lambda text: console.print(f"  {escape(text)}", soft_wrap=True)))


def _print_plan(plan: "Plan") -> None:
    if any(plan.resumed):
        console.print("a replay was cut short; what it left to do is done first")
    for one in plan.held:
        console.print(
            f"[yellow]held[/yellow] {one.load.load_id}: today's rules would set aside {sum(one.refused.values()):,} rows accepted before "
            f"({escape(', '.join(one.refused))}); if that is meant: uam quarantine replay --load {one.load.load_id}",
            soft_wrap=True,
        )
    for moved in plan.renamed:
        console.print(
            f"{moved.event_date} {moved.load_id}: {moved.rows:,} events {escape(moved.event_name_source)} stand under "
            f"{escape(moved.before)} and are {escape(moved.after)} now",
            soft_wrap=True,
        )
    rows = sum(sum(one.accepted.values()) for one in plan.loads) + sum(one.rows for one in plan.names)
    days = {one.event_date for one in plan.names}
    console.print(
        f"{rows:,} records are accepted now, in {len(plan.loads):,} loads to take in again and {len(days):,} days with names that are "
        "known now" + ("; API records are judged again as a whole" if plan.has_records else ""),
        soft_wrap=True,
    )  # fmt: skip


def _print_outcome(outcome: "Outcome") -> None:
    console.print(f"{len(outcome.loads):,} loads taken in again, {len(outcome.days):,} touched days computed again")
    for title, counted in (
        ("accepted", outcome.accepted),
        ("fields that come in", outcome.fields),
        ("still set aside", outcome.kept),
    ):
        console.print(f"{title}: {sum(counted.values()):,}")
        for (source, reason), rows in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
            console.print(f"  {rows:,} {escape(source)} {escape(reason)}")


@contextmanager
def opened_warehouse(run: Path | None) -> Iterator["Warehouse"]:
    """Lake and loads of the settings, or of the folder of a run.

    Raises:
        FileNotFoundError: nothing was loaded there.
    """
    from uam_platform.lake.resource import Warehouse
    from uam_platform.settings import Settings

    settings = Settings() if run is None else Settings(data_dir=run, ledger_url=None)
    if not settings.lake_dir.is_dir():
        raise FileNotFoundError(f"{settings.lake_dir}: nothing was loaded there; name the folder of a run with --run")
    yield Warehouse(data_dir=str(settings.data_dir), memory=settings.engine_memory, threads=settings.engine_threads)
