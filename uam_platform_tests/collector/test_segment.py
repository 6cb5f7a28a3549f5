"""Segment's tracking API: calls land with the key's side, batches whole, refusals in Segment's words, bytes that nobody can read."""

import base64
import gzip
import json
import zlib

import pytest

from uam_platform.collector.app import Limits
from uam_platform_tests.collector.receiving import (
    CLIENT_KEY,
    SERVER_KEY,
    SteppingClock,
    deliveries,
    receiving,
)


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def track(n: int, **other: object) -> dict[str, object]:
    fixed = {"type": "track", "event": "Report Exported", "userId": "u1", "timestamp": "2025-02-01T11:59:00Z"}
    return {**fixed, "messageId": f"m{n}", **other}


def test_a_batch_lands_whole_with_receipt_sending_time_and_the_side_of_the_key(tmp_path):
    with receiving(tmp_path / "j") as client:
        body = {
            "batch": [track(1), track(2, channel="server")],
            "sentAt": "2025-02-01T11:59:30Z",
            "writeKey": CLIENT_KEY,
        }
        answer = client.post("/v1/batch", json=body)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    one, two = deliveries(tmp_path / "j", tmp_path / "raw")
    assert one == {
        "message_id": "web/m1", "kind": "track", "event_name": "Report Exported", "user_id": "u1", "side": "client",
        "occurred_text": "2025-02-01T11:59:00Z", "original_text": "2025-02-01T11:59:00Z",
        "sent_text": "2025-02-01T11:59:30Z", "received_text": "2025-02-01T12:00:00.000000Z", "row_no": 0,
    }  # fmt: skip
    assert (two["message_id"], two["side"]) == ("web/m2", "client")


@pytest.mark.parametrize("call", ["identify", "track", "page", "screen", "group", "alias"])
def test_each_call_has_its_own_address_and_the_address_says_its_kind(tmp_path, call):
    body = {"userId": "u1", "event": "E", "type": "delete"}
    with receiving(tmp_path / "j") as client:
        assert client.post(f"/v1/{call}", json=body, headers=basic(SERVER_KEY)).status_code == 200
    (row,) = deliveries(tmp_path / "j", tmp_path / "raw")
    assert (row["kind"], row["side"]) == ("page" if call == "screen" else call, "server")


