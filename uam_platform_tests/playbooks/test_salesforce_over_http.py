"""Tasks over real HTTP, against the sandbox and its faults: every action arrives once, and a killed run changes nothing about that."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from uam_platform.ledger import outbox as ledger_outbox
from uam_platform.playbooks.deliver import DeliveryReport, deliver_outbox
from uam_platform.playbooks.salesforce import SalesforceDestination
from uam_platform.playbooks.salesforce_session import SalesforceLogin, SalesforceSession
from uam_platform.simulation.sandbox.server import Running, running
from uam_platform_tests.ledger.findings import MONDAY, PLAYBOOKS, apply, finding, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.playbooks.fake_slack import Crash
from uam_platform_tests.sandbox.tiny_company import OWNER, write_company

FAST = PLAYBOOKS.delivery.model_copy(update={"settle_seconds": 0.05, "retry_seconds": 0.05})
TASKS = "/salesforce/services/data/v60.0/sobjects/Task"
BOTH = ("slack", "salesforce")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("sandbox")
    with running(write_company(folder / "company"), folder / "state") as started:
        yield started


class Setting:
    """Two findings on accounts the organisation knows, told to a real Salesforce client."""

    def __init__(self, sandbox: Running, folder: Path) -> None:
        self.sandbox = sandbox
        self.ledger = new_ledger(folder)
        self.started = time.monotonic()
        self.number = len(sandbox.recorded("salesforce"))
        self.findings = [self.finding(1), self.finding(2)]
        apply(self.ledger, 0, self.findings, connected=BOTH)

    def finding(self, account: int, **changed: Any) -> dict[str, Any]:
        return finding(account, fingerprint=f"f{self.number}-{account}", owner_id=OWNER, **changed)

    def destination(self) -> SalesforceDestination:
        env = self.sandbox.credentials
        login = SalesforceLogin(
            env["UAM_SALESFORCE_BASE_URL"], env["UAM_SALESFORCE_CLIENT_ID"], env["UAM_SALESFORCE_CLIENT_SECRET"]
        )
        return SalesforceDestination(SalesforceSession(login, timeout_seconds=1), PLAYBOOKS.salesforce)

    def run(self, destination: SalesforceDestination | None = None, days: int = 0) -> DeliveryReport:
        def now() -> datetime:
            return morning(MONDAY) + timedelta(days=days, seconds=time.monotonic() - self.started)

        clients = {"salesforce": destination or self.destination()}
        return deliver_outbox(self.ledger, clients, now, 10, False, time.sleep, FAST)

    def received(self) -> list[dict[str, Any]]:
        keys = {row.idempotency_key for row in rows(self.ledger, "salesforce")}
        return [e for e in self.sandbox.recorded("salesforce") if e["external_id"] in keys]


@pytest.fixture
def setting(sandbox: Running, tmp_path: Path) -> Setting:
    return Setting(sandbox, tmp_path)


def fault(kind: str, **more: Any) -> dict[str, Any]:
    return {"match": TASKS, "kind": kind, "method": "PATCH", **more}


@pytest.mark.parametrize(
    "faults",
    [
        [fault("500_after_commit")],
        [fault("cut_body")],
        [fault("timeout", seconds=2)],
        [fault("expired_token")],
        [fault("200_error")],
        [fault("500_after_commit"), {"match": TASKS, "kind": "500", "method": "GET"}],
    ],
    ids=["500 after the commit", "cut answer", "no answer", "expired token", "error under 200", "failing look-up too"],
)
@pytest.mark.proves("Salesforce as destination", "effectively once")
def test_every_task_is_there_once_with_account_and_owner(setting: Setting, faults: list[dict[str, Any]]) -> None:
    httpx.post(f"{setting.sandbox.url}/_faults", json=faults).raise_for_status()
    assert len(setting.run().sent) == 2
    planned = rows(setting.ledger, "salesforce")
    assert [row.state for row in planned] == ["sent", "sent"]
    created = Counter(e["external_id"] for e in setting.received() if e["created"])
    assert created == {row.idempotency_key: 1 for row in planned}
    assert {e["fields"]["WhatId"][:3] for e in setting.received()} == {"001"}
    assert {e["fields"]["OwnerId"] for e in setting.received()} == {OWNER}


def test_a_used_up_quota_loses_nothing_and_is_not_asked_again_in_the_run(setting: Setting) -> None:
    httpx.post(f"{setting.sandbox.url}/_faults", json=[fault("429")]).raise_for_status()
    report = setting.run()
    assert (report.sent, report.rejected) == ([], 1)
    assert ledger_outbox.counts(setting.ledger)["pending"] == 4
    assert len(setting.run(days=1).sent) == 2


class Dying(SalesforceDestination):
    """The process dies after Salesforce has accepted and before the ledger knows."""

    def deliver(self, action: Any, now: datetime) -> Any:
        super().deliver(action, now)
        raise Crash


@pytest.mark.proves("Salesforce as destination", "faults")
def test_a_killed_run_leaves_no_twin_and_no_loss(setting: Setting) -> None:
    alive = setting.destination()
    with pytest.raises(Crash):
        setting.run(Dying(alive._session, alive._policy))
    assert len(setting.received()) == 1
    report = setting.run(days=1)
    assert len(report.sent) == 2
    assert len(setting.received()) == 2
    assert all(e["created"] for e in setting.received())


def test_a_resolved_alert_ends_in_the_same_task(setting: Setting) -> None:
    setting.run()
    for day in (1, 2, 3):
        apply(setting.ledger, day, [setting.findings[1]], connected=BOTH)
    setting.run(days=3)
    first = rows(setting.ledger, "salesforce")[0]
    told = [e["fields"]["Subject"] for e in setting.received()]
    assert len(told) == 3
    assert told[-1].startswith("Resolved: ")
    assert setting.received()[-1]["fields"]["Status"] == "Completed"
    assert [row.external_ref for row in rows(setting.ledger, "salesforce")].count(first.external_ref) in (1, 2)


def test_context_is_written_onto_the_account(setting: Setting) -> None:
    expansion = setting.finding(1, playbook="expansion_conversation", detector="expansion", title="Growing")
    apply(setting.ledger, 1, [{**expansion, "fingerprint": f"g{setting.number}"}, *setting.findings], connected=BOTH)
    setting.run(days=1)
    entries = [e for e in setting.sandbox.recorded("salesforce") if e["object"] == "Account"]
    assert [(e["external_id"], e["fields"]["Uam_Signal__c"]) for e in entries] == [("acc_00001", "Growing")]


@pytest.mark.proves("Salesforce as destination", "close or retract")
def test_context_and_task_of_an_alert_that_is_held_back_for_long_are_taken_back(setting: Setting) -> None:
    expansion = setting.finding(1, playbook="expansion_conversation", detector="expansion", title="Growing")
    both = [{**expansion, "fingerprint": f"h{setting.number}"}, *setting.findings]
    apply(setting.ledger, 1, both, connected=BOTH)
    setting.run(days=1)
    held = [{**one, "decision": "suppressed", "reason": "silence"} for one in both]
    assert apply(setting.ledger, 28, held, connected=BOTH).planned == 0  # told on day 1
    assert apply(setting.ledger, 29, held, connected=BOTH).planned == 3
    assert apply(setting.ledger, 30, held, connected=BOTH).planned == 0
    setting.run(days=30)
    assert [e["fields"]["Status"] for e in setting.received()[-2:]] == ["Completed", "Completed"]
    context = [e["fields"] for e in setting.sandbox.recorded("salesforce") if e["object"] == "Account"][-1]
    assert (context["Uam_Signal_Status__c"], context["Uam_Signal__c"]) == ("stale", None)
    apply(setting.ledger, 31, both, connected=BOTH)
    setting.run(days=31)
    again = [e["fields"] for e in setting.sandbox.recorded("salesforce") if e["object"] == "Account"][-1]
    assert (again["Uam_Signal_Status__c"], again["Uam_Signal__c"]) == ("reopened", "Growing")
