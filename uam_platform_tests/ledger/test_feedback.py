"""Verdicts, silences and switches: a reason is required, everything is kept."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from uam_platform.ledger import feedback
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import AuditRow
from uam_platform_tests.ledger.findings import MONDAY, alerts, apply, finding, morning

NOW = morning(MONDAY)


@pytest.fixture(autouse=True)
def one_alert(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1)])


def test_verdicts_are_added_and_never_replaced(ledger: Ledger) -> None:
    alert_id = alerts(ledger)[0].alert_id
    feedback.record_verdict(ledger, alert_id, "useful", "called, saved", "kim", NOW)
    feedback.record_verdict(ledger, alert_id, "expected", "summer break", "lee", NOW)
    assert [v["verdict"] for v in feedback.verdicts(ledger)] == ["useful", "expected"]
    with ledger.transaction() as session:
        assert session.scalars(select(AuditRow.by).where(AuditRow.event == "verdict")).all() == ["kim", "lee"]


@pytest.mark.parametrize(
    ("alert", "verdict", "reason", "message"),
    [("x", "useful", "why", "no alert"), (None, "fine", "why", "use one of"), (None, "useful", " ", "needs a reason")],
)
def test_a_wrong_verdict_is_refused_with_what_to_write(
    ledger: Ledger, alert: str | None, verdict: str, reason: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        feedback.record_verdict(ledger, alert or alerts(ledger)[0].alert_id, verdict, reason, "kim", NOW)


def test_a_silence_is_a_fact_with_its_knowledge_time(ledger: Ledger) -> None:
    feedback.silence(ledger, NOW, NOW + timedelta(days=7), "rollout", "kim", NOW, account_id="acc_00001")
    known = feedback.silences(ledger)
    assert [(s["account_id"], s["detector"], s["known_at"]) for s in known] == [("acc_00001", None, NOW)]


def test_a_silence_of_everything_or_of_no_time_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="name an account or a detector"):
        feedback.silence(ledger, NOW, NOW + timedelta(days=1), "tired", "kim", NOW)
    with pytest.raises(ValueError, match="end after its start"):
        feedback.silence(ledger, NOW, NOW, "rollout", "kim", NOW, detector="renewal_at_risk")
