"""`uam identity score`: the rules of identity on real records, against who was who by a curated list.

Here: arguments and the table. Not here: the judging (`uam_platform.evaluation.name_pairs`), the other commands (`cli_identity`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from uam_platform.cli_ledger import add_row, console, new_table

if TYPE_CHECKING:
    from uam_platform.evaluation.shares import Bounds
    from uam_platform.policy.identity import IdentityPolicy


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
