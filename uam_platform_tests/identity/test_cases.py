"""Identity as people meet it: anonymous visitors, shared devices, changed ids, addresses, roles and accounts."""

from uam_platform.policy.identity import DeviceEvidence, SharedDevices
from uam_platform.temporal.keys import workspace_key
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


def test_a_visitor_becomes_the_person_who_signs_in_also_for_the_days_before() -> None:
    tables = resolved([Seen(0, device="d"), Seen(3, "ann", "d", kind="identify"), Seen(5, device="d")])
    assert [person(tables, device("d"), event) for event in (0, 3, 5)] == [ANN] * 3


def test_a_snapshot_taken_before_the_sign_in_keeps_seeing_a_stranger() -> None:
    tables = resolved([Seen(0, device="d"), Seen(3, "ann", "d", kind="identify")])
    assert person(tables, device("d"), 0, known=2) is None
    assert person(tables, device("d"), 0, known=3) == ANN


def test_a_device_that_nobody_signed_in_on_has_no_person() -> None:
    tables = resolved([Seen(0, device="d")])
    assert tables.people.num_rows == 0


def test_several_devices_of_one_user_are_one_person() -> None:
    tables = resolved([Seen(0, "ann", "d1"), Seen(1, "ann", "d2"), Seen(4, device="d2")])
    assert {person(tables, device(d), 4) for d in ("d1", "d2")} == {ANN}


def test_a_shared_device_belongs_to_whoever_was_alone_on_it_that_day() -> None:
    shared = [Seen(0, "ann", "d"), Seen(2, "bob", "d"), Seen(4, "ann", "d"), Seen(4, "bob", "d"), Seen(6, device="d")]
    tables = resolved(shared)
    assert [person(tables, device("d"), event) for event in (0, 1, 2, 4, 6)] == [ANN, None, BOB, None, None]


def test_two_users_of_one_device_stay_two_people() -> None:
    tables = resolved([Seen(0, "ann", "d", kind="identify"), Seen(1, "bob", "d", kind="identify")])
    assert person(tables, ANN, 1) == ANN
    assert person(tables, BOB, 1) == BOB


def test_a_device_found_to_be_shared_later_keeps_its_recorded_past() -> None:
    tables = resolved([Seen(0, "ann", "d"), Seen(1, device="d"), Seen(5, "bob", "d")])
    assert person(tables, device("d"), 1, known=4) == ANN
    assert person(tables, device("d"), 1, known=5) is None
    assert person(tables, device("d"), 0, known=5) == ANN


def test_a_company_may_leave_shared_devices_anonymous() -> None:
    strict = RULES.model_copy(update={"shared_devices": SharedDevices.ANONYMOUS})
    tables = resolved([Seen(0, "ann", "d"), Seen(2, "bob", "d")], policy=strict)
    assert person(tables, device("d"), 0) is None


def test_a_company_may_accept_only_identify_and_alias_calls() -> None:
    strict = RULES.model_copy(update={"device_evidence": (DeviceEvidence.IDENTIFY,)})
    seen = [
        Seen(0, "ann", "d1"),
        Seen(0, "ann", "d2", kind="identify"),
        Seen(1, "ann", kind="alias", previous_device="d3"),
    ]
    tables = resolved(seen, policy=strict)
    assert [person(tables, device(d), 1) for d in ("d1", "d2", "d3")] == [None, ANN, ANN]


def test_an_alias_joins_the_previous_user_id_and_its_devices() -> None:
    tables = resolved([Seen(0, "old", "d"), Seen(4, "ann", kind="alias", previous_user="old"), Seen(5, "ann")])
    assert person(tables, ANN, 5) == person(tables, device("d"), 5) == user("old")
    assert person(tables, ANN, 4, known=3) is None
    log = [r for r in tables.merge_log.to_pylist() if r["identifier_kind"] == "user"]
    assert [(r["identifier_key"], r["linked_actor_key"], r["evidence"]) for r in log] == [(user("old"), ANN, "alias")]


def test_the_person_key_stays_when_others_join() -> None:
    seen = [Seen(0, "old"), Seen(1, "ann"), Seen(2, "ann", kind="alias", previous_user="old")]
    more = [*seen, Seen(3, "new", kind="alias", previous_user="ann"), Seen(4, "new", "d")]
    assert person(resolved(seen), ANN, 9) == person(resolved(more), device("d"), 9) == user("old")


def test_aliases_of_user_ids_can_be_switched_off() -> None:
    rules = RULES.model_copy(update={"aliased_users_are_one_person": False})
    tables = resolved([Seen(0, "old"), Seen(4, "ann", kind="alias", previous_user="old")], policy=rules)
    assert person(tables, ANN, 5) == ANN


def test_a_changed_address_leaves_the_person_as_it_was() -> None:
    tables = resolved([Seen(0, "ann", email="a@x", kind="identify"), Seen(5, "ann", email="b@x", kind="identify")])
    assert {person(tables, mail(address), 7) for address in ("a@x", "b@x")} == {ANN}
    assert person(tables, mail("b@x"), 5, known=4) is None


def _with_one_address(*workspaces: str) -> list[Seen]:
    visits = [Seen(0, name, workspace=w) for name, w in zip(("ann", "bob", "cat"), workspaces, strict=False)]
    return visits + [Seen(1, v.user, email="a@x", kind="identify") for v in visits]


def test_one_address_on_two_user_ids_of_an_account_is_one_person() -> None:
    tables = resolved(_with_one_address("w", "w"))
    assert person(tables, ANN, 2) == person(tables, BOB, 2) == person(tables, mail("a@x"), 2)


