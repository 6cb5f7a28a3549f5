"""Delivery with Slack's real client over real HTTP, against the sandbox and its faults."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk.web.client import WebClient

from uam_platform.playbooks.deliver import deliver_outbox
from uam_platform.playbooks.slack import SlackDestination
from uam_platform.simulation.sandbox.server import Running, running
from uam_platform_tests.ledger.findings import MONDAY, PLAYBOOKS, apply, finding, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.sandbox.tiny_company import write_company

FAST = PLAYBOOKS.delivery.model_copy(update={"settle_seconds": 0.1, "retry_seconds": 0.5})


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("sandbox")
    with running(write_company(folder / "company"), folder / "state") as started:
        yield started


@pytest.mark.parametrize(
    "faults",
    [
        [{"match": "/slack/api/chat.postMessage", "kind": "500_after_commit"}],
        [{"match": "/slack/api/chat.postMessage", "kind": "cut_body"}],
        [{"match": "/slack/api/chat.postMessage", "kind": "429"}],
        [{"match": "/slack/api/chat.postMessage", "kind": "timeout", "seconds": 3}],
        [
            {"match": "/slack/api/chat.postMessage", "kind": "500_after_commit"},
            {"match": "/slack/api/conversations.history", "kind": "500"},
        ],
    ],
    ids=["500 after the commit", "cut answer", "throttled", "no answer", "lost answer and a failing look-up"],
)
@pytest.mark.proves("Slack", "faults")
def test_every_message_is_in_the_channel_once(sandbox: Running, tmp_path: Path, faults: list[dict[str, Any]]) -> None:
    ledger = new_ledger(tmp_path)
    account = 1 + 2 * len(sandbox.recorded("slack"))
    apply(ledger, 0, [finding(account), finding(account + 1)])
    started = time.monotonic()

    def now() -> datetime:
        return morning(MONDAY) + timedelta(seconds=time.monotonic() - started)

    httpx.post(f"{sandbox.url}/_faults", json=faults).raise_for_status()
    token, url = sandbox.credentials["UAM_SLACK_BOT_TOKEN"], sandbox.credentials["UAM_SLACK_BASE_URL"]
    clients = {"slack": SlackDestination(WebClient(token, base_url=url, timeout=1))}
    report = deliver_outbox(ledger, clients, now, 10, False, time.sleep, FAST)
    keys = [row.idempotency_key for row in rows(ledger)]
    received = Counter(e["message"]["metadata"]["event_payload"]["id"] for e in sandbox.recorded("slack"))
    assert {key: received[key] for key in keys} == dict.fromkeys(keys, 1)
    assert len(report.sent) == 2
    assert report.rejected + report.unclear == 1
