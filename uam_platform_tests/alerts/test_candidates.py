"""Findings: what is found, what is held back and why, what is sent within the budget."""

import json
from datetime import date, datetime, time, timedelta
from typing import Any

import ibis
import pandas as pd
import pytest

from uam_platform.alerts.candidates import candidates
from uam_platform.alerts.detect import coverage
from uam_platform.alerts.wording import evidence_id
from uam_platform.contracts.schemas import ibis_schema
from uam_platform.contracts.tables import CANDIDATES
from uam_platform.lake.engine import connect
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.load import load_section
from uam_platform_tests.alerts.population import ESCALATED_DECLINE, MONDAY, Population
from uam_platform_tests.judged import verdicts

POLICY = load_section(AlertPolicy, "alerts")
RENEWAL = {
    "churn_probability": 0.4,
    "baseline_probability": 0.1,
    "score_low": 0.3,
    "score_high": 0.5,
    "days_to_renewal": 40,
    "arr_usd_cents": 80_000_00,
    "ticket_28d_count": 8,
    "ticket_84d_count": 8,
    "escalation_28d_count": 6,
    "escalation_84d_count": 6,
}


def find(changes: dict[str, dict[str, Any]], **arguments: Any) -> pd.DataFrame:
    return candidates(**Population(changes).inputs(), policy=POLICY, **arguments)


def only(found: pd.DataFrame) -> dict[str, Any]:
    assert len(found) == 1
    return dict(found.iloc[0])


def test_the_summary_says_what_changed_since_the_week_before_in_score_reasons_and_dollars() -> None:
    text = "since 2025-06-02: from 8.1 % to 14.3 %; new: 14 failures"
    told = pd.DataFrame({"account_id": ["acc_00001"], "as_of": [MONDAY], "change_text": [text]})
    said = only(find({"acc_00001": ESCALATED_DECLINE}, score_changes=told))
    assert said["summary"].endswith("Since 2025-06-02: from 8.1 % to 14.3 %; new: 14 failures.")
    counted = told.assign(previous_revenue_at_risk_usd_cents=650_000, previous_churn_probability=0.081)
    said = only(find({"acc_00001": ESCALATED_DECLINE}, score_changes=counted))
    assert said["summary"].endswith("Dollars at risk then: $6,500 (+$2,500).")
    evidence = json.loads(said["evidence_json"])
    assert evidence["week_before"]["previous_revenue_at_risk_usd_cents"] == 650_000
    assert {"table": "churn/score_changes", "key": {"account_id": "acc_00001", "as_of": str(MONDAY)}} in evidence[
        "rows"
    ]
    alone = only(find({"acc_00001": ESCALATED_DECLINE}))
    assert "Since" not in alone["summary"]
    assert json.loads(alone["evidence_json"])["week_before"] is None


def test_a_level_population_gives_no_finding_but_a_table_with_the_contracts_columns() -> None:
    found = find({})
    assert list(found.columns) == list(CANDIDATES.column_names)
    assert found.empty


def test_a_high_value_account_whose_core_workflow_falls_after_an_escalation_is_an_alert() -> None:
    row = only(find({"acc_00001": ESCALATED_DECLINE}))
    assert (row["decision"], row["reason"], row["rank"]) == ("alert", None, 1)
    assert row["title"] == "Company 001: core workflow falling after an escalation, $9,000 at risk"
    assert "fell from 120 to 40 within 28 days (-67 %), while comparable accounts stayed level" in row["summary"]
    assert "escalated 20 days before" in row["summary"]
    assert "core actions fell" in row["summary"]
    assert "measured 40 of 120 = 33 %, limit 60 %" in row["threshold"]


