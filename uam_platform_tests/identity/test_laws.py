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
from uam_platform_tests.identity.product import Seen, accounts, device, directory, mail, resolved, states, user

DAYS = 6
PRODUCTS = 40  # small products in one resolution; their ids differ, so nothing may pass from one to another
LAW = settings(max_examples=3, derandomize=True, deadline=None)
RULE = settings(max_examples=60, derandomize=True, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def sighting(random: Random, space: str) -> Seen:
    kind = random.choice(["track", "track", "identify", "group", "alias"])
    event = random.randrange(DAYS)
    users = [f"{space}{name}" for name in ("ann", "bob", "cat", "dan")]
    devices = [f"{space}{name}" for name in ("d1", "d2", "d3")]
    workspaces = [f"{space}{name}" for name in ("w1", "w2")]
    who = random.choice([*users, None]) if kind == "track" else random.choice(users)
    names_user = random.random() < 0.5
    return Seen(
        day=event,
        user=who,
        device=None if kind == "alias" else random.choice([*devices, None] if who else devices),
        email=random.choice([None, f"a@{space}", f"b@{space}"]) if kind == "identify" else None,
        workspace=random.choice(workspaces) if kind in ("group", "track") else None,
        role=random.choice([None, "admin", "member"]) if kind == "group" else None,
        account=random.choice([None, f"{space}acc1", f"{space}acc2"]) if kind == "group" else None,
        kind=kind,
        previous_device=random.choice(devices) if kind == "alias" and not names_user else None,
        previous_user=random.choice(users) if kind == "alias" and names_user else None,
        known=random.choice([None, None, event + 1, DAYS - 1]),
        minute=random.randrange(4),
    )


def products(seed: int) -> list[Seen]:
    random = Random(seed)
    return [sighting(random, f"{n}-") for n in range(PRODUCTS) for _ in range(random.randint(1, 14))]


def records() -> list[dict[str, object]]:
    return [
        record
        for n in range(0, PRODUCTS, 2)
        for record in (
            {"email": f"a@{n}-", "user": f"{n}-ann", "account": f"{n}-acc1", "role": "admin", "day": 2},
            {"email": f"c@{n}-", "account": f"{n}-acc2", "day": 1},
            {"email": f"b@{n}-", "account": f"{n}-acc2", "day": 3},
        )
    ]


def companies() -> list[tuple[str, str | None, int]]:
    return [
        c for n in range(PRODUCTS) for c in ((f"{n}-acc1", None, 0), (f"{n}-acc2", None, 0), (f"{n}-acc1", "top", 3))
    ]


TABLES = {
    "people": (["identifier_key", "identifier_kind"], ["person_key", "evidence"]),
    "memberships": (["person_key", "account_id"], ["role", "evidence"]),
    "hierarchy": (["workspace_key"], ["account_id", "parent_account_id", "workspace_id_source"]),
}


@LAW
@given(seeds, st.integers(0, DAYS - 1))
def test_what_was_known_on_a_day_never_changes_when_more_becomes_known(seed: int, known: int) -> None:
    seen = products(seed)
    later = resolved(seen, directory(*records()), accounts(*companies()))
    then = resolved(
        [s for s in seen if s.known_day <= known],
        directory(*[r for r in records() if r["day"] <= known]),
        accounts(*[c for c in companies() if c[2] <= known]),
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


@LAW
@given(seeds)
def test_retracting_edges_gives_the_tables_of_products_that_never_had_them(seed: int) -> None:
    seen, random = products(seed), Random(seed)
    retracted = {id(s) for s in seen if random.random() < 0.2}
    untouched = {s.space for s in seen} - {s.space for s in seen if id(s) in retracted}
    assert untouched, "the draw must leave some products as they were"
    before, after = resolved(seen), resolved([s for s in seen if id(s) not in retracted])
    apart = resolved([s for s in seen if s.space in untouched])
    for name, (key, value) in TABLES.items():
        own = states(getattr(apart, name), key, value, DAYS, 99)
        for whole in (before, after):
            found = states(getattr(whole, name), key, value, DAYS, 99)
            assert {at: v for at, v in found.items() if at in own} == own, name
    assert before.people != after.people


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
    """The rules one identifier and day at a time, persons by networkx."""
    seen = products(seed)
    people = states(resolved(seen).people, ["identifier_key"], ["person_key"], DAYS, 99)
    persons = plain_persons(seen)
    ties: dict[int, set[tuple[int, int]]] = defaultdict(set)
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
        assert people.get((event, identifier)) == (tuple(expected) if len(expected) == 1 else None)


def plain_persons(seen: list[Seen]) -> dict[int, int]:
    known: dict[int, int] = {}
    visited, mailboxes = defaultdict(set), defaultdict(set)
    for s in (s for s in seen if s.user):
        known[user(s.user)] = min(known.get(user(s.user), 99), s.known_day)
        visited[user(s.user)] |= {s.workspace} - {None}
        mailboxes[s.email].add(user(s.user))
    graph = nx.Graph()
    graph.add_nodes_from(known)
    aliases = [(user(s.previous_user), user(s.user)) for s in seen if s.previous_user]
    graph.add_edges_from((previous, now) for previous, now in aliases if previous in known)
    believed = accounts_believed(seen)
    for pair in (owners for address, owners in mailboxes.items() if address and len(owners) == 2):
        left, right = ({a for w in visited[u] for a in believed[w]} for u in pair)
        if left & right:
            graph.add_edge(*pair)
    return {u: min(part, key=lambda k: (known[k], k)) for part in nx.connected_components(graph) for u in part}


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
