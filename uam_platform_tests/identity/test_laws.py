"""Laws of identity resolution on random products: order, knowledge, un-merge, agreement with plain references."""

from collections import defaultdict
from itertools import product
from random import Random

import networkx as nx
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import HIERARCHY, MEMBERSHIPS, MERGE_LOG, PEOPLE
from uam_platform.identity.intervals import FOREVER, alone
from uam_platform.identity.persons import person_history
from uam_platform.identity.timeline import COLUMNS, UNSTATED, overlay
from uam_platform_tests.identity.product import (
    Seen,
    accounts,
    device,
    directory,
    mail,
    resolved,
    retractions,
    states,
    user,
)
from uam_platform_tests.identity.random_products import DAYS, PRODUCTS, companies, products, records
from uam_platform_tests.identity.taken_back import edges_of, records_apart, spaces_of_keys

UNMERGE = settings(max_examples=2, derandomize=True, deadline=None)
LAW = settings(max_examples=3, derandomize=True, deadline=None)
RULE = settings(max_examples=60, derandomize=True, deadline=None)
seeds = st.integers(0, 2**32 - 1)


TABLES = {
    "people": (["identifier_key", "identifier_kind"], ["person_key", "evidence"]),
    "memberships": (["person_key", "account_id"], ["role", "evidence"]),
    "hierarchy": (["workspace_key"], ["account_id", "parent_account_id", "workspace_id_source"]),
}


@LAW
@given(seeds, st.integers(0, DAYS - 1))
def test_what_was_known_on_a_day_never_changes_when_more_becomes_known_or_is_retracted(seed: int, known: int) -> None:
    seen = products(seed)
    said = [r for edge in edges_of(seen, Random(seed)) for r in edge.said]
    later = resolved(seen, directory(*records()), accounts(*companies()), retracted=retractions(*said))
    then = resolved(
        [s for s in seen if s.known_day <= known],
        directory(*[r for r in records() if r["day"] <= known]),
        accounts(*[c for c in companies() if c[2] <= known]),
        retracted=retractions(*[r for r in said if r.day <= known]),
    )
    for name, (key, value) in TABLES.items():
        recorded = states(getattr(then, name), key, value, DAYS, known)
        assert states(getattr(later, name), key, value, DAYS, known) == recorded, name


@LAW
@given(seeds)
def test_the_order_and_repetition_of_evidence_do_not_matter(seed: int) -> None:
    seen = products(seed)
    shuffled = [*seen, *seen[:5]]
    Random(seed).shuffle(shuffled)
    assert resolved(shuffled, directory(*records()[::-1])) == resolved(seen, directory(*records()))


@UNMERGE
@given(seeds)
def test_from_its_retraction_on_all_is_as_if_an_edge_had_never_been_and_before_it_as_it_was(seed: int) -> None:
    """Each product retracts an edge on a day of its own, and some restore it; the days between have many sets in force."""
    seen, random = products(seed), Random(seed)
    edges = {edge.space: edge for edge in edges_of(seen, random)}
    assert len(edges) > PRODUCTS // 2
    assert {edge.kind for edge in edges.values()} == {"user", "anonymous", "email"}
    people, companies_now = directory(*records()), accounts(*companies())
    said = retractions(*[r for edge in edges.values() for r in edge.said])
    retracted = resolved(seen, people, companies_now, retracted=said)
    before = resolved(seen, people, companies_now)
    apart = [a for s in seen for a in (edges[s.space].apart(s) if s.space in edges else [s])]
    without = resolved(apart, directory(*records_apart(edges)), companies_now)
    places, differing = spaces_of_keys(), 0
    for name, (key, value) in TABLES.items():
        for known in range(DAYS + 2):
            was, none, now = (states(getattr(t, name), key, value, DAYS, known) for t in (before, without, retracted))
            gone = {edge.space for edge in edges.values() if edge.is_gone(known)}
            expected = {at: v for at, v in was.items() if places[at[1]] not in gone}
            expected |= {at: v for at, v in none.items() if places[at[1]] in gone}
            assert now == expected, (name, known)
            differing += now != was
    assert differing, "no retraction changed anything: the law would hold for nothing"


@LAW
@given(seeds)
def test_tables_keep_their_contracts(seed: int) -> None:
    tables = resolved(products(seed), directory(*records()), accounts(*companies()))
    for table, contract in (
        (tables.people, PEOPLE),
        (tables.memberships, MEMBERSHIPS),
        (tables.hierarchy, HIERARCHY),
        (tables.merge_log, MERGE_LOG),
    ):
        assert table.schema == arrow_schema(contract)
        frame = table.to_pandas()
        assert len(frame) > PRODUCTS // 2
        assert not frame.duplicated(list(contract.key)).any(), contract.name
        required = [c for c in contract.column_names if c not in contract.nullable]
        assert not frame[required].isna().any(axis=None), contract.name
        if "valid_from_date" in frame:
            assert (frame["valid_from_date"] < frame["valid_to_date"]).all()
            assert (frame["known_from_date"] < frame["known_to_date"]).all()


