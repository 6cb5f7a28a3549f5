"""Commands of identity: merges that may be wrong, scores on records with a curated list.

Here: arguments, help texts and lists. Not here: what is measured (`uam_platform.identity.audit`,
`uam_platform.evaluation.name_pairs`), edges one by one (`cli_identity_edges`), the answers of people to alerts (`cli_ledger`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape

from uam_platform.cli_identity_edges import COMMANDS
from uam_platform.cli_ledger import Run, add_row, console, new_table

if TYPE_CHECKING:
    from uam_platform.evaluation.shares import Bounds
    from uam_platform.identity.audit import Audit
    from uam_platform.policy.identity import IdentityPolicy
    from uam_platform.policy.identity_audit import IdentityAuditPolicy

app: Final = typer.Typer(
    name="identity", no_args_is_help=True, help="Who is one person, why, and what may be wrong with it."
)


@app.callback()
def _group() -> None:
    """Who is one person, why, and what may be wrong with it."""


for command_of_edges in COMMANDS:
    app.command()(command_of_edges)


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


@app.command()
def score(
    events: Annotated[
        Path, typer.Argument(exists=True, help="CSV with email_key, name_key, organisation, author_ts, commit_ts.")
    ],
    truth: Annotated[Path, typer.Argument(exists=True, help="CSV with email_key, name_key, true_person.")],
    most: Annotated[
        int | None, typer.Option(min=1, help="Pairs that one address or name may carry; else the rulebook's.")
    ] = None,
    in_account: Annotated[int | None, typer.Option(min=0, help="Days of silence bridged in one organisation.")] = None,
    elsewhere: Annotated[
        int | None, typer.Option(min=0, help="Days of silence bridged between two; never when absent.")
    ] = None,
) -> None:
    """Score identity on addresses and names of real records against a curated list; which merges are wrong."""
    from uam_platform.evaluation.name_pairs import judge, read_records

    judged = judge(*read_records(events, truth), _rules(most, in_account, elsewhere))
    table = new_table("Pairs of address and name", "Half", "Pairs", "People", "Pairwise", "95 %", "B-cubed", "95 %")
    for name, half in (("rules chosen on", judged.chosen), ("reported on", judged.reported), ("both", judged.whole)):
        for what in ("precision", "recall"):
            sizes = (f"{half.pairs:,}", f"{half.people:,}") if what == "precision" else ("", "")
            add_row(table, f"{name}, {what}", *sizes, *_told(half.pairwise[what]), *_told(half.b_cubed[what]))
    console.print(table)
    wrong = judged.wrong()
    console.print(f"{wrong['person'].nunique()} people were made of several:")
    for _, pairs in wrong.groupby("person", sort=False):
        people = (
            f"{who}: {', '.join(own['email_key'] + ' ' + own['name_key'])}" for who, own in pairs.groupby("true_person")
        )
        console.print("  " + escape(" | ".join(people)), soft_wrap=True)


def _rules(most: int | None, in_account: int | None, elsewhere: int | None) -> "IdentityPolicy":
    """The rulebook's rules with what the command line says otherwise."""
    from uam_platform.policy.company import rulebook_for
    from uam_platform.policy.identity import Identifier, Limit
    from uam_platform.settings import Settings

    rules = rulebook_for(Settings()).identity
    given: dict[str, Any] = {
        "same_email_in_account_within_days": in_account,
        "same_email_elsewhere_within_days": elsewhere,
    }
    if most is not None:
        limit = Limit(most=most, reason="given on the command line")
        of_email = rules.identifiers[Identifier.EMAIL].model_copy(update={"most_users": limit})
        given["identifiers"] = {**rules.identifiers, Identifier.EMAIL: of_email}
    return rules.model_copy(update={name: value for name, value in given.items() if value is not None})


def _told(found: "tuple[float | None, Bounds]") -> tuple[str, str]:
    value, (low, high) = found
    return "–" if value is None else f"{value:.3f}", "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


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
