"""What is believed before anybody has left, and how outcomes take over."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from uam_platform.churn.artefact import Artefact
from uam_platform.churn.baseline import cell_keys, every_cell, fit_contract_hazard
from uam_platform.churn.calibration import sigmoid
from uam_platform.churn.rules import DeclaredIndex, believed_rate, declared_index, fit_tilt
from uam_platform.churn.score import score
from uam_platform.churn.train import train
from uam_platform_tests.churn.frames import Company, company, shipped_policy


@pytest.fixture(scope="module")
def firm() -> Company:
    return company(accounts=240, weeks=20)


def test_terms_imply_the_assumed_rate_whatever_the_billing_period() -> None:
    """Over a year of weeks, who signed for a year leaves as often as who can leave any day."""
    policy = shipped_policy()
    horizons = 365 / policy.horizon_days
    yearly = 1 - (1 - policy.base_rate.probability) ** horizons
    edges = policy.contract_cells.renewal_edges_days
    days = np.arange(365)
    buckets = np.searchsorted(np.array(edges), days, side="right")
    annual = np.mean([believed_rate("annual", str(bucket), policy) for bucket in buckets])
    assert annual * horizons == pytest.approx(yearly, rel=0.02)
    assert believed_rate("monthly", "3", policy) == policy.base_rate.probability
    assert believed_rate("annual", "none", policy) == policy.base_rate.probability
    assert believed_rate("annual", "1", policy) > 20 * believed_rate("annual", str(len(edges)), policy)


def test_without_terms_in_the_data_nothing_is_believed_of_them() -> None:
    policy = shipped_policy(label_kind="inactivity")
    assert {believed_rate(*cell.split("|"), policy) for cell in every_cell(policy)} == {policy.base_rate.probability}


def test_without_outcomes_cells_are_what_terms_imply(firm: Company) -> None:
    hazard = fit_contract_hazard(firm.features.assign(is_churned=False).iloc[:0], firm.policy)
    for cell in every_cell(firm.policy):
        assert hazard.look_up(cell).probability == pytest.approx(believed_rate(*cell.split("|"), firm.policy))


def test_outcomes_against_the_rules_win_once_there_are_many() -> None:
    """Who signed for a year leaves at random times here: with hundreds of accounts the cells forget the rules."""
    policy = shipped_policy()
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(
        {
            "account_id": np.arange(20_000).astype(str),
            "billing_period": "annual",
            "days_to_renewal": rng.integers(0, 365, 20_000),
            "is_churned": rng.random(20_000) < 0.1,
        }
    )
    hazard = fit_contract_hazard(rows, policy)
    near, far = hazard.look_up("annual|1").probability, hazard.look_up("annual|9").probability
    assert near == pytest.approx(0.1, abs=0.05)
    assert far == pytest.approx(0.1, abs=0.02)
    few = fit_contract_hazard(rows.head(20), policy)
    assert few.look_up("annual|1").probability > 2 * few.look_up("annual|9").probability


def test_an_unseen_cell_follows_its_billing_periods_level(firm: Company) -> None:
    rows = firm.features.assign(billing_period="annual", is_churned=True, days_to_renewal=300).head(50)
    hazard = fit_contract_hazard(rows, firm.policy)
    unseen = hazard.look_up("annual|1").probability
    assert unseen > believed_rate("annual", "1", firm.policy)
    assert "annual|1" not in set(cell_keys(rows, firm.policy.contract_cells))


def test_the_index_is_standard_and_says_more_where_use_fell(firm: Company) -> None:
    rows = firm.features.loc[firm.features["is_eligible"].astype(bool)]
    index = declared_index(rows, firm.policy)
    values = index.of(rows, firm.policy.codes)
    assert values.mean() == pytest.approx(0, abs=1e-9)
    assert values.std() == pytest.approx(1, abs=1e-9)
    worse = rows.assign(core_28d_count=0, core_7d_count=0, active_person_28d_count=0, days_since_last_event=40)
    assert (index.of(worse, firm.policy.codes) >= values - 1e-9).all()
    assert index.of(worse, firm.policy.codes).mean() > 0.5


def test_accounts_that_are_all_alike_have_no_index(firm: Company) -> None:
    same = firm.features.head(1).loc[[0] * 5]
    assert declared_index(same, firm.policy) == DeclaredIndex()
    assert (DeclaredIndex().of(same, firm.policy.codes) == 0).all()


@pytest.mark.parametrize(("truth", "accounts"), [(0.0, 400), (0.7, 400), (1.4, 400), (1.4, 3), (0.0, 0)])
def test_the_slope_follows_outcomes_in_proportion_to_how_many_left(truth: float, accounts: int) -> None:
    policy = shipped_policy()
    rng = np.random.default_rng(8)
    values = rng.normal(size=20_000)
    start = np.full(20_000, -3.3)
    churned = (rng.random(20_000) < sigmoid(start + truth * values)).astype(float)
    tilt = fit_tilt(DeclaredIndex(("core_28d_log",)), start, values, churned * (accounts > 0), accounts, policy)
    if accounts == 0:
        assert tilt.slope == policy.index.slope
    elif accounts < 10:
        assert policy.index.slope < tilt.slope < 0.5 * (policy.index.slope + truth)
    else:
        assert tilt.slope == pytest.approx(truth, abs=0.12)
    expected = churned.sum() if accounts else policy.base_rate.probability * len(start)
    assert sigmoid(start + tilt.shift + tilt.slope * values).sum() == pytest.approx(expected, rel=1e-6)


def test_a_score_by_rules_is_the_sum_of_what_its_artefact_says(firm: Company) -> None:
    """Stored and read back, contract and index give the score again, and its reasons are parts of it."""
    trained = train(firm.features, firm.labels.iloc[:0], date(2025, 3, 3), firm.policy, seed=3)
    models = {fold.model_id: Artefact.from_bytes(fold.content) for fold in trained}
    rows = firm.features.loc[firm.features["as_of"] == pd.Timestamp(2025, 3, 3)]
    scores, reasons = score(rows, models, firm.policy)
    one = scores.merge(rows, on=["account_id", "as_of"], suffixes=("", "_features"))
    artefact = models[one["model_id"].iloc[0]]
    mine = one.loc[one["model_id"] == one["model_id"].iloc[0]]
    odds = np.log(mine["baseline_probability"] / (1 - mine["baseline_probability"]))
    again = sigmoid(odds.to_numpy() + artefact.tilt.of(mine, artefact.codes))
    assert mine["churn_probability"].to_numpy() == pytest.approx(again)
    signs = reasons.loc[reasons["reason_text"].str.startswith("declared sign")]
    assert (signs["contribution"] >= firm.policy.reasons.minimum_log_odds).all()
    assert len(signs) > len(rows) / 4
    assert not reasons.duplicated(["account_id", "as_of", "reason_rank"]).any()
