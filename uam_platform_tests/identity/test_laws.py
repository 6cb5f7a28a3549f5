"""Laws of identity resolution on random products: order, knowledge, un-merge, agreement with plain references."""

from collections import defaultdict

import networkx as nx
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import HIERARCHY, MEMBERSHIPS, MERGE_LOG, PEOPLE
from uam_platform.identity.intervals import FOREVER, alone
from uam_platform.identity.persons import person_history
from uam_platform.identity.timeline import UNSTATED, overlay
from uam_platform_tests.identity.product import Seen, accounts, device, directory, mail, resolved, states, user

DAYS = 6
LAW = settings(max_examples=25, derandomize=True, deadline=None)
USERS, DEVICES = ["ann", "bob", "cat", "dan"], ["d1", "d2", "d3"]


@st.composite
def sightings(draw: st.DrawFn) -> Seen:
    kind = draw(st.sampled_from(["track", "track", "identify", "group", "alias"]))
    who = draw(st.sampled_from([*USERS, None]) if kind == "track" else st.sampled_from(USERS))
    event = draw(st.integers(0, DAYS - 1))
    previous = draw(st.sampled_from(["device", "user"])) if kind == "alias" else None
    return Seen(
        day=event,
        user=who,
        device=draw(st.sampled_from(DEVICES if who is None else [*DEVICES, None])) if kind != "alias" else None,
        email=draw(st.sampled_from([None, "a@x", "b@x"])) if kind == "identify" else None,
        workspace=draw(st.sampled_from(["w1", "w2"])) if kind in ("group", "track") else None,
        role=draw(st.sampled_from([None, "admin", "member"])) if kind == "group" else None,
        account=draw(st.sampled_from([None, "acc1", "acc2"])) if kind == "group" else None,
        kind=kind,
        previous_device=draw(st.sampled_from(DEVICES)) if previous == "device" else None,
        previous_user=draw(st.sampled_from(USERS)) if previous == "user" else None,
        known=draw(st.sampled_from([None, None, event + 1, DAYS - 1])),
        minute=draw(st.integers(0, 3)),
    )


products = st.lists(sightings(), min_size=1, max_size=14)
RECORDS = [
    {"email": "a@x", "user": "ann", "account": "acc1", "role": "admin", "day": 2},
    {"email": "c@x", "account": "acc2", "day": 1},
    {"email": "b@x", "account": "acc2", "day": 3},
]
COMPANIES = [("acc1", None, 0), ("acc2", None, 0), ("acc1", "top", 3)]
TABLES = {
    "people": (["identifier_key", "identifier_kind"], ["person_key", "evidence"]),
    "memberships": (["person_key", "account_id"], ["role", "evidence"]),
    "hierarchy": (["workspace_key"], ["account_id", "parent_account_id", "workspace_id_source"]),
}


@LAW
@given(products, st.integers(0, DAYS))
def test_what_was_known_on_a_day_never_changes_when_more_becomes_known(seen: list[Seen], known: int) -> None:
    later = resolved(seen, directory(*RECORDS), accounts(*COMPANIES))
    then = resolved(
        [s for s in seen if s.known_day <= known],
        directory(*[r for r in RECORDS if r["day"] <= known]),
        accounts(*[c for c in COMPANIES if c[2] <= known]),
    )
    for name, (key, value) in TABLES.items():
        recorded = states(getattr(then, name), key, value, DAYS, known)
        assert states(getattr(later, name), key, value, DAYS, known) == recorded, name


