"""Merges that may be wrong, where no truth is known: signs of every merge, and the numbers that show whether a result went wrong (R91).

Here: measuring the signs on today's merge log and the evidence. Not here: which signs count how much (`rulebook/identity_audit.yaml`),
counts of identifiers and people (`quality`), agreement with known truth (`uam_platform.evaluation`).
"""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from uam_platform.identity.bridges import weak_places
from uam_platform.identity.evidence import ANONYMOUS, EMAIL, STRENGTH, USER
from uam_platform.policy.identity_audit import IdentityAuditPolicy, Sign

_SIZES: Final = (1, 2, 5, 10, 20, 50, 100)
_SIZE_NAMES: Final = ("1", "2", "3 to 5", "6 to 10", "11 to 20", "21 to 50", "51 to 100", "more")
_MERGE: Final = ["identifier_kind", "identifier_key", "linked_actor_key"]
_OPEN: Final = date(9999, 12, 31)
_TYPED: Final = {USER: "user", ANONYMOUS: "device", EMAIL: "email"}


@dataclass(frozen=True)
class AuditCounts:
    """Numbers of one result.

    Attributes:
        merged_user_count: user ids that are one person with another one.
        bridge_count: edges between user ids without which a person would fall apart.
        articulation_count: user ids without which a person would fall apart.
        ambiguous_tie_ratio: share of ties of devices and addresses whose identifier is tied to several people.
        risky_merge_count: merges with the points to be listed.
    """

    merged_user_count: int
    bridge_count: int
    articulation_count: int
    ambiguous_tie_ratio: float
    risky_merge_count: int

    def as_metadata(self) -> dict[str, int | float]:
        """Numbers by name."""
        return asdict(self)


@dataclass(frozen=True)
class Audit:
    """Every merge with its signs, most points first, and the counts.

    Attributes:
        merges: of identifiers that belong to one person today, the merge log's columns, one column per sign with its measure, points,
            signs (those that count, as words).
        counts: numbers of the result.
    """

    merges: pd.DataFrame
    counts: AuditCounts

    def riskiest(self, policy: IdentityAuditPolicy) -> pd.DataFrame:
        """Merges to look at."""
        return self.merges[self.merges["points"] >= policy.least_points].head(policy.listed)


def audit(merge_log: pa.Table, evidence: ir.Table, policy: IdentityAuditPolicy) -> Audit:
    """Measure the signs of all merges that hold today.

    Args:
        merge_log: MERGE_LOG.
        evidence: `staging/identity_evidence`, the days it was resolved from.
        policy: which signs count.
    """
    log = today(merge_log).sort_values(_MERGE, ignore_index=True)
    weak = weak_places(_user_pairs(log))
    use = _use(log, evidence)
    measured = log.assign(**{sign.value: 0.0 for sign in Sign})
    measured[Sign.WEAK_EVIDENCE] = log["evidence"].map(STRENGTH).fillna(0)
    measured[Sign.MANY_USERS] = _users(log).where(log["identifier_kind"] != USER, 0)
    measured[Sign.WORKSPACES_APART] = _apart(log, evidence)
    measured[Sign.UNSEEN_DAYS] = _unseen(log, use)
    measured[Sign.DAYS_IN_PARALLEL] = _parallel(log, evidence)
    held = [weak.bridges.get(pair, 0) for pair in zip(log["identifier_key"], log["linked_actor_key"], strict=True)]
    measured[Sign.ONLY_EDGE] = np.where(log["identifier_kind"] == USER, held, 0)
    people = log.groupby(_MERGE[:2])["person_key"].transform("nunique")
    merges = _pointed(
        measured[people == 1], policy
    )  # what several people share is nobody's as a whole, and merges none of them
    joined = log[log["identifier_kind"] == USER]
    is_tie = log["identifier_kind"] != USER
    counts = AuditCounts(
        merged_user_count=len({*joined["identifier_key"], *joined["linked_actor_key"]}),
        bridge_count=len(weak.bridges),
        articulation_count=len(weak.articulations),
        ambiguous_tie_ratio=float((people[is_tie] > 1).mean()) if is_tie.any() else 0.0,
        risky_merge_count=int((merges["points"] >= policy.least_points).sum()),
    )
    return Audit(merges, counts)


def today(stored: pa.Table) -> pd.DataFrame:
    """Rows of a table that hold as known today."""
    if "known_to_date" in stored.column_names:
        stored = stored.filter(pc.equal(stored["known_to_date"], pa.scalar(_OPEN)))
    rows: pd.DataFrame = stored.to_pandas()
    return rows


def _user_pairs(log: pd.DataFrame) -> list[tuple[int, int]]:
    joined = log[log["identifier_kind"] == USER]
    return list(zip(joined["identifier_key"], joined["linked_actor_key"], strict=True))


def _pointed(measured: pd.DataFrame, policy: IdentityAuditPolicy) -> pd.DataFrame:
    points, words = np.zeros(len(measured), dtype=np.int64), np.full(len(measured), "", dtype=object)
    for sign, rule in policy.signs.items():
        counts = (measured[sign] >= rule.at_least).to_numpy()
        points += np.where(counts, rule.points, 0)
        words[counts] = words[counts] + f", {sign.value}"
    pointed = measured.assign(points=points, signs=[said.removeprefix(", ") for said in words])
    return pointed.sort_values(
        ["points", "known_at", *_MERGE], ascending=[False, False, True, True, True], ignore_index=True
    )


