"""Reasons: whose are judged, what counts as a hit, and what a constant answer reaches."""

import pandas as pd
import pytest

from uam_platform.contracts.tables import SCORE_REASONS
from uam_platform.evaluation.reasons import Case, cases, hit_rows, last_weeks, with_dominant_cause
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform_tests.evaluation.small_run import at, publish, write_truth


def rows_by_name(rows):
    return {row.metric: row for row in rows}


def test_always_naming_the_commonest_cause_scores_nothing():
    found = [Case("product", ("product",))] * 60 + [Case("people", ("product",))] * 20
    rows = rows_by_name(hit_rows(found, seed=0))
    assert rows["reasons, top-1"].value == pytest.approx(0.5)  # the mean over causes, not over cases
    assert rows["reasons, top-1 corrected"].value == pytest.approx(0)
    assert rows["reasons, top-1, product"].value == 1
    assert rows["reasons, top-1, people"].value == 0


def test_hits_are_counted_in_the_first_and_the_first_three_names():
    families = ("product", "people", "support", "value")
    found = [Case(f, (families[n - 1], families[n - 2], f)) for n, f in enumerate(families) for _ in range(10)]
    rows = rows_by_name(hit_rows(found, seed=0))
    assert (rows["reasons, top-1"].value, rows["reasons, top-3"].value) == (0, 1)
    assert rows["reasons, top-1 corrected"].value == pytest.approx((0 - 1 / 4) / (3 / 4))
    assert rows["reasons, top-3 corrected"].value == pytest.approx(1)


def test_below_thirty_cases_nothing_is_told():
    rows = hit_rows([Case("product", ("product",))] * 15 + [Case("people", ("people",))] * 14, seed=0)
    assert all(row.value is None and "29 true positives" in row.note for row in rows)


def test_the_last_monday_at_least_two_weeks_before_the_end_is_judged_if_the_score_was_high():
    mondays = pd.to_datetime(["2025-03-03", "2025-03-10", "2025-03-17"])
    high = pd.DataFrame({"account_id": "leaver", "as_of": mondays, "is_churned": True, "churn_probability": 0.9})
    missed = high.assign(account_id="missed", churn_probability=0.01)
    others = pd.concat(
        [high.assign(account_id=f"stays{n}", is_churned=False, churn_probability=0.1) for n in range(10)]
    )
    churn = pd.DataFrame(
        {
            "account_id": ["leaver", "missed"],
            "ended_at": pd.to_datetime(["2025-03-27", "2025-03-27"]),
            "is_censored": [False, False],
        }
    )
    found = last_weeks(pd.concat([high, missed, others], ignore_index=True), churn)
    assert found.to_dict("records") == [{"account_id": "leaver", "as_of": pd.Timestamp("2025-03-10")}]


@pytest.fixture
def company(tmp_path):
    """`clear` suffers from one cause, `mixed` from two at once, `calm` from nothing much."""
    levels = {"clear": (0.8, 0.1), "mixed": (0.8, 0.6), "calm": (0.1, 0.0)}
    health = [
        {"account_id": a, "as_of": at("2025-03-03"), "level_broken_workflow": first, "level_champion_left": second}
        for a, (first, second) in levels.items()
    ]
    episodes = [
        {"account_id": "clear", "cause": "broken_workflow", "family": "product", "is_harmful": True},
        {"account_id": "mixed", "cause": "champion_left", "family": "people", "is_harmful": True},
    ]
    write_truth(tmp_path / "world", {"health": health, "episodes": episodes})
    return tmp_path


def test_only_a_cause_twice_as_strong_as_the_next_dominates(company):
    weeks = pd.DataFrame({"account_id": ["clear", "mixed", "calm"], "as_of": pd.Timestamp("2025-03-03")})
    found = with_dominant_cause(weeks.astype({"as_of": "datetime64[us]"}), Truth(company / "world"))
    assert found[["account_id", "family"]].values.tolist() == [["clear", "product"]]


def test_contract_reasons_and_calming_reasons_name_nothing_and_themes_count_once(company):
    said = [
        ("days_to_renewal", 0.9),
        ("friction_rate_log", 0.5),
        ("core_28d_log", 0.4),
        ("core_share_ratio", 0.3),
        ("ticket_84d_log", -0.2),
    ]
    publish(
        company / "run",
        SCORE_REASONS,
        [
            {
                "account_id": "clear", "as_of": pd.Timestamp("2025-03-03").date(), "reason_rank": rank, "reason_feature": feature,
                "contribution": contribution, "reason_text": "said",
            }
            for rank, (feature, contribution) in enumerate(said, start=1)
        ],
    )  # fmt: skip
    weeks = pd.DataFrame({"account_id": ["clear"], "as_of": [pd.Timestamp("2025-03-03")], "family": ["product"]})
    assert cases(RunFolder(company / "run"), weeks) == [Case("product", ("product", "value"))]
