"""Do identifiers that belong to one person end up with one person, and events with the right account?

Here: the section over the latest known version, false merges on planted shared devices, accounts of events. Not here: the scores
(`identity_scores`), the scenario classes (`identity_classes`), the joins of truth and run (`planted`).

An identifier that nobody could place is a person of its own. Anonymous ids that two people use have no single owner and are left to the
false-merge rate.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import HIERARCHY, IDENTITY_EVIDENCE, MEMBERSHIPS, PEOPLE
from uam_platform.evaluation.identity_classes import classes, homes
from uam_platform.evaluation.identity_scores import Clusters, class_rows, fragment_rows, score_rows
from uam_platform.evaluation.resampling import upper_bound
from uam_platform.evaluation.results import Row, Section, quotient_parts, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.shares import ratio_interval
from uam_platform.evaluation.truth import Truth
from uam_platform.temporal.keys import anonymous_key, user_key

ID_SPACE: Final = "product"
LATEST: Final = "known_to_date = DATE '9999-12-31'"
_HOLDS: Final = "valid_from_date <= event_date AND event_date < valid_to_date"


def section(run: RunFolder, truth: Truth, seed: int) -> Section:
    """Identity; needs the tables of `planted.plant`."""
    people, home = truth.frame("people"), homes(truth)
    shared = truth.frame("shared_devices")
    held = _held(run)
    own = _true_identifiers(people, shared).merge(held, on="identifier_key", how="inner")
    own = own.assign(account_id=own["person_id"].map(lambda person: home.get(person, person)))
    clusters, members, placed = Clusters(own, seed), classes(truth), _placed(run)
    rows = (
        *score_rows(clusters),
        _false_merges(people, shared, held),
        *fragment_rows(own, seed),
        *_accounts(placed, home, seed),
        *class_rows(clusters, members, {name: _share_placed(placed, ids) for name, ids in members.items()}),
    )
    users = int((own["identifier_kind"] == "user_id").sum())
    note = (
        f"{users:,} user ids and {len(own) - users:,} anonymous ids delivered, {own['person_id'].nunique():,} people; classes overlap; "
        "events: share of the class's events on the right account"
    )
    return Section("identity", "Identity: identifiers to people, events to accounts", rows, note)


def _true_identifiers(people: pd.DataFrame, shared: pd.DataFrame) -> pd.DataFrame:
    """person_id, identifier_kind, identifier_key of user ids and of anonymous ids with one owner."""
    acting = people[people["identifier_kind"].isin(("user_id", "anonymous_id"))]
    single = acting[~acting["identifier"].isin(set(shared["anonymous_id"]))]
    keys = [
        user_key(ID_SPACE, identifier) if kind == "user_id" else anonymous_key(ID_SPACE, identifier)
        for kind, identifier in zip(single["identifier_kind"], single["identifier"], strict=True)
    ]
    return single.assign(identifier_key=keys)[["person_id", "identifier_kind", "identifier_key"]].drop_duplicates(
        "identifier_key"
    )


def _held(run: RunFolder) -> pd.DataFrame:
    """Delivered identifiers and the person who holds most of their days; a negative person is the identifier alone."""
    seen, people = run.view(IDENTITY_EVIDENCE), run.view(PEOPLE)
    found = run.query(f"""
        WITH delivered AS (
            SELECT key AS identifier_key, min(event_date) AS first_day, max(event_date) + 1 AS last_day FROM (
                SELECT actor_key AS key, event_date FROM {seen} UNION ALL SELECT device_key, event_date FROM {seen}
                UNION ALL SELECT linked_actor_key, event_date FROM {seen}
            ) WHERE key IS NOT NULL AND key <> 0 GROUP BY key
        ), days AS (
            SELECT identifier_key, person_key,
                sum(date_diff('day', greatest(valid_from_date, first_day), least(valid_to_date, last_day))) AS days
            FROM delivered JOIN {people} USING (identifier_key)
            WHERE {LATEST} AND identifier_kind IN ('user', 'anonymous') AND person_key <> 0
                AND valid_from_date < last_day AND first_day < valid_to_date
            GROUP BY ALL
        ), most AS (SELECT identifier_key, arg_min(person_key, (-days, person_key)) AS person_key FROM days GROUP BY 1)
        SELECT identifier_key, person_key FROM delivered LEFT JOIN most USING (identifier_key) ORDER BY identifier_key
    """)
    alone = -1 - np.arange(len(found), dtype=np.int64)
    held = found["person_key"].astype("Int64")
    return found.assign(is_placed=held.notna(), person_key=held.fillna(pd.Series(alone, dtype="Int64")).astype("int64"))


def _false_merges(people: pd.DataFrame, shared: pd.DataFrame, held: pd.DataFrame) -> Row:
    """Share of (owner, borrower) pairs of a shared device whose user ids ended up as one person."""
    users = people[people["identifier_kind"] == "user_id"]
    keys = {
        person: user_key(ID_SPACE, identifier)
        for person, identifier in zip(users["person_id"], users["identifier"], strict=True)
    }
    placed = dict(zip(held["identifier_key"], held["person_key"], strict=True))
    is_owner = shared["is_owner"].astype(bool)
    pairs = shared[is_owner].merge(shared[~is_owner], on="anonymous_id", suffixes=("_owner", "_borrower"))
    pairs = pairs[["person_id_owner", "person_id_borrower"]].drop_duplicates()
    persons = [
        (placed.get(keys.get(owner)), placed.get(keys.get(other))) for owner, other in pairs.itertuples(index=False)
    ]
    judged = [(owner, other) for owner, other in persons if owner is not None and other is not None]
    merged = sum(owner == other for owner, other in judged)
    note = f"{merged} of {len(judged):,} pairs that share a device became one person; upper 95 % bound"
    return Row(
        "false merges on shared devices",
        ratio(merged, len(judged)),
        high=upper_bound(merged, len(judged)),
        note=note if len(judged) >= 1500 else f"{note}; the target needs 1,500 pairs",
        target="bound ≤ 0.002",
        parts=rate_parts(merged, len(judged)),
    )


def _accounts(placed: pd.DataFrame, home: Mapping[str, str], seed: int) -> Iterator[Row]:
    events, right, untold = (int(placed[name].sum()) for name in ("events", "right_account", "untold"))
    accounts = [home.get(person, person) for person in placed["true_person_id"]]
    counts = placed["events"].to_numpy(dtype=np.float64)
    wrong = counts - placed["right_account"].to_numpy(dtype=np.float64) - placed["untold"].to_numpy(dtype=np.float64)
    low, high = ratio_interval(accounts, placed["right_account"].to_numpy(dtype=np.float64), counts, seed)
    note = f"{untold:,} of {events:,} events on no account"
    parts, target = quotient_parts(right, events), "≥ 0.995"
    yield Row("events on the right account", ratio(right, events), low, high, note=note, target=target, parts=parts)
    low, high = ratio_interval(accounts, wrong, counts, seed)
    parts = quotient_parts(events - right - untold, events)
    yield Row("events on a wrong account", ratio(events - right - untold, events), low, high, parts=parts)


def _share_placed(placed: pd.DataFrame, people: set[str]) -> float | None:
    own = placed[placed["true_person_id"].isin(people)]
    return ratio(float(own["right_account"].sum()), float(own["events"].sum()))


def _placed(run: RunFolder) -> pd.DataFrame:
    """Accepted events per true person: events, right_account, untold.

    An event's account is told by its workspace, else by the only membership of its person.
    """
    places, members, people = run.view(HIERARCHY), run.view(MEMBERSHIPS), run.view(PEOPLE)
    return run.query(f"""
        WITH facts AS (
            SELECT row_number() OVER () AS fact, * FROM (
                SELECT actor_key, workspace_key, event_date, true_person_id, true_account_id, count(*) AS n
                FROM stored JOIN planted USING (event_lo, event_hi) WHERE true_account_id IS NOT NULL GROUP BY ALL)
        ), by_workspace AS (
            SELECT fact, account_id FROM facts JOIN {places} USING (workspace_key)
            WHERE workspace_key <> 0 AND {LATEST} AND {_HOLDS}
        ), persons AS (
            SELECT fact, event_date, person_key FROM facts JOIN {people} ON identifier_key = actor_key
            WHERE workspace_key = 0 AND {LATEST} AND {_HOLDS} AND person_key <> 0 AND identifier_kind IN ('user', 'anonymous')
        ), by_person AS (
            SELECT fact, account_id FROM persons JOIN {members} USING (person_key) WHERE {LATEST} AND {_HOLDS}
        ), told AS (
            SELECT fact, any_value(account_id) AS account_id FROM (FROM by_workspace UNION ALL FROM by_person)
            GROUP BY fact HAVING count(DISTINCT account_id) = 1
        )
        SELECT true_person_id, sum(n)::DOUBLE AS events, coalesce(sum(n) FILTER (account_id = true_account_id), 0)::DOUBLE AS right_account,
            coalesce(sum(n) FILTER (account_id IS NULL), 0)::DOUBLE AS untold
        FROM facts LEFT JOIN told USING (fact) GROUP BY 1 ORDER BY 1
    """)
