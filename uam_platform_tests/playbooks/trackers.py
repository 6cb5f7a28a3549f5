"""The sandbox's issue trackers and its receiver of the exchange in this process, behind a transport that misbehaves as told.

Here: worlds for the laws of deliveries to Jira, Linear and the exchange. Not here: tests.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from uam_platform.evaluation.actions import _action_of_issue
from uam_platform.ledger import outbox
from uam_platform.ledger.catalogue import plan_all
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.lifecycle import apply_candidates
from uam_platform.playbooks.deliver import DeliveryReport, deliver_outbox
from uam_platform.playbooks.destination import Destination
from uam_platform.playbooks.exchange import ExchangeDestination, Receiver
from uam_platform.playbooks.jira import JiraDestination
from uam_platform.playbooks.jira_session import JiraLogin, JiraSession
from uam_platform.playbooks.linear import LinearDestination
from uam_platform.playbooks.linear_session import LinearLogin, LinearSession
from uam_platform.policy.playbooks import Action, Playbook
from uam_platform.simulation.sandbox import credentials
from uam_platform.simulation.sandbox.exchange import ExchangeSurface
from uam_platform.simulation.sandbox.fault_answers import answer as vendor_answer
from uam_platform.simulation.sandbox.jira import JiraSurface
from uam_platform.simulation.sandbox.linear import LinearSurface
from uam_platform.simulation.sandbox.received import Journal
from uam_platform_tests.ledger.findings import ALERTS, MONDAY, PLAYBOOKS, day, finding, morning
from uam_platform_tests.playbooks.fake_slack import Crash
from uam_platform_tests.sandbox.in_process import sent_by

FAULTS = (
    "ok",
    "429",
    "429_no_retry_after",
    "500",
    "500_after_commit",
    "200_error",
    "200_error_after_commit",
    "expired_token",
    "timeout",
    "timeout_after_commit",
    "cut_after_commit",
    "crash",
    "crash_after_commit",
    "refused_connection",
)
UNLIMITED = PLAYBOOKS.delivery.model_copy(update={"max_attempts": 1000, "max_reconciliations": 1000})
LEASE = timedelta(seconds=UNLIMITED.lease_seconds)
LABEL = "issue_with_affected_accounts"
TARGETS = {"jira": "OPS", "linear": "PROD"}
_ROOTS = {"jira": "/jira", "linear": "/linear", "exchange": "/exchange"}


def issue_playbook(vendor: str) -> Playbook:
    """A playbook that makes one issue, or one envelope of the exchange."""
    target = {"destination": vendor, "target": TARGETS.get(vendor, "alerts")}
    return Playbook(meaning="An issue and nothing else.", actions={LABEL: Action.model_validate(target)})


def told(received: list[dict[str, Any]], what: str) -> Counter[str]:
    """How often each action made an issue or a comment, from what a sandbox received."""
    return Counter(_action_of_issue(e) for e in received if e["object"] == what)


_RUNS = 400  # more than two hours: the pauses between attempts grow, and a plan may hold fourteen faults


class Wire(httpx.BaseTransport):
    """Sends requests to a sandbox in this process; each call takes the next fault of `plan`."""

    def __init__(self, app: Starlette, vendor: str, plan: list[str], clock: Callable[[], datetime]) -> None:
        self.app = app
        self.vendor = vendor
        self.plan = plan
        self.clock = clock
        self.calls: list[str] = []
        self.requests: list[httpx.Request] = []
        self.late: list[tuple[datetime, httpx.Request]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._arrive_late()
        self.calls.append(f"{request.method} {request.url.path.removeprefix(_ROOTS[self.vendor])}")
        self.requests.append(request)
        fault = self.plan.pop(0) if self.plan else "ok"
        if fault == "late":
            self.late.append((self.clock() + timedelta(seconds=10), request))
            raise httpx.ReadTimeout("no answer")
        answer = self._served(request) if fault == "ok" or fault.endswith("after_commit") else None
        kind = fault.removesuffix("_after_commit")
        if answer is not None and kind == "ok":
            return answer
        return self._spoiled(kind)

    def _spoiled(self, kind: str) -> httpx.Response:
        if kind == "crash":
            raise Crash
        if kind == "refused_connection":
            raise httpx.ConnectError("connection refused")
        if kind in ("timeout", "cut"):
            raise httpx.ReadTimeout("timed out") if kind == "timeout" else httpx.RemoteProtocolError("cut")
        spoiled = vendor_answer(kind, _ROOTS[self.vendor], 3)
        return httpx.Response(spoiled.status_code, headers=dict(spoiled.headers), content=bytes(spoiled.body))

    def _arrive_late(self) -> None:
        due = [request for at, request in self.late if at <= self.clock()]
        self.late = [(at, request) for at, request in self.late if at > self.clock()]
        for request in due:
            self._served(request)

    def _served(self, request: httpx.Request) -> httpx.Response:
        sent = asyncio.run(sent_by(self.app, request))
        body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=body)


class World:
    """One ledger, one tracker, and a clock that only moves when somebody waits."""

    def __init__(self, ledger: Ledger, folder: Path, vendor: str, plan: list[str] | None = None) -> None:
        self.ledger = ledger
        self.vendor = vendor
        self.now = morning(MONDAY)
        self.journal = Journal(folder, vendor)
        self.surface = _SURFACES[vendor](self.journal, self.seconds)
        self.wire = Wire(Starlette(routes=self.surface.routes()), vendor, plan or [], self.clock)
        self.policy = PLAYBOOKS.model_copy(update={"playbooks": {"issue": issue_playbook(vendor)}, "always": {}})

    def clock(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return (self.now - morning(MONDAY)).total_seconds() + 1_000_000.0

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def plan(self, number: int, accounts: Collection[int], **changed: Any) -> None:
        """Apply the findings of day `number`."""
        rows = [finding(n, playbook="issue", **changed) for n in accounts]
        at = max(self.now, morning(day(number)))
        actions = plan_all(rows, self.policy, {self.vendor})
        apply_candidates(self.ledger, day(number), rows, actions, at, True, ALERTS.life_cycle)
        self.now = at

    def destination(self) -> Destination:
        if self.vendor == "exchange":
            receiver = Receiver("http://127.0.0.1/exchange/alerts", (credentials.EXCHANGE_SIGNING_KEY,))
            return ExchangeDestination(receiver, self.seconds, self.wire)
        return _DESTINATIONS[self.vendor](self.wire)

    def run(self, limit: int = 100) -> DeliveryReport | None:
        """One delivery run; None if it crashed, after which time passes until its lease has run out."""
        clients = {self.vendor: self.destination()}
        try:
            return deliver_outbox(self.ledger, clients, self.clock, limit, False, self.sleep, UNLIMITED)
        except Crash:
            self.now += LEASE
            return None

    def finish(self) -> None:
        """Runs as a schedule would start them, until nothing is open."""
        for _ in range(_RUNS):
            self.run()
            self.now += timedelta(seconds=20)
            if not {"pending", "sending", "unknown"} & set(outbox.counts(self.ledger)):
                return
        raise AssertionError(f"still open after {_RUNS} runs: {outbox.counts(self.ledger)}")

    def made(self, what: str) -> Counter[str]:
        """How often each action made an issue or a comment."""
        return told(self.journal.entries(), what)


def _jira(wire: Wire) -> Destination:
    login = JiraLogin("http://127.0.0.1/jira", credentials.JIRA_EMAIL, credentials.JIRA_API_KEY)
    return JiraDestination(JiraSession(login, wire), PLAYBOOKS.jira)


def _linear(wire: Wire) -> Destination:
    login = LinearLogin("http://127.0.0.1/linear/graphql", credentials.LINEAR_API_KEY)
    return LinearDestination(LinearSession(login, wire), PLAYBOOKS.linear, "http://localhost:3000")


_SURFACES: dict[str, Callable[[Journal, Callable[[], float]], Any]] = {
    "jira": lambda journal, seconds: JiraSurface(journal, seconds, seconds, index_lag_seconds=30.0),
    "linear": lambda journal, seconds: LinearSurface(journal, seconds, seconds),
    "exchange": lambda journal, seconds: ExchangeSurface(journal, seconds),
}
_DESTINATIONS: dict[str, Callable[[Wire], Destination]] = {"jira": _jira, "linear": _linear}
