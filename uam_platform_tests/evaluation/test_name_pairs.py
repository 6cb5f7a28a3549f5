"""Addresses and names of records against a curated list: resolution, halves, and which merges are wrong."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from uam_platform.evaluation.name_pairs import Judged, judge, read_records
from uam_platform.policy.identity import Identifier, IdentityPolicy, Limit
from uam_platform.policy.load import load_section

SHIPPED = load_section(IdentityPolicy, "identity")
LIMIT = Limit(most=3, reason="as this test needs it")
RULES = SHIPPED.model_copy(
    update={
        "same_email_in_account_within_days": 100,
        "same_email_elsewhere_within_days": 10,
        "identifiers": {
            **SHIPPED.identifiers,
            Identifier.EMAIL: SHIPPED.identifiers[Identifier.EMAIL].model_copy(update={"most_users": LIMIT}),
        },
    }
)
# address, name, organisation, day, who it is
RECORDS = [
    ("ann@a", "Ann", "a", 0, "ann"), ("ann@a", "A. Lee", "a", 90, "ann"),  # one address, one organisation, less than 100 days
    ("ann@b", "A. Lee", "b", 95, "ann"),  # another organisation, 5 days later
    ("kim@a", "Kim", "a", 0, "kim"), ("kim@c", "Kim", "c", 50, "other kim"),  # two organisations, 50 days of silence
    ("tom@a", "Tom", "a", 0, "tom"), ("tom@a", "Tomas", "a", 300, "tom"),  # 300 days of silence: given up
    *((f"team{n}@a", "Team", "a", n, f"member {n}") for n in range(4)),  # a name on four addresses
    ("sam@a", "Sam", "a", 0, "sam"), ("sam@b", "Sam", "b", 3, "other sam"),  # wrongly joined
]  # fmt: skip


@pytest.fixture(scope="module")
def judged() -> Judged:
    rows = pd.DataFrame(RECORDS, columns=["email_key", "name_key", "organisation", "number", "true_person"])
    days = [date(2025, 1, 6) + timedelta(days=n) for n in rows["number"]]
    return judge(rows.assign(day=days, known=days), rows[["email_key", "name_key", "true_person"]], RULES)


def people(judged: Judged) -> set[frozenset[str]]:
    texts = judged.pairs["email_key"] + " " + judged.pairs["name_key"]
    return {frozenset(own) for _, own in texts.groupby(judged.pairs["person"])}


def test_place_time_and_sharing_decide_who_is_joined(judged: Judged) -> None:
    found = people(judged)
    assert frozenset({"ann@a Ann", "ann@a A. Lee", "ann@b A. Lee"}) in found
    assert {frozenset({"kim@a Kim"}), frozenset({"kim@c Kim"})} <= found
    assert {frozenset({"tom@a Tom"}), frozenset({"tom@a Tomas"})} <= found
    assert {frozenset({f"team{n}@a Team"}) for n in range(4)} <= found


def test_scores_count_the_pair_that_is_wrong_and_the_one_that_is_missed(judged: Judged) -> None:
    assert judged.whole.pairwise["precision"][0] == pytest.approx(3 / 4)  # Ann's three pairs and Sam's wrong one
    assert judged.whole.pairwise["recall"][0] == pytest.approx(3 / 4)  # Tom's is missed
    assert judged.wrong()["true_person"].tolist() == ["other sam", "sam"]


def test_halves_share_no_address_no_name_and_no_person(judged: Judged) -> None:
    chosen = judged.pairs[judged.pairs["is_chosen"]]
    rest = judged.pairs[~judged.pairs["is_chosen"]]
    assert len(chosen) == judged.chosen.pairs
    assert len(rest) == judged.reported.pairs
    for column in ("email_key", "name_key", "true_person"):
        assert not set(chosen[column]) & set(rest[column])
    assert min(len(chosen), len(rest)) > 0


def test_a_file_without_a_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("email_key,name_key\na,b\n")
    with pytest.raises(
        ValueError, match=r"events\.csv: no column organisation, author_ts, commit_ts; it has email_key"
    ):
        read_records(path, path)