@LAW
@given(seeds)
def test_current_people_agree_with_a_plain_reference(seed: int) -> None:
    """The rules one identifier and day at a time, persons by networkx; more on days of several in `test_turns`."""
    seen = products(seed)
    people = states(resolved(seen).people, ["identifier_key"], ["person_key"], DAYS, 99)
    persons = plain_persons(seen)
    ties: dict[int, set[tuple[int, int]]] = defaultdict(set)
    crowded = {device(d) for d in too_often_replaced(seen)} | {mail(a) for a in shared_by_too_many(seen)}
    first: dict[int, int] = {}
    for s in seen:
        for identifier in filter(None, [device(s.device), device(s.previous_device), mail(s.email)]):
            first[identifier] = min(first.get(identifier, DAYS), s.day)
            if s.user:
                ties[identifier].add((s.day, persons[user(s.user)]))
    for identifier, event in product(first, range(DAYS)):
        owners = {owner for _, owner in ties[identifier]}
        today = {owner for when, owner in ties[identifier] if when == event}
        expected = owners if len(owners) == 1 and event >= first[identifier] else today
        if len(today) > 1:
            expected = by_time(seen, identifier, event, persons)
        is_told = len(expected) == 1 and identifier not in crowded
        assert people.get((event, identifier)) == (tuple(expected) if is_told else None)


def by_time(seen: list[Seen], identifier: int, event: int, persons: dict[int, int]) -> set[int]:
    """Whose a device is on a day of several: who used it next before and next after whatever was done without signing in.

    All minutes of a random day are within one visit, so that two different neighbours leave it open.
    """
    here = [s for s in seen if s.day == event and identifier in (device(s.device), device(s.previous_device))]
    uses = {(s.minute, persons[user(s.user)]) for s in here if s.user}
    told: list[set[int]] = []
    for minute in {s.minute for s in here if not s.user}:
        before, after = ({m for m, _ in uses if m < minute}, {m for m, _ in uses if m > minute})
        nearest = {*([max(before)] if before else []), *([min(after)] if after else [])}
        sides = {person for m, person in uses if m in nearest}
        told.append(set() if len(sides) > 1 or minute in {m for m, _ in uses} else sides)
    return set.union(*told) if told and all(told) else set()


def plain_persons(seen: list[Seen]) -> dict[int, int]:
    known: dict[int, int] = {}
    visited, mailboxes = defaultdict(set), defaultdict(set)
    for s in (s for s in seen if s.user):
        known[user(s.user)] = min(known.get(user(s.user), 99), s.known_day)
        visited[user(s.user)] |= {s.workspace} - {None}
        mailboxes[s.email].add(user(s.user))
    graph = nx.Graph()
    graph.add_nodes_from(known)
    often = too_often_replaced(seen)
    aliases = [(user(s.previous_user), user(s.user)) for s in seen if s.previous_user and s.previous_user not in often]
    graph.add_edges_from((previous, now) for previous, now in aliases if previous in known)
    believed = accounts_believed(seen)
    for address, pair in ((address, owners) for address, owners in mailboxes.items() if address and len(owners) == 2):
        left, right = ({a for w in visited[u] for a in believed[w]} for u in pair)
        if left & right and not is_taken_over(seen, address, pair):
            graph.add_edge(*pair)
    return {u: min(part, key=lambda k: (known[k], k)) for part in nx.connected_components(graph) for u in part}


def is_taken_over(seen: list[Seen], address: str, pair: set[int]) -> bool:
    """Whether whoever is known with the address last, or either of two known on one day, was known with another before."""
    known: dict[int, dict[str, int]] = defaultdict(dict)
    for s in (s for s in seen if s.email and user(s.user) in pair):
        mine = known[user(s.user)]
        mine[str(s.email)] = min(mine.get(str(s.email), 99), s.known_day)
    last = max(mine[address] for mine in known.values())
    return any(min(mine.values()) < last for mine in known.values() if mine[address] == last)


def too_often_replaced(seen: list[Seen]) -> set[str | None]:
    """Previous ids that aliases of more than two user ids name."""
    users = defaultdict(set)
    for s in seen:
        users[s.previous_user or s.previous_device].add(s.user)
    return {previous for previous, named in users.items() if previous and len(named - {previous}) > 2}


