"""Commands about what is collected and why: business questions and what answers them, the source map, duties and their owners.

Here: arguments, help texts and lists. Not here: the rules (`uam_platform.policy`: `questions`, `answers`, `sources`, `duties`).
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
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


def sources(
    source: Annotated[str | None, typer.Argument(help="Entry of the source map; without it all of them.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="What was kept out so far, with what to add.")] = False,
    run: Annotated[Path | None, typer.Option("--run", help="Folder of a run, for --refused.")] = None,
) -> None:
    """What is collected: each source and field with evidence, owner, question, decision, retention and PII class."""
    rulebook = _rulebook()
    known = rulebook.sources.sources
    if source is not None and source not in known:
        raise ValueError(f"no source {source!r} in sources.yaml; use one of {', '.join(known)}")
    if refused:
        _print_refused(rulebook, run)
    elif source is None:
        _print_sources(rulebook)
    else:
        _print_fields(rulebook, source)


def _print_sources(rulebook: "Rulebook") -> None:
    table = new_table("Sources", "Source", "From", "Records", "Evidence", "Fields", "Owner", "Kept", "Questions")
    fields = list(rulebook.sources.declared())
    for name, one in rulebook.sources.sources.items():
        mine = [each for each in fields if each.source == name]
        asked = ", ".join(dict.fromkeys(each.question for each in mine if each.question))
        lacking = sum(1 for each in mine if each.missing)
        count = f"{len(mine)}" + (f", {lacking} refused" if lacking else "")
        kept = f"{one.retention_days} days"
        add_row(
            table,
            name,
            ", ".join(one.connectors),
            ", ".join(one.kinds),
            one.category.value,
            count,
            one.owner,
            kept,
            asked,
        )
    console.print(table)


def _print_fields(rulebook: "Rulebook", source: str) -> None:
    table = new_table(
        f"{source}: {rulebook.sources.sources[source].category.value}",
        "Field",
        "PII",
        "Kept",
        "Owner",
        "Question",
        "Who decides what",
        "Why",
    )
    for one in rulebook.sources.declared():
        if one.source == source:
            asked = rulebook.questions.questions.get(one.question)
            acts = f"{asked.decided_by}: {asked.decision} ({asked.outcome.value})" if asked else ""
            why = one.why if not one.missing else f"REFUSED: {one.reason}"
            add_row(table, one.field, one.pii.value, f"{one.retention_days} days", one.owner, one.question, acts, why)
    console.print(table)


def _print_refused(rulebook: "Rulebook", run: Path | None) -> None:
    from uam_platform.cli_quarantine import opened_warehouse
    from uam_platform.staging.set_aside import refused_fields

    with opened_warehouse(run) as warehouse:
        found = refused_fields(warehouse.connection, warehouse.lake)
    table = new_table(f"Kept out: {len(found)} fields", "Field", "Source", "Kind", "Records", "Loads", "To collect it")
    for one in found:
        said = rulebook.sources.refusal(one.source, one.kind, one.name)
        add_row(
            table,
            one.name,
            one.source,
            one.kind,
            f"{one.rows:,}",
            f"{one.loads:,}",
            said or "uam quarantine replay",
        )
    console.print(table)


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


COMMANDS: Final[tuple[Callable[..., None], ...]] = (questions, sources, duties)


def _rulebook() -> "Rulebook":
    from uam_platform.policy.company import rulebook_for
    from uam_platform.settings import Settings

    return rulebook_for(Settings())
