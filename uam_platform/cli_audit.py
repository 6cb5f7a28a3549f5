"""Commands of the monthly audit of alerts: judge drawn accounts, accept proposed thresholds.

Here: arguments, help texts and lists. Not here: the draw, estimates and proposals (`uam_platform.reviews`), recording
(`uam_platform.ledger.auditing`), verdicts on alerts (`cli_ledger`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from uam_platform.cli_ledger import By, Run, add_row, console, new_table, opened_ledger, this_person

if TYPE_CHECKING:
    import pandas as pd

Why = Annotated[str | None, typer.Option("--reason", help="Why; kept with it, and needed to record.")]


def audit(
    sample: Annotated[str | None, typer.Argument(help="Id of a drawn account; without it the list.")] = None,
    verdict: Annotated[str | None, typer.Option(help="in_trouble, fine or cannot_tell.")] = None,
    reason: Why = None,
    by: By = None,
    run: Run = None,
) -> None:
    """List the accounts drawn for the monthly audit that wait for a verdict, or say what was found on one."""
    if sample is None:
        _list_waiting(run)
        return
    from uam_platform.ledger.auditing import record_audit_verdict

    drawn = _samples(run)
    found = drawn[drawn["sample_id"] == sample]
    if found.empty:
        raise ValueError(f"no drawn account {sample!r}; `uam audit` lists those that wait")
    if verdict is None:
        raise ValueError("--verdict is missing: in_trouble, fine or cannot_tell")
    row = found.to_dict("records")[0]
    with opened_ledger(run) as (ledger, now):
        who = by or this_person()
        number = record_audit_verdict(
            ledger, sample, row["audit_month_date"], str(row["account_id"]), verdict, reason or "", who, now
        )
    console.print(f"audit verdict {number} on {escape(str(row['account_id']))}: {verdict}")


def thresholds(
    proposal: Annotated[str | None, typer.Argument(help="Id of a proposal to accept; without it the list.")] = None,
    reason: Why = None,
    by: By = None,
    run: Run = None,
) -> None:
    """List the thresholds that verdicts speak for, with the arithmetic, or accept one: nothing changes by itself."""
    from uam_platform.ledger import auditing
    from uam_platform.policy.company import rulebook_for
    from uam_platform.reviews.audit_facts import open_proposals
    from uam_platform.settings import Settings

    with opened_ledger(run) as (ledger, now):
        found = {one.proposal_id: one for one in open_proposals(ledger, now, rulebook_for(Settings()))}
        if proposal is None:
            for one in found.values():
                console.print(
                    f"{one.proposal_id}  {one.detector}: {one.column} {one.before.limit:g} -> {one.after.limit:g}"
                )
                console.print(f"  {escape(one.arithmetic)}")
            accepted = auditing.thresholds(ledger)
            console.print(f"{len(found)} proposed, {len(accepted)} accepted so far: uam thresholds ID --reason '...'")
            return
        if proposal not in found:
            raise ValueError(f"no proposal {proposal!r}: new verdicts change proposals; `uam thresholds` lists them")
        one = found[proposal]
        number = auditing.accept_threshold(
            ledger, one.detector, one.column, one.after.limit, one.before.limit, one.arithmetic, reason or "",
            by or this_person(), now,
        )  # fmt: skip
    console.print(
        f"threshold {number}: {one.detector}, {one.column} {one.before.limit:g} -> {one.after.limit:g}; it holds for snapshots "
        "decided from now on, after the next load of the ledger"
    )


COMMANDS: Final[tuple[Callable[..., None], ...]] = (audit, thresholds)


def _list_waiting(run: Path | None) -> None:
    from uam_platform.ledger.auditing import audit_verdicts

    drawn = _samples(run)
    with opened_ledger(run) as (ledger, _):
        judged = audit_verdicts(ledger)
    if drawn.empty:
        console.print("no account is drawn yet: the first month with snapshots is not over, or no run has drawn")
        return
    latest = drawn["audit_month_date"].max()
    waiting = drawn[(drawn["audit_month_date"] == latest) & ~drawn["sample_id"].isin(judged)]
    table = new_table(
        f"Audit of {latest:%Y-%m}: {len(waiting)} wait", "Sample", "Account", "Drawn from", "Why", "Snapshot"
    )
    for row in waiting.to_dict("records"):
        why = " ".join(str(row[name]) for name in ("detector", "reason") if row[name] == row[name] and row[name])
        add_row(table, row["sample_id"], row["account_id"], row["stratum"], why or "no finding", str(row["as_of"])[:10])
    console.print(table)
    console.print("uam audit SAMPLE --verdict in_trouble --reason '...'")


def _samples(run: Path | None) -> "pd.DataFrame":
    from uam_platform.lake.resource import Warehouse
    from uam_platform.reviews.audit_facts import stored_samples
    from uam_platform.settings import Settings

    settings = Settings() if run is None else Settings(data_dir=run, ledger_url=None)
    return stored_samples(Warehouse(data_dir=str(settings.data_dir)))