def shared_by_too_many(seen: list[Seen]) -> set[str | None]:
    """Addresses on more than two user ids."""
    users = defaultdict(set)
    for s in (s for s in seen if s.email and s.user):
        users[s.email].add(s.user)
    return {address for address, named in users.items() if len(named) > 2}


def accounts_believed(seen: list[Seen]) -> dict[str | None, set[str]]:
    """Every account a workspace was ever thought to be: those claimed, and itself until the first claim is known."""
    found: dict[str | None, set[str]] = defaultdict(set)
    first_seen: dict[str | None, int] = {}
    first_claim: dict[str | None, int] = {}
    for s in (s for s in seen if s.workspace):
        first_seen[s.workspace] = min(first_seen.get(s.workspace, 99), s.known_day)
        if s.account:
            found[s.workspace].add(s.account)
            first_claim[s.workspace] = min(first_claim.get(s.workspace, 99), s.known_day)
    for workspace, known in first_seen.items():
        if known < first_claim.get(workspace, 99):
            found[workspace].add(str(workspace))
    return found


@RULE
@given(seeds, st.integers(1, 60), st.integers(0, 90))
def test_persons_are_the_connected_components_at_every_known_day(seed: int, nodes: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(10**6, nodes, replace=False))
    users = pd.DataFrame({"key": keys, "known": rng.integers(0, 5, nodes)})
    left, right = rng.integers(0, nodes, (2, size))
    both = np.maximum(users["known"].to_numpy()[left], users["known"].to_numpy()[right])
    start = both + rng.integers(0, 5, size)
    end = np.where(rng.random(size) < 0.2, start + 1 + rng.integers(0, 3, size), FOREVER)
    edges = pd.DataFrame({"left": keys[left], "right": keys[right], "start": start, "end": end})
    history = person_history(users, edges)
    known = dict(zip(users["key"], users["known"], strict=True))
    for day in range(14):
        alive = history[(history["start"] <= day) & (day < history["end"])]
        found = dict(zip(alive["user"], alive["person"], strict=True))
        graph = nx.Graph()
        graph.add_nodes_from(k for k in known if known[k] <= day)
        graph.add_edges_from(edges.loc[(edges["start"] <= day) & (day < edges["end"]), ["left", "right"]].to_numpy())
        assert found == {
            u: min(part, key=lambda k: (known[k], k)) for part in nx.connected_components(graph) for u in part
        }


spans = st.tuples(st.integers(0, 8), st.integers(1, 6))


@RULE
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(5, 7), spans), min_size=0, max_size=14))
def test_alone_finds_exactly_the_days_with_one_member(rows: list[tuple[int, int, tuple[int, int]]]) -> None:
    frame = pd.DataFrame(
        [(g, m, low, low + width) for g, m, (low, width) in rows],
        columns=["group", "member", "start", "end"],
        dtype=np.int64,
    )
    single, several = (found.to_numpy().tolist() for found in alone(frame))
    for group, day in product(range(3), range(16)):
        alive = {m for g, m, (low, width) in rows if g == group and low <= day < low + width}
        assert [m for g, m, low, high in single if g == group and low <= day < high] == (
            list(alive) * (len(alive) == 1)
        )
        assert len([g for g, low, high in several if g == group and low <= day < high]) == (len(alive) > 1)


@RULE
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-1, 2), st.integers(0, 1), spans, spans), max_size=8))
def test_overlay_follows_its_rule_on_every_day(
    rows: list[tuple[int, int, int, tuple[int, int], tuple[int, int]]],
) -> None:
    columns = ["group", "value", "position", "valid_from", "valid_to", "start", "end"]
    said = [(g, v, p, vf, vf + vw, kf, kf + kw) for g, v, p, (vf, vw), (kf, kw) in rows]
    found = overlay(pd.DataFrame(said, columns=columns, dtype=np.int64))[COLUMNS].to_numpy().tolist()
    for group, known, day in product(range(2), range(15), range(15)):
        alive = [s for s in said if s[0] == group and s[5] <= known < s[6]]
        stated = sorted((s[3], s[2], s[1]) for s in alive if s[1] != UNSTATED)
        on = [s for s in alive if s[3] <= day < s[4]]
        best = max(((s[3], s[2], s[1]) for s in on if s[1] != UNSTATED), default=None)
        expected = [] if not on else [best[2] if best else stated[0][2] if stated else UNSTATED]
        assert expected == [
            value
            for g, value, valid_from, valid_to, start, end in found
            if g == group and valid_from <= day < valid_to and start <= known < end
        ]
