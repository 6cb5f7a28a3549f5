"""What no evidence may do: join strangers over values that identify nobody, over what many share, or into a person too large."""

from collections import defaultdict
from itertools import pairwise
from random import Random
from typing import Any

import ibis
import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.schemas import arrow_schema, ibis_schema
from uam_platform.contracts.tables import IDENTITY_EVIDENCE
from uam_platform.identity.guards import guard
from uam_platform.identity.intervals import FOREVER
from uam_platform.identity.quality import ambiguous_counts
from uam_platform.identity.resolve import resolve
from uam_platform.policy.identity import IdentityPolicy
from uam_platform.policy.load import SHIPPED, PolicyError, parse
from uam_platform.temporal.keys import anonymous_key, user_key
from uam_platform_tests.identity.product import (
    RULES,
    Seen,
    accounts,
    device,
    directory,
    mail,
    person,
    resolved,
    rows_at,
    user,
)

ANN, BOB = user("ann"), user("bob")


def limited(**most: int) -> IdentityPolicy:
    """The rules with other limits: `device_users`, `user_each`, … (each: per person), `all_each`."""
    data = RULES.model_dump(mode="json")
    for name, number in most.items():
        kind, what = name.split("_")
        key = {"users": "most_users", "each": "most_per_person"}[what]
        place = data if kind == "all" else data["identifiers"][kind]
        place["most_identifiers_per_person" if kind == "all" else key] = {"most": number, "reason": "small for a test"}
    return parse(IdentityPolicy, data, "identity.yaml")


def test_values_that_identify_nobody_join_nobody_and_are_counted_by_reason() -> None:
    seen = [
        *(Seen(0, name, "NULL", workspace="w") for name in ("ann", "bob")),
        *(Seen(1, name, email="Test@Example.com", workspace="w", kind="identify") for name in ("ann", "bob")),
        *(Seen(2, name, kind="alias", previous_user="anonymous") for name in ("ann", "bob")),
        Seen(3, "undefined", "d", workspace="w", role="admin"),
        Seen(3, "anonymous", workspace="w"),
        Seen(4, "ann", "d"),
    ]
    tables = resolved(seen, directory({"email": "a@test.com", "user": "0", "account": "a1", "day": 5}))
    assert person(tables, device("d"), 3) == person(tables, ANN, 4) == ANN
    assert person(tables, BOB, 4) == BOB
    everybody = {r["identifier_key"] for r in tables.people.to_pylist()}
    assert everybody == {ANN, BOB, device("d")}
    assert {r["person_key"] for r in rows_at(tables.memberships, 6)} == {ANN, BOB}
    assert ambiguous_counts(tables) == {
        "blocked_example_address": 2,
        "blocked_no_value": 2,
        "blocked_not_signed_in": 2,
        "blocked_zero": 1,
    }


def test_blocked_values_are_known_in_every_id_space() -> None:
    rows = [
        Seen(0, "x").row() | {"actor_key": user_key("billing", "null"), "device_key": anonymous_key("billing", "d")}
    ]
    told = ibis.memtable(
        pa.Table.from_pylist(rows, schema=arrow_schema(IDENTITY_EVIDENCE)), schema=ibis_schema(IDENTITY_EVIDENCE)
    )
    known, unknown = (
        resolve(told, directory(), accounts(), policy=RULES, id_spaces=spaces)
        for spaces in (("billing", "product"), ("product",))
    )
    assert (known.people.num_rows, unknown.people.num_rows) == (0, 2)


def test_what_too_many_users_share_is_nobodys_from_the_day_that_is_known() -> None:
    seen = [Seen(n, name, "d", email="team@x", kind="identify") for n, name in enumerate(("ann", "bob", "cat"))]
    seen += [Seen(n, name, kind="alias", previous_user="old") for n, name in enumerate(("ann", "bob", "cat"))]
    tables = resolved([Seen(0, "old"), *seen], policy=limited(device_users=2))
    for identifier in (device("d"), mail("team@x")):
        assert [person(tables, identifier, 0, known=known) for known in (1, 2)] == [user("old"), None]
    assert [person(tables, BOB, 1, known=known) for known in (1, 2)] == [user("old"), BOB]
    assert ambiguous_counts(tables)["too_many_users"] == 3


def test_a_person_that_would_grow_too_large_stays_as_it_is_in_whatever_order_things_are_read() -> None:
    chain = ["a", "b", "c", "d", "e"]
    seen = [Seen(n, name, f"device of {name}") for n, name in enumerate(chain)]
    seen += [Seen(n + 5, new, kind="alias", previous_user=old) for n, (old, new) in enumerate(pairwise(chain))]
    tables = resolved(seen, policy=limited(user_each=3))
    persons = [person(tables, user(name), 9) for name in chain]
    assert persons == [user("a")] * 3 + [user("d")] * 2
    refused = [r for r in tables.ambiguous_identifiers.to_pylist() if r["reason"] == "person_too_large"]
    assert [(r["identifier_key"], r["linked_actor_key"]) for r in refused] == [(user("c"), user("d"))]
    assert resolved(seen[::-1], policy=limited(user_each=3)) == tables