@pytest.mark.parametrize(
    "harmless",
    [
        {"days_since_escalation": None},
        {"days_since_escalation": 3},
        {"days_since_escalation": 57},
        {"core_28d_count": 90, "core_7d_count": 20},
        {"core_7d_count": 20},
        {"core_prior_28d_count": 19, "core_28d_count": 2, "core_7d_count": 0},
        {"core_prior_28d_count": 22, "core_28d_count": 13, "core_7d_count": 3},
        {"arr_usd_cents": 5_000_00, "tier": "growth"},
        {"is_eligible": False},
    ],
    ids=[
        "no escalation",
        "escalated only just now",
        "escalated long ago",
        "hardly fallen",
        "recovering in the last week",
        "too little to judge",
        "fall within noise",
        "low value",
        "not eligible",
    ],
)
def test_what_lacks_one_condition_is_no_finding(harmless: dict[str, Any]) -> None:
    assert find({"acc_00001": {**ESCALATED_DECLINE, **harmless}}).empty


def test_a_fall_that_all_peers_share_is_held_back_as_season() -> None:
    everyone = {f"acc_{n:05d}": {"core_28d_count": 45, "core_7d_count": 11} for n in range(60)}
    row = only(find({**everyone, "acc_00001": ESCALATED_DECLINE}))
    assert (row["decision"], row["reason"]) == ("suppressed", "season")


def test_a_fall_far_below_a_falling_season_is_still_an_alert() -> None:
    everyone = {f"acc_{n:05d}": {"core_28d_count": 70, "core_7d_count": 17} for n in range(60)}
    row = only(find({**everyone, "acc_00001": {**ESCALATED_DECLINE, "core_28d_count": 20, "core_7d_count": 2}}))
    assert row["decision"] == "alert"
    assert "comparable accounts fell by 30 %" in row["summary"]


def test_an_account_without_owner_goes_to_the_stand_in_or_is_held_back() -> None:
    nobody = {**ESCALATED_DECLINE, "owner_id": None, "owner_name": None, "owner_email": None}
    assert only(find({"acc_00001": nobody}))["owner_name"] == "Customer Success lead"
    strict = POLICY.model_copy(
        update={
            "detectors": {n: d.model_copy(update={"owner_when_missing": None}) for n, d in POLICY.detectors.items()}
        }
    )
    row = only(candidates(**Population({"acc_00001": nobody}).inputs(), policy=strict))
    assert (row["decision"], row["reason"], row["owner_id"]) == ("suppressed", "no_owner", None)


def test_a_vague_score_holds_back_what_stands_on_the_score_only() -> None:
    vague = {"score_low": 0.05, "score_high": 0.95}
    row = only(find({"acc_00001": {**RENEWAL, **vague}}))
    assert (row["detector"], row["reason"]) == ("renewal_at_risk", "low_confidence")
    assert only(find({"acc_00001": {**ESCALATED_DECLINE, **vague}}))["decision"] == "alert"


def test_a_silence_holds_back_while_it_is_in_force_and_was_known() -> None:
    at = datetime.combine(MONDAY, time(6))
    silence = pd.DataFrame(
        [
            {
                "account_id": "acc_00001",
                "detector": None,
                "from_at": at - timedelta(days=1),
                "until_at": at + timedelta(days=9),
                "known_at": at - timedelta(days=1),
            }
        ]
    )
    assert only(find({"acc_00001": ESCALATED_DECLINE}, silences=silence))["reason"] == "silence"
    assert only(find({"acc_00001": ESCALATED_DECLINE}, silences=silence.assign(known_at=at)))["decision"] == "alert"
    assert only(find({"acc_00002": ESCALATED_DECLINE}, silences=silence))["decision"] == "alert"


def test_two_kinds_on_one_account_send_one_alert() -> None:
    found = find({"acc_00001": {**ESCALATED_DECLINE, **RENEWAL}}).set_index("detector")
    assert found.loc["core_decline_after_escalation", "decision"] == "alert"
    assert found.loc["renewal_at_risk", "reason"] == "cooldown"


def test_the_owners_week_takes_the_most_valuable_findings_and_keeps_the_rest_with_the_reason() -> None:
    changes = {f"acc_{n:05d}": {**ESCALATED_DECLINE, "arr_usd_cents": (50 + n) * 1_000_00} for n in range(8)}
    found = find(changes).sort_values("rank")
    assert list(found["decision"]) == ["alert"] * 5 + ["over_budget"] * 3
    assert list(found["account_id"]) == [f"acc_{n:05d}" for n in range(7, -1, -1)]
    assert set(found["reason"].dropna()) == {"owner_week_full"}


