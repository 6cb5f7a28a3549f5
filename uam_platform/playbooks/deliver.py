"""One delivery run: reconcile what is unclear, send what is due, record every outcome.

Here: order, pacing, retries, caps, dry run, switch. Not here: states (`uam_platform.ledger.outbox`), a vendor's answers
(`slack`). Clock and sleep are injected.

Effectively once: an action is claimed in the ledger before the call; only a clear rejection is sent again; an unclear outcome is looked up
first and parked if that cannot be done. A process that dies leaves a lease that runs out into the same look-up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from uam_platform.ledger import audit, feedback, outbox
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks.destination import Destination, Lookup, Outcome, Presence, Result, Scope
from uam_platform.policy.playbooks import Delivery


@dataclass
class DeliveryReport:
    """What a run did.

    Attributes:
        is_dry_run: nothing was claimed or sent; `would_send` lists what would have been tried first.
        sent: keys that arrived, by this run's attempts or found there.
        rejected: attempts that were clearly not accepted.
        unclear: attempts whose outcome had to be looked up.
        failed: keys refused for good.
        parked: keys that wait for a person.
        problems: what to repair, one line each.
        is_stopped: the deliveries switch was off.
        states: actions by state after the run.
    """

    is_dry_run: bool
    sent: list[str] = field(default_factory=list)
    rejected: int = 0
    unclear: int = 0
    failed: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    would_send: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_stopped: bool = False
    states: dict[str, int] = field(default_factory=dict)


def deliver_outbox(
    ledger: Ledger,
    clients: Mapping[str, Destination],
    now: Callable[[], datetime],
    limit: int,
    dry_run: bool,
    sleep: Callable[[float], None],
    policy: Delivery,
) -> DeliveryReport:
    """Deliver due actions until none is left that this run may or can deliver.

    Args:
        ledger: the open ledger.
        clients: destination by name.
        now: naive UTC; a clock that stands still is moved on by what was slept.
        limit: most actions to send; the policy's cap per run holds too.
        dry_run: only report.
        sleep: waits the given seconds.
        policy: pacing, caps, retries.
    """
    report = DeliveryReport(is_dry_run=dry_run)
    cap = min(limit, policy.max_sent_per_run)
    if dry_run:
        at = now()
        report.would_send = [a.idempotency_key for a in outbox.due(ledger, at, list(clients), cap)]
    else:
        _Run(ledger, clients, _Clock(now, sleep), policy, report).until_done(cap)
    report.states = outbox.counts(ledger)
    with ledger.transaction() as session:
        event = "delivery_dry_run" if dry_run else "delivery_run"
        detail = {"sent": len(report.sent), "would_send": len(report.would_send), "problems": report.problems}
        audit.record(session, now(), event, "outbox", detail)
    return report


class _Clock:
    """Time that never stands still while we sleep, also under a fixed clock."""

    def __init__(self, base: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
        self._base = base
        self._sleep = sleep
        self._floor = base()
        self.slept_seconds = 0.0

    def now(self) -> datetime:
        self._floor = max(self._floor, self._base())
        return self._floor

    def sleep(self, seconds: float) -> None:
        until = self.now() + timedelta(seconds=seconds)
        self._sleep(seconds)
        self.slept_seconds += seconds
        self._floor = max(self._floor, until)


class _Run:
    """State of one run: who was sent to when, what is blocked."""

    def __init__(
        self,
        ledger: Ledger,
        clients: Mapping[str, Destination],
        clock: _Clock,
        policy: Delivery,
        report: DeliveryReport,
    ) -> None:
        self._ledger = ledger
        self._clients = dict(clients)
        self._clock = clock
        self._policy = policy
        self._report = report
        self._last_sent: dict[tuple[str, str], datetime] = {}
        self._blocked: set[str] = set()
        self._held_until: dict[str, datetime] = {}
        self._waited_seconds = 0.0

    def until_done(self, cap: int) -> None:
        """Work until nothing is due, the cap is reached, the switch is off or waiting would take too long."""
        attempts = 0
        while self._clients and len(self._report.sent) < cap and attempts < cap * 4:
            if not feedback.is_on(self._ledger, feedback.DELIVERIES):
                self._report.is_stopped = True
                return
            outbox.expire_leases(self._ledger, self._clock.now())
            if self._reconcile_one():
                continue
            lease = timedelta(seconds=self._policy.lease_seconds)
            action = outbox.claim(self._ledger, self._clock.now(), lease, list(self._clients), self._avoided())
            if action is not None:
                attempts += 1
                self._send(action)
            elif not self._wait_for_next():
                return

    def _reconcile_one(self) -> bool:
        for action in outbox.to_reconcile(self._ledger, self._clock.now(), list(self._clients), limit=1):
            look = self._clients[action.destination].reconcile(action)
            at = self._clock.now()
            if look.presence is Presence.FOUND and look.external_ref:
                outbox.mark_sent(self._ledger, action, look.external_ref, at)
                self._report.sent.append(action.idempotency_key)
            elif look.presence is Presence.ABSENT:
                self._absent(action, look, at)
            else:
                self._undecided(action, look.error or "undecided", look.retry_after_seconds, not look.is_throttled)
            return True
        return False

    def _absent(self, action: OutboxAction, look: Lookup, at: datetime) -> None:
        """To be sent again, once enough time has passed for it to show if it were there."""
        certain_at = (action.attempted_at or at) + timedelta(seconds=look.certain_after_seconds)
        if certain_at <= at:
            outbox.mark_absent(self._ledger, action, at)
        else:
            looks = self._policy.max_reconciliations
            outbox.mark_undecided(self._ledger, action, "not to be seen yet", at, certain_at, looks, is_counted=False)

    def _undecided(self, action: OutboxAction, error: str, pause: float | None, is_counted: bool) -> None:
        at = self._clock.now()
        due_at = at + timedelta(seconds=pause or self._policy.retry_seconds)
        looks = self._policy.max_reconciliations
        state = outbox.mark_undecided(self._ledger, action, error, at, due_at, looks, is_counted)
        if state == "parked":
            self._report.parked.append(action.idempotency_key)
            self._problem(action, f"cannot tell whether it arrived ({error}); look there, then release it")

    def _send(self, action: OutboxAction) -> None:
        self._pace(action)
        outcome = self._clients[action.destination].deliver(action, self._clock.now())
        at = self._clock.now()
        self._last_sent[action.destination, action.target] = at
        error = outcome.error or outcome.result.value
        if outcome.result is Result.SENT and outcome.external_ref:
            outbox.mark_sent(self._ledger, action, outcome.external_ref, at)
            self._report.sent.append(action.idempotency_key)
        elif outcome.result is Result.TRANSIENT or outcome.scope is not Scope.ACTION:
            self._rejected(action, outcome, error, at)
        elif outcome.result is Result.PERMANENT:
            outbox.mark_failed(self._ledger, action, error, at)
            self._report.failed.append(action.idempotency_key)
            self._problem(action, f"refused for good: {error}")
        else:
            outbox.mark_unknown(self._ledger, action, error, at, at + timedelta(seconds=self._policy.settle_seconds))
            self._report.unclear += 1

    def _rejected(self, action: OutboxAction, outcome: Outcome, error: str, at: datetime) -> None:
        """Retry later; what is about the channel or the token waits for its repair and stops the rest of the run there."""
        self._report.rejected += 1
        due_at = at + timedelta(seconds=self._pause(action, outcome))
        maximum = self._policy.max_attempts
        state = outbox.mark_rejected(self._ledger, action, error, at, due_at, maximum, not outcome.is_throttled)
        if outcome.is_throttled:
            self._held_until[action.target] = due_at
        if outcome.scope is Scope.TARGET:
            self._blocked.add(action.target)
            self._problem(action, f"{action.target} refuses: {error}; nothing else is sent there in this run")
        elif outcome.scope is Scope.DESTINATION:
            self._clients.pop(action.destination, None)
            self._problem(action, f"{action.destination} refuses us: {error}; nothing else is sent there in this run")
        if state == "parked":
            self._report.parked.append(action.idempotency_key)
            self._problem(action, f"rejected {maximum} times, last with {error}")

    def _pause(self, action: OutboxAction, outcome: Outcome) -> float:
        if outcome.retry_after_seconds is not None:
            return outcome.retry_after_seconds
        doubled = self._policy.retry_seconds * 2 ** min(action.rejections, 10)
        return min(doubled, self._policy.max_retry_seconds)

    def _pace(self, action: OutboxAction) -> None:
        last = self._last_sent.get((action.destination, action.target))
        if last is not None:
            wanted = self._policy.seconds_between_calls.get(action.destination, self._policy.seconds_between_messages)
            gap = wanted - (self._clock.now() - last).total_seconds()
            if gap > 0:
                self._clock.sleep(gap)

    def _wait_for_next(self) -> bool:
        """Sleep until the next action is due, if that is within what a run may wait."""
        next_due = outbox.next_due_at(self._ledger, list(self._clients), self._avoided())
        due_at = min([*self._held_until.values(), *([next_due] if next_due else [])], default=None)
        if due_at is None:
            return False
        seconds = max((due_at - self._clock.now()).total_seconds(), 0.001)
        if self._waited_seconds + seconds > self._policy.max_wait_seconds:
            return False
        self._waited_seconds += seconds
        self._clock.sleep(seconds)
        return True

    def _avoided(self) -> set[str]:
        """Targets that refused us, and those that asked us to wait and whose time has not come."""
        now = self._clock.now()
        self._held_until = {target: until for target, until in self._held_until.items() if until > now}
        return {*self._blocked, *self._held_until}

    def _problem(self, action: OutboxAction, text: str) -> None:
        self._report.problems.append(f"{action.destination} {action.target} {action.idempotency_key}: {text}")
