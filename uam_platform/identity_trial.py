"""What a retraction would change, tried out without recording it.

Here: today's evidence resolved with one more retraction, compared with the same without it. Not here: recording it
(`uam_platform.ledger.identity`), words (`identity_story`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

import pandas as pd
import pyarrow as pa
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import ACCOUNTS, IDENTITY_EVIDENCE, IDENTITY_RETRACTIONS, USERS_DIRECTORY
from uam_platform.identity.resolve import IdentityTables, resolve
from uam_platform.lake.engine import conform
from uam_platform.lake.store import Lake
from uam_platform.ledger.identity import EdgeKey
from uam_platform.policy.rulebook import Rulebook

_OPEN: Final = date(9999, 12, 31)
_IDENTIFIER: Final = ["identifier_kind", "identifier_key"]


class Moved(NamedTuple):
    """An identifier, and the persons whose it is on some days: of the rows that change."""

    kind: str
    key: int
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class Trial:
    """What changes for all that is decided from now on.

    Attributes:
        people: identifiers that would belong to others.
        membership_count: rows of memberships that appear or disappear.
    """

    people: list[Moved]
    membership_count: int


def tried(
    lake: Lake,
    connection: Backend,
    rulebook: Rulebook,
    id_spaces: tuple[str, ...],
    edge: EdgeKey,
    change: str,
    now: datetime,
) -> Trial:
    """Resolve what the lake holds with and without one more word on an edge.

    Args:
        lake: the published tables.
        connection: engine.
        rulebook: identity rules and grace.
        id_spaces: id spaces of the sources.
        edge: what is retracted or restored.
        change: retracted or restored.
        now: naive UTC.

    Raises:
        ValueError: the lake was written by another version of the platform.
    """
    try:
        evidence = conform(lake.read(connection, IDENTITY_EVIDENCE), IDENTITY_EVIDENCE)
        directory, accounts, said = (
            conform(lake.read(connection, c), c).to_pandas() for c in (USERS_DIRECTORY, ACCOUNTS, IDENTITY_RETRACTIONS)
        )
    except KeyError as error:
        raise ValueError(
            f"{error.args[0]}: the lake was written by another version; run the platform once, then try again"
        ) from None
    day = pd.Timestamp((now - rulebook.time.grace).date())
    more = pd.DataFrame([{**edge._asdict(), "edge_change": change, "known_at": now, "known_date": day}])
    more = more.assign(retraction_id="9" * 40)
    before, after = (
        resolve(
            evidence,
            directory,
            accounts,
            rows,
            policy=rulebook.identity,
            grace=rulebook.time.grace,
            id_spaces=id_spaces,
            exclusions=rulebook.identity_exclusions,
        )
        for rows in (said, pd.concat([said, more], ignore_index=True) if len(said) else more)
    )
    return Trial(_people(before, after), len(_differing(before.memberships, after.memberships)))


def _open_rows(table: pa.Table) -> pd.DataFrame:
    rows = table.to_pandas()
    return rows[rows["known_to_date"] == _OPEN].drop(columns=["known_from_date", "known_to_date"])


def _differing(before: pa.Table, after: pa.Table) -> pd.DataFrame:
    """Rows that only one of two tables has today; column is_after tells which."""
    parts = [_open_rows(table).assign(is_after=is_after) for table, is_after in ((before, False), (after, True))]
    both = pd.concat(parts, ignore_index=True)
    return both[~both.duplicated([name for name in both.columns if name != "is_after"], keep=False)]


def _people(before: IdentityTables, after: IdentityTables) -> list[Moved]:
    owners: dict[tuple[str, int], dict[bool, set[int]]] = {}
    rows = _differing(before.people, after.people)
    for kind, key, person, is_after in rows[[*_IDENTIFIER, "person_key", "is_after"]].itertuples(index=False):
        owners.setdefault((kind, key), {False: set(), True: set()})[is_after].add(person)
    return [
        Moved(kind, key, *(tuple(sorted(own[w])) for w in (False, True))) for (kind, key), own in sorted(owners.items())
    ]
