"""Commands with which people answer the platform: alerts, verdict, silence, deliveries, release, review.

Here: arguments, help texts and lists. Not here: what the commands record (`uam_platform.ledger.feedback`, `outbox`), the other
commands (`cli`). Each opens the ledger of the settings, or with `--run` the one in the folder of a run.
"""

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from uam_platform.ledger.engine import Ledger
    from uam_platform.ledger.overview import ListedAlert, StuckAction

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)

Run = Annotated[
    Path | None, typer.Option("--run", help="Folder of a run, e.g. data/demo; else the ledger of the settings.")
]
Reason = Annotated[str, typer.Option(help="Why; kept with it.")]
By = Annotated[str | None, typer.Option(help="Who; the user of this computer when absent.")]


class Switch(StrEnum):
    """Positions of a switch."""

    ON = "on"
    OFF = "off"


def alerts(
    resolved: Annotated[bool, typer.Option("--resolved", help="Also those that are over.")] = False,
    run: Run = None,
) -> None:
    """List the open alerts: id, account, dollars at risk, owner, since when, where they were told."""
    from uam_platform.ledger.models import ALERT_STATES
    from uam_platform.ledger.overview import listed_alerts

    with opened_ledger(run) as (ledger, _):
        found = listed_alerts(ledger, ALERT_STATES if resolved else ("open",))
    console.print(_alerts_table(found) if found else "No alert is open." if not resolved else "There was no alert yet.")


def verdict(
    alert_id: Annotated[str, typer.Argument(help="Id of the alert, see `uam alerts`.")],
    verdict: Annotated[str, typer.Option(help="useful, false_positive, expected, already_known or too_late.")],
    reason: Reason,
    by: By = None,
    run: Run = None,
) -> None:
    """Say what an alert was worth. Verdicts are added, never replaced."""
    from uam_platform.ledger.feedback import record_verdict

    with opened_ledger(run) as (ledger, now):
        number = record_verdict(ledger, alert_id, verdict, reason, by or this_person(), now)
    console.print(f"verdict {number} on {escape(alert_id)}: {verdict}")


def silence(
    days: Annotated[int, typer.Option(min=1, max=366, help="From now on.")],
    reason: Reason,
    account: Annotated[str | None, typer.Option(help="Account id; without it all accounts.")] = None,
    detector: Annotated[str | None, typer.Option(help="Detector; without it all detectors.")] = None,
    by: By = None,
    run: Run = None,
) -> None:
    """Hold back findings on an account, of a detector, or of a detector on an account."""
    from uam_platform.ledger import feedback

    _check_detector(detector)
    with opened_ledger(run) as (ledger, now):
        until = now + timedelta(days=days)
        number = feedback.silence(ledger, now, until, reason, by or this_person(), now, account, detector)
        is_new = account is not None and not feedback.is_known_account(ledger, account)
    console.print(f"silence {number} until {until:%Y-%m-%d %H:%M} UTC")
    if is_new:
        console.print(
            f"[yellow]note:[/yellow] there was no alert on account {escape(str(account))} so far; is the id right?"
        )


def deliveries(
    switch: Annotated[Switch | None, typer.Argument(help="on or off; without it only look.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; needed to switch.")] = None,
    by: By = None,
    run: Run = None,
) -> None:
    """Stop or resume all deliveries at once, also in the middle of a run; list the actions that need a person."""
    from uam_platform.ledger import feedback, outbox, overview

    with opened_ledger(run) as (ledger, now):
        if switch is not None:
            is_on = switch is Switch.ON
            feedback.switch(ledger, feedback.DELIVERIES, is_on, reason or "", by or this_person(), now)
        state = "on" if feedback.is_on(ledger, feedback.DELIVERIES) else "off"
        counts, stuck = outbox.counts(ledger), overview.stuck_actions(ledger)
    counted = ", ".join(f"{count} {name}" for name, count in counts.items()) or "none planned"
    console.print(f"deliveries are {state}; actions: {counted}")
    if stuck:
        console.print(_stuck_table(stuck))


def release(
    key: Annotated[str, typer.Argument(help="Key of a failed or parked action, see `uam deliveries`.")],
    reason: Reason,
    by: By = None,
    run: Run = None,
) -> None:
    """Give an action that failed or was parked another chance, after its cause is repaired."""
    from uam_platform.ledger.outbox import release as release_action

    with opened_ledger(run) as (ledger, now):
        state = release_action(ledger, key, by or this_person(), reason, now)
    after = "it is looked up at its destination first" if state == "unknown" else "the next delivery run sends it"
    console.print(f"{escape(key)} is {state}: {after}")


