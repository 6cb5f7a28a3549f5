"""The life cycle of alerts: applied once, in order; opened, kept open, resolved, reopened."""

from datetime import date

import pytest
from sqlalchemy import select

from uam_platform.ledger import lifecycle, planning
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.inputs import Coverage
from uam_platform.ledger.models import AuditRow, EvidenceRow, SnapshotRow
from uam_platform_tests.ledger.findings import (
    ALERTS,
    alerts,
    apply,
    day,
    finding,
    morning,
    outbox,
    transitions,
)


def test_a_finding_opens_one_alert_with_its_evidence_and_one_action_per_destination(ledger: Ledger) -> None:
    applied = apply(ledger, 0, [finding(1)])
    assert (applied.outcome, applied.transitions, applied.planned) == ("applied", {"opened": 1}, 2)
    assert [a.state for a in alerts(ledger)] == ["open"]
    assert [(r.state, r.kind) for r in outbox(ledger)] == [("pending", "post")]
    assert [r.state for r in outbox(ledger, "salesforce")] == ["planned_no_destination"]
    with ledger.transaction() as session:
        assert session.get_one(EvidenceRow, "e1").evidence_json == "{}"


def test_an_action_waits_as_planned_until_its_destination_is_connected(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    assert apply(ledger, 1, [finding(1)]).planned == 1  # the refreshed Slack message
    assert apply(ledger, 2, [finding(1)], connected=("slack", "salesforce")).planned == 2
    assert [r.state for r in outbox(ledger, "salesforce")] == ["pending"]
    apply(ledger, 3, [finding(1)])
    assert [r.state for r in outbox(ledger, "salesforce")] == ["planned_no_destination"]


def test_applying_a_snapshot_again_changes_nothing(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    again = apply(ledger, 0, [finding(1), finding(2)])
    assert again.outcome == "repeat"
    assert len(alerts(ledger)) == 1
    assert len(outbox(ledger)) == 1


def test_a_snapshot_older_than_the_last_applied_changes_nothing_and_says_so(ledger: Ledger) -> None:
    apply(ledger, 5, [finding(1)])
    assert apply(ledger, 3, [finding(2)]).outcome == "stale"
    assert len(alerts(ledger)) == 1
    with ledger.transaction() as session:
        assert session.scalars(select(AuditRow.event)).all() == ["snapshot_applied", "snapshot_stale"]


def test_suppressed_and_over_budget_findings_open_nothing(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1, "suppressed"), finding(2, "over_budget")])
    assert alerts(ledger) == []
    assert outbox(ledger) == []


def test_a_backfill_opens_alerts_but_never_acts_and_the_latest_snapshot_may_act_later(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)], act=False)
    assert outbox(ledger) == []
    assert apply(ledger, 0, [finding(1)], act=False).outcome == "repeat"
    assert apply(ledger, 0, [finding(1)], act=True).outcome == "acted"
    assert len(outbox(ledger)) == 1
    assert apply(ledger, 0, [finding(1)], act=True).outcome == "repeat"


def test_an_alert_that_opened_in_a_backfill_is_told_when_its_condition_still_holds(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1), finding(2)], act=False)
    apply(ledger, 1, [finding(1)], act=True)
    assert [r.payload.count("acc_00001") > 0 for r in outbox(ledger)] == [True]


def test_a_snapshot_beyond_the_maximal_age_never_acts(ledger: Ledger) -> None:
    rows = [finding(1)]
    late = lifecycle.apply_candidates(ledger, day(0), rows, {}, morning(day(4)), True, ALERTS.life_cycle)
    assert not late.is_acted


def test_an_alert_resolves_after_three_snapshots_without_its_condition(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    for number in (1, 2):
        assert apply(ledger, number, []).transitions == {"absent": 1}
    assert apply(ledger, 3, []).transitions == {"resolved": 1}
    assert alerts(ledger)[0].resolved_as_of == day(3)


def test_a_condition_that_is_only_held_back_keeps_the_alert_open(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    for number in range(1, 6):
        assert apply(ledger, number, [finding(1, "suppressed")]).transitions == {"held": 1}
    assert alerts(ledger)[0].state == "open"


def test_absent_snapshots_must_be_in_a_row(ledger: Ledger) -> None:
    for number, rows in enumerate([[finding(1)], [], [], [finding(1)], [], []]):
        apply(ledger, number, rows)
    assert alerts(ledger)[0].state == "open"
    assert transitions(ledger) == ["opened", "absent", "absent", "seen", "absent", "absent"]


def test_a_detector_that_failed_on_many_accounts_resolves_nothing(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    failed = frozenset(f"acc_{n:05d}" for n in range(100, 110))
    for number in range(1, 6):
        broken = Coverage(day(number), "core_decline_after_escalation", 100, failed)
        assert apply(ledger, number, [], coverage=[broken]).transitions == {"kept": 1}
    assert alerts(ledger)[0].state == "open"


def test_a_detector_that_judged_nobody_resolves_nothing(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    empty = [Coverage(day(n), "core_decline_after_escalation", 0) for n in range(1, 6)]
    for number in range(1, 6):
        apply(ledger, number, [], coverage=empty)
    assert alerts(ledger)[0].state == "open"


def test_an_account_that_could_not_be_judged_keeps_its_alert(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1), finding(2)])
    for number in range(1, 4):
        judged = Coverage(day(number), "core_decline_after_escalation", 100, frozenset({"acc_00001"}))
        apply(ledger, number, [], coverage=[judged])
    assert [a.state for a in alerts(ledger)] == ["open", "resolved"]


@pytest.mark.parametrize(("gap", "count"), [(56, 1), (57, 2)])
def test_back_within_the_reopen_time_is_the_same_alert_and_later_a_new_one(
    ledger: Ledger, gap: int, count: int
) -> None:
    apply(ledger, 0, [finding(1)])
    for number in (1, 2, 3):
        apply(ledger, number, [])
    apply(ledger, gap, [finding(1)])
    found = alerts(ledger)
    assert len(found) == count
    assert found[0].reopened_count == (1 if count == 1 else 0)


def test_a_message_not_yet_sent_is_refreshed_instead_of_doubled(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])
    apply(ledger, 1, [finding(1, summary="newer words")])
    rows = outbox(ledger)
    assert len(rows) == 1
    assert "newer words" in rows[0].payload


def test_a_first_message_never_sent_is_dropped_when_the_alert_resolves_and_revived_when_it_reopens(
    ledger: Ledger,
) -> None:
    apply(ledger, 0, [finding(1)])
    for number in (1, 2, 3):
        apply(ledger, number, [])
    assert [r.state for r in outbox(ledger)] == ["superseded"]
    apply(ledger, 4, [finding(1)])
    assert [r.state for r in outbox(ledger)] == ["pending"]


def test_a_crash_in_the_middle_leaves_nothing_half_done(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(planning, "plan", crash)
    with pytest.raises(KeyboardInterrupt):
        apply(ledger, 0, [finding(1)])
    monkeypatch.undo()
    assert alerts(ledger) == []
    with ledger.transaction() as session:
        assert session.scalars(select(SnapshotRow)).all() == []
    assert apply(ledger, 0, [finding(1)]).transitions == {"opened": 1}


def test_alert_ids_depend_on_fingerprint_and_opening_only() -> None:
    first = lifecycle.alert_id_of("f", date(2025, 1, 6))
    assert first == lifecycle.alert_id_of("f", date(2025, 1, 6))
    assert first != lifecycle.alert_id_of("f", date(2025, 1, 7))
    assert first != lifecycle.alert_id_of("g", date(2025, 1, 6))
