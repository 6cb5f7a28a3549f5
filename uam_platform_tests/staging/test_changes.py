"""Releases, flag exposures and announcements: what was changed or announced, for whom, and since when it could be known."""

from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from uam_platform.contracts import tables
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.lake.engine import connect
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.staging.reconcile import imbalance
from uam_platform.staging.records import RecordTables, canonical_records
from uam_platform_tests.judged import verdicts
from uam_platform_tests.staging.test_records import Landed, load_of

CONNECTION = connect()
RULEBOOK = load_rulebook()
at = datetime.fromisoformat


def found(*landed: Landed) -> RecordTables:
    """Canonical tables, held to their contracts and to the books."""
    made = canonical_records(landed, RULEBOOK.time, RULEBOOK.changes)
    for contract in (tables.RELEASES, tables.FLAG_EXPOSURES, tables.ANNOUNCEMENTS):
        frame: pd.DataFrame = getattr(made, contract.name)
        if len(frame):
            table = pa.Table.from_pandas(frame, schema=arrow_schema(contract), preserve_index=False)
            checked = verdicts(CONNECTION.create_table(f"c_{contract.name}", table, overwrite=True), contract)
            assert all(v.is_valid for v in checked.values()), checked
    assert imbalance(made.counts) == []
    return made


def of(*records: tuple[str, str, dict[str, Any]], number: int = 0, loaded_at: str = "2025-03-01T06:00:00") -> Landed:
    return load_of("releases", list(records), number, loaded_at)


def hub(**fields: Any) -> tuple[str, str, dict[str, Any]]:
    sound = {"id": 7, "tag_name": "v1.2.0", "name": "Fix for the search", "body": "Write to ann@b.example", "draft": False,
             "published_at": "2025-01-01T10:00:00+01:00", "_action": "published"}  # fmt: skip
    return "github_release", str({**sound, **fields}["id"]), {**sound, **fields}


def exposed(
    account: str | None = "acc_1", flag: str = "rollout_wave", **fields: Any
) -> tuple[str, str, dict[str, Any]]:
    said = {"flag_key": flag, "account_id": account, "exposed_at": "2025-01-02T10:00:00Z", **fields}
    return "flag_exposure", repr(sorted(said.items(), key=str)), said


def announced(**fields: Any) -> tuple[str, str, dict[str, Any]]:
    said = {
        "kind": "company shutdown",
        "account_id": "acc_1",
        "starts_on": "2025-12-24",
        "last_day": "2026-01-01",
        **fields,
    }
    return "announcement", repr(sorted(said.items(), key=str)), said


def test_a_release_has_its_version_kind_and_time_and_redacted_notes() -> None:
    (row,) = found(of(hub(_repository="acme/app"))).releases.to_dict("records")
    assert (row["release_version"], row["release_kind"], row["component"]) == ("v1.2.0", "fix", "app")
    assert row["released_at"] == row["known_at"] == at("2025-01-01T09:00:00")
    assert row["notes"] == "Write to [email]"


@pytest.mark.parametrize("fields", [{"draft": True}, {"_action": "deleted"}, {"_action": "unpublished"}])
def test_what_is_not_out_or_was_withdrawn_is_no_release(fields: dict[str, Any]) -> None:
    assert found(of(hub(), hub(updated_at="2025-01-05T00:00:00Z", **fields))).releases.empty


def test_a_release_without_a_date_is_set_aside() -> None:
    made = found(of(hub(published_at=None)))
    assert made.quarantine["reason"].tolist() == ["missing_time"]


def test_a_rollout_and_an_automation_are_announced_from_their_first_day_on() -> None:
    later = "2025-01-09T10:00:00Z"
    made = found(
        of(
            exposed(workspace_id="w1", exposed_at=later), exposed(workspace_id="w2"), exposed("acc_2", "auto_pilot"),
            exposed("acc_3", "flag_search"), exposed("acc_4", variant="off"), exposed(None, workspace_id="w9"),
        )
    )  # fmt: skip
    told = made.announcements.set_index("account_id")
    assert told["announced_kind"].to_dict() == {"acc_1": "staged_rollout", "acc_2": "automated_work"}
    assert told.loc["acc_1", "starts_at"] == at("2025-01-02T10:00:00")
    assert len(made.flag_exposures) == 6