def test_the_budget_holds_over_the_days_of_a_week_and_continuing_alerts_are_free() -> None:
    changes = {f"acc_{n:05d}": {**ESCALATED_DECLINE, "arr_usd_cents": (50 + n) * 1_000_00} for n in range(8)}
    days = tuple(MONDAY + timedelta(days=n) for n in range(8))
    found = candidates(**Population(changes, as_of=days).inputs(), policy=POLICY)
    sent = found[found["decision"] == "alert"].groupby("as_of").size()
    assert list(sent) == [5] * 7 + [8]


def test_snapshots_one_by_one_with_history_equal_all_at_once() -> None:
    changes = {f"acc_{n:05d}": {**ESCALATED_DECLINE, "arr_usd_cents": (50 + n) * 1_000_00} for n in range(12)}
    days = tuple(MONDAY + timedelta(days=n) for n in range(9))
    whole = candidates(**Population(changes, as_of=days).inputs(), policy=POLICY)
    history: pd.DataFrame | None = None
    features = Population(changes, as_of=days).features
    for day in days:
        earlier = features[features["as_of"] < day]
        step = candidates(**Population(changes, as_of=(day,)).inputs(), policy=POLICY, history=history, earlier=earlier)
        history = step if history is None else pd.concat([history, step], ignore_index=True)
    pd.testing.assert_frame_equal(whole, history)


def test_the_order_of_input_rows_changes_nothing() -> None:
    population = Population({"acc_00001": ESCALATED_DECLINE, "acc_00002": {**ESCALATED_DECLINE, **RENEWAL}})
    shuffled = {k: v.sample(frac=1, random_state=3) for k, v in population.inputs().items()}
    pd.testing.assert_frame_equal(
        candidates(**population.inputs(), policy=POLICY), candidates(**shuffled, policy=POLICY)
    )


def test_evidence_is_canonical_json_under_its_hash_and_names_no_person() -> None:
    row = only(find({"acc_00001": ESCALATED_DECLINE}))
    bundle = json.loads(row["evidence_json"])
    assert row["evidence_id"] == evidence_id(row["evidence_json"])
    assert bundle["decline"]["recent_count"] == 40
    assert bundle["money"]["revenue_at_risk_usd_cents"] == 900_000
    assert isinstance(bundle["money"]["revenue_at_risk_usd_cents"], int)
    assert bundle["rows"][0] == {
        "table": "behavior/account_features",
        "key": {"account_id": "acc_00001", "as_of": "2025-06-02"},
    }
    assert "Kim" not in row["evidence_json"]
    assert "kim@" not in row["evidence_json"]


def test_an_account_without_score_is_no_finding_and_counts_as_failed() -> None:
    inputs = Population({"acc_00001": ESCALATED_DECLINE}).inputs()
    inputs["scores"] = inputs["scores"][inputs["scores"]["account_id"] != "acc_00001"]
    assert candidates(**inputs, policy=POLICY).empty
    counted = coverage(inputs["features"], inputs["scores"], inputs["revenue"], POLICY)
    assert {(c.as_of, c.subject_count, c.failed_account_ids) for c in counted} == {
        (date(2025, 6, 2), 60, frozenset({"acc_00001"}))
    }


@pytest.mark.parametrize("changes", [{}, {"acc_00001": ESCALATED_DECLINE}], ids=["empty", "one finding"])
def test_the_table_keeps_its_contract(changes: dict[str, Any]) -> None:
    found = find(changes)
    table = connect().create_table("found", found, schema=ibis_schema(CANDIDATES))
    assert all(v.is_valid for v in verdicts(table, CANDIDATES).values())
    assert table.count().execute() == len(found)
    assert isinstance(table, ibis.Table)
