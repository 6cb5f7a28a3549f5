"""Edges that a person takes back: what becomes of the person, of the recorded past, and of what others say of the pair."""

from uam_platform_tests.identity.product import (
    Retracted,
    Seen,
    device,
    directory,
    mail,
    person,
    resolved,
    retractions,
    rows_at,
    user,
)

ANN, BOB = user("ann"), user("bob")


def test_a_device_is_its_other_users_again_from_the_day_its_wrong_tie_is_taken_back() -> None:
    seen = [Seen(0, "ann", "d"), Seen(1, "bob", "d"), Seen(2, device="d")]
    tables = resolved(seen, retracted=retractions(Retracted("anonymous", device("d"), BOB, 5)))
    assert [person(tables, device("d"), 2, known=known) for known in (4, 5)] == [None, ANN]
    log = {(r["linked_actor_key"], str(r["known_to_date"])) for r in tables.merge_log.to_pylist()}
    assert log == {(ANN, "9999-12-31"), (BOB, "2025-01-11")}


def test_user_ids_joined_by_an_alias_part_and_meet_again_when_the_retraction_is_withdrawn() -> None:
    seen = [Seen(0, "old", "d"), Seen(1, "ann"), Seen(2, "ann", kind="alias", previous_user="old"), Seen(2, "ann", "e")]
    said = [Retracted.pair("old", "ann", 4), Retracted(*_pair("old", "ann"), 6, is_restored=True)]
    tables = resolved(seen, retracted=retractions(*said))
    assert [person(tables, ANN, 2, known=known) for known in (3, 4, 5, 6)] == [user("old"), ANN, ANN, user("old")]
    assert [person(tables, device("e"), 2, known=known) for known in (3, 4, 6)] == [user("old"), ANN, user("old")]
    assert person(tables, device("d"), 0, known=4) == user("old")


def test_a_pair_that_one_address_joins_can_be_taken_apart_and_keeps_its_address_on_days_of_its_own() -> None:
    seen = [Seen(0, name, workspace="w") for name in ("ann", "bob")]
    seen += [Seen(1, "ann", email="a@x", kind="identify"), Seen(2, "bob", email="a@x", kind="identify")]
    tables = resolved(seen, retracted=retractions(Retracted.pair("ann", "bob", 4)))
    assert person(tables, BOB, 2, known=3) == person(tables, ANN, 2, known=3)
    assert person(tables, BOB, 2, known=4) == BOB
    assert [person(tables, mail("a@x"), event) for event in (1, 2, 3)] == [ANN, BOB, None]


def test_a_record_whose_tie_is_taken_back_keeps_its_user_in_its_account_and_its_address_as_a_stranger() -> None:
    record = directory({"email": "a@x", "user": "ann", "account": "a1", "role": "admin", "day": 0})
    tables = resolved([Seen(0, "ann")], record, retracted=retractions(Retracted("email", mail("a@x"), ANN, 3)))
    assert [person(tables, mail("a@x"), 1, known=known) for known in (2, 3)] == [ANN, mail("a@x")]
    assert [(r["person_key"], r["account_id"]) for r in rows_at(tables.memberships, 1)] == [(ANN, "a1")]


def _pair(left: str, right: str) -> tuple[str, int, int]:
    low, high = sorted((user(left), user(right)))
    return "user", low, high
