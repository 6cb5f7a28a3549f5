"""Issues over real HTTP, against the sandbox and its faults; a process that is killed in the middle leaves no twin and no loss."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk.web.client import WebClient

from uam_platform.ledger.catalogue import plan_all
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.lifecycle import apply_candidates
from uam_platform.playbooks.clients import destinations
from uam_platform.playbooks.deliver import DeliveryReport, deliver_outbox
from uam_platform.policy.playbooks import PlaybookPolicy
from uam_platform.scratch import settings_of
from uam_platform.simulation.sandbox.server import Running, running
from uam_platform_tests.ledger.findings import ALERTS, PLAYBOOKS, day, finding, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.playbooks.trackers import TARGETS, issue_playbook, told
from uam_platform_tests.sandbox.tiny_company import write_company

LAG = 0.5
CREATES = {"jira": "/jira/rest/api/3/issue", "linear": "/linear/graphql"}
ROOTS = {"jira": "/jira", "linear": "/linear"}
VENDORS = sorted(TARGETS)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("sandbox")
    company = write_company(folder / "company")
    with running(company, folder / "state", jira_index_lag_seconds=LAG) as started:
        yield started


def policy_for(vendor: str) -> PlaybookPolicy:
    fast = PLAYBOOKS.delivery.model_copy(update={"settle_seconds": 0.05, "retry_seconds": 0.05})
    jira = PLAYBOOKS.jira.model_copy(update={"search_lag_seconds": LAG + 0.1})
    return PLAYBOOKS.model_copy(update={"playbooks": {"issue": issue_playbook(vendor)}, "delivery": fast, "jira": jira})


def plan(ledger: Ledger, vendor: str, number: int, found: list[dict[str, Any]]) -> None:
    actions = plan_all(found, policy_for(vendor), {vendor})
    apply_candidates(ledger, day(number), found, actions, morning(day(number)), True, ALERTS.life_cycle)


def deliver(ledger: Ledger, vendor: str, environment: dict[str, str], number: int = 0) -> DeliveryReport:
    """One delivery run as the platform makes it, on a clock that runs from the morning of day `number`."""
    started = time.monotonic()

    def now() -> datetime:
        return morning(day(number)) + timedelta(seconds=time.monotonic() - started)

    policy = policy_for(vendor)
    with destinations(settings_of(environment), policy, WebClient("none")) as clients:
        chosen = {vendor: clients[vendor]}
        return deliver_outbox(ledger, chosen, now, 10, False, time.sleep, policy.delivery)


def found(folder: Path, count: int) -> list[dict[str, Any]]:
    return [finding(n, playbook="issue", fingerprint=f"{folder.name}-{n}"[-60:]) for n in range(1, count + 1)]


def fault(vendor: str, kind: str, match: str | None = None, **more: Any) -> dict[str, Any]:
    return {"match": match or CREATES[vendor], "kind": kind, "method": "POST", **more}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("kind", ["500_after_commit", "cut_body", "429", "429_no_retry_after", "200_error", "500"])
@pytest.mark.proves("Jira", "faults")
@pytest.mark.proves("Linear", "faults")
def test_every_issue_is_there_once(sandbox: Running, tmp_path: Path, vendor: str, kind: str) -> None:
    ledger = new_ledger(tmp_path)
    plan(ledger, vendor, 0, found(tmp_path, 2))
    httpx.post(f"{sandbox.url}/_faults", json=[fault(vendor, kind, after=SKIPPED[vendor])]).raise_for_status()
    report = deliver(ledger, vendor, sandbox.credentials)
    assert httpx.get(f"{sandbox.url}/_faults").json() == []
    planned = rows(ledger, vendor)
    assert [row.state for row in planned] == ["sent", "sent"]
    assert report.rejected + report.unclear == 1
    received = told(sandbox.recorded(vendor), "issue")
    assert {row.idempotency_key: received[row.idempotency_key] for row in planned} == {
        row.idempotency_key: 1 for row in planned
    }


SKIPPED = {"jira": 0, "linear": 2}
"""Calls that match and come before the one that makes an issue."""


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_expired_token_loses_nothing_and_is_not_asked_again_in_the_run(
    sandbox: Running, tmp_path: Path, vendor: str
) -> None:
    ledger = new_ledger(tmp_path)
    plan(ledger, vendor, 0, found(tmp_path, 2))
    httpx.post(f"{sandbox.url}/_faults", json=[{"match": ROOTS[vendor], "kind": "expired_token"}]).raise_for_status()
    report = deliver(ledger, vendor, sandbox.credentials)
    assert (report.sent, report.rejected) == ([], 1)
    assert "nothing else is sent there" in report.problems[0]
    assert len(deliver(ledger, vendor, sandbox.credentials, 1).sent) == 2


_KILLED = """
import os, signal, sys
from pathlib import Path
from uam_platform.playbooks import {vendor}
from uam_platform_tests.ledger.findings import new_ledger
from uam_platform_tests.playbooks.test_trackers_over_http import deliver
once = {vendor}.{name}.deliver
def dying(self, action, now):
    once(self, action, now)
    os.kill(os.getpid(), signal.SIGKILL)
{vendor}.{name}.deliver = dying
deliver(new_ledger(Path(sys.argv[1])), "{vendor}", {environment!r})
"""
NAMES = {"jira": "JiraDestination", "linear": "LinearDestination"}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.proves("Jira", "faults")
@pytest.mark.proves("Linear", "faults")
def test_a_process_killed_after_the_commit_leaves_no_twin_and_no_loss(
    sandbox: Running, tmp_path: Path, vendor: str
) -> None:
    ledger = new_ledger(tmp_path)
    plan(ledger, vendor, 0, found(tmp_path, 2))
    script = _KILLED.format(vendor=vendor, name=NAMES[vendor], environment=sandbox.credentials)
    died = subprocess.run([sys.executable, "-c", script, str(tmp_path)], timeout=300, check=False)
    assert died.returncode == -signal.SIGKILL
    assert sorted(row.state for row in rows(ledger, vendor)) == ["pending", "sending"]
    assert len(deliver(ledger, vendor, sandbox.credentials, 1).sent) == 2
    received = told(sandbox.recorded(vendor), "issue")
    assert [received[row.idempotency_key] for row in rows(ledger, vendor)] == [1, 1]


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_issue_follows_its_alert_to_the_end(sandbox: Running, tmp_path: Path, vendor: str) -> None:
    ledger = new_ledger(tmp_path)
    both = found(tmp_path, 2)
    plan(ledger, vendor, 0, both)
    deliver(ledger, vendor, sandbox.credentials)
    for number in (1, 2, 3):
        plan(ledger, vendor, number, both[1:])
    httpx.post(f"{sandbox.url}/_faults", json=[fault(vendor, "cut_body", ROOTS[vendor], after=2)]).raise_for_status()
    assert len(deliver(ledger, vendor, sandbox.credentials, 3).sent) == 1
    last = rows(ledger, vendor)[-1]
    assert (last.kind, last.state) == ("update", "sent")
    assert told(sandbox.recorded(vendor), "comment")[last.idempotency_key] == 1
    assert "Resolved: the condition is gone as of 2025-06-05" in str(sandbox.recorded(vendor)[-1])


@pytest.mark.parametrize(
    ("playbook", "connected", "states"),
    [
        ("workflow_failure", {"slack", "linear"}, {"linear": "pending"}),
        ("workflow_failure", {"slack"}, {"linear": "planned_no_destination"}),
        ("backend_failure", {"slack", "jira"}, {"jira": "pending"}),
        ("backend_failure", {"slack", "linear"}, {"jira": "planned_no_destination"}),
        ("onboarding_review", {"slack", "linear"}, {"linear": "pending"}),
    ],
)
def test_the_shipped_playbooks_make_issues_where_a_tracker_is_connected(
    tmp_path: Path, playbook: str, connected: set[str], states: dict[str, str]
) -> None:
    ledger = new_ledger(tmp_path)
    one = [finding(1, playbook=playbook)]
    actions = plan_all(one, PLAYBOOKS, connected)
    apply_candidates(ledger, day(0), one, actions, morning(day(0)), True, ALERTS.life_cycle)
    assert {name: rows(ledger, name)[0].state for name in states} == states