def test_a_flag_says_since_when_its_accounts_are_named_only_as_far_as_it_proves() -> None:
    conditions = {"groups": [{"properties": [{"key": "account_id", "value": ["acc_1", "acc_2"], "operator": "exact"}]}]}
    flag = {
        "key": "wave",
        "name": "Rollout of search",
        "active": True,
        "filters": conditions,
        "created_at": "2024-01-01T00:00:00Z",
    }
    rows = found(of(("posthog_flag", "wave", flag))).flag_exposures
    assert sorted(rows["account_id"]) == ["acc_1", "acc_2"]
    assert set(rows["exposed_at"]) == {at("2025-03-01T06:00:00")}, "the flag is old, its list of today is not"
    dated = found(of(("posthog_flag", "wave", {**flag, "updated_at": "2025-02-01T00:00:00Z"}))).flag_exposures
    assert set(dated["exposed_at"]) == {at("2025-02-01")}


@pytest.mark.parametrize(
    "group",
    [
        {"properties": [{"key": "account_id", "value": ["a"]}], "rollout_percentage": 50},
        {"properties": [{"key": "account_id", "value": ["a"]}, {"key": "plan", "value": "pro"}]},
        {"properties": [{"key": "account_id", "value": ["a"], "operator": "is_not"}]},
        {"properties": []},
    ],
)
def test_conditions_that_reach_only_some_name_nobody(group: dict[str, Any]) -> None:
    flag = {"key": "wave", "active": True, "filters": {"groups": [group]}}
    assert found(of(("posthog_flag", "wave", flag))).flag_exposures.empty


def test_an_answer_of_the_flag_system_names_user_and_account_by_key() -> None:
    call = {
        "flag_key": "wave",
        "variant": True,
        "user_id": "u_1",
        "groups": {"company": "acc_3"},
        "exposed_at": "2025-01-04T10:00:00Z",
    }
    (row,) = found(of(("flag_call", "e-1", call))).flag_exposures.to_dict("records")
    assert (row["account_id"], row["variant"]) == ("acc_3", "true")
    assert row["actor_key"] > 0
    assert "u_1" not in row.values()


def test_a_shutdown_ends_after_its_last_day_and_is_known_since_it_was_announced() -> None:
    (row,) = found(of(announced(announced_at="2025-11-01T12:00:00Z"))).announcements.to_dict("records")
    assert (row["announced_kind"], row["starts_at"], row["ends_at"]) == ("shutdown", at("2025-12-24"), at("2026-01-02"))
    assert (row["known_at"], row["known_date"]) == (at("2025-11-01T12:00:00"), date(2025, 12, 24))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"last_day": "2025-12-01"}, "impossible_time"),
        ({"starts_on": "soon"}, "unreadable_time"),
        ({"utc_offset_minutes": 9000}, "wrong_type"),
    ],
)
def test_an_announcement_that_cannot_be_is_set_aside(fields: dict[str, Any], reason: str) -> None:
    made = found(of(announced(**fields)))
    assert made.announcements.empty
    assert made.quarantine["reason"].tolist() == [reason]


def test_a_file_that_could_not_be_read_stands_in_quarantine_with_its_reason() -> None:
    made = found(
        of(("unreadable_file", "x", {"file": "a.csv.gz", "reason": "cut_file"}), ("unrecognised", "y", {"a": 1}))
    )
    assert made.quarantine[["reason", "detail"]].values.tolist() == [
        ["cut_file", "file a.csv.gz"],
        ["unknown_kind", "no module reads this kind of record"],
    ]


POOL = [exposed(), exposed("acc_2"), hub(), hub(id=8, tag_name="v2"), announced(), announced(account_id="acc_9")]


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.permutations(POOL), st.integers(0, 6))
def test_the_tables_do_not_depend_on_how_records_are_cut_into_loads(order: list[Any], cut: int) -> None:
    cuts = [of(*order[:cut]), of(*order[cut:], *order[: cut // 2], number=1)]
    whole, parts = (canonical_records(landed, RULEBOOK.time, RULEBOOK.changes) for landed in ([of(*order)], cuts))
    for name in ("releases", "flag_exposures", "announcements"):
        kept = [c for c in getattr(whole, name).columns if c not in ("load_id", "row_no")]
        pd.testing.assert_frame_equal(getattr(whole, name)[kept], getattr(parts, name)[kept])