@pytest.mark.parametrize("packed", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_compressed_bodies_are_unpacked(tmp_path, packed):
    name = {gzip.compress: "gzip", zlib.compress: "deflate"}[packed]
    with receiving(tmp_path / "j") as client:
        body = packed(json.dumps({"batch": [track(1)]}).encode())
        headers = {**basic(SERVER_KEY), "Content-Encoding": name}
        assert client.post("/v1/batch", content=body, headers=headers).status_code == 200
    assert len(deliveries(tmp_path / "j", tmp_path / "raw")) == 1


def test_what_a_batch_says_for_all_goes_into_each_event_and_an_events_own_word_counts(tmp_path):
    own = track(2, context={"groupId": "ws2"})
    body = {"batch": [track(1), own], "context": {"groupId": "ws1", "device": {"type": "mobile"}}}
    with receiving(tmp_path / "j") as client:
        client.post("/v1/batch", json=body, headers=basic(CLIENT_KEY))
    found = deliveries(tmp_path / "j", tmp_path / "raw")
    assert [(r["workspace_id"], r["device_type"]) for r in found] == [("ws1", "mobile"), ("ws2", "mobile")]


def test_an_unknown_key_is_refused_and_nothing_lands(tmp_path):
    with receiving(tmp_path / "j") as client:
        answer = client.post("/v1/track", json={**track(1), "writeKey": "nobody"})
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthorized"
        assert "nobody" not in answer.text
        assert 'rejected_total{dialect="segment",reason="unauthorized"} 1' in client.get("/metrics").text
    assert deliveries(tmp_path / "j", tmp_path / "raw") == []


@pytest.mark.parametrize("body", [b'{"batch": [', b"\xff\xfe", b"[]", b'{"batch": 1}'])
def test_a_body_nobody_can_read_is_refused_and_its_bytes_are_kept_when_the_sender_is_known(tmp_path, body):
    with receiving(tmp_path / "j") as client:
        assert client.post("/v1/batch", content=body, headers=basic(SERVER_KEY)).status_code == 400
        assert client.post("/v1/batch", content=body).status_code in (400, 401)
    (row,) = deliveries(tmp_path / "j", tmp_path / "raw")
    assert row["parse_error"] == "not_json"
    kept = row["raw_line"]
    found = base64.b64decode(kept.removeprefix("base64:")) if kept.startswith("base64:") else kept.encode()
    assert found == body


def test_entries_that_are_no_events_land_in_quarantine_and_the_others_are_accepted(tmp_path):
    with receiving(tmp_path / "j") as client:
        body = {"batch": [track(1), 17, "text", None, {"type": "delete"}]}
        assert client.post("/v1/batch", json=body, headers=basic(SERVER_KEY)).status_code == 200
    found = deliveries(tmp_path / "j", tmp_path / "raw")
    assert [row.get("parse_error") for row in found] == [None, "not_json", "not_json", "not_json", None]
    assert [row.get("raw_line") for row in found][1:4] == ["17", '"text"', "null"]


def test_segments_limits_hold_and_one_large_event_does_not_take_its_batch_with_it(tmp_path):
    large = track(1, properties={"text": "x" * 33_000})
    with receiving(tmp_path / "j") as client:
        post = lambda path, body: client.post(path, json=body, headers=basic(SERVER_KEY)).status_code  # noqa: E731
        assert post("/v1/track", large) == 400
        assert post("/v1/batch", {"batch": [large] * 20}) == 400
        assert post("/v1/batch", {"batch": [{}] * 2501}) == 400
        assert post("/v1/batch", {"batch": [track(2), large]}) == 200
    found = deliveries(tmp_path / "j", tmp_path / "raw")
    assert [r["message_id"] for r in found if "message_id" in r] == ["backend/m2"]
    (kept,) = [r for r in found if r.get("parse_error") == "too_large"]
    assert json.loads(kept["raw_line"])["messageId"] == "m1"


def test_numbers_that_json_does_not_know_become_null_and_lose_no_event(tmp_path):
    with receiving(tmp_path / "j") as client:
        body = b'{"batch": [{"type": "track", "event": "E", "userId": "u", "properties": {"quantity": NaN, "duration_ms": 1e999}}]}'
        assert client.post("/v1/batch", content=body, headers=basic(SERVER_KEY)).status_code == 200
    (row,) = deliveries(tmp_path / "j", tmp_path / "raw")
    assert (row["user_id"], row.get("quantity"), row.get("parse_error")) == ("u", None, None)


def test_a_full_queue_says_when_to_come_back_and_drops_nothing_silently(tmp_path, monkeypatch):
    from uam_platform.collector.group_commit import GroupCommit
    from uam_platform.collector.refusals import Reason, Refusal

    with receiving(tmp_path / "j", limits=Limits(queued_bytes=100)) as client:

        async def busy(self, texts):
            raise Refusal(Reason.BUSY, "too many events are waiting for the disk", 2)

        monkeypatch.setattr(GroupCommit, "land", busy)
        answer = client.post("/v1/batch", json={"batch": [track(1)]}, headers=basic(SERVER_KEY))
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["x-ratelimit-reset"]) == (429, "2", "2")


def test_browsers_of_any_origin_may_send(tmp_path):
    with receiving(tmp_path / "j") as client:
        asked = {
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        answer = client.options("/v1/batch", headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "authorization" in answer.headers["access-control-allow-headers"]
        sent = client.post("/v1/t", json=track(1), headers={**basic(CLIENT_KEY), "Origin": "https://app.example"})
        assert sent.headers["access-control-allow-origin"] == "*"


def test_health_and_metrics_tell_what_was_taken(tmp_path):
    clock = SteppingClock()
    with receiving(tmp_path / "j", clock) as client:
        client.post("/v1/batch", json={"batch": [track(1), track(2)]}, headers=basic(SERVER_KEY))
        assert client.get("/health").json() == {
            "status": "ok",
            "accepted": 2,
            "set_aside": 0,
            "rejected": 0,
            "queued": 0,
        }
        text = client.get("/metrics").text
    assert 'uam_collector_accepted_total{source="backend",dialect="segment"} 2' in text
    assert "uam_collector_commits_total 1" in text


def test_a_load_beside_a_running_collector_holds_everything_acknowledged_before_it(tmp_path):
    limits = Limits(rotate_seconds=3600)
    with receiving(tmp_path / "j", limits=limits) as client:
        for n in range(3):
            assert client.post("/v1/track", json=track(n), headers=basic(SERVER_KEY)).status_code == 200
            assert [r["message_id"] for r in deliveries(tmp_path / "j", tmp_path / "raw")][n:] == [f"backend/m{n}"]
