"""Commands of identity: merges that may be wrong.

Here: arguments, help texts and lists. Not here: what is measured (`uam_platform.identity.audit`), edges one by one
(`cli_identity_edges`), scores on records with a curated list (`cli_identity_score`), the answers of people to alerts (`cli_ledger`).
"""

from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from uam_platform.cli_identity_edges import COMMANDS
from uam_platform.cli_identity_score import score
from uam_platform.cli_ledger import Run, add_row, console, new_table

if TYPE_CHECKING:
    from uam_platform.identity.audit import Audit
    from uam_platform.policy.identity_audit import IdentityAuditPolicy

app: Final = typer.Typer(
    name="identity", no_args_is_help=True, help="Who is one person, why, and what may be wrong with it."
)


@app.callback()
def _group() -> None:
    """Who is one person, why, and what may be wrong with it."""


for command in (*COMMANDS, score):
    app.command()(command)


@app.command()
def audit(
    run: Run = None,
    top: Annotated[int | None, typer.Option(min=1, help="At most so many; else as the rulebook says.")] = None,
) -> None:
    """List the merges with most signs of being wrong, riskiest first, with what retracts each."""
    from uam_platform.identity.audit import riskiest_shown

    found, policy = _audited(run)
    rows = found.riskiest(policy if top is None else policy.model_copy(update={"listed": top}))
    for name, value in found.counts.as_metadata().items():
        console.print(f"{name}: {value:,.3f}" if isinstance(value, float) else f"{name}: {value:,}")
    if rows.empty:
        console.print(f"no merge has {policy.least_points} points or more (identity_audit.yaml)")
        return
    table = new_table(
        f"{len(rows)} of {found.counts.risky_merge_count} merges to look at", "Points", "Signs", "Joins", "By", "Known"
    )
    for row in riskiest_shown(rows).to_dict("records"):
        add_row(
            table,
            str(row["points"]),
            row["signs"],
            f"{row['identifier']} + user {row['user']}",
            row["evidence"],
            row["known_at"],
        )
    console.print(table)
    for row in riskiest_shown(rows).to_dict("records"):
        console.print(
            escape(f"uam identity retract {row['identifier']} user:#{row['user']} --reason '...'"), soft_wrap=True
        )


def _audited(run: Run) -> tuple["Audit", "IdentityAuditPolicy"]:
    from uam_platform.contracts import tables
    from uam_platform.identity.audit import audit as measured
    from uam_platform.lake.engine import connect
    from uam_platform.lake.store import WHOLE, Lake
    from uam_platform.policy.company import rulebook_for
    from uam_platform.settings import Settings

    settings = Settings()
    folder = (run or settings.data_dir) / "lake"
    lake, connection = Lake(folder), connect()
    if lake.pointer(tables.MERGE_LOG, WHOLE) is None:
        raise ValueError(f"{folder}: no merge log; run the identity asset first, or name a run with --run")
    policy = rulebook_for(settings).identity_audit
    log = lake.read(connection, tables.MERGE_LOG).to_pyarrow()
    return measured(log, lake.read(connection, tables.IDENTITY_EVIDENCE), policy), policy
