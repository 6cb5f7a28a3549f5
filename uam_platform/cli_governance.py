"""Commands about what is collected and why: the business questions and what answers them, the duties and their owners.

Here: arguments, help texts and lists. Not here: the rules (`uam_platform.policy`: `questions`, `answers`, `duties`).
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from uam_platform.cli_ledger import add_row, console, new_table

if TYPE_CHECKING:
    from uam_platform.policy.rulebook import Rulebook


def questions(
    question: Annotated[str | None, typer.Argument(help="Id of a question; without it all of them.")] = None,
) -> None:
    """The agreed goals and business questions, and what answers each: features, alerts, scores, reviews."""
    rulebook = _rulebook()
    known = rulebook.questions.questions
    if question is not None and question not in known:
        raise ValueError(f"no question {question!r}; use one of {', '.join(known)}")
    if question is None:
        for name, goal in rulebook.questions.goals.items():
            console.print(
                f"[bold]goal {name}[/bold]: {escape(goal.statement)} ({goal.direction}: {escape(goal.metric)})"
            )
            console.print(f"  owner {escape(goal.owner)}; gives up: {escape(goal.gives_up)}")
    for name in [question] if question else known:
        _print_question(rulebook, name)


def _print_question(rulebook: "Rulebook", name: str) -> None:
    from uam_platform.policy.answers import answers

    one = rulebook.questions.questions[name]
    console.print(f"\n[bold]{name}[/bold]: {escape(one.asks)}")
    console.print(
        f"  goal {one.goal}, outcome {one.outcome.value}; {escape(one.decided_by)} decide {escape(one.decision)}"
    )
    found = [a for a in answers(rulebook.alerts, rulebook.scores, rulebook.reviews) if a.question == name]
    told = {"features": rulebook.questions.features_of(name)}
    told |= {f"{kind}s": [a.name for a in found if a.kind == kind] for kind in ("alert", "score", "review")}
    for kind, names in told.items():
        if names:
            console.print(f"  {kind} ({len(names)}): {escape(', '.join(names))}")


def duties(
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Day to judge; today when absent.")
    ] = None,
) -> None:
    """Who answers for definitions, identity, taxonomy and quality, and which review is due. Exit code 1 when one is late."""
    from uam_platform.settings import Settings

    policy = _rulebook().duties
    day = (on or Settings().clock()).date()
    past = {str(name): days for name, days in policy.past(day).items()}
    table = new_table(f"Duties on {day}", "Duty", "Owners", "Answers for", "Reviewed", "Due", "State")
    for row in policy.rows():
        late = past.get(row["duty"])
        add_row(table, *row.values(), f"{late:,} days late" if late else "in order")
    console.print(table)
    raise typer.Exit(1 if past else 0)


COMMANDS: Final[tuple[Callable[..., None], ...]] = (questions, duties)


def _rulebook() -> "Rulebook":
    from uam_platform.policy.company import rulebook_for
    from uam_platform.settings import Settings

    return rulebook_for(Settings())
