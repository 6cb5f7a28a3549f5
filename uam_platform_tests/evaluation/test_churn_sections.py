"""Rows of the churn sections: shares and lift by hand, a planted leak, what is said where there is no reference learner."""

import numpy as np
import pandas as pd
import pytest

from uam_platform.evaluation.churn_metrics import BASELINE, ORACLE_SCORE, SCORE, Judged, calibration_error
from uam_platform.evaluation.churn_quality import LEAK, ranking_rows, share_rows
from uam_platform.evaluation.results import CONTRACT, ORACLE, REFERENCE
from uam_platform.evaluation.yardsticks import REFERENCE_SCORE


def weeks(score_noise: float, reference_noise: float | None = None, leak: float = 0.0) -> Judged:
    """Weeks whose outcome is drawn from the oracle; scores blur its log odds, a leak adds the outcome itself."""
    rng = np.random.default_rng(5)
    count = 4000
    logit = rng.normal(-2.0, 1.5, count)
    oracle = 1 / (1 + np.exp(-logit))
    churned = rng.random(count) < oracle

    def blurred(noise: float, told: float = 0.0) -> np.ndarray:
        return 1 / (1 + np.exp(-(logit + rng.normal(0, noise, count) + told * churned)))

    rows = pd.DataFrame(
        {
            "account_id": [f"a{n // 10}" for n in range(count)], "as_of": pd.Timestamp("2025-06-02"), "is_churned": churned,
            "mrr_usd": 100.0, ORACLE_SCORE: oracle, SCORE: blurred(score_noise, leak), BASELINE: blurred(4.0),
        }
    )  # fmt: skip
    if reference_noise is not None:
        rows[REFERENCE_SCORE] = blurred(reference_noise)
    return Judged(rows, seed=0)


def rows_by_name(rows):
    return {row.metric: row for row in rows}


def test_shares_and_lift_divide_the_margins_that_the_row_carries_for_pooling():
    judged = weeks(1.0, reference_noise=0.5)
    rows = rows_by_name(share_rows(judged, ""))
    own, oracle, reference, contract = (
        judged.ranked("auc", s) for s in (SCORE, ORACLE_SCORE, REFERENCE_SCORE, BASELINE)
    )
    assert rows["share of the oracle's ROC margin"].value == pytest.approx((own - 0.5) / (oracle - 0.5))
    share = rows["share of the oracle's ROC margin"]
    assert share.parts["numerator"] == pytest.approx(own - 0.5)
    assert share.parts["denominator"] == pytest.approx(oracle - 0.5)
    assert share.parts[f"numerator {CONTRACT}"] == pytest.approx(contract - 0.5)
    assert rows["share of the reference's ROC margin"].value == pytest.approx((own - 0.5) / (reference - 0.5))
    assert rows["lift over the contract baseline"].value == pytest.approx((own - contract) / (reference - contract))
    pi = judged.churned.mean()
    share = rows["share of the oracle's PR margin"]
    assert share.parts["denominator"] == pytest.approx(judged.ranked("ap", ORACLE_SCORE) - pi)
    assert share.yardsticks[REFERENCE] > share.value > share.yardsticks[CONTRACT]


def test_without_a_reference_learner_the_rows_say_why():
    rows = rows_by_name(share_rows(weeks(1.0), "built for another contract"))
    for metric in (
        "share of the reference's ROC margin",
        "share of the reference's PR margin",
        "lift over the contract baseline",
    ):
        assert (rows[metric].value, rows[metric].note) == (None, "built for another contract")


def test_a_score_that_knows_the_outcome_is_called_a_leak_and_an_honest_one_is_not():
    honest = rows_by_name(ranking_rows(weeks(0.3)))["ROC-AUC over the oracle"]
    leaking = rows_by_name(ranking_rows(weeks(0.3, leak=2.0)))["ROC-AUC over the oracle"]
    assert honest.value < 0
    assert not honest.note.startswith(LEAK)
    assert leaking.low > 0
    assert leaking.note.startswith(LEAK)


def test_the_oracle_itself_is_no_leak():
    judged = weeks(0.0)
    row = rows_by_name(ranking_rows(judged))["ROC-AUC over the oracle"]
    assert row.value == pytest.approx(0)
    assert not row.note.startswith(LEAK)
    assert rows_by_name(ranking_rows(judged))["ROC-AUC"].yardsticks[ORACLE] == pytest.approx(
        judged.ranked("auc", SCORE)
    )


def test_calibration_error_is_the_mean_gap_of_ten_bins():
    judged = weeks(0.0)
    judged.scores["shifted"] = np.clip(judged.scores[ORACLE_SCORE] + 0.1, 0, 1)
    assert calibration_error(judged, ORACLE_SCORE).value < 0.02
    assert calibration_error(judged, "shifted").value == pytest.approx(0.1, abs=0.02)
