"""Identity resolution: evidence in, people, memberships, hierarchy and merge log out (R82-R91).

Here: the order of the steps and the stored form of their results. Not here: the steps (`evidence`, `edges`, `persons`, `links`,
`hierarchy`, `memberships`), checking the outcome (`quality`).

Every row holds for event days [valid_from_date, valid_to_date) and known days [known_from_date, known_to_date): the rows alive at a
known day are exactly those that evidence known by that day gives, so a recorded snapshot recomputed later sees the same people.
"""

from dataclasses import dataclass
from datetime import timedelta

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import HIERARCHY, MEMBERSHIPS, MERGE_LOG, PEOPLE
from uam_platform.identity.directory import Directory, read_directory
from uam_platform.identity.edges import user_edges
from uam_platform.identity.evidence import ANONYMOUS, EMAIL, STRENGTH, USER, Evidence, reduce_evidence
from uam_platform.identity.hierarchy import with_parents, workspace_accounts
from uam_platform.identity.intervals import FOREVER, clip, first_days
from uam_platform.identity.links import is_device, resolve_identifiers, tie, without_user
from uam_platform.identity.memberships import resolve_memberships
from uam_platform.identity.persons import person_history
from uam_platform.policy.identity import IdentityPolicy

_DAY_US = 86_400_000_000
_STORED = {
    "valid_from": "valid_from_date",
    "valid_to": "valid_to_date",
    "start": "known_from_date",
    "end": "known_to_date",
    "account": "account_id",
    "parent": "parent_account_id",
    "person": "person_key",
    "workspace": "workspace_key",
    "name": "workspace_id_source",
    "identifier": "identifier_key",
    "kind": "identifier_kind",
}


@dataclass(frozen=True)
class IdentityTables:
    """Results, each with the columns, types and key order of its contract in `contracts/tables`."""

    people: pa.Table
    memberships: pa.Table
    hierarchy: pa.Table
    merge_log: pa.Table


def resolve(
    evidence: ir.Table,
    directory: pd.DataFrame,
    accounts: pd.DataFrame,
    policy: IdentityPolicy,
    grace: timedelta = timedelta(0),
) -> IdentityTables:
    """Resolve all evidence; the result depends on the set of rows only, not on their order.

    Args:
        evidence: `staging/identity_evidence`, all days.
        directory: `staging/users_directory`.
        accounts: `staging/accounts`.
        policy: the rulebook's identity rules.
        grace: decision grace, which directory records' known_at is shortened by.
    """
    records = read_directory(directory, grace)
    facts = reduce_evidence(evidence, records.links(), policy)
    seen = first_days(facts.users, records.users()).rename(columns={"key": "user"})
    users = seen.groupby("user", as_index=False)[["known"]].min().rename(columns={"user": "key"})
    links = _strongest(pd.concat([facts.links, records.links()], ignore_index=True))
    places = workspace_accounts(facts.workspaces, facts.claims)
    edges = user_edges(links, users, _user_accounts(facts, records, places), policy)
    history = person_history(users, edges)
    tied = tie(is_device(links, users), history)
    tied = pd.concat([tied, without_user(records.emails(), tied)], ignore_index=True)
    people = _people(facts, records, users, tied, history, policy)
    people = pd.concat([people, _user_rows(seen, history, edges)], ignore_index=True)
    emails = people[people["kind"] == EMAIL]
    contacts = records.memberships(history, emails).iloc[: None if policy.directory_memberships else 0]
    memberships = resolve_memberships(facts.visits, facts.roles, contacts, history, places)
    return IdentityTables(
        people=stored(people, PEOPLE),
        memberships=stored(memberships, MEMBERSHIPS),
        hierarchy=stored(with_parents(places, accounts), HIERARCHY),
        merge_log=stored(_merge_log(people, links, edges, history), MERGE_LOG),
    )


def _strongest(links: pd.DataFrame) -> pd.DataFrame:
    """One row per identifier and user: the evidence known first, of one day the strongest. Aliases keep a row of their own."""
    ranked = links.assign(strength=links["label"].map(STRENGTH), is_alias=links["label"] == "alias")
    ranked = ranked.sort_values(["known", "strength", "occurred_us"])
    return ranked.drop_duplicates(["kind", "identifier", "user", "is_alias"]).drop(columns=["strength", "is_alias"])


