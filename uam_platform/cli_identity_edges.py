"""Commands of identity: why identifiers are one person, the log of merges, taking an edge back.

Here: arguments, what is printed. Not here: merges that may be wrong (`cli_identity`), finding identifiers (`identity_names`), words
(`identity_story`), the trial of a retraction (`identity_trial`), recording it (`uam_platform.ledger.identity`).
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from ibis.backends.duckdb import Backend
from rich.console import Console
from rich.markup import escape

from uam_platform.cli_ledger import By, Reason, Run, opened_ledger, this_person
from uam_platform.contracts.tables import EXCLUDED_PEOPLE, MEMBERSHIPS, MERGE_LOG, PEOPLE, SUBSCRIPTIONS
from uam_platform.identity_life import life
from uam_platform.identity_names import KINDS, Named, Names, find
from uam_platform.identity_story import Row, Story, about, edge_in_words, retraction_in_words
from uam_platform.lake.engine import connect
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.ledger import identity as ledger_identity
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.identity import EdgeKey
from uam_platform.policy.rulebook import Rulebook

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
_NOW: Final = date(9999, 12, 30)
_SHOWN: Final = 20
_One = Annotated[
    str, typer.Argument(help="user:ID, device:ID or email:ADDRESS; #HASH in the place of the value as printed.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]


@dataclass
class Opened:
    """What the commands read: the lake of a run or of the settings, its ledger, the rules."""

    lake: Lake
    connection: Backend
    ledger: Ledger
    now: datetime
    rulebook: Rulebook
    id_spaces: tuple[str, ...]
    names: Names

    def named(self, typed: str) -> Named:
        """The identifier a person means."""
        return find(typed, self.lake, self.connection, self.id_spaces, self.names)

    def story(self, known: date) -> Story:
        """What is known on a day."""
        people, log, excluded = (
            self.lake.read(self.connection, c).to_pyarrow().to_pandas() for c in (PEOPLE, MERGE_LOG, EXCLUDED_PEOPLE)
        )
        return Story.on(people, log, self.names, excluded, known)

    def life(self, story: Story, named: Named, known: date) -> Iterator[str]:
        """In which accounts the persons of an identifier were, and in which roles."""
        members, terms = (
            self.lake.read(self.connection, c).to_pyarrow().to_pandas() for c in (MEMBERSHIPS, SUBSCRIPTIONS)
        )
        return life(members, terms, {row["person_key"] for row in story.persons(named)}, known)


@contextmanager
def _opened(run: Path | None) -> Iterator[Opened]:
    from uam_platform.policy.company import rulebook_for
    from uam_platform.settings import Settings

    settings = Settings() if run is None else Settings(data_dir=run, ledger_url=None)
    lake, rulebook = Lake(settings.lake_dir), rulebook_for(settings)
    if not lake.files(PEOPLE):
        raise FileNotFoundError(
            f"{settings.lake_dir}: no people yet; name the folder of a run with --run, e.g. data/demo"
        )
    states = [load.state for load in LoadManifest(settings.data_dir / "raw").loads()]
    with opened_ledger(run) as (ledger, now):
        yield Opened(lake, connect(), ledger, now, rulebook, rulebook.time.id_spaces(states), Names())


def explain(
    one: _One,
    other: Annotated[str | None, typer.Argument(help="A second identifier: why are both one person, or not?")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Also as the snapshot of this day recorded it.")
    ] = None,
    run: Run = None,
) -> None:
    """Whose an identifier is, by which edges, and in which accounts and roles; or what makes two identifiers one person."""
    with _opened(run) as opened:
        named = [opened.named(typed) for typed in (one, other) if typed is not None]
        readings = [("as known now", _NOW)]
        if as_of is not None:
            readings.insert(0, (f"as recorded by the snapshot of {as_of:%Y-%m-%d}", as_of.date() - timedelta(days=1)))
        for title, known in readings:
            story = opened.story(known)
            _say(f"[bold]{title}[/bold]", is_markup=True)
            for line in _pair(story, *named) if len(named) == 2 else _single(story, named[0]):
                _say(f"  {line}")
            for line in opened.life(story, named[0], known) if len(named) == 1 else ():
                _say(f"  {line}")
        said = about(ledger_identity.retractions(opened.ledger), {key for _, key in named})
        _list("retracted and restored edges", [retraction_in_words(row, opened.names) for row in said])


def _single(story: Story, named: Named) -> Iterator[str]:
    yield story.owner(named)
    yield from story.kept_out(named)
    rows = story.identifiers(named)
    yield from (edge_in_words(row, story.names) for row in rows[:_SHOWN])
    if len(rows) > _SHOWN:
        yield f"… and {len(rows) - _SHOWN} more edges"


def _pair(story: Story, left: Named, right: Named) -> Iterator[str]:
    for named in (left, right):
        yield story.owner(named)
        yield from story.kept_out(named)
    path = story.path(left, right) if story.is_one_person(left, right) else None
    if path is None:
        yield "two persons: no chain of edges joins them" if not story.is_one_person(left, right) else "one person"
        return
    yield "one person, by way of:" if path else "one and the same identifier"
    yield from (f"{number}. {edge_in_words(row, story.names)}" for number, row in enumerate(path, 1))


def log(
    one: Annotated[str | None, typer.Argument(help="Only edges at this identifier.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only edges of a user, device or email to a user.")] = None,
    evidence: Annotated[str | None, typer.Option(help="identify, login, alias, email or directory.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Known on this day or later.")] = None,
    retracted: Annotated[bool, typer.Option("--retracted", help="What people retracted and restored instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many lines.")] = _SHOWN,
    run: Run = None,
) -> None:
    """Merges in words, the newest first."""
    if kind is not None and kind not in KINDS:
        raise ValueError(f"--kind {kind}: use one of {', '.join(KINDS)}")
    with _opened(run) as opened:
        named = opened.named(one) if one is not None else None
        if retracted:
            said = ledger_identity.retractions(opened.ledger)[::-1]
            rows = said if named is None else about(said, {named.key})
            lines = [retraction_in_words(row, opened.names) for row in rows]
        else:
            lines = [
                edge_in_words(row, opened.names) for row in _merges(opened.story(_NOW), named, kind, evidence, since)
            ]
    _list("retracted and restored edges" if retracted else "merges", lines[:limit], len(lines))
    if not lines:
        _say("nothing")


def _merges(
    story: Story, named: Named | None, kind: str | None, evidence: str | None, since: datetime | None
) -> Sequence[Row]:
    rows = story.log
    if named is not None:
        ends = (rows["identifier_kind"] == named.kind) & (rows["identifier_key"] == named.key)
        rows = rows[ends | ((rows["linked_actor_key"] == named.key) & (named.kind == "user"))]
    if kind is not None:
        rows = rows[rows["identifier_kind"] == KINDS[kind]]
    if evidence is not None:
        rows = rows[rows["evidence"] == evidence]
    if since is not None:
        rows = rows[rows["known_at"] >= since]
    order = ["known_at", "identifier_kind", "identifier_key", "linked_actor_key"]
    found: Sequence[Row] = rows.sort_values(order, ascending=[False, True, True, True]).to_dict("records")
    return found


def retract(
    one: _One,
    other: _One,
    reason: Reason,
    by: By = None,
    dry_run: _DryRun = False,
    run: Run = None,
) -> None:
    """Take the edge between two identifiers back; from the next snapshot on all is as if it had never been."""
    with _opened(run) as opened:
        edge = _edge(opened.named(one), opened.named(other))
        story = opened.story(_NOW)
        held = _held(story, edge)
        if not held:
            raise ValueError(_nothing_to_retract(story, opened.named(one), opened.named(other)))
        _list("the edge", [edge_in_words(row, opened.names) for row in held])
        _change(opened, edge, ledger_identity.RETRACTED, reason, by, dry_run)


def restore(
    one: _One,
    other: _One,
    reason: Reason,
    by: By = None,
    dry_run: _DryRun = False,
    run: Run = None,
) -> None:
    """Withdraw the retraction of the edge between two identifiers."""
    with _opened(run) as opened:
        edge = _edge(opened.named(one), opened.named(other))
        _change(opened, edge, ledger_identity.RESTORED, reason, by, dry_run)


def _edge(left: Named, right: Named) -> EdgeKey:
    if left.kind == right.kind == "user" and left.key != right.key:
        return EdgeKey("user", *sorted((left.key, right.key)))
    if right.kind == "user" and left.kind != "user":
        return EdgeKey(left.kind, left.key, right.key)
    if left.kind == "user" and right.kind != "user":
        return EdgeKey(right.kind, right.key, left.key)
    raise ValueError(
        "an edge joins a device, an address or a user id to a user id; name two different ends, one of them user:…"
    )


def _held(story: Story, edge: EdgeKey) -> Sequence[Row]:
    rows = story.log[story.log["identifier_kind"] == edge.identifier_kind]
    ends = (rows["identifier_key"] == edge.identifier_key) & (rows["linked_actor_key"] == edge.linked_actor_key)
    if edge.identifier_kind == "user":
        ends |= (rows["identifier_key"] == edge.linked_actor_key) & (rows["linked_actor_key"] == edge.identifier_key)
    found: Sequence[Row] = rows[ends].to_dict("records")
    return found


def _nothing_to_retract(story: Story, left: Named, right: Named) -> str:
    path = story.path(left, right)
    said = f"nothing to retract: no edge joins {story.names.of(*left)} and {story.names.of(*right)} today"
    if not path:
        return said
    return f"{said}; they are one person by way of\n" + "\n".join(
        f"  {edge_in_words(row, story.names)}" for row in path
    )


def _change(opened: Opened, edge: EdgeKey, change: str, reason: str, by: str | None, dry_run: bool) -> None:
    if dry_run:
        from uam_platform.identity_trial import tried

        trial = tried(opened.lake, opened.connection, opened.rulebook, opened.id_spaces, edge, change, opened.now)
        lines = [
            f"{opened.names.of(moved.kind, moved.key)}: {_owners(moved.before)} -> {_owners(moved.after)}"
            for moved in trial.people[:_SHOWN]
        ]
        _list("identifiers that would belong to others", lines, len(trial.people))
        _say(f"{trial.membership_count} rows of memberships would change; nothing was recorded")
        return
    record = ledger_identity.retract if change == ledger_identity.RETRACTED else ledger_identity.restore
    number = record(opened.ledger, edge, reason, by or this_person(), opened.now)
    _say(
        f"{change}, number {number}; snapshots decided after {opened.now:%Y-%m-%d %H:%M} UTC see it, recorded ones stay"
    )


def _owners(keys: tuple[int, ...]) -> str:
    return ", ".join(f"person #{key:016x}" for key in keys) or "nobody"


def _list(title: str, lines: list[str], count: int | None = None) -> None:
    total = len(lines) if count is None else count
    if lines:
        more = f", {len(lines)} shown" if total > len(lines) else ""
        _say(f"[bold]{title}[/bold] ({total:,}{more})", is_markup=True)
    for line in lines:
        _say(f"  {line}")


def _say(text: str, is_markup: bool = False) -> None:
    console.print(text if is_markup else escape(text), soft_wrap=True)


COMMANDS: Final[tuple[Callable[..., None], ...]] = (explain, log, retract, restore)
