"""A delivery run: pacing, caps, switch, dry run, refusals by class."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from uam_platform.ledger import feedback, outbox
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import AuditRow
from uam_platform.playbooks.deliver import DeliveryReport, deliver_outbox
from uam_platform.playbooks.slack import SlackDestination
from uam_platform_tests.ledger.findings import CHANNEL, MONDAY, PLAYBOOKS, apply, finding, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.playbooks.fake_slack import FakeSlack

NOW = morning(MONDAY)


class Setting:
    """A ledger with four findings planned, a Slack, and a clock that stands still but for sleeps."""

    def __init__(self, folder: Path) -> None:
        self.ledger: Ledger = new_ledger(folder)
        self.slack = FakeSlack()
        self.slept: list[float] = []
        apply(self.ledger, 0, [finding(n) for n in range(1, 5)])

    def run(self, limit: int = 100, dry_run: bool = False, now: datetime = NOW) -> DeliveryReport:
        clients = {"slack": SlackDestination(self.slack)}
        return deliver_outbox(self.ledger, clients, lambda: now, limit, dry_run, self.slept.append, PLAYBOOKS.delivery)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def test_messages_to_one_channel_are_more_than_a_second_apart(setting: Setting) -> None:
    assert len(setting.run().sent) == 4
    assert setting.slept == pytest.approx([1.1, 1.1, 1.1])


def test_the_most_valuable_alerts_are_told_first_within_the_cap(setting: Setting) -> None:
    assert len(setting.run(limit=2).sent) == 2
    assert [m["metadata"]["event_payload"]["fingerprint"] for m in setting.slack.messages] == [
        "finger0001",
        "finger0002",
    ]
    assert outbox.counts(setting.ledger) == {"pending": 2, "planned_no_destination": 4, "sent": 2}


def test_a_dry_run_sends_nothing_marks_nothing_and_leaves_an_audit_row(setting: Setting) -> None:
    report = setting.run(dry_run=True)
    assert len(report.would_send) == 4
    assert setting.slack.calls == []
    assert outbox.counts(setting.ledger) == {"pending": 4, "planned_no_destination": 4}
    with setting.ledger.transaction() as session:
        assert "delivery_dry_run" in session.scalars(select(AuditRow.event)).all()


def test_turning_deliveries_off_stops_a_run_before_its_next_message(setting: Setting) -> None:
    def switch_off(_: float) -> None:
        feedback.switch(setting.ledger, feedback.DELIVERIES, False, "wrong texts", "kim", NOW)

    clients = {"slack": SlackDestination(setting.slack)}
    report = deliver_outbox(setting.ledger, clients, lambda: NOW, 9, False, switch_off, PLAYBOOKS.delivery)
    assert report.is_stopped
    assert len(report.sent) == 2  # the pause before the second message switched off; that one was already claimed
    assert setting.run().sent == []
    feedback.switch(setting.ledger, feedback.DELIVERIES, True, "texts repaired", "kim", NOW)
    assert len(setting.run().sent) == 2


@pytest.mark.proves("Slack", "rate limits")
def test_a_throttled_channel_is_left_alone_as_long_as_it_asked(setting: Setting) -> None:
    setting.slack.plan = ["429"]
    assert len(setting.run().sent) == 4
    assert setting.slept[0] == pytest.approx(3.0)
    assert setting.slack.calls == ["post"] * 5


def test_refused_content_fails_for_good_and_the_others_go_out(setting: Setting) -> None:
    original = setting.slack.chat_postMessage

    def refuse_first(**content: object) -> dict[str, object]:
        setting.slack.refuses = {CHANNEL: "invalid_blocks"} if not setting.slack.calls else {}
        return original(**content)

    setting.slack.chat_postMessage = refuse_first  # type: ignore[method-assign]
    report = setting.run()
    assert (len(report.sent), len(report.failed)) == (3, 1)
    assert "refused for good: invalid_blocks" in report.problems[0]


@pytest.mark.parametrize("word", ["not_in_channel", "token_revoked"])
def test_a_refusing_channel_or_token_loses_nothing_and_is_asked_once_a_run(setting: Setting, word: str) -> None:
    setting.slack.refuses = {CHANNEL: word}
    report = setting.run()
    assert setting.slack.calls == ["post"]
    assert word in report.problems[0]
    assert outbox.counts(setting.ledger)["pending"] == 4
    setting.slack.refuses = {}
    assert len(setting.run(now=NOW + timedelta(minutes=20)).sent) == 4


def test_an_action_rejected_too_often_waits_for_a_person(setting: Setting) -> None:
    setting.slack.refuses = {CHANNEL: "token_revoked"}
    for number in range(PLAYBOOKS.delivery.max_attempts * 4 + 4):
        report = setting.run(now=NOW + timedelta(hours=number))
    assert report.states == {"parked": 4, "planned_no_destination": 4}
    setting.slack.refuses = {}
    for row in rows(setting.ledger):
        assert outbox.release(setting.ledger, row.idempotency_key, "kim", "new token", NOW) == "pending"
    assert len(setting.run(now=NOW + timedelta(days=9)).sent) == 4


def test_only_failed_and_parked_actions_can_be_released(setting: Setting) -> None:
    key = rows(setting.ledger)[0].idempotency_key
    with pytest.raises(ValueError, match="is pending; only failed or parked"):
        outbox.release(setting.ledger, key, "kim", "impatient", NOW)
    with pytest.raises(ValueError, match="no such action"):
        outbox.release(setting.ledger, "nothing", "kim", "typo", NOW)


def test_the_sdks_own_retries_are_taken_away() -> None:
    slack = FakeSlack()
    SlackDestination(slack)
    assert slack.retry_handlers == []


@pytest.mark.proves("Slack", "close or retract")
def test_a_resolved_alert_is_told_in_place(setting: Setting) -> None:
    setting.run()
    for number in (1, 2, 3):
        apply(setting.ledger, number, [finding(n) for n in (2, 3, 4)])
    setting.run(now=NOW + timedelta(days=3))
    posted = [m for m in setting.slack.messages if not m.get("thread_ts")]
    assert len(posted) == 4
    news = [m for m in setting.slack.messages if m.get("thread_ts")]
    assert [(m["thread_ts"], m["text"][:9]) for m in news] == [(posted[0]["ts"], "Resolved:")]
    changed = [m["text"][:9] for m in posted if m["metadata"]["event_payload"]["status"] == "resolved"]
    assert changed == ["Resolved:"]
    apply(setting.ledger, 4, [finding(n) for n in (1, 2, 3, 4)])
    setting.run(now=NOW + timedelta(days=4))
    assert setting.slack.messages[0]["text"].startswith("Back again:")


def test_an_open_alert_is_refreshed_weekly_or_when_its_dollars_move(setting: Setting) -> None:
    setting.run()
    everyone = [finding(n) for n in (2, 3, 4)]
    assert apply(setting.ledger, 1, [finding(1), *everyone]).planned == 0
    assert apply(setting.ledger, 2, [finding(1, revenue_at_risk_usd_cents=12_000_00), *everyone]).planned == 1
    assert apply(setting.ledger, 8, [finding(1, revenue_at_risk_usd_cents=12_000_00), *everyone]).planned == 3
