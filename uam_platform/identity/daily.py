"""Resolution that redoes only what new evidence touches, and everything where it must.

Here: what has changed since the last resolution, which groups of identifiers that touches, and their rows in the place of the old ones. Not
here: the resolution itself (`resolve`), groups (`groups`), what is kept from one time to the next (`kept`).

An answer depends on the identifiers of its own group, on the accounts of workspaces and on nothing else. So the rows of the groups that new
or grown evidence, changed directory records or moved workspaces touch are resolved anew from all their evidence, and all other rows stay:
the tables are those that resolving everything gives. Where evidence is gone (it was taken back, or erased), or anything else that the
answers were made from has changed, everything is resolved.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis.backends.duckdb import Backend

from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import (
    AMBIGUOUS_IDENTIFIERS,
    EXCLUDED_ACCOUNTS,
    EXCLUDED_PEOPLE,
    IDENTITY_EVIDENCE,
    MEMBERSHIPS,
    MERGE_LOG,
    PEOPLE,
)
from uam_platform.identity.blocked import PREFIX
from uam_platform.identity.components import Ints
from uam_platform.identity.components_growth import Growing, Labels
from uam_platform.identity.directory import Directory
from uam_platform.identity.evidence import USER, changing_hands, frame, workspace_facts
from uam_platform.identity.groups import edges, groups, having, of_groups, records_of, shares_of
from uam_platform.identity.hierarchy import workspace_accounts
from uam_platform.identity.kept import Kept, evidence_versions, load, made_by, versions
from uam_platform.identity.resolve import IdentityTables, first_blocked, joined, resolve_given, tables_of
from uam_platform.identity.usable import Usable, usable
from uam_platform.lake.engine import conform
from uam_platform.lake.store import Lake
from uam_platform.lake.workspace import workspace
from uam_platform.policy.identity import IdentityPolicy
from uam_platform.policy.identity_exclusions import NO_EXCLUSIONS, ExclusionPolicy
from uam_platform.temporal.keys import NO_KEY

EVERYTHING: Final = "everything"
WHAT_CHANGED: Final = "what changed"
_OWNER: Final = {
    PEOPLE: "identifier_key",
    MEMBERSHIPS: "person_key",
    MERGE_LOG: "linked_actor_key",
    EXCLUDED_PEOPLE: "person_key",
}
_LATER: Final = 1  # known day of identifiers that come after the first resolution: the older label of two stays


@dataclass(frozen=True)
class Sources:
    """What people and systems beside the product say, and by which rules all is resolved.

    Attributes:
        directory: `staging/users_directory`.
        accounts: `staging/accounts`.
        retractions: `staging/identity_retractions`.
        policy: the rulebook's identity rules.
        grace: decision grace.
        id_spaces: id spaces of the sources.
        exclusions: the rulebook's exclusions.
    """

    directory: pd.DataFrame
    accounts: pd.DataFrame
    retractions: pd.DataFrame
    policy: IdentityPolicy
    grace: timedelta
    id_spaces: Collection[str]
    exclusions: ExclusionPolicy = NO_EXCLUSIONS

    def usable(self, evidence: ir.Table) -> Usable:
        """Evidence and records without blocked values."""
        return usable(
            evidence,
            self.directory,
            policy=self.policy,
            grace=self.grace,
            id_spaces=self.id_spaces,
            exclusions=self.exclusions,
        )


@dataclass(frozen=True)
class Resolved:
    """An up-to-date resolution.

    Attributes:
        tables: what is to be published.
        kept: what the next one starts from; save it once the tables are published.
        way: everything, or what changed.
        identifier_count: identifiers that were resolved.
    """

    tables: IdentityTables
    kept: Kept
    way: str
    identifier_count: int


class Resolution:
    """Identity of what a lake holds.

    Args:
        lake: the published tables.
        connection: engine.
        sources: all that is no evidence of the product.
    """

    def __init__(self, lake: Lake, connection: Backend, sources: Sources) -> None:
        self._lake, self._connection, self._sources = lake, connection, sources
        self._evidence = lake.read(connection, IDENTITY_EVIDENCE)
        self._made_by = made_by(
            sources.policy,
            sources.exclusions,
            sources.id_spaces,
            sources.grace,
            sources.retractions,
            sources.accounts,
        )
        self._read = evidence_versions(lake)
        self._folder = lake.root / "identity" / "_kept"
        self._tables: dict[str, ir.Table] = {}

    def resolve(self) -> Resolved:
        """What changed if nothing was taken back since the last resolution, else everything; the tables are the same."""
        before = load(self._folder, self._made_by, versions(self._lake))
        more = before and self._added(before)
        if before is None or more is None:
            return self._everything()
        return self._what_changed(before, more)

    def save(self, found: Resolved) -> None:
        """Keep what the next resolution starts from; all tables of this one are published."""
        found.kept.save(self._folder, versions(self._lake))

    # everything

    def _everything(self) -> Resolved:
        given, sources = self._sources.usable(self._evidence), self._sources
        most = sources.policy.most_edges_in_memory.most
        self._folder.mkdir(parents=True, exist_ok=True)
        with workspace(self._folder) as rounds:
            told = groups(self._connection, edges(given.evidence, given.records), most, rounds)
        workspaces, claims = workspace_facts(given.evidence)
        places, changing = workspace_accounts(workspaces, claims), changing_hands(claims)
        shares = [given] if told.fits else shares_of(given, told.labels, most)
        found = joined([resolve_given(s, places, changing, sources.retractions, sources.policy) for s in shares])
        tables = tables_of(found, places, sources.accounts, given, sources.exclusions)
        kept = self._kept(told.labels, places, changing, given)
        return Resolved(tables, kept, EVERYTHING, len(told.labels.keys))

    # what changed

    def _added(self, before: Kept) -> ir.Table | None:
        """Rows of the evidence that are new or say more than before; None if some are gone or the old ones cannot be read."""
        changed = sorted(key for key, version in self._read.items() if before.evidence.get(key) != version)
        old = {key: before.evidence[key] for key in changed if key in before.evidence}
        folders = [self._lake.partition_folder(IDENTITY_EVIDENCE, key) / version for key, version in old.items()]
        if before.evidence.keys() - self._read.keys() or not all(folder.is_dir() for folder in folders):
            return None
        now = conform(self._lake.read(self._connection, IDENTITY_EVIDENCE, changed), IDENTITY_EVIDENCE)
        if not folders:
            return now
        files = [str(path) for folder in folders for path in sorted(folder.glob("*.parquet"))]
        then = conform(self._connection.read_parquet(files), IDENTITY_EVIDENCE)
        key = list(IDENTITY_EVIDENCE.key)
        is_lost = ibis.difference(then.select(key), now.select(key)).count().to_pyarrow().as_py() > 0
        return None if is_lost else ibis.difference(now, then)

    def _what_changed(self, before: Kept, more: ir.Table) -> Resolved:
        new = self._sources.usable(self._stored("identity_added", more))
        places, changing, visitors = self._moved(before, new.evidence)
        changed = Directory(_differing(before.records, new.records.records))
        named = edges(new.evidence, changed).to_pyarrow()
        left, right = (named[side].to_numpy() for side in ("left", "right"))
        growing = Growing(before.groups)
        growing.keep(growing.changes(left, right, _LATER))
        touched = growing.around(np.concatenate([left, right, visitors]))
        rows = self._sources.usable(self._stored("identity_touched", having(self._evidence, touched)))
        given = replace(
            new,
            evidence=of_groups(rows.evidence, touched),
            records=records_of(new.records, touched),
            blocked=pd.concat([before.blocked, new.blocked], ignore_index=True),
            matched=rows.matched,
        )
        found = resolve_given(given, places, changing, self._sources.retractions, self._sources.policy)
        fresh = tables_of(found, places, self._sources.accounts, given, self._sources.exclusions)
        kept = self._kept(growing.labels(), places, changing, replace(given, records=new.records))
        return Resolved(self._replaced(fresh, touched), kept, WHAT_CHANGED, len(touched))

    def _kept(self, groups_now: Labels, places: pd.DataFrame, changing: set[int], given: Usable) -> Kept:
        hands = pd.DataFrame({"workspace": sorted(changing)}, dtype=np.int64)
        blocked = first_blocked(given.blocked)
        return Kept(self._made_by, self._read, groups_now, places, hands, given.records.records, blocked)

    def _moved(self, before: Kept, added: ir.Table) -> tuple[pd.DataFrame, set[int], Ints]:
        """Accounts of all workspaces, those of several accounts, and user ids ever in one that is not as it was."""
        named = added.filter(added.workspace_key != NO_KEY).select(workspace="workspace_key").distinct()
        keys = frame(named)["workspace"].to_numpy(np.int64)
        seen = self._evidence.filter(self._evidence.workspace_key.isin(_column(keys)))
        workspaces, claims = workspace_facts(seen)
        own, hands = workspace_accounts(workspaces, claims), set(before.changing["workspace"])
        changing = (hands - set(keys)) | changing_hands(claims)
        is_own = before.places["workspace"].isin(keys)
        moved = np.array([*{*_differing(before.places[is_own], own)["workspace"], *(hands ^ changing)}], dtype=np.int64)
        visits = self._evidence.filter(self._evidence.workspace_key.isin(_column(moved)))
        visitors = frame(visits.filter(visits.actor_kind == USER).select("actor_key").distinct())
        places = pd.concat([before.places[~is_own], own], ignore_index=True)
        return places, changing, visitors["actor_key"].to_numpy(np.int64)

    def _replaced(self, fresh: IdentityTables, touched: Ints) -> IdentityTables:
        """The published rows, those of the touched groups replaced."""
        told = {
            c.name: self._with(c, fresh, ~self._published(c)[owner].isin(_column(touched)))
            for c, owner in _OWNER.items()
        }
        rows = self._published(AMBIGUOUS_IDENTIFIERS)
        is_other = ~rows.identifier_key.isin(_column(touched)) & ~rows.reason.startswith(PREFIX)
        ambiguous = self._with(AMBIGUOUS_IDENTIFIERS, fresh, is_other)
        out, members = self._published(EXCLUDED_ACCOUNTS), told[MEMBERSHIPS.name]["account_id"].unique()
        named = fresh.excluded_accounts["account_id"].unique()
        is_named = out.account_id.isin(_texts(members)) & ~out.account_id.isin(_texts(named))
        accounts = self._with(EXCLUDED_ACCOUNTS, fresh, is_named)
        return replace(fresh, **told, ambiguous_identifiers=ambiguous, excluded_accounts=accounts)

    def _with(self, contract: Contract, fresh: IdentityTables, is_kept: ir.BooleanValue) -> pa.Table:
        rows = conform(self._published(contract).filter(is_kept), contract).to_pyarrow()
        return pa.concat_tables([rows.cast(arrow_schema(contract)), getattr(fresh, contract.name)])

    def _published(self, contract: Contract) -> ir.Table:
        if contract.name not in self._tables:
            self._tables[contract.name] = self._lake.read(self._connection, contract)
        return self._tables[contract.name]

    def _stored(self, name: str, rows: ir.Table) -> ir.Table:
        return self._connection.create_table(name, rows, temp=True, overwrite=True)


def _column(keys: Ints) -> ir.Column:
    return ibis.memtable(pa.table({"key": pa.array(keys, pa.int64())})).key


def _texts(values: pa.Array | pa.ChunkedArray) -> ir.Column:
    return ibis.memtable(pa.table({"text": values.cast(pa.string())})).text


def _differing(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Rows that one of two frames has more often than the other; of those that both have one stands for all."""
    columns = list(before.columns)
    both = pd.concat([before.assign(side=1), after[columns].assign(side=-1)], ignore_index=True)
    balance = both.groupby(columns, dropna=False, as_index=False)[["side"]].sum()
    return balance.loc[balance["side"] != 0, columns]
