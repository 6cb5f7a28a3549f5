"""Who is in which scenario class, and scores by hand on a handful of identifiers."""

import pandas as pd
import pytest

from uam_platform.evaluation.identity_classes import CLASSES, classes, homes
from uam_platform.evaluation.identity_scores import Clusters, class_rows, fragment_rows, score_rows
from uam_platform.evaluation.truth import Truth
from uam_platform_tests.evaluation.small_run import at, write_truth


def held(person: str, kind: str, identifier: str, since: str = "2025-01-10", until: str | None = None) -> dict:
    to = at(until) if until else None
    return {
        "person_id": person,
        "identifier_kind": kind,
        "identifier": identifier,
        "valid_from": at(since),
        "valid_to": to,
    }


def belongs(person: str, account: str, since: str = "2025-01-10", until: str | None = None) -> dict:
    to = at(until) if until else None
    return {"person_id": person, "account_id": account, "role": "member", "valid_from": at(since), "valid_to": to}


@pytest.fixture
def truth(tmp_path):
    """One person per class, named after it, and `plain`."""
    users = [
        held(p, "user_id", f"u-{p}")
        for p in ("plain", "two", "turned", "lent", "kiosk", "split", "moved", "trial", "staff")
    ]
    write_truth(tmp_path / "w", {
        "people": [
            *users,
            held("plain", "anonymous_id", "d0"),
            held("two", "anonymous_id", "d1"), held("two", "anonymous_id", "d2"),
            held("turned", "anonymous_id", "d3", until="2025-02-01"), held("turned", "anonymous_id", "d4", since="2025-02-01"),
            held("post", "user_id", "u-post"), held("post", "email", "a@x", until="2025-02-01"),
            held("post", "email", "b@x", since="2025-02-01"),
            held("again", "user_id", "u5", until="2025-02-01"), held("again", "user_id", "u6", since="2025-02-01"),
            held("early", "anonymous_id", "d7", since="2025-01-01"), held("early", "user_id", "u7"),
            held("nobody", "anonymous_id", "d8"), held("robot", "user_id", "u8"),
        ],
        "memberships": [
            belongs("plain", "a"), belongs("split", "a"), belongs("split", "b", since="2025-02-01"),
            belongs("moved", "a", until="2025-02-01"), belongs("moved", "b", since="2025-02-01"), belongs("trial", "t", since="2025-01-10"),
        ],
        "shared_devices": [{"anonymous_id": "d0", "person_id": p, "is_owner": False} for p in ("lent", "kiosk")],
        "person_kinds": [{"person_id": p, "kind": k} for p, k in (("kiosk", "kiosk_user"), ("staff", "employee"), ("robot", "bot"))],
        "account_events": [{"account_id": "t", "kind": "trial_started", "at": at("2025-01-09")}],
        "accounts": [{"account_id": "t", "started_at": at("2025-01-20")}],
    })  # fmt: skip
    return Truth(tmp_path / "w")


def test_every_person_is_in_the_class_of_its_situation(truth):
    expected = {
        "plain": {"plain"}, "several devices": {"two"}, "rotated device": {"turned"}, "shared device": {"lent"}, "kiosk": {"kiosk"},
        "contractor": {"split"}, "e-mail change": {"post"}, "moved between accounts": {"moved"}, "new login": {"again"},
        "anonymous before sign-up": {"early"}, "trial to paid": {"trial"}, "anonymous only": {"nobody"}, "employee": {"staff"},
        "bot": {"robot"},
    }  # fmt: skip
    assert classes(truth) == expected
    assert tuple(classes(truth)) == CLASSES


def test_an_older_world_has_no_kinds_of_people_and_its_classes_stay_empty(truth):
    for table in ("person_kinds", "account_events"):
        (truth.root / f"{table}.parquet").unlink()
    found = classes(truth)
    assert found["employee"] == found["trial to paid"] == set()
    assert found["shared device"] == {"lent", "kiosk"}


def test_a_person_is_counted_with_its_first_account(truth):
    assert homes(truth)["moved"] == "a"


@pytest.fixture
def own() -> pd.DataFrame:
    """p1 (three identifiers) is split in two, one of which swallows p2's only one; p3's two are together."""
    return pd.DataFrame({
        "person_id": ["p1", "p1", "p1", "p2", "p3", "p3"],
        "person_key": [1, 1, 2, 2, 3, 3],
        "account_id": ["a", "a", "a", "b", "c", "c"],
    })  # fmt: skip


def test_pairwise_and_b_cubed_by_hand(own):
    rows = {row.metric: row for row in score_rows(Clusters(own, 0))}
    assert rows["pairwise precision"].value == pytest.approx(2 / 3)  # of 3 pairs held together 2 are right
    assert rows["pairwise recall"].value == pytest.approx(2 / 4)  # of 3 + 1 true pairs 2 are held together
    assert rows["B-cubed precision"].value == pytest.approx((1 + 1 + 0.5 + 0.5 + 1 + 1) / 6)
    assert rows["B-cubed recall"].value == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1 + 1) / 6)
    assert rows["pairwise precision"].note == "1 of 3 pairs wrong"
    assert rows["pairwise recall"].low <= 0.5 <= rows["pairwise recall"].high


def test_a_class_is_scored_over_its_own_identifiers(own):
    rows = {row.metric: row for row in class_rows(Clusters(own, 0), {"x": {"p1"}, "y": {"p3"}, "z": set()}, {"y": 0.9})}
    assert rows["B-cubed F1, y"].value == 1
    both = {"pairwise precision": 1, "pairwise recall": 1, "people split": 0, "events": 0.9}
    assert rows["B-cubed F1, y"].yardsticks == {"precision": 1, "recall": 1, **both}
    assert rows["B-cubed F1, x"].yardsticks["pairwise recall"] == pytest.approx(1 / 3)
    assert rows["B-cubed F1, x"].yardsticks["people split"] == 1
    assert rows["B-cubed F1, x"].yardsticks["precision"] == pytest.approx(2.5 / 3)
    assert rows["B-cubed F1, z"].value is None


def test_perfection_keeps_an_interval_as_wide_as_the_accounts_allow():
    own = pd.DataFrame({"person_id": list("aabbcc"), "person_key": [1, 1, 2, 2, 3, 3], "account_id": list("xxyyzz")})
    row = next(iter(score_rows(Clusters(own, 0))))
    assert (row.value, row.high) == (1, 1)
    assert 0.2 < row.low < 0.4  # three accounts


def test_fragments_are_counted_per_true_person(own):
    rows = {row.metric: row for row in fragment_rows(own, 0)}
    assert rows["people made of one person"].value == pytest.approx(4 / 3)
    split = rows["people split over several"]
    assert split.value == pytest.approx(1 / 3)
    assert split.note == "1 of 3 people"
    assert (split.low, split.parts) == (0, {"hits": 1, "trials": 3})
    assert split.high > 1 / 3