def _user_accounts(facts: Evidence, records: Directory, places: pd.DataFrame) -> pd.DataFrame:
    """First known day of every user id in every account: user, account, known."""
    believed = places.groupby(["workspace", "account"], as_index=False)["start"].min()
    visits = facts.visits.groupby(["user", "workspace"], as_index=False)["known"].min().merge(believed, on="workspace")
    visits = visits.assign(known=visits[["known", "start"]].max(axis=1))[["user", "account", "known"]]
    both = pd.concat([visits, records.user_accounts()], ignore_index=True)
    return both.groupby(["user", "account"], as_index=False)["known"].min()


def _people(
    facts: Evidence,
    records: Directory,
    users: pd.DataFrame,
    tied: pd.DataFrame,
    history: pd.DataFrame,
    policy: IdentityPolicy,
) -> pd.DataFrame:
    shared_days = tie(is_device(facts.shared_days, users), history)
    seen = {ANONYMOUS: first_days(facts.devices), EMAIL: first_days(facts.emails, records.emails())}
    parts = [resolve_identifiers(kind, tied, shared_days, days, policy.shared_devices) for kind, days in seen.items()]
    return pd.concat(parts, ignore_index=True)


def _user_rows(seen: pd.DataFrame, history: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """People rows of user ids: themselves, or the person they were joined to and by which edge."""
    rows = clip(seen.merge(history, on="user"), "start", "end", ("known", None))
    ends = [edges.assign(user=edges[side])[["user", "start", "label"]] for side in ("left", "right")]
    first = pd.concat(ends).sort_values(["start", "label"]).drop_duplicates("user").set_index("user")["label"]
    evidence = np.where(rows["user"] == rows["person"], "self", first.reindex(rows["user"]).to_numpy())
    rows = rows.assign(evidence=evidence, kind=USER).rename(columns={"user": "identifier"})
    return rows[["identifier", "kind", "person", "evidence", "valid_from", "valid_to", "start", "end"]]


def _merge_log(people: pd.DataFrame, links: pd.DataFrame, edges: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """The links and edges that hold today: what joined an identifier to a person, and what to retract to undo it."""
    today = history[history["end"] == FOREVER]
    pairs = edges[edges["end"] == FOREVER].rename(columns={"left": "identifier", "right": "user", "start": "known"})
    pairs = pairs.assign(kind=USER)
    columns = ["kind", "identifier", "user", "label", "known", "occurred_us"]
    rows = pd.concat([links[columns], pairs[columns]], ignore_index=True).merge(today[["user", "person"]], on="user")
    held = people.loc[people["end"] == FOREVER, ["kind", "identifier", "person"]].drop_duplicates()
    rows = rows.merge(held, on=["kind", "identifier", "person"]).sort_values(["known", "occurred_us", "label"])
    rows = rows.drop_duplicates(["kind", "identifier", "user"])
    known_us = np.maximum(rows["known"].to_numpy() * _DAY_US, rows["occurred_us"].to_numpy())
    return rows.assign(
        linked_actor_key=rows["user"],
        evidence=rows["label"],
        occurred_at=rows["occurred_us"].to_numpy("datetime64[us]"),
        known_at=known_us.astype("datetime64[us]"),
    )


def stored(rows: pd.DataFrame, contract: Contract) -> pa.Table:
    """Rows with the contract's columns and types, sorted by its key."""
    named = rows.rename(columns=_STORED)
    ordered = named.sort_values(list(contract.key), ignore_index=True)
    columns = []
    for field in arrow_schema(contract):
        values = ordered[field.name]
        if pa.types.is_date(field.type):
            columns.append(pa.array(values.to_numpy(np.int32)).cast(field.type))
        else:
            columns.append(pa.Array.from_pandas(values, type=field.type))
    return pa.Table.from_arrays(columns, schema=arrow_schema(contract))
