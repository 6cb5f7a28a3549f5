"""Identity on records that carry an address and a name, against a curated list of who is who.

Here: records as identity evidence, resolution by given rules, scores, and which merges are wrong. Not here: resolution itself
(`uam_platform.identity`), scores on simulated companies (`identity`), the command (`uam_platform.cli_identity`).

Every pair of address and name is a user id of its own, and address and name are the addresses it was seen with: nothing is assumed to be
unique, and only the rulebook's limits of sharing, place and time keep people apart. Rules are chosen on one half of the people and reported
on the other; the halves share no address, no name and no person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import ACCOUNTS, IDENTITY_EVIDENCE, USERS_DIRECTORY
from uam_platform.evaluation.identity_scores import Clusters
from uam_platform.evaluation.shares import Bounds
from uam_platform.identity.components import least_nodes
from uam_platform.identity.resolve import resolve
from uam_platform.lake.engine import connect
from uam_platform.policy.identity import IdentityPolicy
from uam_platform.temporal.keys import email_key, user_key, workspace_key

SPACE: Final = "pairs"
SEED: Final = 20250106
_NAMED: Final = ["email_key", "name_key"]
Score = dict[str, tuple[float | None, Bounds]]


@dataclass(frozen=True)
class Half:
    """Scores over some of the pairs.

    Attributes:
        pairs: how many.
        people: how many people they are.
        pairwise: precision, recall, F1 with 95 % intervals over people that share something.
        b_cubed: the same averaged over pairs.
    """

    pairs: int
    people: int
    pairwise: Score
    b_cubed: Score


@dataclass(frozen=True)
class Judged:
    """Pairs as resolved, and their scores.

    Attributes:
        pairs: email_key, name_key, true_person, person, is_chosen (the half that rules may be chosen on).
        chosen: scores of that half.
        reported: of the other.
        whole: of both.
    """

    pairs: pd.DataFrame
    chosen: Half
    reported: Half
    whole: Half

    def wrong(self) -> pd.DataFrame:
        """Pairs of people that were joined wrongly, by person."""
        several = self.pairs.groupby("person")["true_person"].transform("nunique") > 1
        return self.pairs[several].sort_values(["person", "true_person", *_NAMED], ignore_index=True)


def judge(records: pd.DataFrame, truth: pd.DataFrame, policy: IdentityPolicy) -> Judged:
    """Resolve records and compare with the truth.

    Args:
        records: email_key, name_key, organisation (texts), day, known (dates); one row per record.
        truth: email_key, name_key, true_person.
        policy: the rules.
    """
    pairs = truth[[*_NAMED, "true_person"]].merge(records[_NAMED].drop_duplicates(), on=_NAMED)
    pairs = pairs.assign(user=[user_key(SPACE, text) for text in _texts(pairs)])
    person = resolved_users(records, policy)
    pairs = pairs.assign(person=pairs["user"].map(person).astype(np.int64), block=_blocks(pairs))
    pairs = pairs.assign(is_chosen=pairs["block"] % 2 == 0)
    halves = (pairs[pairs["is_chosen"]], pairs[~pairs["is_chosen"]], pairs)
    return Judged(pairs, *(_scored(half) for half in halves))


def resolved_users(records: pd.DataFrame, policy: IdentityPolicy) -> Mapping[int, int]:
    """Person of every pair's user id as known in the end."""
    connection = connect()
    connection.con.register("pair_evidence", evidence_of(records))
    none = {c: pd.DataFrame(columns=list(c.column_names)) for c in (USERS_DIRECTORY, ACCOUNTS)}
    evidence = connection.table("pair_evidence")
    people = resolve(evidence, none[USERS_DIRECTORY], none[ACCOUNTS], policy=policy).people.to_pandas()
    held = people[(people["identifier_kind"] == "user") & (people["known_to_date"].astype(str) == "9999-12-31")]
    return dict(zip(held["identifier_key"].tolist(), held["person_key"].tolist(), strict=True))


def evidence_of(records: pd.DataFrame) -> pa.Table:
    """Records as rows of `staging/identity_evidence`: one for the address, one for the name."""
    rows = records.assign(pair=_texts(records)).drop_duplicates(["pair", "organisation", "day", "known"])
    started = pd.to_datetime(rows["day"]).to_numpy("datetime64[us]").astype(np.int64)
    common = {
        "event_date": rows["day"],
        "known_date": np.maximum(rows["day"], rows["known"]),
        "source": "files",
        "event_kind": "identify",
        "actor_key": _hashed(rows["pair"], lambda text: user_key(SPACE, text)),
        "actor_kind": "user",
        "linked_actor_key": None,
        "device_key": 0,
        "workspace_key": _hashed(rows["organisation"], lambda text: workspace_key(SPACE, text)),
        "workspace_id_source": rows["organisation"],
        "event_count": 1,
        "started_us": started,
        "ended_us": started,
    }
    both = [
        pd.DataFrame({**common, "email_key": _hashed(kind + rows[column], email_key)})
        for kind, column in (("address ", "email_key"), ("name ", "name_key"))
    ]
    table = pd.concat(both, ignore_index=True)
    schema = arrow_schema(IDENTITY_EVIDENCE)
    table = table.assign(**{field.name: None for field in schema if field.name not in table})
    return pa.Table.from_pandas(table[schema.names], schema=schema, preserve_index=False)


def _texts(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["email_key"] + " " + rows["name_key"]


def _hashed(texts: "pd.Series[str]", hashed: object) -> "pd.Series[int]":
    keys = {text: hashed(text) for text in texts.unique()}  # type: ignore[operator]
    return texts.map(keys)


def _blocks(pairs: pd.DataFrame) -> np.ndarray:
    """A number of what shares an address, a name or a person; drawn so that halves are about equal."""
    number = np.arange(len(pairs))
    firsts = [
        pd.Series(number).groupby(pairs[c].to_numpy()).transform("first").to_numpy() for c in (*_NAMED, "true_person")
    ]
    block = least_nodes(len(pairs), np.tile(number, len(firsts)), np.concatenate(firsts))
    drawn: np.ndarray = np.random.default_rng(SEED).permutation(len(pairs))[block]
    return drawn


def _scored(pairs: pd.DataFrame) -> Half:
    own = pd.DataFrame(
        {"person_id": pairs["true_person"], "person_key": pairs["person"], "account_id": pairs["block"].astype(str)}
    )
    clusters = Clusters(own, SEED)
    return Half(len(pairs), pairs["true_person"].nunique(), clusters.pairwise(), clusters.b_cubed())


def read_records(events: Path, truth: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records and truth from CSV files.

    Args:
        events: email_key, name_key, organisation, author_ts, commit_ts (seconds since 1970); further columns are ignored.
        truth: email_key, name_key, true_person.

    Raises:
        ValueError: a column is missing; the message names file and columns.
    """
    records = _read(events, [*_NAMED, "organisation", "author_ts", "commit_ts"])
    day, known = (pd.to_datetime(records[c], unit="s").dt.date for c in ("author_ts", "commit_ts"))
    return records.assign(day=day, known=known), _read(truth, [*_NAMED, "true_person"])


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    found = pd.read_csv(path)
    missing = [column for column in columns if column not in found]
    if missing:
        raise ValueError(f"{path}: no column {', '.join(missing)}; it has {', '.join(found.columns)}")
    return found[columns]
