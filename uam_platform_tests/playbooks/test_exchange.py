"""Alerts to another tool: every envelope counts once whatever goes wrong, is signed, and says nothing of persons."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform import doctor_trackers
from uam_platform.ledger.catalogue import plan_all
from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks.clients import destinations
from uam_platform.playbooks.destination import Presence, Result, Scope
from uam_platform.playbooks.exchange import ExchangeDestination, Receiver
from uam_platform.playbooks.exchange_envelope import content, envelope
from uam_platform.playbooks.exchange_folder import FolderDestination
from uam_platform.scratch import settings_of
from uam_platform.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError, check
from uam_platform_tests.ledger.findings import MONDAY, PLAYBOOKS, finding, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.playbooks.trackers import FAULTS, World

SECRET, OLD = "a-secret-of-both", "the-one-before-it"
NOW = morning(MONDAY)
URL = "https://tool.example/hooks/uam"


def action(status: str = "open", key: str = "abc123", **changed: Any) -> OutboxAction:
    [planned] = plan_all([finding(1, **changed)], PLAYBOOKS, ["exchange"])["finger0001"][:1]
    payload = {**planned.payload, "status": status, "as_of": MONDAY.isoformat()}
    return OutboxAction(key, 1, 0, "post", "exchange", "alerts", None, payload, "alert-1", date(2025, 6, 2))


def answering(answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> ExchangeDestination:
    def handle(request: httpx.Request) -> httpx.Response:
        (seen if seen is not None else []).append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ExchangeDestination(Receiver(URL, (SECRET, OLD)), lambda: 1_700_000_000.9, httpx.MockTransport(handle))


@pytest.mark.proves("Exchange as destination", "effectively once")
@pytest.mark.proves("Exchange as destination", "faults")
@given(
    plan=st.lists(st.sampled_from(FAULTS), max_size=8),
    accounts=st.integers(1, 3),
    limits=st.lists(st.integers(1, 2), max_size=2),
)
@settings(max_examples=12, deadline=None, derandomize=True)
def test_every_envelope_counts_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str], accounts: int, limits: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("example")
    world = World(new_ledger(folder), folder, "exchange", plan)
    for limit in limits or [1]:
        world.plan(0, range(1, accounts + 1))
        world.run(limit)
    world.finish()
    planned = rows(world.ledger, "exchange")
    assert [r.state for r in planned] == ["sent"] * accounts
    assert Counter(e["id"] for e in world.journal.entries()) == {r.idempotency_key: 1 for r in planned}
    world.ledger.close()


@pytest.mark.proves("Exchange as destination", "update")
@pytest.mark.proves("Exchange as destination", "close or retract")
@given(plan=st.lists(st.sampled_from(FAULTS), max_size=6), before_update=st.integers(0, 2))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_the_receiver_is_told_of_opening_and_end(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str], before_update: int
) -> None:
    folder = tmp_path_factory.mktemp("example")
    world = World(new_ledger(folder), folder, "exchange", plan)
    world.plan(0, [1])
    for _ in range(before_update):
        world.run(1)
    world.plan(7, [1], summary="newer words")
    world.finish()
    for number in (8, 9, 10):
        world.plan(number, [])
    world.finish()
    told = world.journal.entries()
    assert told[-1]["type"] == "alert.resolved"
    assert told[0]["type"] in ("alert.opened", "alert.updated")
    assert len({e["alert"]["alert_id"] for e in told}) == 1
    assert len({e["id"] for e in told}) == len(told)
    world.ledger.close()


def test_a_lost_answer_is_cleared_by_the_same_bytes_under_the_same_id(tmp_path: Path) -> None:
    world = World(new_ledger(tmp_path), tmp_path, "exchange", ["timeout_after_commit"])
    world.plan(0, [1])
    report = world.run()
    assert report
    assert (report.unclear, len(report.sent)) == (1, 1)
    first, second = world.wire.requests
    assert first.content == second.content
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.headers[TIMESTAMP_HEADER] != second.headers[TIMESTAMP_HEADER]
    assert len(world.journal.entries()) == 1
    world.ledger.close()


@pytest.mark.proves("Exchange as destination", "faults")
def test_a_receiver_that_is_down_is_asked_for_an_hour_and_then_a_person(tmp_path: Path) -> None:
    world = World(new_ledger(tmp_path), tmp_path, "exchange", ["500"] * 99)
    world.plan(0, [1])
    from uam_platform.playbooks.deliver import deliver_outbox

    for _ in range(20):
        clients = {"exchange": world.destination()}
        deliver_outbox(world.ledger, clients, world.clock, 9, False, world.sleep, PLAYBOOKS.delivery)
        world.sleep(600)
    assert [r.state for r in rows(world.ledger, "exchange")] == ["parked"]
    assert len(world.wire.requests) == 1 + PLAYBOOKS.delivery.max_reconciliations
    world.ledger.close()


@pytest.mark.proves("Exchange as destination", "authentication")
def test_an_envelope_is_signed_by_both_secrets_while_one_is_being_replaced() -> None:
    seen: list[httpx.Request] = []
    assert answering(httpx.Response(202), seen).deliver(action(), NOW).result is Result.SENT
    [request] = seen
    for secret in (SECRET, OLD):
        check(
            secret, request.headers[TIMESTAMP_HEADER], request.headers[SIGNATURE_HEADER], request.content, 1_700_000_100
        )
    with pytest.raises(SignatureError):
        check(
            "another",
            request.headers[TIMESTAMP_HEADER],
            request.headers[SIGNATURE_HEADER],
            request.content,
            1_700_000_100,
        )


@pytest.mark.proves("Exchange as destination", "rate limits")
@pytest.mark.parametrize(
    ("answer", "result", "scope"),
    [
        (httpx.Response(200), Result.SENT, Scope.ACTION),
        (httpx.Response(409), Result.SENT, Scope.ACTION),
        (httpx.Response(429, headers={"retry-after": "7"}), Result.TRANSIENT, Scope.ACTION),
        (httpx.Response(401), Result.PERMANENT, Scope.DESTINATION),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), Result.PERMANENT, Scope.DESTINATION),
        (httpx.Response(404), Result.PERMANENT, Scope.TARGET),
        (httpx.Response(422), Result.PERMANENT, Scope.ACTION),
        (httpx.Response(408), Result.UNKNOWN, Scope.ACTION),
        (httpx.Response(503), Result.UNKNOWN, Scope.ACTION),
        (httpx.ReadTimeout("no answer"), Result.UNKNOWN, Scope.ACTION),
        (httpx.RemoteProtocolError("cut"), Result.UNKNOWN, Scope.ACTION),
        (httpx.ConnectError("refused"), Result.TRANSIENT, Scope.ACTION),
    ],
)
def test_an_answer_says_what_becomes_of_an_attempt(
    answer: httpx.Response | Exception, result: Result, scope: Scope
) -> None:
    outcome = answering(answer).deliver(action(), NOW)
    assert (outcome.result, outcome.scope) == (result, scope)
    assert outcome.is_throttled == (isinstance(answer, httpx.Response) and answer.status_code == 429)


def test_an_envelope_tells_of_the_account_and_of_no_person() -> None:
    told = envelope(action(owner_name="Kim Owner", owner_email="kim@acme.example"))
    assert (told["type"], told["id"], told["subject"]["account_id"]) == ("alert.opened", "abc123", "acc_00001")
    assert told["alert"]["revenue_at_risk_usd_cents"] == 9_000_00
    text = content(action(owner_name="Kim Owner", owner_email="kim@acme.example")).decode()
    assert "Kim" not in text
    assert "kim@" not in text
    types = [envelope(action(status))["type"] for status in ("updated", "reopened", "resolved", "stale")]
    assert types == ["alert.updated", "alert.reopened", "alert.resolved", "alert.stale"]


def test_the_secret_goes_over_https_or_stays_on_this_machine() -> None:
    Receiver("http://127.0.0.1:9/x", (SECRET,))
    with pytest.raises(ValueError, match="https"):
        Receiver("http://tool.example/x", (SECRET,))
    assert SECRET not in repr(Receiver(URL, (SECRET,)))


def test_a_file_is_whole_signed_and_written_once(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    target = FolderDestination(folder, (SECRET,), lambda: 1_700_000_000.0)
    assert target.reconcile(action()).presence is Presence.ABSENT
    outcome = target.deliver(action(), NOW)
    assert (outcome.result, outcome.external_ref) == (Result.SENT, "abc123.json")
    assert sorted(path.name for path in folder.iterdir()) == ["abc123.json", "abc123.json.sig"]
    note = json.loads((folder / "abc123.json.sig").read_text())
    check(
        SECRET, str(note["timestamp"]), note["signature"], (folder / "abc123.json").read_bytes(), 0, window_seconds=None
    )
    (folder / "taken").mkdir()
    (folder / "abc123.json").rename(folder / "taken" / "abc123.json")
    assert target.deliver(action(), NOW).result is Result.SENT
    assert not (folder / "abc123.json").exists()
    assert target.reconcile(action()).presence is Presence.FOUND


@pytest.mark.proves("Exchange as destination", "effectively once")
def test_a_write_that_is_killed_shows_nothing_and_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = FolderDestination(tmp_path, (SECRET,), lambda: 1.0)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _killed)
        with pytest.raises(KeyboardInterrupt):
            target.deliver(action(), NOW)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith("_")]
    assert target.reconcile(action()).presence is Presence.ABSENT
    assert target.deliver(action(), NOW).result is Result.SENT


def _killed(_: int) -> None:
    raise KeyboardInterrupt


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    outcome = FolderDestination(tmp_path / "file", (SECRET,), lambda: 1.0).deliver(action(), NOW)
    assert (outcome.result, outcome.scope) == (Result.TRANSIENT, Scope.DESTINATION)


def test_it_is_off_until_address_and_secret_are_set() -> None:
    assert "exchange" not in settings_of({"UAM_EXCHANGE_OUTBOX_URL": URL}).connected_destinations
    assert [a.destination for a in plan_all([finding(1)], PLAYBOOKS, ["slack"])["finger0001"]] == [
        "slack",
        "salesforce",
    ]
    assert doctor_trackers.exchange(settings_of({})).startswith("off")


@pytest.mark.parametrize("url", [URL, "folder"])
def test_settings_lead_to_an_address_or_a_folder(tmp_path: Path, url: str) -> None:
    where = url if "://" in url else str(tmp_path / url)
    given_settings = settings_of(
        {
            "UAM_EXCHANGE_OUTBOX_URL": where,
            "UAM_EXCHANGE_OUTBOX_SECRET": SECRET,
            "UAM_EXCHANGE_OUTBOX_PREVIOUS_SECRET": OLD,
            "UAM_SLACK_BOT_TOKEN": "x",
        }
    )
    from slack_sdk.web.client import WebClient

    with destinations(given_settings, PLAYBOOKS, WebClient("x")) as clients:
        assert type(clients["exchange"]) is (ExchangeDestination if "://" in url else FolderDestination)
    told = doctor_trackers.exchange(given_settings)
    assert where in told
    assert "two secrets" in told
    assert SECRET not in told