def test_a_device_beyond_the_limit_of_its_person_is_nobodys_also_where_another_uses_it() -> None:
    seen = [Seen(n, "ann", f"d{n}") for n in range(3)] + [Seen(1, "bob", "d2"), Seen(4, device="d2")]
    tables = resolved(seen, policy=limited(device_each=2))
    assert [person(tables, device(f"d{n}"), 4) for n in range(3)] == [ANN, ANN, None]
    assert person(tables, device("d2"), 1) == BOB
    assert person(tables, device("d2"), 4, known=1) == BOB


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_person_ever_exceeds_a_limit_and_only_edges_that_would_exceed_one_are_refused(seed: int) -> None:
    random = Random(seed)
    policy = limited(user_each=3, device_each=2, all_each=4)
    users = pd.DataFrame({"key": range(1, 8), "known": 0})
    links = pd.DataFrame(
        [
            (
                "anonymous",
                random.randint(100, 105),
                random.randint(1, 7),
                "login",
                known,
                random.choice([FOREVER, known + 3]),
            )
            for known in (random.randrange(6) for _ in range(random.randint(0, 14)))
        ],
        columns=["kind", "identifier", "user", "label", "known", "until"],
    ).drop_duplicates(["identifier", "user"])
    edges = pd.DataFrame(
        [
            (*random.sample(range(1, 8), 2), "alias", start, random.choice([FOREVER, start + 2]))
            for start in (random.randrange(6) for _ in range(random.randint(0, 9)))
        ],
        columns=["left", "right", "label", "start", "end"],
    ).astype({"start": np.int64, "end": np.int64})
    found = guard(users, links, edges, policy)
    tied = links.rename(columns={"known": "start", "until": "end"}).assign(person=links["user"])
    ties = found.split(tied)
    shuffled = guard(users, links.sample(frac=1, random_state=1), edges.sample(frac=1, random_state=1), policy)
    for day in range(9):
        held, plain = alive(found.edges, day), persons_on(found.edges, ties[ties["person"] != -1], day)
        assert persons_on(shuffled.edges, shuffled.split(tied), day, with_refused=False) == plain
        assert all(fits(identifiers) for identifiers in plain)
        whole = persons_on(edges, tied, day)
        if all(fits(identifiers) for identifiers in whole):
            assert len(held) == len(alive(edges, day))
            assert plain == whole
        for left, right in alive(found.refused[found.refused["kind"] == "user"], day)[
            ["identifier", "user"]
        ].to_numpy():
            joined = [p for p in plain if ("user", left) in p or ("user", right) in p]
            assert len(joined) == 2
            assert not fits(frozenset().union(*joined))


def alive(rows: pd.DataFrame, day: int) -> pd.DataFrame:
    return rows[(rows["start"] <= day) & (day < rows["end"])]


def fits(identifiers: frozenset[tuple[str, int]]) -> bool:
    kinds = [kind for kind, _ in identifiers]
    return kinds.count("user") <= 3 and kinds.count("anonymous") <= 2 and len(kinds) <= 4


def persons_on(
    edges: pd.DataFrame, ties: pd.DataFrame, day: int, with_refused: bool = True
) -> set[frozenset[tuple[str, int]]]:
    """Identifiers of each person on a day: connected user ids and what is tied to any of them."""
    graph = nx.Graph()
    graph.add_nodes_from(range(1, 8))
    graph.add_edges_from(alive(edges, day)[["left", "right"]].to_numpy().tolist())
    tied = defaultdict(set)
    for identifier, owner, who in alive(ties, day)[["identifier", "user", "person"]].to_numpy():
        if with_refused or who != -1:
            tied[owner].add(("anonymous", identifier))
    return {
        frozenset({("user", u) for u in part}.union(*(tied[u] for u in part)))
        for part in nx.connected_components(graph)
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"blocked": {"zero": {"values": [0], "reason": "defaults of numbers"}}}, "YAML reads it as no text"),
        ({"blocked": {"zero": {"values": [None], "reason": "defaults of numbers"}}}, "put it in quotes"),
        ({"blocked": {"zero": {"values": ["0"], "reason": "why"}}}, "blocked.zero.reason"),
        ({"blocked": {"zero": {"reason": "defaults of numbers"}}}, "name values, domains or both"),
        ({"blocked": {"x": {"domains": ["a@x.com"], "reason": "a form of ours"}}}, "write the domain alone"),
        (
            {"blocked": {n: {"values": [v], "reason": "somebody said so"} for n, v in (("a", "NA"), ("b", "na"))}},
            "blocked twice: na",
        ),
        ({"most_identifiers_per_person": {"most": 0, "reason": "nobody at all"}}, "greater than or equal to 1"),
        ({"identifiers": {"user": {"priority": 1}}}, "no rule for alias, email, device"),
    ],
)
def test_a_mistake_in_the_rules_is_named_with_its_key(change: dict[str, Any], says: str) -> None:
    data = yaml.safe_load((SHIPPED / "identity.yaml").read_text(encoding="utf-8"))
    with pytest.raises(PolicyError, match=says):
        parse(IdentityPolicy, data | change, "identity.yaml")


def test_every_limit_and_blocked_value_has_its_reason_and_every_type_its_own_priority() -> None:
    priorities = [rule.priority for rule in RULES.identifiers.values()]
    assert sorted(priorities) == list(range(1, len(priorities) + 1))
    limits = [
        limit for rule in RULES.identifiers.values() for limit in (rule.most_users, rule.most_per_person) if limit
    ]
    for reason in [r.reason for r in (*limits, *RULES.blocked.values(), RULES.most_identifiers_per_person)]:
        assert reason.endswith(".")
        assert len(reason.split()) >= 5
