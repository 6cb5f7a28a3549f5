"""The audit of alerts: who is drawn, what the verdicts say, which thresholds they speak for."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd
import pytest

from uam_platform.contracts.schemas import ibis_schema
from uam_platform.contracts.tables import AUDIT_SAMPLES, CANDIDATES
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.ledger.auditing import AuditVerdict, JudgedAlert
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.load import load_section
from uam_platform.policy.reviews import ReviewPolicy
from uam_platform.reviews.audit import Stratum, precision, recall, strata
from uam_platform.reviews.audit_facts import AuditFacts
from uam_platform.reviews.audit_page import render_audit, shown
from uam_platform.reviews.audit_sample import audit_samples
from uam_platform.reviews.proposals import proposals, wilson
from uam_platform_tests.judged import verdicts
from uam_platform_tests.ledger.findings import MONDAY, morning

POLICY = load_section(ReviewPolicy, "reviews").audit
RULES = load_section(AlertPolicy, "alerts")
NAME = "behaviour_turning_bad"
LIMIT = RULES.detectors[NAME].tuned_limit()
DAYS = [date(2025, 3, 31) + timedelta(weeks=n) for n in range(12)]  # April and May are over, June is not


def eligible(count: int = 60) -> pd.DataFrame:
    rows = [(day, f"acc_{n:03d}", f"u{n % 3}") for day in DAYS for n in range(count)]
    return pd.DataFrame(rows, columns=["as_of", "account_id", "owner_id"])


def found(
    account: int, day: date, decision: str = "alert", reason: str | None = None, **changed: Any
) -> dict[str, Any]:
    row = {
        "as_of": day, "account_id": f"acc_{account:03d}", "fingerprint": f"f{account}", "decision": decision, "reason": reason,
        "detector": NAME, "audience": "customer_success", "rank": 1,
    }  # fmt: skip
    return {**row, **changed}


def candidates(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(CANDIDATES.column_names))


APRIL, MAY = DAYS[2], DAYS[7]
FINDINGS = candidates(
    found(1, APRIL),
    found(1, MAY, "suppressed", "season"),
    found(2, MAY),
    found(2, MAY - timedelta(days=7), "over_budget", "owner_week_full"),
    found(3, MAY, "suppressed", "part_of:f9"),
    found(4, MAY, audience="sales"),
)


def drawn(**changed: Any) -> pd.DataFrame:
    return audit_samples(eligible(), FINDINGS, POLICY.model_copy(update=changed))


def test_only_months_that_are_over_are_drawn_and_the_table_has_the_contracts_columns() -> None:
    made = drawn()
    assert list(made.columns) == list(AUDIT_SAMPLES.column_names)
    assert sorted({str(month) for month in made["audit_month_date"]}) == ["2025-03-01", "2025-04-01", "2025-05-01"]
    assert not made.duplicated(["audit_month_date", "account_id"]).any()


def test_each_account_stands_for_what_the_alerts_did_about_it_in_the_month() -> None:
    everyone = {name: 99 for name in POLICY.drawn}
    may = drawn(drawn=everyone).query("audit_month_date == @MAY.replace(day=1)").set_index("account_id")
    assert len(may) == 60
    assert may.loc["acc_001", ["stratum", "is_treated"]].tolist() == ["told_before", True]
    assert may.loc["acc_002", ["stratum", "is_treated"]].tolist() == ["told", True]
    assert may.loc["acc_003", ["stratum", "reason"]].tolist() == ["held_back", "part_of"]
    assert may.loc["acc_004", ["stratum", "is_treated"]].tolist() == ["quiet", False]
    assert (may.loc[may["stratum"] == "quiet", "stratum_account_count"] == 57).all()


def test_the_draw_is_a_pure_function_of_month_and_accounts() -> None:
    shuffled = audit_samples(eligible().sample(frac=1, random_state=5), FINDINGS.sample(frac=1, random_state=5), POLICY)
    pd.testing.assert_frame_equal(drawn(), shuffled)
    april, may = (
        set(drawn().query("audit_month_date == @m")["account_id"]) for m in (APRIL.replace(day=1), MAY.replace(day=1))
    )
    assert april != may


def test_precision_and_recall_weigh_each_verdict_by_whom_it_stands_for() -> None:
    parts = [
        Stratum("told", "", 40, 20, 20, 15),
        Stratum("held_back", "season", 30, 5, 5, 1),
        Stratum("quiet", "", 1000, 20, 20, 1),
        Stratum("told_before", "", 50, 5, 5, 5),
    ]
    right, hit = precision(parts), recall(parts)
    assert right.value == pytest.approx(0.75)
    assert hit.value == pytest.approx(30 / (30 + 6 + 50))  # those told about before count on neither side
    assert hit.low is not None
    assert hit.high is not None
    assert hit.low < 30 / 86 < hit.high
    assert recall(parts) == hit


def test_without_a_verdict_on_a_stratum_recall_is_unknown_and_says_what_lacks() -> None:
    unjudged = recall([Stratum("told", "", 40, 20, 20, 15), Stratum("quiet", "", 1000, 20, 0, 0)])
    assert (unjudged.value, unjudged.missing) == (None, "no verdict yet on: quiet")


def test_verdicts_that_cannot_tell_stand_for_nobody() -> None:
    samples = drawn()
    told = samples[samples["stratum"] == "told"]["sample_id"].tolist()
    part = strata(samples, {told[0]: "in_trouble", told[1]: "cannot_tell"})[0]
    assert (part.name, part.population, part.judged, part.troubled) == ("told", 2, 1, 1)


def judged(right: int, wrong: int, low: float = 2.6, high: float = 3.5) -> list[JudgedAlert]:
    """Wrong ones at `low`, right ones at `high` points."""
    alerts = [(True, high)] * right + [(False, low)] * wrong
    return [
        JudgedAlert(f"a{n}", NAME, MONDAY, is_right, {"harm_score": value})
        for n, (is_right, value) in enumerate(alerts)
    ]


def test_too_few_verdicts_propose_nothing() -> None:
    assert proposals(judged(5, 14), RULES, POLICY) == []


def test_a_limit_is_raised_to_where_enough_of_the_judged_alerts_were_right() -> None:
    made = proposals(judged(10, 15), RULES, POLICY)[0]
    assert (made.detector, made.column, made.before.limit, made.after.limit) == (NAME, "harm_score", LIMIT, 3.5)
    assert (made.before.right, made.before.judged, made.after.right, made.after.judged) == (10, 25, 10, 10)
    assert "10 of 25 judged alerts were right, 40%" in made.arithmetic
    assert proposals(judged(11, 15), RULES, POLICY)[0].proposal_id != made.proposal_id


def test_no_limit_is_proposed_that_would_lose_most_of_what_was_right() -> None:
    hopeless = judged(10, 15, low=3.5, high=2.6)
    assert proposals(hopeless, RULES, POLICY) == []


def test_a_limit_is_lowered_one_step_only_where_even_the_lower_bound_is_above_the_goal() -> None:
    assert proposals(judged(18, 7), RULES, POLICY) == []
    assert wilson(29, 30)[0] > POLICY.precision_goal
    made = proposals(judged(29, 1), RULES, POLICY)[0]
    assert made.after.limit == pytest.approx(0.9 * LIMIT)


def test_the_page_asks_about_each_account_and_tells_decisions_carry_over_and_proposals() -> None:
    samples = drawn()
    may = samples[samples["audit_month_date"] == MAY.replace(day=1)]
    told, quiet = (may[may["stratum"] == name]["sample_id"].iloc[0] for name in ("told", "quiet"))
    given = AuditVerdict(told, "acc_002", "in_trouble", "<their> admin left", "kim", morning(MONDAY))
    facts = AuditFacts(
        MAY.replace(day=1), samples, {told: given}, {"acc_002": ("Second & Co", "Lee")}, [{"reason": "season", "count": 1}],
        [], proposals(judged(10, 15), RULES, POLICY), [],
    )  # fmt: skip
    page = render_audit(facts)
    assert page == render_audit(replace(facts))
    assert "Second &amp; Co" in page
    assert "&lt;their&gt; admin left" in page
    assert f"uam audit {quiet} --verdict" in page
    assert "no verdict yet on: held back" in page
    assert f"harm_score from {LIMIT:g} to 3.5" in page
    rows = shown(facts)
    assert {row["month"] for row in rows["carry_over"]} == {"2025-03", "2025-04"}
    assert len(rows["waiting"]) == len(may) - 1


@pytest.mark.parametrize("is_empty", [False, True], ids=["drawn", "nothing drawn"])
def test_the_draw_keeps_its_contract(is_empty: bool) -> None:
    made = audit_samples(eligible().iloc[:0], FINDINGS, POLICY) if is_empty else drawn()
    stored = ibis.memtable(as_table(made, AUDIT_SAMPLES))
    table = connect().create_table("drawn", stored.to_pyarrow(), schema=ibis_schema(AUDIT_SAMPLES))
    assert all(one.is_valid for one in verdicts(table, AUDIT_SAMPLES).values())
    assert table.count().execute() == len(made)
