"""A newly trained model serves only if it is not worse than the one that serves; the registry and the check say so."""

from dataclasses import replace
from datetime import date

import ibis
import pandas as pd
import pytest

from uam_platform.churn import registry, walk
from uam_platform.churn.calibration import Calibration
from uam_platform.churn.checks import latest_training, trainings
from uam_platform.churn.promotion import Comparison, compare, told
from uam_platform.churn.train import train
from uam_platform.churn.training_rows import training_rows
from uam_platform.contracts.tables import MODELS
from uam_platform.lake.engine import conform
from uam_platform.lake.validation import check_schema
from uam_platform_tests.churn.frames import company, shipped_policy

FIRST, SECOND = date(2025, 9, 1), date(2025, 12, 1)


@pytest.fixture(scope="module")
def firm():
    quick = shipped_policy().lightgbm.model_copy(update={"num_trees": 40, "learning_rate": 0.1})
    return company(accounts=400, weeks=56, harm_effect=4.0, policy=shipped_policy(lightgbm=quick))


@pytest.fixture(scope="module")
def second(firm):
    return train(firm.features, firm.labels, SECOND, firm.policy, seed=3)


def spoiled(trained):
    """The same models with every probability moved far up."""
    shouting = Calibration("intercept", intercept=3.0)
    return {one.fold: replace(one.artefact, calibration=shouting) for one in trained}


def by_fold(trained):
    return {one.fold: one.artefact for one in trained}


def test_a_model_that_foretells_far_too_much_is_kept_out_and_the_words_carry_both_losses(firm, second):
    rows = training_rows(firm.features, firm.labels, SECOND, firm.policy)
    found = compare(rows, by_fold(second), spoiled(second), FIRST, firm.policy, seed=1)
    assert not found.is_promoted
    assert found.low > 0
    assert found.challenger_loss > found.champion_loss
    row = registry.model_rows(second, found).iloc[0].to_dict()
    assert told(row).startswith("kept out, the model of 2025-09-01 goes on serving: log loss ")
    assert f"{found.challenger_loss:.5f} against {found.champion_loss:.5f}" in told(row)


def test_an_equal_model_and_a_better_one_are_promoted(firm, second):
    rows = training_rows(firm.features, firm.labels, SECOND, firm.policy)
    equal = compare(rows, by_fold(second), by_fold(second), FIRST, firm.policy, seed=1)
    assert (equal.is_promoted, equal.low, equal.high) == (True, 0.0, 0.0)
    assert compare(rows, spoiled(second), by_fold(second), FIRST, firm.policy, seed=1).is_promoted


def test_too_few_endings_tell_nothing_and_the_new_model_serves(firm, second):
    rows = training_rows(firm.features, firm.labels, SECOND, firm.policy)
    few = rows.loc[~rows["is_churned"]]
    found = compare(few, by_fold(second), spoiled(second), FIRST, firm.policy, seed=1)
    assert found == Comparison(FIRST, True, 0)
    assert "too few to compare" in told(registry.model_rows(second, found).iloc[0].to_dict())


def test_what_is_not_promoted_serves_nothing_and_is_not_trained_again(second):
    champion = registry.model_rows([replace(one, as_of=FIRST, model_id=f"champion{one.fold}") for one in second])
    kept_out = Comparison(FIRST, False, 50, 0.10, 0.12, 0.01, 0.03)
    models = pd.concat([champion, registry.model_rows(second, kept_out)], ignore_index=True)
    assert set(registry.serving(models, SECOND)["model_id"]) == {f"champion{n}" for n in range(5)}
    assert not registry.is_training_day(models, SECOND, every_weeks=4)
    assert latest_training(models)["is_promoted"] is False or not latest_training(models)["is_promoted"]
    shown = trainings(models)
    assert shown["verdict"].tolist()[0].startswith("kept out")
    assert shown["verdict"].tolist()[1] == "the first model: nothing to compare it with"


def test_registries_of_before_the_comparison_serve_as_they_did(second):
    old = registry.model_rows(second).drop(columns=["is_promoted", "champion_as_of"])
    assert len(registry.serving(old, SECOND)) == 5


def test_a_walk_compares_every_training_with_the_model_that_served(firm, tmp_path):
    policy = firm.policy.model_copy(update={"retrain_every_weeks": 16})
    features = firm.features.loc[firm.features["as_of"] <= pd.Timestamp(SECOND)]
    empty = pd.DataFrame(columns=["as_of", "fold", "model_id"])
    models = walk.extend_registry(features, firm.labels, empty, policy, tmp_path, 3, 1)
    days = sorted(models["as_of"].unique())
    assert len(days) == 3
    by_day = models.groupby("as_of").first()
    assert by_day["champion_as_of"].isna().tolist() == [True, False, False]
    assert by_day["judged_churned_account_count"].notna().tolist() == [False, True, True]
    check_schema(conform(ibis.memtable(models), MODELS), MODELS)
    again = walk.extend_registry(features, firm.labels, models, policy, tmp_path, 3, 1)
    pd.testing.assert_frame_equal(again, models)
