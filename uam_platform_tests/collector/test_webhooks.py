"""Signed deliveries: each sender's signature, the window against replay, and a repeated delivery counted once."""

import base64
import hashlib
import hmac
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uam_platform.collector.webhooks import zendesk_signatures
from uam_platform.lake.loads import RECORDS
from uam_platform.policy.load import load_section
from uam_platform.policy.time import TimePolicy
from uam_platform.signatures import REPLAY_SECONDS, SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError, check, signature
from uam_platform.staging.records import canonical_records
from uam_platform_tests.collector.receiving import SECRET, SteppingClock, deliveries, loads, receiving, records

NOW_SECONDS = 1738411200
BODY = json.dumps({"id": "inv_1", "updated_at": "2025-02-01T11:00:00Z", "amount": 5}).encode()


def own(body: bytes, secret: str = SECRET, at: int = NOW_SECONDS) -> dict[str, str]:
    return {TIMESTAMP_HEADER: str(at), SIGNATURE_HEADER: signature(secret, at, body)}


def zendesk(body: bytes, invocation: str, at: str = "2025-02-01T12:00:00Z") -> dict[str, str]:
    return {
        "X-Zendesk-Webhook-Signature": zendesk_signatures(SECRET, at, body)[0],
        "X-Zendesk-Webhook-Signature-Timestamp": at,
        "X-Zendesk-Webhook-Invocation-Id": invocation,
    }


def sha1(body: bytes) -> dict[str, str]:
    return {"X-Signature": hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()}


@pytest.mark.proves("Webhooks", "published requests")
def test_a_signed_delivery_lands_as_a_record_with_the_senders_id_and_time(tmp_path):
    with receiving(tmp_path / "j") as client:
        assert client.post("/webhooks/billing", content=BODY, headers=own(BODY)).status_code == 200
    assert records(tmp_path / "j", tmp_path / "raw") == [
        {
            "source_object": "webhook",
            "record_id": "billing/inv_1",
            "modified_text": "2025-02-01T11:00:00Z",
            "payload": '{"id":"inv_1","updated_at":"2025-02-01T11:00:00Z","amount":5}',
            "row_no": 0,
        }
    ]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "not signed"),
        (own(BODY, secret="another-secret"), "does not fit"),
        (own(BODY + b" "), "does not fit"),
        (own(BODY, at=NOW_SECONDS - REPLAY_SECONDS - 1), "more than"),
        (own(BODY, at=NOW_SECONDS + REPLAY_SECONDS + 1), "more than"),
        ({**own(BODY), TIMESTAMP_HEADER: "noon"}, "whole epoch seconds"),
    ],
    ids=["unsigned", "other secret", "other body", "too old", "from the future", "no time"],
)
@pytest.mark.proves("Webhooks", "signatures")
def test_what_is_not_signed_now_with_the_secret_is_refused(tmp_path, headers, words):
    with receiving(tmp_path / "j") as client:
        answer = client.post("/webhooks/billing", content=BODY, headers=headers)
        assert answer.status_code == 401
        assert words in answer.json()["detail"]
        assert client.post("/webhooks/nobody", content=BODY, headers=own(BODY)).status_code == 401
    assert records(tmp_path / "j", tmp_path / "raw") == []


@given(body=st.binary(max_size=50), cut=st.integers(0, 66))
def test_no_other_signature_than_the_right_one_is_taken(body, cut):
    right = signature(SECRET, NOW_SECONDS, body)
    check(SECRET, str(NOW_SECONDS), f"v1=0, {right}", body, NOW_SECONDS)
    with pytest.raises(SignatureError):
        check(SECRET, str(NOW_SECONDS), right[:cut], body, NOW_SECONDS)


def test_a_signed_delivery_of_events_lands_as_events_of_a_server(tmp_path):
    body = json.dumps([{"type": "track", "event": "E", "userId": "u", "messageId": "m1"}]).encode()
    with receiving(tmp_path / "j") as client:
        assert client.post("/webhooks/jobs", content=body, headers=own(body)).status_code == 200
    (row,) = deliveries(tmp_path / "j", tmp_path / "raw")
    assert (row["message_id"], row["side"]) == ("jobs/m1", "server")