@LAW
@given(products, st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_evidence_do_not_matter(seen: list[Seen], random: object) -> None:
    shuffled = [*seen, seen[0]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolved(shuffled, directory(*RECORDS[::-1])) == resolved(seen, directory(*RECORDS))


@LAW
@given(products, sightings())
def test_retracting_an_edge_gives_the_tables_that_never_had_it(seen: list[Seen], edge: Seen) -> None:
    before = resolved(seen)
    merged = resolved([*seen, edge])
    assert merged == resolved([edge, *seen])
    assert resolved([s for s in [*seen, edge] if s is not edge]) == before


@LAW
@given(products)
def test_tables_keep_their_contracts(seen: list[Seen]) -> None:
    tables = resolved(seen, directory(*RECORDS), accounts(*COMPANIES))
    for table, contract in (
        (tables.people, PEOPLE),
        (tables.memberships, MEMBERSHIPS),
        (tables.hierarchy, HIERARCHY),
        (tables.merge_log, MERGE_LOG),
    ):
        assert table.schema == arrow_schema(contract)
        frame = table.to_pandas()
        assert not frame.duplicated(list(contract.key)).any(), contract.name
        required = [c for c in contract.column_names if c not in contract.nullable]
        assert not frame[required].isna().any(axis=None), contract.name
        if "valid_from_date" in frame:
            assert (frame["valid_from_date"] < frame["valid_to_date"]).all()
            assert (frame["known_from_date"] < frame["known_to_date"]).all()


@LAW
@given(products)
def test_current_people_agree_with_a_plain_reference(seen: list[Seen]) -> None:
    """The rules of the brief, one identifier and day at a time."""
    tables = resolved(seen)
    people = states(tables.people, ["identifier_key"], ["person_key"], DAYS, 99)
    person = _plain_persons(seen)
    ties: dict[int, set[tuple[int, int]]] = defaultdict(set)
    first: dict[int, int] = {}
    for s in seen:
        ids = [device(s.device), device(s.previous_device), mail(s.email)]
        for identifier in filter(None, ids):
            if s.user or identifier == device(s.device):
                first[identifier] = min(first.get(identifier, DAYS), s.day)
            if s.user:
                ties[identifier].add((s.day, person[user(s.user)]))
    for identifier, tied in ties.items():
        owners = {owner for _, owner in tied}
        for event in range(DAYS):
            today = {owner for when, owner in tied if when == event}
            expected = owners if len(owners) == 1 and event >= first[identifier] else today
            found = people.get((event, identifier))
            assert found == ((min(expected),) if len(expected) == 1 else None)


def _plain_persons(seen: list[Seen]) -> dict[int, int]:
    known: dict[int, int] = {}
    accounts_of, mailboxes, claims = defaultdict(set), defaultdict(set), defaultdict(set)
    for s in seen:
        if s.workspace and s.account:
            claims[s.workspace].add(s.account)
    for s in seen:
        if s.user:
            known[user(s.user)] = min(known.get(user(s.user), 99), s.known_day)
            if s.workspace:
                accounts_of[user(s.user)].add(s.workspace)
            if s.email:
                mailboxes[s.email].add(user(s.user))
    graph = nx.Graph()
    graph.add_nodes_from(known)
    for s in seen:
        if s.kind == "alias" and s.previous_user and user(s.previous_user) in known:
            graph.add_edge(user(s.previous_user), user(s.user))
    for owners in mailboxes.values():
        for left in owners if len(owners) == 2 else ():
            for right in owners - {left}:
                if _share_account(accounts_of[left], accounts_of[right], claims, seen):
                    graph.add_edge(left, right)
    return {u: min(part, key=lambda k: (known[k], k)) for part in nx.connected_components(graph) for u in part}


def _share_account(left: set[str], right: set[str], claims: dict[str, set[str]], seen: list[Seen]) -> bool:
    def names(workspaces: set[str]) -> set[str]:
        found = set()
        for w in workspaces:
            found |= claims[w]
            first_seen = min(s.known_day for s in seen if s.workspace == w)
            claimed = [s.known_day for s in seen if s.workspace == w and s.account]
            if not claimed or min(claimed) > first_seen:  # believed to be an account of its own until the first claim
                found.add(w)
        return found

    return bool(names(left) & names(right))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(0, 90))
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


@LAW
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(5, 7), spans), min_size=0, max_size=14))
def test_alone_finds_exactly_the_days_with_one_member(rows: list[tuple[int, int, tuple[int, int]]]) -> None:
    frame = pd.DataFrame(
        [(g, m, low, low + width) for g, m, (low, width) in rows],
        columns=["group", "member", "start", "end"],
        dtype=np.int64,
    )
    single, several = alone(frame)
    for group in range(3):
        for day in range(16):
            alive = {m for g, m, (low, width) in rows if g == group and low <= day < low + width}
            here = single[(single["group"] == group) & (single["start"] <= day) & (day < single["end"])]
            many = several[(several["group"] == group) & (several["start"] <= day) & (day < several["end"])]
            assert here["member"].tolist() == (list(alive) if len(alive) == 1 else [])
            assert len(many) == (len(alive) > 1)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-1, 2), st.integers(0, 1), spans, spans), max_size=8))
def test_overlay_follows_its_rule_on_every_day(
    rows: list[tuple[int, int, int, tuple[int, int], tuple[int, int]]],
) -> None:
    columns = ["group", "value", "position", "valid_from", "valid_to", "start", "end"]
    said = [(g, v, p, vf, vf + vw, kf, kf + kw) for g, v, p, (vf, vw), (kf, kw) in rows]
    found = overlay(pd.DataFrame(said, columns=columns, dtype=np.int64))
    for group in range(2):
        for known in range(15):
            alive = [s for s in said if s[0] == group and s[5] <= known < s[6]]
            stated = sorted((s[3], s[2], s[1]) for s in alive if s[1] != UNSTATED)
            for day in range(15):
                on = [s for s in alive if s[3] <= day < s[4]]
                best = max(((s[3], s[2], s[1]) for s in on if s[1] != UNSTATED), default=None)
                expected = [] if not on else [best[2] if best else stated[0][2] if stated else UNSTATED]
                hit = found[(found["group"] == group) & (found["start"] <= known) & (known < found["end"])]
                hit = hit[(hit["valid_from"] <= day) & (day < hit["valid_to"])]
                assert hit["value"].tolist() == expected
