"""What an input can support: which parts of the chain apply to it, one plain sentence each where one does not.

Here: the facts counted over canonical tables and the sentences that follow. Not here: contradictions inside the data
(`contradictions`), whether behaviour beats chance (`uam_platform.churn`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import ibis.expr.types as ir

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract

READS: Final[tuple[Contract, ...]] = (
    tables.EVENTS,
    tables.SUBSCRIPTIONS,
    tables.ACCOUNTS,
    tables.TICKETS,
    tables.USERS_DIRECTORY,
)
_MOST: Final = 0.95


@dataclass(frozen=True)
class InputFacts:
    """Counts of an input: rows by table, and what its events carry.

    Attributes:
        placed_events: events in an account or workspace.
        day_only_events: events whose time is a day, or midnight to the microsecond.
        late_events: events known more than a day after they happened.
        actors: distinct acting identifiers in accounts or workspaces.
        crowded_accounts: workspaces in which more than one identifier acts.
        workspaces: workspaces with events.
    """

    events: int
    placed_events: int
    day_only_events: int
    late_events: int
    actors: int
    crowded_accounts: int
    workspaces: int
    accounts: int
    subscriptions: int
    tickets: int
    priced_events: int


@dataclass(frozen=True)
class Capability:
    """Whether a part of the chain applies, and why not."""

    part: str
    applies: bool
    said: str


def input_facts(inputs: Mapping[str, ir.Table]) -> InputFacts:
    """Counts over the tables of `READS` by name."""
    events = inputs["events"]
    placed = events.workspace_key != 0
    day = 86_400_000_000
    row = (
        events.aggregate(
            events=events.count(),
            placed=placed.sum().fill_null(0),
            day_only=((events.time_confidence == "day_only") | (events.occurred_us % day == 0)).sum().fill_null(0),
            late=(events.known_us > events.occurred_us + day).sum().fill_null(0),
            actors=events.actor_key.nunique(where=placed),
            priced=events.amount_usd_cents.count(),
        )
        .to_pandas()
        .iloc[0]
    )
    crowd = events.filter(placed).group_by("workspace_key").aggregate(actors=events.actor_key.nunique())
    crowds = crowd.aggregate(all=crowd.count(), crowded=(crowd.actors > 1).sum().fill_null(0)).to_pandas().iloc[0]
    rows = {name: int(inputs[name].count().execute()) for name in ("subscriptions", "tickets")}
    return InputFacts(
        events=int(row["events"]),
        placed_events=int(row["placed"]),
        day_only_events=int(row["day_only"]),
        late_events=int(row["late"]),
        actors=int(row["actors"]),
        crowded_accounts=int(crowds["crowded"]),
        workspaces=int(crowds["all"]),
        accounts=int(inputs["accounts"].account_id.nunique().execute()),
        priced_events=int(row["priced"]),
        **rows,
    )


def capabilities(facts: InputFacts) -> list[Capability]:
    """Each part of the chain with whether the input carries it; what is not there is said in one line."""
    has_accounts = facts.accounts > 0 and facts.placed_events > 0
    has_people = facts.crowded_accounts > 0.05 * max(facts.workspaces, 1)
    is_timed = facts.events == 0 or facts.day_only_events < _MOST * facts.events
    has_money = facts.subscriptions > 0 or facts.priced_events > 0
    return [
        _told("events", facts.events > 0, f"{facts.events:,} events", "no events: nothing can be computed"),
        _told(
            "sessions", is_timed, "events carry a time of day",
            f"sums per day instead of events ({facts.day_only_events / max(facts.events, 1):.0%} of rows carry a day only): sessions "
            "and the order of steps within a day mean nothing",
        ),
        _told(
            "accounts", has_accounts, f"{facts.accounts:,} accounts",
            "no accounts: sessions and daily activity are computed; features, scores, dollars and alerts are not",
        ),
        _told(
            "people", has_people or not has_accounts, f"{facts.actors:,} identifiers act in {facts.workspaces:,} workspaces",
            "no people inside accounts: each account acts through one identifier, so team spread, roles and administrators say nothing",
        ),
        _told(
            "contracts", facts.subscriptions > 0, f"{facts.subscriptions:,} terms",
            "no contracts: nobody has a renewal date, and leaving must follow from activity or a recorded event",
        ),
        _told(
            "money", has_money, "terms or events carry money",
            "no money: revenue at risk is 0 for everybody, and alerts rank by nothing but order",
        ),
        _told("support", facts.tickets > 0, f"{facts.tickets:,} tickets", "no tickets: nothing about support or escalations"),
    ]  # fmt: skip


def _told(part: str, applies: bool, there: str, absent: str) -> Capability:
    return Capability(part, applies, there if applies else absent)
