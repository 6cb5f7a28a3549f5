"""`uam worksheet`: how the scores of one account came about.

Here: arguments and the printed table. Not here: what is computed and the HTML page (`uam_platform.kpis`), other commands about an
account (`cli_account`).
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def worksheet(
    account: Annotated[str, typer.Argument(help="Account id, e.g. acc_00012, or the account's name in the CRM.")],
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Snapshot day; the latest by default.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write one HTML file with bars of what each line adds, instead of printing.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="Folder of a run, e.g. data/demo; else the settings' data folder.")
    ] = None,
) -> None:
    """Every line of an account's scores: inputs, points, other readings, what changed since last week."""
    from uam_platform.kpis.worksheet import worksheet_of
    from uam_platform.kpis.worksheet_page import changes, page, part
    from uam_platform.lake.engine import connect
    from uam_platform.lake.store import Lake
    from uam_platform.policy.company import rulebook_for
    from uam_platform.policy.scores import ORDER
    from uam_platform.settings import Settings

    settings = Settings() if run is None else Settings(data_dir=run)
    rules, lake, day = rulebook_for(settings), Lake(settings.lake_dir), as_of.date() if as_of else None
    policy = rules.scores
    sheet = worksheet_of(connect(), lake, policy, account, day, rules.taxonomy.told_by_servers())
    if html is not None:
        html.write_text(page(sheet), encoding="utf-8")
        console.print(f"worksheet of {escape(sheet.account_name)} at {sheet.as_of}: {html}")
        return
    console.print(f"[bold]{escape(sheet.account_name)}[/bold] ({sheet.account_id}) at {sheet.as_of}")
    compared = f"compared with {sheet.before}" if sheet.before else "nothing earlier to compare with"
    console.print(f"formulas version {policy.version}, owner {escape(policy.owner)}; {compared}\n")
    console.print("[bold]What changed[/bold]")
    for text in changes(sheet):
        console.print(f"- {escape(text)}", soft_wrap=True)
    console.print()
    for name in ORDER:
        console.print(_table(part(sheet, name)))
    for text in sheet.outside:
        console.print("Said by another tool, read by no score: " + escape(text))
    console.print("Rows it stands on: " + escape("; ".join(sheet.pointers)))


def _table(part: dict[str, Any]) -> Table:
    title = f"{part['title']}: {part['now']} ({part['change']}) {part['note']}"
    table = Table(title=escape(title), title_justify="left", caption=escape(part["question"]), caption_justify="left")
    for name, justify in (
        ("Line", "left"),
        ("Reading", "left"),
        ("adds", "right"),
        ("of", "right"),
        ("since", "right"),
    ):
        table.add_column(name, justify=justify, no_wrap=justify == "right")  # type: ignore[arg-type]
    for line in part["lines"]:
        other = f"\n[dim]Or: {escape(line['other'])}[/dim]" if line["other"] else ""
        style = None if line["state"] == "counted" else "dim"
        reading = escape(line["reading"]) + other
        table.add_row(escape(line["label"]), reading, line["points"], line["possible"], line["change"], style=style)
    table.add_section()
    table.add_row("[bold]Sum[/bold]", "", f"[bold]{part['sum']}[/bold]", "", "")
    return table
