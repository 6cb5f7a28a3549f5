"""Identity resolution: evidence in, people, memberships, hierarchy and merge log out (R82-R91).

Here: what is resolved for which known days, and the stored form of the results. Not here: the steps of a resolution (`state`),
blocked values (`usable`), retracted edges (`retractions`), resolving only what changed (`daily`), checking the outcome (`quality`).

Every row holds for event days [valid_from_date, valid_to_date) and known days [known_from_date, known_to_date): the rows alive at a
known day are exactly those that evidence and retractions known by that day give, so a recorded snapshot recomputed later sees the
same people.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import (
    AMBIGUOUS_IDENTIFIERS,
    EXCLUDED_ACCOUNTS,
    EXCLUDED_PEOPLE,
    HIERARCHY,
    MEMBERSHIPS,
    MERGE_LOG,
    PEOPLE,
)
from uam_platform.identity.evidence import changing_hands, reduce_evidence, workspace_facts
from uam_platform.identity.exclusion_marks import marked
from uam_platform.identity.guards import NOBODY
from uam_platform.identity.hierarchy import with_parents, workspace_accounts
from uam_platform.identity.intervals import BEGINNING, FOREVER, clip, join_adjoining
from uam_platform.identity.retractions import Part, in_force, parts
from uam_platform.identity.state import State, resolve_state
from uam_platform.identity.usable import Usable, usable
from uam_platform.policy.identity import IdentityPolicy
from uam_platform.policy.identity_exclusions import NO_EXCLUSIONS, ExclusionPolicy

_DAY_US: Final = 86_400_000_000
_STORED: Final = {
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
    "user": "linked_actor_key",
    "label": "evidence",
}


@dataclass(frozen=True)
class IdentityTables:
    """Results, each with the columns, types and key order of its contract in `contracts/tables`."""

    people: pa.Table
    memberships: pa.Table
    hierarchy: pa.Table
    merge_log: pa.Table
    ambiguous_identifiers: pa.Table
    excluded_people: pa.Table
    excluded_accounts: pa.Table


def resolve(
    evidence: ir.Table,
    directory: pd.DataFrame,
    accounts: pd.DataFrame,
    retractions: pd.DataFrame | None = None,
    *,
    policy: IdentityPolicy,
    grace: timedelta = timedelta(0),
    id_spaces: Collection[str] = ("product",),
    exclusions: ExclusionPolicy = NO_EXCLUSIONS,
) -> IdentityTables:
    """Resolve all evidence; the result depends on the set of rows only, not on their order.

    Args:
        evidence: `staging/identity_evidence`, all days.
        directory: `staging/users_directory`.
        accounts: `staging/accounts`.
        retractions: `staging/identity_retractions`.
        policy: the rulebook's identity rules.
        grace: decision grace, which directory records' known_at is shortened by.
        id_spaces: id spaces of the sources, in which blocked values and excluded user ids are looked for.
        exclusions: the rulebook's exclusions; by default nobody is kept out.
    """
    given = usable(evidence, directory, policy=policy, grace=grace, id_spaces=id_spaces, exclusions=exclusions)
    workspaces, claims = workspace_facts(given.evidence)
    places = workspace_accounts(workspaces, claims)
    found = resolve_given(given, places, changing_hands(claims), retractions, policy)
    return tables_of(found, places, accounts, given, exclusions)


def resolve_given(
    given: Usable,
    places: pd.DataFrame,
    changing: Collection[int],
    retractions: pd.DataFrame | None,
    policy: IdentityPolicy,
) -> State:
    """Resolve evidence without blocked values: all of it, or that of whole groups (see `groups`).

    Args:
        given: evidence and directory records.
        places: accounts of all workspaces, see `hierarchy.workspace_accounts`.
        changing: of all workspaces, see `evidence.changing_hands`.
        retractions: `staging/identity_retractions`, also those of other groups.
        policy: the rulebook's identity rules.
    """
    facts = reduce_evidence(given.evidence, given.records.links(), policy, changing)
    edges = in_force(retractions) if retractions is not None and len(retractions) else {}
    each = parts(facts, given.records, edges)
    return _all([_within(resolve_state(p.facts, p.records, places, policy, p.apart), p) for p in each])


def tables_of(
    found: State, places: pd.DataFrame, accounts: pd.DataFrame, given: Usable, exclusions: ExclusionPolicy
) -> IdentityTables:
    """The stored form of a resolution.

    Args:
        found: people, memberships and what is told of them.
        places: accounts of all workspaces.
        accounts: `staging/accounts`.
        given: blocked identifiers that were named, and identifiers that are kept out.
        exclusions: the rulebook's exclusions.
    """
    seen = first_blocked(pd.concat([given.blocked, given.blocked_records], ignore_index=True))
    ambiguous = pd.concat([found.ambiguous, seen.assign(user=NOBODY, end=FOREVER)], ignore_index=True)
    hierarchy = with_parents(places, accounts)
    kept = marked(found.people, found.memberships, hierarchy, given.matched, accounts, exclusions)
    return IdentityTables(
        people=stored(kept.people, PEOPLE),
        memberships=stored(kept.memberships, MEMBERSHIPS),
        hierarchy=stored(kept.hierarchy, HIERARCHY),
        excluded_people=stored(kept.excluded_people, EXCLUDED_PEOPLE),
        excluded_accounts=stored(kept.excluded_accounts, EXCLUDED_ACCOUNTS),
        merge_log=stored(_with_times(found.merge_log), MERGE_LOG),
        ambiguous_identifiers=stored(_with_nulls(ambiguous), AMBIGUOUS_IDENTIFIERS),
    )


def first_blocked(seen: pd.DataFrame) -> pd.DataFrame:
    """Each blocked identifier and reason once, with the first known day: kind, identifier, reason, start."""
    return seen.groupby(["kind", "identifier", "reason"], as_index=False)[["start"]].min()


def joined(states: Sequence[State]) -> State:
    """The states of groups that have nothing to do with one another as one."""
    if len(states) == 1:
        return states[0]
    return State(**{f.name: pd.concat([getattr(s, f.name) for s in states], ignore_index=True) for f in fields(State)})


def _within(state: State, part: Part) -> State:
    """The rows of a part, for the known days it stands for."""
    if (part.start, part.end) == (BEGINNING, FOREVER):
        return state
    frames = {f.name: getattr(state, f.name) for f in fields(State)}
    bounds = {"part_start": part.start, "part_end": part.end}
    cut = {
        name: clip(rows.assign(**bounds), "start", "end", ("part_start", "part_end")) for name, rows in frames.items()
    }
    return State(**{name: rows.drop(columns=[*bounds]) for name, rows in cut.items()})


def _all(states: Sequence[State]) -> State:
    """All parts together; what several say in unbroken succession is one row."""
    if len(states) == 1:
        return states[0]
    whole = joined(states)
    return State(**{f.name: _rejoined(getattr(whole, f.name)) for f in fields(State)})


def _rejoined(rows: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in rows.columns if name not in ("start", "end")]
    texts = {name: pd.factorize(rows[name]) for name in keys if not pd.api.types.is_integer_dtype(rows[name])}
    coded = rows.assign(**{name: codes for name, (codes, _) in texts.items()})  # null is -1 and equals itself
    joined = join_adjoining(coded, keys, "start", "end")
    words = {name: np.array([*values, None], dtype=object)[joined[name]] for name, (_, values) in texts.items()}
    return joined.assign(**words)


def _with_times(log: pd.DataFrame) -> pd.DataFrame:
    known_us = np.maximum(log["known"].to_numpy(np.int64) * _DAY_US, log["occurred_us"].to_numpy(np.int64))
    return log.assign(
        occurred_at=log["occurred_us"].to_numpy("datetime64[us]"), known_at=known_us.astype("datetime64[us]")
    )


def _with_nulls(ambiguous: pd.DataFrame) -> pd.DataFrame:
    user = ambiguous["user"].astype("Int64")
    return ambiguous.assign(user=user.mask((user == NOBODY).fillna(True)))


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
