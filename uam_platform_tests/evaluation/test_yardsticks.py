"""Yardsticks: who may learn from whom, rates known by hand, a formula added up by hand."""

import numpy as np
import pandas as pd
import pytest

from uam_platform.contracts.tables import ACCOUNT_FEATURES
from uam_platform.evaluation.hand_score import hand_score
from uam_platform.evaluation.yardsticks import (
    BASE_SCORE,
    CONTRACT_SCORE,
    HAND_SCORE,
    LOGISTIC_SCORE,
    CrossFit,
    with_yardsticks,
)


def features_of(rows: int, **columns: object) -> pd.DataFrame:
    """account_features rows of nothing but zeros, except the columns given."""
    frame = pd.DataFrame({name: np.zeros(rows) for name in ACCOUNT_FEATURES.column_names})
    plain = {"billing_period": "annual", "tier": "growth", "strategic_fit": "low", "plan": "team"}
    return frame.assign(**{**plain, **columns})


def weeks_of(accounts: int, weeks: int, churned: object = False) -> pd.DataFrame:
    """All accounts on all Mondays, account by account."""
    rows = [
        (f"acc_{a}", pd.Timestamp("2025-01-06") + pd.Timedelta(weeks=w)) for a in range(accounts) for w in range(weeks)
    ]
    return pd.DataFrame(rows, columns=["account_id", "as_of"]).assign(is_churned=churned)


def test_every_row_is_scored_once_by_a_fit_on_other_accounts_whose_outcome_was_known():
    rows = weeks_of(200, 40)
    rows["is_churned"] = rows["account_id"].isin([f"acc_{n}" for n in range(100)]) & (rows["as_of"] < "2025-03-01")
    plan = CrossFit(rows)
    times_scored = np.zeros(len(rows), dtype=int)
    for fitted_on, scored in plan.splits(every_weeks=4):
        times_scored += scored
        assert not set(plan.accounts[fitted_on]) & set(plan.accounts[scored])
        if plan.week[scored].min() >= 20:
            assert plan.week[fitted_on].max() + 8 <= plan.week[scored].min()
    assert (times_scored == 1).all()


def test_while_too_few_accounts_have_churned_all_weeks_of_other_accounts_serve():
    rows = weeks_of(50, 12, churned=False)
    for fitted_on, scored in CrossFit(rows).splits(every_weeks=4):
        assert fitted_on.sum() + sum(CrossFit(rows).fold == CrossFit(rows).fold[scored][0]) == len(rows)


def test_the_contract_baseline_learns_the_rate_of_its_cell_and_nothing_of_behaviour():
    rows = weeks_of(250, 26)
    is_near = np.arange(len(rows)) % 2 == 0
    rng = np.random.default_rng(0)
    rows["is_churned"] = np.where(is_near, rng.random(len(rows)) < 0.5, rng.random(len(rows)) < 0.1)
    features = features_of(
        len(rows), days_to_renewal=np.where(is_near, 10.0, 200.0), core_28d_count=np.arange(len(rows))
    )
    found = with_yardsticks(rows, features)
    late = (rows["as_of"] >= "2025-04-28").to_numpy()
    assert found.loc[late & is_near, CONTRACT_SCORE].mean() == pytest.approx(0.5, abs=0.04)
    assert found.loc[late & ~is_near, CONTRACT_SCORE].mean() == pytest.approx(0.1, abs=0.04)
    per_week_and_cell = found[late].groupby([is_near[late], "as_of"])[CONTRACT_SCORE].nunique()
    assert per_week_and_cell.max() <= 5  # one value per account fold
    assert found.loc[late, BASE_SCORE].mean() == pytest.approx(0.3, abs=0.04)


def test_the_logistic_yardstick_finds_a_signal_and_stays_a_probability():
    rows = weeks_of(200, 20)
    rng = np.random.default_rng(1)
    trouble = rng.poisson(3, len(rows))
    rows["is_churned"] = rng.random(len(rows)) < 0.05 + 0.1 * (trouble > 4)
    features = features_of(len(rows), friction_28d_count=trouble.astype(float), core_28d_count=20.0, seat_count=np.nan)
    found = with_yardsticks(rows, features)[LOGISTIC_SCORE]
    assert found.between(0, 1).all()
    assert found[trouble > 4].mean() > 1.3 * found[trouble <= 4].mean()


def test_no_rows_give_no_scores():
    empty = with_yardsticks(weeks_of(0, 0), features_of(0))
    assert {BASE_SCORE, CONTRACT_SCORE, LOGISTIC_SCORE, HAND_SCORE} <= set(empty.columns)


def test_the_hand_score_adds_up_as_written():
    level = {
        "core_28d_count": 100.0, "core_prior_28d_count": 100.0, "active_person_28d_count": 5.0,
        "active_person_prior_28d_count": 5.0, "feature_28d_count": 4.0, "feature_prior_28d_count": 4.0,
        "active_day_28d_count": 20.0,
    }  # fmt: skip
    assert hand_score(features_of(1, **level))[0] == pytest.approx(0)
    halved = {**level, "core_28d_count": 49.0}
    assert hand_score(features_of(1, **halved))[0] == pytest.approx(30 * (1 - 51 / 102))
    failing = {**level, "friction_28d_count": 11.0}
    assert hand_score(features_of(1, **failing))[0] == pytest.approx(15 * 22 / 110)
    loud = {**level, "ticket_28d_count": 1.0, "escalation_28d_count": 1.0}
    assert hand_score(features_of(1, **loud))[0] == pytest.approx(10 * 3 / 5)
