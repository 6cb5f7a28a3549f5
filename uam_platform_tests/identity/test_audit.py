"""Merges worth a look: what holds people together, and which signs a merge shows."""

import networkx as nx
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from uam_platform.identity.audit import Audit, audit, person_sizes
from uam_platform.identity.bridges import weak_places
from uam_platform.policy.identity_audit import IdentityAuditPolicy, Sign
from uam_platform.policy.load import load_section
from uam_platform_tests.identity.product import Seen, device, evidence, resolved, user

POLICY = load_section(IdentityAuditPolicy, "identity_audit")


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=24))
def test_bridges_and_articulations_are_those_of_networkx(pairs: list[tuple[int, int]]) -> None:
    note(str(pairs))
    edges = sorted({(min(p), max(p)) for p in pairs if p[0] != p[1]})
    graph = nx.Graph(edges)
    found = weak_places(edges)
    assert {tuple(sorted(e)) for e in found.bridges} == {tuple(sorted(e)) for e in nx.bridges(graph)}
    assert found.articulations == set(nx.articulation_points(graph))
    for edge, smaller in found.bridges.items():
        cut = graph.copy()
        cut.remove_edge(*edge)
        assert smaller == min(len(nx.node_connected_component(cut, end)) for end in edge)


def test_two_edges_between_the_same_ids_hold_each_other_up() -> None:
    assert weak_places([("a", "b"), ("b", "a"), ("b", "c")]).bridges == {("b", "c"): 1}


def test_a_person_of_very_many_ids_is_walked_without_recursion() -> None:
    chain = [(n, n + 1) for n in range(5000)]
    found = weak_places(chain)
    assert len(found.bridges) == 5000
    assert max(found.bridges.values()) == 2500


def audited(seen: list[Seen]) -> Audit:
    return audit(resolved(seen).merge_log, evidence(seen), POLICY)


def signs(found: Audit, identifier: int) -> set[str]:
    rows = found.merges[found.merges["identifier_key"] == identifier]
    return set(rows["signs"].iloc[0].split(", ")) - {""}


def days(who: str, since: int, until: int, workspace: str) -> list[Seen]:
    return [Seen(day, who, workspace=workspace) for day in range(since, until)]


def test_an_id_that_was_replaced_and_fell_silent_is_no_risky_merge() -> None:
    seen = [*days("old", 0, 5, "w"), *days("new", 5, 9, "w"), Seen(5, "new", kind="alias", previous_user="old")]
    found = audited(seen)
    assert signs(found, user("old")) == {Sign.ONLY_EDGE}
    assert found.riskiest(POLICY).empty
    assert (found.counts.merged_user_count, found.counts.bridge_count, found.counts.articulation_count) == (2, 1, 0)


def test_two_ids_that_go_on_side_by_side_in_two_workspaces_come_first() -> None:
    good = [*days("old", 0, 5, "w"), *days("new", 5, 9, "w"), Seen(5, "new", kind="alias", previous_user="old")]
    bad = [*days("ann", 0, 9, "v"), *days("bob", 0, 9, "u"), Seen(3, "bob", kind="alias", previous_user="ann")]
    found = audited([*good, *bad])
    assert signs(found, user("ann")) == {Sign.ONLY_EDGE, Sign.DAYS_IN_PARALLEL, Sign.WORKSPACES_APART}
    assert found.riskiest(POLICY)["identifier_key"].tolist() == [user("ann")]
    assert found.counts.risky_merge_count == 1


def test_a_device_used_long_after_its_last_sign_in_shows_it() -> None:
    found = audited([Seen(0, "ann", "d"), Seen(80, device="d"), Seen(0, "ann", "own"), Seen(10, device="own")])
    assert signs(found, device("d")) == {Sign.WEAK_EVIDENCE, Sign.UNSEEN_DAYS}
    assert signs(found, device("own")) == {Sign.WEAK_EVIDENCE}
    measured = found.merges.set_index("identifier_key")[Sign.UNSEEN_DAYS]
    assert measured[device("d")] == 80


def test_what_several_people_share_merges_none_of_them_and_is_counted_as_ambiguous() -> None:
    found = audited([Seen(0, "ann", "shared"), Seen(1, "bob", "shared"), Seen(0, "ann", "own")])
    assert found.merges["identifier_key"].tolist() == [device("own")]
    assert found.counts.ambiguous_tie_ratio == pytest.approx(2 / 3)


def test_people_are_counted_by_their_number_of_identifiers() -> None:
    seen = [Seen(0, "ann"), Seen(0, "bob", "d1"), Seen(0, "bob", "d2"), Seen(0, "cat", "d3")]
    sizes = person_sizes(resolved(seen).people).set_index("identifiers")["people"]
    assert sizes[["1", "2", "3 to 5"]].tolist() == [1, 1, 1]
    assert sizes.sum() == 3


def test_nothing_seen_is_audited_as_nothing() -> None:
    found = audited([])
    assert found.merges.empty
    assert found.counts.as_metadata() == dict.fromkeys(found.counts.as_metadata(), 0)