def _users(log: pd.DataFrame) -> "pd.Series[int]":
    return log.groupby(_MERGE[:2])["linked_actor_key"].transform("nunique")


def _use(log: pd.DataFrame, evidence: ir.Table) -> pd.DataFrame:
    """Days on which identifiers of the log were used: key, tied (the user id signed in, 0 for nobody), first, last.

    A user id stands under its own key with `tied` 0.
    """
    user, anonymous = evidence.filter(evidence.actor_kind == USER), evidence.filter(evidence.actor_kind == ANONYMOUS)
    none = ibis.literal(0, "int64")
    parts = [
        user.select(key=user.actor_key, tied=none, day=user.event_date),
        anonymous.select(key=anonymous.actor_key, tied=none, day=anonymous.event_date),
        user.filter(user.device_key != 0).select(key=user.device_key, tied=user.actor_key, day=user.event_date),
    ]
    rows = ibis.union(*parts)
    spans = rows.group_by("key", "tied").aggregate(first=rows.day.min(), last=rows.day.max())
    found = _of(spans, log["identifier_key"], log["linked_actor_key"])
    return found.assign(**{name: pd.to_datetime(found[name]) for name in ("first", "last")})


def _unseen(log: pd.DataFrame, use: pd.DataFrame) -> np.ndarray:
    """Of a device: days of use without signing in before or after all days signed in; of two user ids: days between their use."""
    alone = use[use["tied"] == 0].set_index("key")[["first", "last"]]
    signed = use[use["tied"] != 0].groupby("key").agg(first=("first", "min"), last=("last", "max"))
    left, device, user = (
        alone.reindex(log["identifier_key"]),
        signed.reindex(log["identifier_key"]),
        alone.reindex(log["linked_actor_key"]),
    )
    of_device = np.maximum(_days(device["first"], left["first"]), _days(left["last"], device["last"]))
    of_users = np.maximum(_days(left["first"], user["last"]), _days(user["first"], left["last"]))
    chosen = np.select([log["identifier_kind"] == USER, log["identifier_kind"] == ANONYMOUS], [of_users, of_device])
    return np.maximum(np.nan_to_num(chosen), 0.0)


def _days(later: pd.Series, earlier: pd.Series) -> np.ndarray:
    return (later.to_numpy() - earlier.to_numpy()) / np.timedelta64(1, "D")


def _parallel(log: pd.DataFrame, evidence: ir.Table) -> np.ndarray:
    """Days on which both user ids of an edge were used."""
    joined = log[log["identifier_kind"] == USER]
    rows = evidence.select(key=evidence.actor_key, day=evidence.event_date).distinct()
    days = _of(rows, joined["identifier_key"], joined["linked_actor_key"])
    both = joined[["identifier_key", "linked_actor_key"]].reset_index(names="row")
    both = both.merge(days, left_on="identifier_key", right_on="key")
    both = both.merge(days, left_on=["linked_actor_key", "day"], right_on=["key", "day"])
    return both.groupby("row").size().reindex(log.index).fillna(0).to_numpy(np.float64)


def _apart(log: pd.DataFrame, evidence: ir.Table) -> np.ndarray:
    """1 where both sides were seen in workspaces and share none; of a device only what was done without signing in counts."""
    rows = evidence.filter(evidence.workspace_key != 0)
    rows = rows.select(key=rows.actor_key, workspace=rows.workspace_key).distinct()
    places = _of(rows, log["identifier_key"], log["linked_actor_key"])
    placed = log["identifier_key"].isin(places["key"]) & log["linked_actor_key"].isin(places["key"])
    both = log[["identifier_key", "linked_actor_key"]].reset_index(names="row")
    both = both.merge(places, left_on="identifier_key", right_on="key")
    both = both.merge(places, left_on=["linked_actor_key", "workspace"], right_on=["key", "workspace"])
    return (placed & ~log.index.isin(both["row"])).to_numpy(np.float64)


def _of(rows: ir.Table, *keys: pd.Series) -> pd.DataFrame:
    """Rows of the given keys, in memory."""
    wanted = pd.DataFrame({"key": np.unique(np.concatenate(keys)).astype(np.int64)})
    return rows.semi_join(ibis.memtable(wanted, schema={"key": "int64"}), "key").to_pandas()


def person_sizes(people: pa.Table) -> pd.DataFrame:
    """How many people have how many identifiers today: identifiers (a range as text), people.

    Args:
        people: PEOPLE.
    """
    rows = today(people).drop_duplicates(["identifier_kind", "identifier_key", "person_key"])
    sizes = rows.groupby("person_key").size()
    ranges = pd.cut(sizes, [0, *_SIZES, np.inf], labels=[*_SIZE_NAMES])
    counts = ranges.value_counts(sort=False)
    return pd.DataFrame({"identifiers": [*_SIZE_NAMES], "people": counts.to_numpy()})


def riskiest_shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Risky merges as people read them: identifiers as `uam identity` takes them, by their hashes."""
    names = [
        f"{_TYPED[kind]}:#{key:016x}" for kind, key in zip(rows["identifier_kind"], rows["identifier_key"], strict=True)
    ]
    return pd.DataFrame(
        {
            "points": rows["points"].to_numpy(),
            "signs": rows["signs"].to_numpy(),
            "identifier": names,
            "user": [f"{key:016x}" for key in rows["linked_actor_key"]],
            "evidence": rows["evidence"].to_numpy(),
            "known_at": [str(known)[:10] for known in rows["known_at"]],
        }
    )
