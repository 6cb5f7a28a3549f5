"""Segment's lines: splitting bytes, reading the shape, and lines that are no record."""

import io
import json

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.connectors.json_lines import line_batches, split
from uam_platform.connectors.segment_lines import decode
from uam_platform.contracts.landing import DELIVERY_COLUMNS


def decoded(*lines: str | dict, first_row: int = 0) -> list[dict]:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    with duckdb.connect() as connection:
        return decode(connection, pa.array(texts, pa.large_string()), first_row).to_pylist()


TRACK = {
    "type": "track", "event": "Report Generated", "userId": "u1", "anonymousId": "a1", "messageId": "m1", "channel": "client",
    "properties": {"feature": "pivot", "duration_ms": 1234, "quantity": 3, "workflow_id": "w1", "workspace_id": "ws2"},
    "context": {"groupId": "ws1", "device": {"type": "desktop"}, "library": {"name": "analytics.js", "version": "2.1.0"}},
    "originalTimestamp": "2025-01-06T10:00:00.000+02:00", "sentAt": "2025-01-06T08:00:01.000Z",
    "receivedAt": "2025-01-06T08:00:02.000Z", "timestamp": "2025-01-06T08:00:01.000Z", "version": 2,
}  # fmt: skip


def test_a_track_call_fills_the_envelope():
    (row,) = decoded(TRACK, first_row=7)
    assert set(row) == {name for name, _ in DELIVERY_COLUMNS} | {"row_no"}
    filled = {name: value for name, value in row.items() if value is not None}
    assert filled == {
        "message_id": "m1", "kind": "track", "event_name": "Report Generated", "user_id": "u1", "anonymous_id": "a1",
        "workspace_id": "ws1", "side": "client", "occurred_text": "2025-01-06T08:00:01.000Z",
        "original_text": "2025-01-06T10:00:00.000+02:00", "sent_text": "2025-01-06T08:00:01.000Z",
        "received_text": "2025-01-06T08:00:02.000Z", "feature": "pivot", "workflow_id": "w1", "device_type": "desktop",
        "app_version": "2.1.0", "duration_ms": "1234", "quantity": "3", "row_no": 7,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36", "chrome"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", "edge"),
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15", "safari"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "firefox"),
        ("okhttp/4.9", "other"),
        (None, None),
    ],
)
def test_the_browser_is_read_off_the_user_agent_and_the_app_s_version_comes_before_the_library_s(agent, browser):
    context = {"userAgent": agent, "app": {"version": "7.2"}, "library": {"name": "analytics.js", "version": "2.1.0"}}
    (row,) = decoded(TRACK | {"context": context})
    assert (row["browser"], row["app_version"]) == (browser, "7.2")


def test_the_other_calls_fill_what_is_theirs():
    identify = {"type": "identify", "userId": "u1", "traits": {"email": "a@b.example", "role": "admin"}}
    group = {"type": "group", "userId": "u1", "groupId": "ws9", "traits": {"account_id": "acc_1", "role": "member"}}
    alias = {"type": "alias", "userId": "new", "previousId": "old"}
    page = {"type": "page", "name": "Home", "anonymousId": "a1"}
    screen = {"type": "screen", "name": "Start", "anonymousId": "a1"}
    rows = decoded(identify, group, alias, page, screen)
    assert (rows[0]["email"], rows[0]["role"]) == ("a@b.example", "admin")
    assert (rows[1]["workspace_id"], rows[1]["account_id"], rows[1]["role"]) == ("ws9", "acc_1", "member")
    assert (rows[2]["user_id"], rows[2]["previous_id"]) == ("new", "old")
    assert [(row["kind"], row["event_name"]) for row in rows[3:]] == [("page", "Home"), ("page", "Start")]


@pytest.mark.parametrize(
    ("line", "side"),
    [
        ({"channel": "server", "context": {"library": {"name": "analytics.js"}}}, "server"),
        ({"context": {"library": {"name": "analytics-swift"}}}, "client"),
        ({"context": {"library": {"name": "analytics-python"}}}, "server"),
        ({}, None),
    ],
    ids=["named channel", "client library", "server library", "nothing said"],
)
def test_the_side_is_the_channel_or_else_told_by_the_library(line, side):
    assert decoded({"type": "track", **line})[0]["side"] == side


def test_a_number_as_user_id_is_landed_as_text_and_is_no_parse_error():
    (row,) = decoded({**TRACK, "userId": 12345678901234567})
    assert row["user_id"] == "12345678901234567"
    assert row["parse_error"] is None
    assert row["raw_line"] is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"type":"track","event":"Rep', "truncated"),
        ("upstream connect error or disconnect before headers", "not_json"),
        ("[1, 2]", "not_json"),
        ('"text"', "not_json"),
        ("null", "not_json"),
        ("\x00\x01", "not_json"),
    ],
)
def test_a_line_that_is_no_object_is_landed_with_its_reason_and_text(line, reason):
    good, bad, after = decoded(TRACK, line, TRACK)
    assert (bad["parse_error"], bad["raw_line"]) == (reason, line)
    assert bad["message_id"] is None
    assert (good["row_no"], bad["row_no"], after["row_no"]) == (0, 1, 2)
    assert good["message_id"] == after["message_id"] == "m1"


@pytest.mark.parametrize(
    "spoilt", [{"context": "none"}, {"properties": [1]}, {"traits": 5}, {"timestamp": {"a": 1}}, {"type": None}]
)
def test_a_value_of_an_unexpected_kind_spoils_only_itself(spoilt):
    (row,) = decoded({**TRACK, **spoilt})
    assert row["message_id"] == "m1"
    assert row["parse_error"] is None


def test_windows_line_ends_and_empty_lines_are_no_content():
    assert split(b"a\r\n\r\n\nb\nc").to_pylist() == ["a", "b", "c"]


def test_bytes_that_are_no_text_cost_one_character_and_not_the_line():
    assert split(b'{"a": "\xff"}\n{"b": 1}\n').to_pylist() == ['{"a": "�"}', '{"b": 1}']


LINE = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=("Cs",)), max_size=12)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(lines=st.lists(LINE, max_size=20), block=st.integers(1, 64), ends=st.booleans())
def test_lines_are_the_same_however_the_bytes_are_cut(lines, block, ends):
    data = "\n".join(lines).encode() + (b"\n" if ends else b"")
    batches = list(line_batches(io.BytesIO(data), block))
    assert [line for batch in batches for line in batch.to_pylist()] == [line for line in lines if line]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "userId", "context", "traits", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(JSON, min_size=1, max_size=8))
def test_no_json_stops_a_load_and_exactly_the_objects_are_records(values):
    rows = decoded(*[json.dumps(value) for value in values])
    assert [row["parse_error"] is None for row in rows] == [isinstance(value, dict) for value in values]
