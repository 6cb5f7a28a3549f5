"""Deliveries are judged by their envelope, their times are repaired, and nothing is lost."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import DELIVERIES, QUARANTINE
from uam_platform.lake.engine import connect
from uam_platform.lake.validation import check_schema
from uam_platform.staging.split import split_load
from uam_platform.temporal import keys
from uam_platform_tests.judged import verdicts
from uam_platform_tests.staging.landed import POLICY, delivery, land, manifest_in

CONNECTION = connect()
at = datetime.fromisoformat


def rows_of(folder: Path, *rows: dict[str, Any], **load: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    manifest = manifest_in(folder)
    split = split_load(CONNECTION, land(manifest, list(rows), **load), manifest, POLICY)
    accepted, rejected = (t.order_by("row_no").to_pyarrow().to_pylist() for t in (split.deliveries, split.quarantine))
    assert split.rows_in == len(rows) == len(accepted) + len(rejected)
    assert split.event_dates == sorted({str(row["event_date"]) for row in accepted})
    return accepted, rejected


@pytest.mark.parametrize(
    ("fields", "occurred", "confidence"),
    [
        ({}, "2025-01-06 12:00:00.500", "exact"),
        # the device is two hours behind, in acting and in sending
        (
            {"original_text": "2025-01-06T10:00:00.000Z", "sent_text": "2025-01-06T10:00:00.400Z"},
            "2025-01-06 12:00:00.600",
            "skew_repaired",
        ),
        # the clock was set back between acting and sending
        ({"original_text": "2025-01-06T13:00:00.000Z"}, "2025-01-06 12:00:01", "clamped"),
        # kept on the device for three days
        (
            {"original_text": "2025-01-03T12:00:00.000Z", "sent_text": "2025-01-06T12:00:01.000Z"},
            "2025-01-03 12:00:00",
            "exact",
        ),
        ({"original_text": "2025-01-06T14:00:00.000+02:00"}, "2025-01-06 12:00:00.500", "exact"),
        ({"original_text": "2025-01-06T06:30:00.000-05:30"}, "2025-01-06 12:00:00.500", "exact"),
        ({"original_text": "2025-01-06T12:00:00.000+0000"}, "2025-01-06 12:00:00.500", "exact"),
        ({"original_text": None, "occurred_text": "2025-01-06 11:59:59.123456"}, "2025-01-06 11:59:59.123456", "exact"),
        ({"sent_text": None, "occurred_text": None}, "2025-01-06 12:00:00", "exact"),
        ({"original_text": None, "occurred_text": "2025-01-05"}, "2025-01-05 00:00:00", "day_only"),
        # 11:59 of the next day, within the bounds of a wrong clock: believed no later than receipt
        ({"original_text": None, "occurred_text": "2025-01-06T23:59:00-12:00"}, "2025-01-06 12:00:01", "clamped"),
    ],
)  # fmt: skip
def test_event_time_is_repaired_from_sent_and_received(
    tmp_path: Path, fields: dict[str, Any], occurred: str, confidence: str
) -> None:
    accepted, _ = rows_of(tmp_path, delivery(**fields))
    (row,) = accepted
    assert row["occurred_at"] == at(occurred)
    assert row["time_confidence"] == confidence
    assert row["occurred_us"] == (at(occurred) - at("1970-01-01")).total_seconds() * 1e6
    assert row["event_date"] == row["occurred_at"].date()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"parse_error": "not_json", "raw_line": "upstream error"}, "not_json"),
        ({"parse_error": "truncated", "raw_line": '{"a":'}, "truncated"),
        ({"kind": "delete"}, "unknown_kind"),
        ({"kind": None}, "unknown_kind"),
        ({"event_name": None}, "missing_event_name"),
        ({"event_name": ""}, "missing_event_name"),
        ({"user_id": None}, "missing_actor"),
        ({"occurred_text": None, "original_text": None}, "missing_time"),
        ({"occurred_text": "not-a-date"}, "unreadable_time"),
        ({"occurred_text": "infinity"}, "unreadable_time"),
        ({"occurred_text": "2025-02-30T12:00:00Z"}, "impossible_time"),
        ({"original_text": "2099-12-31T12:00:00Z", "occurred_text": "2099-12-31T12:00:00Z"}, "impossible_time"),
        ({"original_text": None, "occurred_text": "1999-01-01T00:00:00Z"}, "impossible_time"),
        ({"occurred_text": "99999-01-01T00:00:00Z"}, "impossible_time"),
        ({"amount_usd_cents": "twelve"}, "wrong_type"),
        ({"duration_ms": "-4"}, "wrong_type"),
    ],
)  # fmt: skip
def test_every_unusable_delivery_is_set_aside_with_its_reason(
    tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    accepted, rejected = rows_of(tmp_path, delivery(**fields))
    assert accepted == []
    (row,) = rejected
    assert row["reason"] == reason
    assert row["raw_line"] == fields.get("raw_line")
    assert "twelve" not in (row["detail"] or "")


def test_events_before_the_first_partition_are_set_aside_because_no_table_could_hold_them(tmp_path: Path) -> None:
    manifest = manifest_in(tmp_path)
    load = land(manifest, [delivery(), delivery(original_text=None, occurred_text="2025-01-05T23:59:59Z")])
    split = split_load(CONNECTION, load, manifest, POLICY.model_copy(update={"first_day": date(2025, 1, 6)}))
    assert split.event_dates == ["2025-01-06"]
    assert split.quarantine.to_pyarrow().column("reason").to_pylist() == ["before_first_day"]


def test_a_numeric_user_id_and_calls_without_event_name_are_accepted(tmp_path: Path) -> None:
    kinds = [delivery(kind=k, event_name=None, previous_id="a9") for k in ("page", "identify", "group", "alias")]
    accepted, _ = rows_of(tmp_path, delivery(user_id="12345"), *kinds)
    assert [row["event_name_source"] for row in accepted] == ["report_generated", "page", "identify", "group", "alias"]
    assert accepted[0]["actor_key"] == keys.user_key("product", "12345")


def test_the_same_message_through_two_loads_is_the_same_event_and_row_order_does_not_matter(tmp_path: Path) -> None:
    (first,), _ = rows_of(tmp_path / "a", delivery(message_id="m1"))
    (again,), _ = rows_of(
        tmp_path / "b",
        delivery(message_id="m1", received_text="2025-01-07T09:00:00Z", sent_text="2025-01-07T08:59:59.5Z"),
    )
    assert (first["event_hi"], first["event_lo"]) == (again["event_hi"], again["event_lo"])
    assert first["event_lo"] == keys.key63("segment|m1")
    assert first["event_hi"] == keys.key63_upper("segment|m1")
    assert first["key_basis"] == "vendor_id"


def test_without_a_vendor_id_the_content_is_the_key(tmp_path: Path) -> None:
    other = ({"quantity": "2"}, {"amount_usd_cents": "-350"}, {"workspace_id": "w1"}, {"feature": "pivot"})
    accepted, _ = rows_of(tmp_path, delivery(), delivery(), *(delivery(**fields) for fields in other))
    ids = [(row["event_hi"], row["event_lo"]) for row in accepted]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 1 + len(other)
    assert {row["key_basis"] for row in accepted} == {"content"}


def test_identifiers_become_keys(tmp_path: Path) -> None:
    rows = (
        delivery(anonymous_id="a1", workspace_id="w1", email=" Ann@Example.com"),
        delivery(user_id=None, anonymous_id="a1"),
        delivery(kind="identify", anonymous_id="a1"),
        delivery(kind="alias", previous_id="a2"),
    )
    accepted, _ = rows_of(tmp_path, *rows)
    user, device = keys.user_key("product", "u1"), keys.anonymous_key("product", "a1")
    assert [r["actor_key"] for r in accepted] == [user, device, user, user]
    assert [r["actor_kind"] for r in accepted] == ["user", "anonymous", "user", "user"]
    assert [r["device_key"] for r in accepted] == [device, device, device, 0]
    assert [r["linked_actor_key"] for r in accepted] == [None, None, device, keys.anonymous_key("product", "a2")]
    assert [r["linked_user_key"] for r in accepted] == [None, None, None, keys.user_key("product", "a2")]
    assert [r["email_domain_key"] for r in accepted] == [keys.email_domain_key("example.com"), None, None, None]
    assert [r["email_stem_key"] for r in accepted] == [keys.stem_key("ann"), None, None, None]
    assert [r["actor_stem_key"] for r in accepted] == [keys.stem_key("u"), None, keys.stem_key("u"), keys.stem_key("u")]
    assert accepted[0]["workspace_key"] == keys.workspace_key("product", "w1")
    assert accepted[0]["email_key"] == keys.email_key("ann@example.com")
    assert accepted[1]["email_key"] == 0


def test_knowledge_time_follows_the_basis_of_the_source(tmp_path: Path) -> None:
    now = at("2025-01-07 03:00")
    (received,), _ = rows_of(tmp_path / "received", delivery(), now=now)
    assert received["known_at"] == at("2025-01-06 12:00:01")
    assert received["known_date"] == date(2025, 1, 6)
    bare = {"original_text": None, "sent_text": None, "received_text": None}
    old = delivery(**bare, occurred_text="2010-12-01 08:26:00")
    fresh = delivery(**bare, occurred_text="2025-01-06 23:00:00")
    (backfill, seen), _ = rows_of(tmp_path / "observed", old, fresh, source="files", now=now, state={"lag_hours": 12})
    assert backfill["known_at"] == at("2010-12-01 20:26")
    assert backfill["is_known_at_imputed"]
    assert (seen["known_at"], seen["known_date"]) == (now, date(2025, 1, 6))  # 03:00 minus six hours of grace
    assert not seen["is_known_at_imputed"]
    own = {"basis": "server_authored", "id_space": "shop"}
    (authored,), _ = rows_of(tmp_path / "authored", fresh, source="files", now=now, state=own)
    assert authored["known_at"] == authored["occurred_at"]
    assert authored["actor_key"] == keys.user_key("shop", "u1")


def test_known_date_is_never_before_the_event_day(tmp_path: Path) -> None:
    early = dict.fromkeys(("occurred_text", "original_text", "sent_text", "received_text"), "2025-01-06T02:00:00Z")
    (row,), _ = rows_of(tmp_path, delivery(**early))
    assert row["known_date"] == row["event_date"] == date(2025, 1, 6)


def test_a_load_without_deliveries_gives_empty_tables(tmp_path: Path) -> None:
    accepted, rejected = rows_of(tmp_path)
    assert (accepted, rejected) == ([], [])


def test_a_load_landed_before_the_envelope_grew_is_read_with_nothing_in_the_new_columns(tmp_path: Path) -> None:
    manifest = manifest_in(tmp_path)
    load = land(manifest, [delivery(browser="Firefox"), delivery(user_id=None)])
    (path,) = manifest.paths(load, "deliveries")
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["browser", "app_version"]), path)
    split = split_load(CONNECTION, load, manifest, POLICY)
    (accepted,) = split.deliveries.to_pyarrow().to_pylist()
    assert (accepted["event_name_source"], accepted["browser"]) == ("report_generated", None)
    assert split.quarantine.to_pyarrow().column("reason").to_pylist() == ["missing_actor"]


_values = st.sampled_from(
    [None, "", "u1", "12", "-3", "track", "page", "2025-01-06T12:00:00Z", "2025-13-01", "1e400", "\x1f", "'"]
)


@settings(derandomize=True, max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from([*delivery(), "message_id", "duration_ms", "email"]), _values), max_size=20
    )
)
def test_whatever_arrives_is_accepted_by_contract_or_quarantined(
    tmp_path_factory: Any, rows: list[dict[str, Any]]
) -> None:
    manifest = manifest_in(tmp_path_factory.mktemp("any"))
    split = split_load(CONNECTION, land(manifest, [delivery(**row) for row in rows]), manifest, POLICY)
    assert split.deliveries.count().execute() + split.quarantine.count().execute() == len(rows)
    for table, contract in ((split.deliveries, DELIVERIES), (split.quarantine, QUARANTINE)):
        check_schema(table, contract)
        assert all(verdict.is_valid for verdict in verdicts(table, contract).values())
