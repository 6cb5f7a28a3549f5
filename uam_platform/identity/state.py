"""Reduced evidence resolved once: people, memberships and what is told of them, as rows of integer days.

Here: the order of the steps for one set of edges. Not here: the steps (`edges`, `guards`, `persons`, `links`, `memberships`), edges
that people retracted (`retractions`), stored tables (`resolve`).
"""

from dataclasses import dataclass

import pandas as pd

from uam_platform.identity.directory import Directory
from uam_platform.identity.edges import taken_over, user_edges
from uam_platform.identity.evidence import ANONYMOUS, EMAIL, STRENGTH, USER, Evidence
from uam_platform.identity.guards import crowded, guard, until_crowded
from uam_platform.identity.intervals import clip, first_days
from uam_platform.identity.links import is_device, resolve_identifiers, tie, without_user
from uam_platform.identity.log import ambiguous, merge_log
from uam_platform.identity.memberships import resolve_memberships
from uam_platform.identity.moves import presence
from uam_platform.identity.persons import person_history
from uam_platform.identity.retractions import joins
from uam_platform.identity.turns import by_turn
from uam_platform.policy.identity import IdentityPolicy


@dataclass(frozen=True)
class State:
    """Rows with known days [start, end).

    Attributes:
        people: identifier, kind, person, evidence, valid_from, valid_to, start, end.
        memberships: person, account, role, evidence, valid_from, valid_to, start, end.
        merge_log: see `log.merge_log`.
        ambiguous: see `log.ambiguous`.
    """

    people: pd.DataFrame
    memberships: pd.DataFrame
    merge_log: pd.DataFrame
    ambiguous: pd.DataFrame


def resolve_state(
    facts: Evidence,
    records: Directory,
    places: pd.DataFrame,
    policy: IdentityPolicy,
    apart: frozenset[tuple[int, int]] = frozenset(),
) -> State:
    """Resolve reduced evidence.

    Args:
        facts: the product's evidence.
        records: directory records.
        places: accounts of workspaces, see `hierarchy.workspace_accounts`.
        policy: the rulebook's identity rules.
        apart: pairs of user ids, the lesser key first, that no edge joins.
    """
    seen = first_days(facts.users, records.users()).rename(columns={"key": "user"})
    users = seen.groupby("user", as_index=False)[["known"]].min().rename(columns={"user": "key"})
    links = _strongest(pd.concat([facts.links, records.links()], ignore_index=True))
    edges = user_edges(links, facts.shared_days, users, _user_accounts(facts, records, places), policy)
    edges = edges[~joins(edges, ("left", "right"), apart)]
    too_many = crowded(links, policy)
    ties = until_crowded(is_device(links, users), too_many)
    guarded = guard(users, ties, edges, policy)
    history = person_history(users, guarded.edges)
    tied = guarded.split(tie(ties, history))
    alone = without_user(records.emails(), tied)
    daily = guarded.split(tie(until_crowded(is_device(facts.shared_days, users), too_many), history))
    seen_on = {ANONYMOUS: first_days(facts.devices), EMAIL: first_days(facts.emails, records.emails())}
    owned = pd.concat([tied, alone], ignore_index=True)
    turns = until_crowded(is_device(facts.turns.assign(kind=ANONYMOUS), users), too_many)
    turns = by_turn(guarded.split(tie(turns, history)), facts.quiet, policy.visit_minutes)
    told = {ANONYMOUS: turns, EMAIL: turns.iloc[:0]}
    found = [
        resolve_identifiers(kind, owned, daily, told[kind], on, policy.shared_devices) for kind, on in seen_on.items()
    ]
    owners, shared = (pd.concat(parts, ignore_index=True) for parts in zip(*found, strict=True))
    people = pd.concat([owners, _user_rows(seen, history, guarded.edges)], ignore_index=True)
    contacts = records.memberships(history, people[people["kind"] == EMAIL])
    return State(
        people=people,
        memberships=resolve_memberships(
            facts.visits,
            facts.roles,
            contacts.iloc[: None if policy.directory_memberships else 0],
            history,
            places,
            presence(facts.stays, history, places, policy),
        ),
        merge_log=merge_log(owners, tied, guarded.edges, history),
        ambiguous=pd.concat(
            [ambiguous(too_many, shared, guarded.refused), taken_over(links, policy)], ignore_index=True
        ),
    )


def _strongest(links: pd.DataFrame) -> pd.DataFrame:
    """One row per identifier and user: the evidence known first, of one day the strongest. Aliases keep a row of their own."""
    ranked = links.assign(strength=links["label"].map(STRENGTH), is_alias=links["label"] == "alias")
    ranked = ranked.sort_values(["known", "strength", "occurred_us", "source"])
    return ranked.drop_duplicates(["kind", "identifier", "user", "is_alias"]).drop(columns=["strength", "is_alias"])


def _user_accounts(facts: Evidence, records: Directory, places: pd.DataFrame) -> pd.DataFrame:
    """First known day of every user id in every account: user, account, known."""
    believed = places.groupby(["workspace", "account"], as_index=False)["start"].min()
    visits = facts.visits.groupby(["user", "workspace"], as_index=False)["known"].min().merge(believed, on="workspace")
    visits = visits.assign(known=visits[["known", "start"]].max(axis=1))[["user", "account", "known"]]
    both = pd.concat([visits, records.user_accounts()], ignore_index=True)
    return both.groupby(["user", "account"], as_index=False)["known"].min()


def _user_rows(seen: pd.DataFrame, history: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """People rows of user ids: themselves, or the person they were joined to and by which edge."""
    rows = clip(seen.merge(history, on="user"), "start", "end", ("known", None))
    ends = [edges.assign(user=edges[side])[["user", "start", "label"]] for side in ("left", "right")]
    first = pd.concat(ends).sort_values(["start", "label"]).drop_duplicates("user").set_index("user")["label"]
    evidence = first.reindex(rows["user"]).to_numpy(dtype=object, copy=True)
    evidence[(rows["user"] == rows["person"]).to_numpy()] = "self"
    rows = rows.assign(evidence=evidence, kind=USER).rename(columns={"user": "identifier"})
    return rows[["identifier", "kind", "person", "evidence", "valid_from", "valid_to", "start", "end"]]