@pytest.mark.parametrize("batch", [False, True])
def test_segments_webhook_signs_the_body_or_the_first_event_of_a_batch(tmp_path, batch):
    event = {
        "type": "track",
        "event": "É",
        "userId": "u",
        "messageId": "m1",
        "timestamp": "2025-02-01T11:00:00.000Z",
        "receivedAt": "2025-02-01T11:00:01.000Z",
        "sentAt": "2025-02-01T09:00:01.000Z",
        "originalTimestamp": "2025-02-01T09:00:00.000Z",
    }
    text = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    body = b"[" + text + b"," + text.replace(b"m1", b"m2") + b"]" if batch else text
    with receiving(tmp_path / "j") as client:
        assert client.post("/webhooks/segment", content=body, headers=sha1(text)).status_code == 200
        assert client.post("/webhooks/segment", content=body, headers=sha1(b"other")).status_code == 401
        assert client.post("/webhooks/segment", content=body).status_code == 401
    found = deliveries(tmp_path / "j", tmp_path / "raw")
    assert [row["message_id"] for row in found] == ["segment/m1", "segment/m2"][: len(found)]
    times = {
        k: v for k, v in found[0].items() if k.endswith("_text")
    }  # Segment has repaired the time; we know it since now
    assert times == {"occurred_text": "2025-02-01T11:00:00.000Z", "received_text": "2025-02-01T12:00:00.000000Z"}


@pytest.mark.proves("Webhooks", "signatures")
def test_zendesks_published_example_verifies():
    secret, stamp = "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA=", "2021-07-25T10:00:00Z"
    wanted = "tRDSF7URY8BLCDlaBcQ7FHu051Zk+aAB0NKMP53teMw="
    assert wanted in zendesk_signatures(secret, stamp, b'{"say": "hello"}')
    digest = hmac.new(secret.encode(), stamp.encode() + b"{}", hashlib.sha256).digest()
    assert base64.b64encode(digest).decode() in zendesk_signatures(secret, stamp, b"{}")


@pytest.mark.proves("Webhooks", "repeats count once")
def test_a_delivery_that_zendesk_repeats_counts_once(tmp_path):
    """R95: the same invocation twice, and the same event under a second invocation, are one record."""
    plain = b'{"ticket": 1}'
    event = b'{"id": "evt-1", "time": "2025-02-01T11:59:00Z", "type": "zen:event-type:ticket.status_changed"}'
    clock = SteppingClock()
    with receiving(tmp_path / "j", clock) as client:
        for body, invocation in ((plain, "i1"), (plain, "i1"), (event, "i2"), (event, "i3"), (plain, "i4")):
            assert client.post("/webhooks/support", content=body, headers=zendesk(body, invocation)).status_code == 200
            clock.move(seconds=1)
        clock.move(seconds=REPLAY_SECONDS)
        assert client.post("/webhooks/support", content=plain, headers=zendesk(plain, "i1")).status_code == 401
        assert client.post("/webhooks/support", content=b"{", headers=zendesk(b"{", "i9")).status_code == 401
    manifest, (load,) = loads(tmp_path / "j", tmp_path / "raw")
    frame = pd.concat([pd.read_parquet(path) for path in manifest.paths(load, RECORDS)])
    assert len(frame) == 5
    counts = canonical_records([(load, frame)], load_section(TimePolicy, "time")).counts
    (row,) = counts.to_dict("records")
    assert (row["rows_in_count"], row["accepted_count"], row["duplicate_count"], row["quarantined_count"]) == (
        5,
        3,
        2,
        0,
    )


def test_a_signed_body_that_is_no_json_is_refused_and_its_bytes_are_kept(tmp_path):
    with receiving(tmp_path / "j") as client:
        assert client.post("/webhooks/billing", content=b"[1,", headers=own(b"[1,")).status_code == 400
    (row,) = deliveries(tmp_path / "j", tmp_path / "raw")
    assert (row["parse_error"], row["raw_line"]) == ("not_json", "[1,")