def review(
    open_path: Annotated[
        bool, typer.Option("--open-path", help="Print the path of the latest pack and nothing else.")
    ] = False,
    run: Run = None,
) -> None:
    """Show where the latest review pack lies and which alerts wait for a verdict."""
    from uam_platform.settings import Settings

    settings = Settings() if run is None else Settings(data_dir=run, ledger_url=None)
    packs = sorted(settings.reviews_dir.glob("????-??-??.html"))
    if not packs:
        raise FileNotFoundError(
            f"{settings.reviews_dir}: no review pack yet; a run of the snapshots writes one, or name the folder of a run with --run"
        )
    latest = packs[-1].absolute()
    if open_path:
        print(latest)  # one bare line, for open "$(uam review --open-path)"
        return
    console.print(f"latest review pack, {latest.stem}: {escape(str(latest))} ({len(packs)} in all)", soft_wrap=True)
    _print_waiting(run)


def _print_waiting(run: Path | None) -> None:
    from uam_platform.ledger import feedback
    from uam_platform.ledger.overview import listed_alerts

    with opened_ledger(run) as (ledger, _):
        judged = {str(v["alert_id"]) for v in feedback.verdicts(ledger)}
        waiting = [alert for alert in listed_alerts(ledger) if alert.alert_id not in judged]
    if not waiting:
        console.print("every open alert has a verdict")
        return
    console.print(f"{len(waiting)} open alerts wait for a verdict: uam verdict ID --verdict useful --reason '...'")
    console.print(_alerts_table(waiting))


COMMANDS: Final[tuple[Callable[..., None], ...]] = (alerts, verdict, silence, deliveries, release, review)


@contextmanager
def opened_ledger(run: Path | None) -> Iterator[tuple["Ledger", datetime]]:
    """The ledger of the settings or of a run, and the time, naive UTC.

    Raises:
        FileNotFoundError: nothing has run there yet.
        ConnectionError: the database refused, or another process holds the ledger for too long.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError

    from uam_platform.ledger.engine import open_ledger
    from uam_platform.settings import Settings

    settings = Settings() if run is None else Settings(data_dir=run, ledger_url=None)
    address = settings.ledger_address
    if address.startswith("sqlite:") and (path := make_url(address).database) and not Path(path).exists():
        wanted = f"--run {run}" if run else "UAM_DATA_DIR or UAM_LEDGER_URL"
        raise FileNotFoundError(f"{wanted}: no ledger at {path}; name the folder of a run with --run, e.g. data/demo")
    ledger = open_ledger(address)
    try:
        yield ledger, settings.clock()
    except DBAPIError as error:
        raise ConnectionError(f"the ledger did not take it: {error.orig}; nothing was changed") from error
    finally:
        ledger.close()


def this_person() -> str:
    """Name of whoever sits at this computer."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _check_detector(name: str | None) -> None:
    from uam_platform.policy.company import rulebook_for
    from uam_platform.settings import Settings

    if name is not None:
        known = rulebook_for(Settings()).alerts.detectors
        if name not in known:
            raise ValueError(f"--detector {name}: use one of {', '.join(sorted(known))}")


def _alerts_table(found: "list[ListedAlert]") -> Table:
    open_count = sum(alert.state == "open" for alert in found)
    table = new_table(
        f"Open alerts: {open_count}", "Alert", "Account", "At risk", "Owner", "Since", "Detector", "Where"
    )
    for alert in found:
        account = f"{alert.account_name} ({alert.account_id})" if alert.account_name else alert.account_id
        dollars = f"${alert.revenue_at_risk_usd_cents / 100:,.0f}"
        where = "\n".join(alert.where) or "recorded, nothing planned"
        since = alert.opened_as_of if alert.state == "open" else f"{alert.opened_as_of}, resolved"
        add_row(table, alert.alert_id, account, dollars, alert.owner, since, alert.detector, where)
    return table


def _stuck_table(stuck: "list[StuckAction]") -> Table:
    table = new_table("Need a person; then `uam release KEY`", "Key", "State", "Destination", "Alert", "Last error")
    for action in stuck:
        place = f"{action.destination} {action.target}"
        add_row(table, action.idempotency_key, action.state, place, action.alert_id, action.error)
    return table


def new_table(title: str, key: str, *columns: str) -> Table:
    """An empty list; its key is never broken over lines."""
    table = Table(title=title, title_justify="left")
    table.add_column(key, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right" if column == "At risk" else "left")
    return table


def add_row(table: Table, *cells: Any) -> None:
    """Add a row of plain text."""
    table.add_row(*(escape(str(cell)) for cell in cells))
