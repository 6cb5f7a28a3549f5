"""The law of the outbox: whatever goes wrong, every action is at the destination exactly once and none is lost."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.ledger import outbox
from uam_platform.ledger.engine import Ledger
from uam_platform.playbooks.deliver import DeliveryReport, deliver_outbox
from uam_platform.playbooks.slack import SlackDestination
from uam_platform_tests.ledger.findings import MONDAY, PLAYBOOKS, apply, day, finding, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.playbooks.fake_slack import FAULTS, Crash, FakeSlack

UNLIMITED = PLAYBOOKS.delivery.model_copy(update={"max_attempts": 1000, "max_reconciliations": 1000})
LEASE = timedelta(seconds=UNLIMITED.lease_seconds)


class World:
    """One ledger, one Slack, and a clock that only moves when somebody waits."""

    def __init__(self, ledger: Ledger, plan: list[str]) -> None:
        self.ledger = ledger
        self.slack = FakeSlack(plan)
        self.now = morning(MONDAY)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def clock(self) -> datetime:
        return self.now

    def run(self, limit: int = 100) -> DeliveryReport | None:
        """One delivery run; None if it crashed, after which time passes until its lease has run out."""
        clients = {"slack": SlackDestination(self.slack)}
        try:
            return deliver_outbox(self.ledger, clients, self.clock, limit, False, self.sleep, UNLIMITED)
        except Crash:
            self.now += LEASE
            return None

    def finish(self) -> None:
        """Runs as a schedule would start them, until nothing is open."""
        for _ in range(60):
            self.run()
            self.now += timedelta(seconds=20)
            if not {"pending", "sending", "unknown"} & set(outbox.counts(self.ledger)):
                return
        raise AssertionError(f"still open after 60 runs: {outbox.counts(self.ledger)}")


@given(
    plan=st.lists(st.sampled_from(FAULTS), max_size=25),
    accounts=st.integers(1, 4),
    limits=st.lists(st.integers(1, 3), max_size=4),
)
@settings(max_examples=30, deadline=None, derandomize=True)
@pytest.mark.proves("Slack", "effectively once")
def test_every_action_arrives_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str], accounts: int, limits: list[int]
) -> None:
    ledger = new_ledger(tmp_path_factory.mktemp("example"))
    world = World(ledger, plan)
    findings = [finding(n) for n in range(1, accounts + 1)]
    apply(ledger, 0, findings)
    for limit in limits:
        world.run(limit)
        apply(ledger, 0, findings)  # the planning run is repeated too
    world.finish()
    planned = rows(ledger)
    assert [r.state for r in planned] == ["sent"] * accounts
    assert world.slack.commits == {r.idempotency_key: 1 for r in planned}
    assert {r.external_ref for r in planned} == {f"{m['channel']}/{m['ts']}" for m in world.slack.messages}
    ledger.close()


@given(plan=st.lists(st.sampled_from(FAULTS), max_size=12), before_update=st.integers(0, 3))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_an_alert_has_one_message_that_ends_with_its_newest_state(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str], before_update: int
) -> None:
    ledger = new_ledger(tmp_path_factory.mktemp("example"))
    world = World(ledger, plan)
    apply(ledger, 0, [finding(1)])
    for _ in range(before_update):
        world.run(1)
    apply(ledger, 7, [finding(1, summary="newer words")])
    world.now = max(world.now, morning(day(7)))
    world.finish()
    assert len(world.slack.messages) == 1
    assert "newer words" in world.slack.messages[0]["text"]
    assert set(world.slack.commits.values()) == {1}
    ledger.close()


@given(plan=st.lists(st.sampled_from(FAULTS), max_size=12))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_news_is_told_once_in_the_thread_of_its_message(
    tmp_path_factory: pytest.TempPathFactory, plan: list[str]
) -> None:
    ledger = new_ledger(tmp_path_factory.mktemp("example"))
    world = World(ledger, [])
    apply(ledger, 0, [finding(1)])
    world.finish()
    world.slack.plan = plan
    for number in (1, 2, 3):
        apply(ledger, number, [])
    world.now = max(world.now, morning(day(3)))
    world.finish()
    message, *answers = world.slack.messages
    assert message["text"].startswith("Resolved:")
    assert [a["thread_ts"] for a in answers] == [message["ts"]]
    assert set(world.slack.replies.values()) == {1}
    ledger.close()


def test_a_lost_answer_is_looked_up_and_not_sent_again(ledger: Ledger) -> None:
    world = World(ledger, ["timeout_after_commit"])
    apply(ledger, 0, [finding(1)])
    report = world.run()
    assert report is not None
    assert (report.unclear, len(report.sent)) == (1, 1)
    assert world.slack.calls == ["post", "history"]


def test_an_action_is_parked_and_not_sent_again_when_the_look_up_is_impossible(ledger: Ledger) -> None:
    world = World(ledger, ["timeout_after_commit"] + ["500"] * 20)
    apply(ledger, 0, [finding(1)])
    clients = {"slack": SlackDestination(world.slack)}
    report = deliver_outbox(ledger, clients, world.clock, 10, False, world.sleep, PLAYBOOKS.delivery)
    assert report.states["parked"] == 1
    assert world.slack.calls.count("post") == 1
    assert "look there" in report.problems[0]
    world.slack.plan.clear()
    key = rows(ledger)[0].idempotency_key
    assert outbox.release(ledger, key, by="kim", reason="history works again", now=world.now) == "unknown"
    world.finish()
    assert world.slack.commits == {key: 1}


def test_an_attempt_that_outlived_its_lease_does_not_overwrite_what_happened_since(ledger: Ledger) -> None:
    world = World(ledger, [])
    apply(ledger, 0, [finding(1)])
    stale = outbox.claim(ledger, world.now, LEASE, ["slack"])
    assert stale is not None
    world.now += LEASE
    world.finish()
    assert not outbox.mark_failed(ledger, stale, "late", world.now)
    assert outbox.mark_rejected(ledger, stale, "late", world.now, world.now, 3) is None
    assert [r.state for r in rows(ledger)] == ["sent"]


def test_two_runs_at_once_claim_an_action_once(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    now = morning(MONDAY)
    claimed = [outbox.claim(ledger, now, LEASE, ["slack"]) for _ in range(2)]
    assert [c is not None for c in claimed] == [True, False]


def test_an_interrupted_attempt_is_due_again_when_its_lease_runs_out(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    now = morning(MONDAY)
    assert outbox.next_due_at(ledger, ["slack"]) == now
    outbox.claim(ledger, now, LEASE, ["slack"])
    assert outbox.next_due_at(ledger, ["slack"]) == now + LEASE
    outbox.expire_leases(ledger, now + LEASE)
    assert outbox.next_due_at(ledger, ["slack"]) == now + LEASE
    assert outbox.next_due_at(ledger, ["jira"]) is None
