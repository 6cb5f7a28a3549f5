"""What people find on audited accounts and which thresholds they accept is kept, with reason and person, and landed as a fact."""

from pathlib import Path

import pytest

from uam_platform.connectors.ledger import land
from uam_platform.lake.loads import LoadManifest
from uam_platform.ledger import auditing, feedback
from uam_platform.ledger.engine import Ledger
from uam_platform.policy.thresholds import Accepted
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.records import canonical_records
from uam_platform_tests.ledger.findings import MONDAY, alerts, apply, day, finding, morning, new_ledger

EVIDENCE = '{"conditions":[{"subject":"harm_score","op":">=","limit":2.4,"actual":2.9}]}'


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return new_ledger(tmp_path)


def accept(ledger: Ledger, value: float, number: int = 0) -> int:
    at = morning(day(number))
    return auditing.accept_threshold(ledger, "renewal_at_risk", "harm_score", value, 1.0, "3 of 9", "calmer", "kim", at)


def test_the_last_verdict_on_a_drawn_account_counts_and_each_needs_a_reason(ledger: Ledger) -> None:
    for verdict in ("fine", "in_trouble"):
        auditing.record_audit_verdict(ledger, "s1", MONDAY, "acc_1", verdict, "called them", "kim", morning(MONDAY))
    assert auditing.audit_verdicts(ledger)["s1"].verdict == "in_trouble"
    with pytest.raises(ValueError, match="what did you look at"):
        auditing.record_audit_verdict(ledger, "s1", MONDAY, "acc_1", "fine", " ", "kim", morning(MONDAY))
    with pytest.raises(ValueError, match="in_trouble, fine, cannot_tell"):
        auditing.record_audit_verdict(ledger, "s1", MONDAY, "acc_1", "useful", "x", "kim", morning(MONDAY))


def test_a_judged_alert_carries_the_numbers_of_its_opening(ledger: Ledger) -> None:
    apply(ledger, 0, [finding(1, evidence_id="e1", evidence_json=EVIDENCE), finding(2)])
    apply(ledger, 7, [finding(1, evidence_id="e2", evidence_json=EVIDENCE.replace("2.9", "9.9"))])
    for verdict in ("false_positive", "useful"):
        feedback.record_verdict(ledger, alerts(ledger)[0].alert_id, verdict, "why", "kim", morning(MONDAY))
    found = auditing.judged_alerts(ledger)
    assert [(one.is_right, one.seen) for one in found] == [(True, {"harm_score": 2.9})]


def test_an_accepted_threshold_needs_a_reason_and_a_change(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="is 1 already"):
        accept(ledger, 1.0)
    with pytest.raises(ValueError, match="--reason"):
        auditing.accept_threshold(ledger, "d", "harm_score", 2.0, 1.0, "", " ", "kim", morning(MONDAY))
    accept(ledger, 1.5)
    assert auditing.accepted(ledger) == [Accepted(morning(MONDAY), "renewal_at_risk", "harm_score", 1.5)]


def test_accepted_thresholds_are_landed_once_as_facts_without_names(ledger: Ledger, tmp_path: Path) -> None:
    import pandas as pd

    manifest = LoadManifest(tmp_path / "raw")
    url = ledger.engine.url.render_as_string(hide_password=False)
    accept(ledger, 1.5)
    for number in (1, 2):
        land(url, manifest, manifest.next_id("ledger", morning(day(number))), morning(day(number)))
        accept(ledger, 2.0, number)
    landed = [(load, pd.read_parquet(manifest.paths(load, "records"))) for load in manifest.loads("ledger")]
    assert [len(rows) for _, rows in landed] == [1, 1]
    assert "kim" not in str(landed)
    staged = canonical_records(landed, TimePolicy(sources={})).accepted_thresholds
    assert staged["threshold_value"].tolist() == [1.5, 2.0]
    assert staged["known_at"].tolist() == [morning(day(0)), morning(day(1))]
