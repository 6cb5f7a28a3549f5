"""Signals of other tools at the collector: signed by either secret, told at once what is wrong, each landed under its own id."""

import json
from typing import Any

import pytest

from uam_platform.collector.keys import SenderFile, Webhook
from uam_platform.policy.load import PolicyError, parse
from uam_platform.signatures import REPLAY_SECONDS, SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from uam_platform_tests.collector.receiving import SECRET, SteppingClock, receiving, records

NOW_SECONDS = 1738411200
NEW = "the-new-secret"


def envelope(own_id: str = "s1", **changed: Any) -> dict[str, Any]:
    sound = {
        "version": 1, "id": own_id, "type": "signal", "occurred_at": "2025-02-01T10:00:00Z", "subject": {"account_id": "acc_1"},
        "signal": {"name": "revenue_blocker"},
    }  # fmt: skip
    return sound | changed


def post(client: Any, body: Any, secret: str = NEW, at: int = NOW_SECONDS) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {TIMESTAMP_HEADER: str(at), SIGNATURE_HEADER: signature(secret, at, content)}
    return client.post("/webhooks/sigos", content=content, headers=headers)


@pytest.mark.proves("Exchange's endpoint", "published requests")
def test_each_envelope_lands_under_its_own_id_and_since_its_receipt(tmp_path):
    with receiving(tmp_path / "j") as client:
        assert post(client, envelope("s1")).json() == {"status": "accepted", "received": 1, "problems": []}
        assert post(client, {"items": [envelope("s2"), envelope("s3")]}).json()["received"] == 2
        assert post(client, [envelope("s4")]).status_code == 200
        assert post(client, []).json()["received"] == 0
    found = records(tmp_path / "j", tmp_path / "raw")
    assert [row["record_id"] for row in found] == ["sigos/s1", "sigos/s2", "sigos/s3", "sigos/s4"]
    assert {row["source_object"] for row in found} == {"signal"}
    assert {row["modified_text"] for row in found} == {"2025-02-01T12:00:00.000000Z"}


def test_what_is_wrong_is_told_to_the_sender_and_kept_for_the_quarantine(tmp_path):
    with receiving(tmp_path / "j") as client:
        answer = post(client, [envelope(), envelope("s2", version=9), "words"])
    assert answer.json()["problems"] == [
        {"index": 1, "reason": "unknown_version", "detail": "version must be 1"},
        {"index": 2, "reason": "not_json", "detail": "an envelope is a JSON object"},
    ]
    assert len(records(tmp_path / "j", tmp_path / "raw")) == 3


@pytest.mark.proves("Exchange's endpoint", "signatures")
@pytest.mark.parametrize("secret", [NEW, SECRET])
def test_both_secrets_are_taken_while_one_is_being_replaced(tmp_path, secret):
    with receiving(tmp_path / "j") as client:
        assert post(client, envelope(), secret=secret).status_code == 200


@pytest.mark.proves("Exchange's endpoint", "signatures")
def test_a_wrong_signature_and_a_replay_after_the_window_are_refused_and_leave_nothing(tmp_path):
    clock = SteppingClock()
    with receiving(tmp_path / "j", clock) as client:
        assert post(client, envelope(), secret="some-other-secret").status_code == 401
        assert client.post("/webhooks/sigos", json=envelope()).status_code == 401
        clock.move(seconds=REPLAY_SECONDS + 1)
        assert post(client, envelope()).status_code == 401
    assert records(tmp_path / "j", tmp_path / "raw") == []


def test_what_is_no_json_and_what_is_too_much_is_refused(tmp_path):
    with receiving(tmp_path / "j") as client:
        assert post(client, b"{").status_code == 400
        assert post(client, [envelope(str(n)) for n in range(1001)]).status_code == 413


def test_only_a_webhook_signed_by_our_rule_lands_signals():
    hook = Webhook(name="a", kind="signed", secret=SECRET, lands="signals")
    assert hook.secrets == (SECRET,)
    with pytest.raises(PolicyError, match="only kind signed lands signals, not zendesk"):
        parse(
            SenderFile,
            {"webhooks": [{"name": "a", "kind": "zendesk", "secret": SECRET, "lands": "signals"}]},
            "senders.yaml",
        )
