"""Which account-weeks are judged, with which outcome, and what the section says of too few of them."""

from datetime import date

import pandas as pd
import pytest

from uam_platform.contracts.tables import ACCOUNT_FEATURES, SCORES
from uam_platform.evaluation.churn import sections
from uam_platform.evaluation.churn_rows import scored_weeks, with_outcome
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth, TruthError
from uam_platform_tests.evaluation.small_run import at, publish, write_truth


def outcome(ended_at: str | None, is_censored: bool = False) -> tuple[bool, bool]:
    weeks = pd.DataFrame({"account_id": ["a"], "as_of": pd.to_datetime(["2025-03-03"])})
    ends = [] if ended_at is None else [("a", pd.Timestamp(ended_at), is_censored)]
    churn = pd.DataFrame(ends, columns=["account_id", "ended_at", "is_censored"]).astype({"ended_at": "datetime64[us]"})
    found = with_outcome(weeks.astype({"as_of": "datetime64[us]"}), churn).iloc[0]
    return bool(found["is_churned"]), bool(found["is_censored"])


@pytest.mark.parametrize(
    ("ended_at", "is_censored", "expected"),
    [
        pytest.param("2025-03-03", False, (False, False), id="on the snapshot itself: already gone"),
        pytest.param("2025-03-04", False, (True, False), id="the day after"),
        pytest.param("2025-04-28", False, (True, False), id="56 days after: still in"),
        pytest.param("2025-04-29", False, (False, False), id="57 days after"),
        pytest.param("2025-04-01", True, (False, True), id="acquired within the horizon"),
        pytest.param("2025-06-01", True, (False, False), id="acquired later"),
        pytest.param(None, False, (False, False), id="never"),
    ],
)
def test_the_outcome_is_an_end_within_56_days_and_no_sale(ended_at, is_censored, expected):
    assert outcome(ended_at, is_censored) == expected


@pytest.fixture
def company(tmp_path):
    """Accounts old, sold, leaving and young on the Monday 2025-03-03, all but `unscored` scored; `gone` is not in the population."""
    world, run = tmp_path / "world", tmp_path / "run"
    names = ("old", "sold", "leaving", "young", "unscored")
    write_truth(
        world,
        {
            "accounts": [
                {"account_id": n, "started_at": at("2025-02-24" if n == "young" else "2024-01-01")} for n in names
            ],
            "health": [{"account_id": n, "as_of": at("2025-03-03"), "p_churn_56d": 0.1} for n in names],
            "churn": [
                {"account_id": "sold", "ended_at": at("2025-04-01"), "is_censored": True, "is_causal": False},
                {"account_id": "leaving", "ended_at": at("2025-04-01"), "is_censored": False, "is_causal": True},
            ],
        },
    )
    scored = ("old", "sold", "leaving", "young", "gone")
    rows = [
        {"account_id": n, "as_of": date(2025, 3, 3), "churn_probability": 0.2, "mrr_usd_cents": 12_345} for n in scored
    ]
    tuesday = {"account_id": "old", "as_of": date(2025, 3, 4), "churn_probability": 0.9}
    publish(run, SCORES, [*rows, tuesday])
    publish(run, ACCOUNT_FEATURES, rows)
    return world, run


def test_only_eligible_accounts_on_mondays_are_judged_and_the_others_are_counted(company):
    world, run = company
    found = scored_weeks(RunFolder(run), Truth(world))
    assert dict(zip(found.rows["account_id"], found.rows["is_churned"], strict=True)) == {"leaving": True, "old": False}
    assert found.rows["mrr_usd"].tolist() == [123.45, 123.45]
    assert (found.censored_count, found.outside_count, found.unscored_count) == (1, 2, 1)
    assert found.snapshot_count == 1


def test_below_thirty_churned_accounts_no_metric_is_given(company):
    world, run = company
    section = sections(RunFolder(run), Truth(world), seed=0)[1]
    assert section.row("population scored").value == pytest.approx(3 / 4)
    assert section.row("ROC-AUC").value is None
    assert "not estimable: 1 churned accounts" in section.row("ROC-AUC").note


def test_a_folder_without_truth_is_refused_in_words(tmp_path):
    with pytest.raises(TruthError, match="uam simulate"):
        Truth(tmp_path)