def test_one_address_on_user_ids_of_two_accounts_joins_nobody() -> None:
    tables = resolved(_with_one_address("w", "v"))
    assert person(tables, ANN, 2) == ANN
    assert person(tables, BOB, 2) == BOB


def test_a_mailbox_that_many_share_joins_nobody_once_that_is_known() -> None:
    tables = resolved([*_with_one_address("w", "w"), Seen(3, "cat", email="a@x", workspace="w", kind="identify")])
    assert person(tables, ANN, 2, known=2) == person(tables, BOB, 2, known=2)
    assert {person(tables, u, 2) for u in (ANN, BOB)} == {ANN, BOB}


def test_a_role_changes_from_the_day_it_was_stated() -> None:
    said = [Seen(1, "ann", workspace="w", role="viewer"), Seen(6, "ann", workspace="w", role="admin")]
    tables = resolved([Seen(0, "ann", workspace="w"), *said])
    assert [[r["role"] for r in rows_at(tables.memberships, event)] for event in (0, 5, 6)] == [
        ["viewer"],
        ["viewer"],
        ["admin"],
    ]
    assert [r["role"] for r in rows_at(tables.memberships, 6, known=5)] == ["viewer"]


def test_a_contractor_keeps_two_memberships() -> None:
    claims = [
        Seen(0, "ann", workspace=w, account=a, kind="group", role="member") for w, a in (("w", "a1"), ("v", "a2"))
    ]
    assert {r["account_id"] for r in rows_at(resolved(claims).memberships, 3)} == {"a1", "a2"}


def test_two_workspaces_of_one_account_are_one_membership() -> None:
    claims = [
        Seen(n, "ann", workspace=w, account="a1", kind="group", role=r)
        for n, w, r in ((0, "w", "member"), (4, "v", "admin"))
    ]
    tables = resolved(claims)
    assert [[r["role"] for r in rows_at(tables.memberships, event)] for event in (0, 4)] == [["member"], ["admin"]]


def test_an_aliased_user_keeps_one_membership() -> None:
    seen = [
        Seen(0, "old", workspace="w"),
        Seen(2, "ann", workspace="w"),
        Seen(3, "ann", kind="alias", previous_user="old"),
    ]
    assert [r["person_key"] for r in rows_at(resolved(seen).memberships, 4)] == [user("old")]
    assert len(rows_at(resolved(seen).memberships, 2, known=2)) == 2


def test_a_workspace_without_a_claim_is_its_own_account_until_a_claim_is_known() -> None:
    tables = resolved([Seen(0, "ann", workspace="w"), Seen(4, "ann", workspace="w", account="a1", kind="group")])
    assert [r["account_id"] for r in rows_at(tables.hierarchy, 0, known=3)] == ["w"]
    assert [r["account_id"] for r in rows_at(tables.hierarchy, 0, known=4)] == ["a1"]


def test_merged_accounts_split_the_validity_of_their_workspace() -> None:
    claims = [
        Seen(n, "ann", workspace="w", account=a, kind="group") for n, a in ((0, "a1"), (2, "a1"), (5, "a2"), (7, "a2"))
    ]
    tables = resolved(claims)
    assert [[r["account_id"] for r in rows_at(tables.hierarchy, event)] for event in (0, 4, 5, 9)] == [
        ["a1"],
        ["a1"],
        ["a2"],
        ["a2"],
    ]
    assert [[r["account_id"] for r in rows_at(tables.memberships, event)] for event in (4, 5)] == [["a1"], ["a2"]]
    assert tables.hierarchy.num_rows == 3


def test_a_parent_holds_from_the_day_the_crm_shows_it() -> None:
    tables = resolved(
        [Seen(0, "ann", workspace="w", account="a1", kind="group")],
        companies=accounts(("a1", None, 0), ("a1", "top", 4)),
    )
    found = [[r["parent_account_id"] for r in rows_at(tables.hierarchy, event)] for event in (3, 4)]
    assert found == [[None], ["top"]]
    assert {r["workspace_key"] for r in tables.hierarchy.to_pylist()} == {workspace_key("product", "w")}


def test_a_contact_belongs_to_its_account_until_the_product_shows_the_person() -> None:
    contact = directory({"email": "a@x", "account": "a1", "role": "admin", "day": 0})
    seen = [Seen(4, "ann", email="a@x", kind="identify"), Seen(5, "ann", workspace="v", account="a2", kind="group")]
    tables = resolved(seen, contact)
    early, late = rows_at(tables.memberships, 3, known=3), rows_at(tables.memberships, 6)
    assert [(r["person_key"], r["account_id"], r["evidence"]) for r in early] == [(mail("a@x"), "a1", "directory")]
    assert [(r["person_key"], r["account_id"], r["evidence"]) for r in late] == [(ANN, "a2", "membership")]
    assert person(tables, mail("a@x"), 3, known=3) == mail("a@x")
    assert person(tables, mail("a@x"), 3) == ANN


def test_a_support_user_ties_an_address_to_a_product_user() -> None:
    tables = resolved([Seen(0, "ann")], directory({"email": "a@x", "user": "ann", "day": 1}))
    assert person(tables, mail("a@x"), 2) == ANN


def test_nothing_seen_gives_empty_tables() -> None:
    tables = resolved([])
    assert [t.num_rows for t in (tables.people, tables.memberships, tables.hierarchy, tables.merge_log)] == [0, 0, 0, 0]
