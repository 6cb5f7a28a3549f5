"""The digest: once a week, through the outbox, and for the latest snapshot only."""

from dataclasses import replace
from pathlib import Path

from uam_platform.ledger import overview, reviewing
from uam_platform.ledger.feedback import record_verdict
from uam_platform.orchestration.stale import RESTATEMENT_TAG
from uam_platform.playbooks.deliver import deliver_outbox
from uam_platform.playbooks.slack import SlackDestination
from uam_platform.policy.load import load_section
from uam_platform.policy.reviews import ReviewPolicy
from uam_platform.reviews.assets import may_tell, plan_weekly_digest
from uam_platform.reviews.pack import build
from uam_platform_tests.ledger.findings import MONDAY, PLAYBOOKS, alerts, apply, day, finding, morning, new_ledger
from uam_platform_tests.orchestration.wired import wired
from uam_platform_tests.playbooks.fake_slack import FakeSlack
from uam_platform_tests.reviews.cases import facts

PACK = build(facts(), load_section(ReviewPolicy, "reviews"))


def test_a_week_has_one_digest_and_it_arrives_once(tmp_path: Path) -> None:
    ledger, wiring = new_ledger(tmp_path), wired(tmp_path, now="2025-06-09T08:00:00")
    path = tmp_path / "2025-06-09.html"
    assert plan_weekly_digest(ledger, PACK, path, wiring)
    assert not plan_weekly_digest(ledger, replace(PACK, as_of="2025-06-15"), path, wiring)
    assert plan_weekly_digest(ledger, replace(PACK, as_of="2025-06-16"), path, wiring)
    slack = FakeSlack(["500_after_commit"])
    now = wiring.settings.clock()
    clients = {"slack": SlackDestination(slack)}
    deliver_outbox(ledger, clients, lambda: now, 9, False, lambda seconds: None, PLAYBOOKS.delivery)
    assert sorted(slack.commits.values()) == [1, 1]
    assert slack.messages[0]["channel"] == wiring.rulebook.reviews.channel
    assert slack.messages[0]["blocks"][0]["text"]["text"].startswith("Product-risk review, 2025-06-")
    assert str(tmp_path) not in str(slack.messages)  # where the data lie is nobody's business in a channel
    assert overview.stuck_actions(ledger) == []


def test_history_and_restatements_tell_nobody(tmp_path: Path) -> None:
    wiring = wired(tmp_path, now="2025-06-09T08:00:00")
    latest = wiring.closed_as_of
    assert may_tell({}, latest, wiring)
    assert not may_tell({RESTATEMENT_TAG: "why"}, latest, wiring)
    assert not may_tell({"dagster/backfill": "x"}, latest, wiring)
    assert not may_tell({}, MONDAY, wiring)


def test_a_review_reads_what_happened_and_how_it_was_judged(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path)
    apply(ledger, 0, [finding(1), finding(2)])
    for number in (1, 2, 3):
        apply(ledger, number, [finding(1), finding(3)])
    seen = {a.account_id: a for a in reviewing.reviewed_alerts(ledger, day(0), day(3))}
    assert seen["acc_00001"].transitions == ("seen",)
    assert seen["acc_00002"].transitions == ("absent", "resolved")
    assert seen["acc_00003"].transitions[0] == "opened"
    assert seen["acc_00001"].follow_up == "call within 5 days"
    first = alerts(ledger)[0].alert_id
    record_verdict(ledger, first, "false_positive", "holiday", "kim", morning(day(1)))
    record_verdict(ledger, first, "useful", "it was real", "kim", morning(day(2)))
    assert reviewing.judged(ledger) == [reviewing.Judged("core_decline_after_escalation", 1, 1, 3)]
    given = reviewing.decisions(ledger, morning(day(1)), morning(day(3)))
    assert [(d.verdict, d.reason) for d in given] == [("useful", "it was real")]
    assert reviewing.alerts_by_week(ledger, day(3)) == [
        (day(0), "opened", 2),
        (day(1), "opened", 1),
        (day(3), "resolved", 1),
    ]
