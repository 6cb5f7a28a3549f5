"""What a model may learn from, and that training is the same every time."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from uam_platform.churn.artefact import Artefact
from uam_platform.churn.calibration import Calibration, calibrate, fit_calibration, log_odds, sigmoid
from uam_platform.churn.ladder import choose
from uam_platform.churn.registry import ModelStoreError, is_training_day, load, model_rows, serving, store
from uam_platform.churn.score import score
from uam_platform.churn.train import train
from uam_platform.churn.training_rows import thinned, training_rows
from uam_platform.contracts.tables import MODELS
from uam_platform_tests.churn.frames import Company, company, shipped_policy

AS_OF = date(2025, 12, 1)


@pytest.fixture(scope="module")
def firm() -> Company:
    return company(accounts=240, weeks=56)


@pytest.fixture(scope="module")
def trained(firm: Company) -> list:
    return train(firm.features, firm.labels, AS_OF, firm.policy, seed=3)


def test_training_uses_only_labels_that_were_final_at_the_snapshot(firm: Company) -> None:
    rows = training_rows(firm.features, firm.labels, AS_OF, firm.policy)
    last = rows["day"].max() + timedelta(days=firm.policy.horizon_days + firm.policy.renewal_grace_days)
    assert last <= pd.Timestamp(AS_OF)
    assert last > pd.Timestamp(AS_OF) - timedelta(days=7)


def test_censored_and_open_labels_are_never_trained_on(firm: Company) -> None:
    labels = firm.labels.copy()
    labels.loc[labels["account_id"] == "acc_00001", "is_churned"] = pd.NA
    labels.loc[labels["account_id"] == "acc_00002", "is_label_closed"] = False
    rows = training_rows(firm.features, labels, AS_OF, firm.policy)
    assert not {"acc_00001", "acc_00002"} & set(rows["account_id"])


def test_daily_snapshots_of_one_week_count_once(firm: Company) -> None:
    week = firm.features.loc[firm.features["as_of"] == pd.Timestamp(2025, 6, 2)]
    daily = [week.assign(as_of=week["as_of"] + timedelta(days=d)) for d in range(4)]
    labels = firm.labels.loc[firm.labels["as_of"] == pd.Timestamp(2025, 6, 2)]
    labels = pd.concat([labels.assign(as_of=labels["as_of"] + timedelta(days=d)) for d in range(4)])
    rows = training_rows(pd.concat(daily), labels, AS_OF, firm.policy)
    assert not rows["account_id"].duplicated().any()
    assert set(rows["as_of"]) == {pd.Timestamp(2025, 6, 5)}


def test_thinning_keeps_every_churned_row_and_the_weighted_share_of_them(firm: Company) -> None:
    rows = training_rows(firm.features, firm.labels, AS_OF, firm.policy)
    kept, weights = thinned(rows, firm.policy.training.model_copy(update={"quiet_stride_weeks": 4}))
    assert kept["is_churned"].sum() == rows["is_churned"].sum()
    assert len(kept) < 0.4 * len(rows)
    assert np.average(kept["is_churned"], weights=weights) == pytest.approx(rows["is_churned"].mean(), rel=0.05)


def test_equal_rows_and_seed_give_equal_bytes_in_any_order_of_rows(firm: Company, trained: list) -> None:
    shuffled = firm.features.sample(frac=1, random_state=1)
    again = train(shuffled, firm.labels.sample(frac=1, random_state=2), AS_OF, firm.policy, seed=3)
    assert trained[0].artefact.rung == "lightgbm"
    assert [f.content for f in again] == [f.content for f in trained]


def test_bytes_differ_by_seed_and_not_by_threads(firm: Company) -> None:
    small = firm.policy.lightgbm.model_copy(update={"num_trees": 4})  # threads of few trees, because cores may be busy
    policy = firm.policy.model_copy(update={"lightgbm": small})
    one, two, other = (train(firm.features, firm.labels, AS_OF, policy, s, n) for s, n in ((3, 1), (3, 2), (4, 1)))
    assert [f.content for f in one] == [f.content for f in two]
    assert all(a.model_id != b.model_id for a, b in zip(one, other, strict=True))


def test_rows_of_the_future_never_change_a_model(firm: Company, trained: list) -> None:
    is_past = firm.features["as_of"] <= pd.Timestamp(2025, 12, 1)
    spoiled = firm.features.copy()
    spoiled.loc[~is_past, ["core_28d_count", "tenure_days"]] = 999_999
    labels = firm.labels.copy()
    is_open = labels["as_of"] > pd.Timestamp(2025, 12, 1) - timedelta(days=70)
    labels.loc[is_open, ["is_churned", "is_label_closed"]] = [True, True]
    again = train(spoiled, labels, AS_OF, firm.policy, seed=3)
    assert [f.content for f in again] == [f.content for f in trained]


def test_a_model_never_saw_the_accounts_of_its_fold(firm: Company, trained: list) -> None:
    fold = trained[2]
    is_own = firm.features["account_id"].isin(firm.labels.loc[firm.labels["fold"] == 2, "account_id"])
    spoiled = firm.features.copy()
    spoiled.loc[is_own, ["core_28d_count", "core_7d_count", "days_to_renewal"]] = 1
    again = train(spoiled, firm.labels, AS_OF, firm.policy, seed=3)
    assert [a.content == b.content for a, b in zip(again, trained, strict=True)] == [False, False, True, False, False]
    assert fold.fold == 2


@pytest.mark.parametrize(
    ("churned", "rung", "calibration"),
    [
        (0, "rules", "none"),
        (1, "contract_and_index", "none"),
        (29, "contract_and_index", "none"),
        (30, "lightgbm", "intercept"),
        (99, "lightgbm", "intercept"),
        (100, "lightgbm", "platt"),
        (300, "lightgbm", "platt"),
        (301, "lightgbm", "isotonic"),
    ],
)
def test_the_ladder_follows_the_number_of_churned_accounts(churned: int, rung: str, calibration: str) -> None:
    step = choose(churned, shipped_policy().ladder)
    assert (step.rung, step.calibration) == (rung, calibration)


def test_without_any_label_rules_rank_accounts_with_a_wide_interval_and_say_that_they_are_assumed(
    firm: Company,
) -> None:
    first = train(firm.features, firm.labels.iloc[:0], date(2025, 3, 3), firm.policy, seed=3)
    rows = firm.features.loc[firm.features["as_of"] == pd.Timestamp(2025, 3, 3)]
    scores, reasons = score(rows, {f.model_id: f.artefact for f in first}, firm.policy)
    assert set(scores["model_rung"]) == {"rules"}
    assert (scores["score_high"] / scores["score_low"]).median() > 5
    told = reasons["reason_text"].str.contains("not a prediction|not yet proven on outcomes")
    assert told.all()
    days = rows.set_index("account_id")["days_to_renewal"]
    by_account = scores.set_index("account_id")["churn_probability"]
    assert (
        by_account[days <= firm.policy.horizon_days - 14].mean()
        > 5 * by_account[days >= firm.policy.horizon_days + 14].mean()
    )
    assert model_rows(first)["trained_label_to_at"].isna().all()


def test_few_churned_accounts_give_the_contract_hazard_and_one_slope(firm: Company) -> None:
    early = date(2025, 5, 26)
    few = train(firm.features, firm.labels, early, firm.policy, seed=3)
    assert 0 < min(f.churned_account_count for f in few) < 30
    rows = firm.features.loc[firm.features["as_of"] == pd.Timestamp(2025, 5, 26)]
    scores, reasons = score(rows, {f.model_id: f.artefact for f in few}, firm.policy)
    assert set(scores["model_rung"]) == {"contract_and_index"}
    assert 0.7 < scores["churn_probability"].sum() / scores["baseline_probability"].sum() < 1.4
    near = rows.set_index("account_id")["days_to_renewal"] <= 42
    by_account = scores.set_index("account_id")["churn_probability"]
    assert by_account[near].mean() > 1.5 * by_account[~near].mean()
    assert reasons["reason_text"].str.startswith(("contract: ", "declared sign, not yet proven")).all()


@pytest.mark.parametrize("kind", ["intercept", "platt", "isotonic"])
def test_calibration_repairs_overconfident_margins_and_keeps_their_order(kind: str) -> None:
    rng = np.random.default_rng(5)
    true_margin = rng.normal(-3, 1, 20_000)
    churned = (rng.random(20_000) < sigmoid(true_margin)).astype(float)
    stretched = true_margin * (1.0 if kind == "intercept" else 2.0) + 1.5
    fitted = fit_calibration(stretched, churned, 500, kind)
    grid = np.linspace(-12, 8, 500)
    assert (np.diff(calibrate(grid, fitted)) >= 0).all()
    repaired = sigmoid(calibrate(stretched, fitted))
    assert repaired.mean() == pytest.approx(churned.mean(), rel=0.05)
    assert np.sqrt(np.mean((repaired - sigmoid(true_margin)) ** 2)) < 0.02


def test_log_odds_and_sigmoid_are_inverse() -> None:
    p = np.array([0.001, 0.2, 0.9])
    assert sigmoid(log_odds(p)) == pytest.approx(p)
    assert calibrate(log_odds(p), Calibration("none")) == pytest.approx(log_odds(p))


def test_an_artefact_is_stored_by_its_content_and_comes_back_equal(trained: list, tmp_path) -> None:
    paths = store(tmp_path, trained)
    assert store(tmp_path, trained) == paths
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)
    for fold in trained:
        back = load(tmp_path, fold.model_id)
        assert back == fold.artefact
        assert isinstance(back, Artefact)
        assert back.to_bytes() == fold.content


def test_a_missing_or_changed_artefact_is_refused(trained: list, tmp_path) -> None:
    first, second = store(tmp_path, trained)[:2]
    first.write_bytes(second.read_bytes())
    with pytest.raises(ModelStoreError, match="has hash"):
        load(tmp_path, trained[0].model_id)
    first.write_bytes(b"cut")
    with pytest.raises(ModelStoreError, match="cannot be read"):
        load(tmp_path, trained[0].model_id)
    with pytest.raises(ModelStoreError, match="missing"):
        load(tmp_path, "0" * 16)


def test_the_latest_model_not_after_the_snapshot_serves_it(trained: list) -> None:
    rows = model_rows(trained)
    assert list(rows.columns) == list(MODELS.column_names)
    later = rows.assign(as_of=rows["as_of"] + timedelta(weeks=4), model_id="later")
    both = pd.concat([later, rows])
    assert list(serving(both, date(2025, 12, 28))["model_id"]) == [f.model_id for f in trained]
    assert set(serving(both, date(2025, 12, 29))["model_id"]) == {"later"}
    with pytest.raises(ModelStoreError, match="no model serves"):
        serving(both, date(2025, 11, 30))


def test_new_models_are_due_every_so_many_weeks(trained: list) -> None:
    rows = model_rows(trained)
    assert is_training_day(rows.iloc[:0], AS_OF, 4)
    assert not is_training_day(rows, AS_OF + timedelta(weeks=3), 4)
    assert is_training_day(rows, AS_OF + timedelta(weeks=4), 4)
