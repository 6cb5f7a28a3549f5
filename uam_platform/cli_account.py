"""Commands about one account: timeline, worksheet.

Here: arguments, help texts and lists. Not here: what is read (`timeline`), the arguments of
`uam worksheet` (`cli_worksheet`), other commands (`cli`).
"""

import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from uam_platform.cli_worksheet import worksheet

console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def timeline(
    account: Annotated[str, typer.Argument(help="Account id, e.g. acc_00012.")],
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, included.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one HTML file with a plot instead of printing.")] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="Folder of a run, e.g. data/demo; else the settings' data folder.")
    ] = None,
) -> None:
    """What happened at one account, in order, each line with the rows it stands on."""
    from sqlalchemy.engine import make_url

    from uam_platform.lake.engine import connect
    from uam_platform.lake.store import Lake
    from uam_platform.ledger.engine import open_ledger
    from uam_platform.settings import Settings
    from uam_platform.timeline import timeline as lines_of
    from uam_platform.timeline_lines import Store
    from uam_platform.timeline_page import page

    settings = Settings() if run is None else Settings(data_dir=run, ledger_url=None)
    address = settings.ledger_address
    is_kept = not address.startswith("sqlite:") or Path(make_url(address).database or "").exists()
    store = Store(Lake(settings.lake_dir), connect(), open_ledger(address) if is_kept else None)
    begin = first.date() if first else date(1970, 1, 1)
    found = lines_of(store, account, begin, last.date() if last else date(9999, 12, 30))
    if html is not None:
        html.write_text(page(account, found), encoding="utf-8")
        console.print(f"{len(found):,} lines: {html}")
        return
    table = Table(
        "When", "What", "In words", "Rows", title=f"Timeline of {account}, UTC, as known now", title_justify="left"
    )
    for line in found:
        table.add_row(f"{line.at:%Y-%m-%d %H:%M}", line.kind, line.text, line.pointer)
    console.print(table)


COMMANDS: Final[tuple[Callable[..., None], ...]] = (timeline, worksheet)
