"""The reference learner: repeatable, small, and refused wherever it does not fit."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from uam_platform.evaluation import reference as shelf
from uam_platform.evaluation import reference_training as training
from uam_platform.evaluation.reference import ReferenceError, folder_of, load, reference_for, store
from uam_platform.evaluation.reference_worlds import CHURNED, SEED, WEIGHT, Plan, build_worlds
from uam_platform_tests.evaluation.test_yardsticks import features_of

WORLD = {"world_version": "9.9", "difficulty": "default", "seed": 1}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Two worlds in which failures alone make accounts leave."""
    rng = np.random.default_rng(3)
    count = 4000
    trouble = rng.poisson(4, count).astype(float)
    frame = features_of(count, friction_28d_count=trouble, core_28d_count=20.0)
    churned = rng.random(count) < 0.02 + 0.15 * (trouble > 6)
    return frame.assign(
        **{
            "account_id": [f"acc_{n // 8}" for n in range(count)],
            CHURNED: churned,
            WEIGHT: np.where(churned, 1.0, 4.0),
            SEED: np.repeat([9001, 9002], count // 2),
        }
    )


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    return Plan((9001, 9002), 500, 200, "default", tmp_path_factory.mktemp("reference"))


@pytest.fixture(scope="module")
def made(rows, plan):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CANDIDATES", training.CANDIDATES[:2])
        patch.setattr(training, "_MOST_TREES", 40)
        return training.train(rows, "9.9", plan, lambda _: None)


def test_it_finds_what_makes_accounts_leave_and_says_what_it_is(made, rows):
    assert roc_auc_score(rows[CHURNED], made.scores(rows)) > 0.65
    assert made.card.accounts == 500  # 250 accounts a world, ids repeat between worlds and still count apart
    assert made.card.rows == int(rows[WEIGHT].sum())
    assert len(made.card.cross_validated) == 2
    assert made.card.parameters["num_trees"] >= 1


def test_the_same_rows_give_the_same_bytes(made, rows, plan, monkeypatch):
    monkeypatch.setattr(training, "CANDIDATES", training.CANDIDATES[:2])
    monkeypatch.setattr(training, "_MOST_TREES", 40)
    again = training.train(rows, "9.9", plan, lambda _: None)
    assert again.card.sha256 == made.card.sha256
    assert again.card.to_json() == made.card.to_json()


def test_what_is_stored_is_what_is_loaded_and_small(made, rows, tmp_path):
    folder = folder_of("9.9", "default", tmp_path)
    store(folder, made)
    loaded = reference_for(WORLD, tmp_path)
    assert loaded.card == made.card
    assert loaded.scores(rows.head(50)) == pytest.approx(made.scores(rows.head(50)))
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000


def test_a_seed_it_learned_from_is_refused(made, tmp_path):
    store(folder_of("9.9", "default", tmp_path), made)
    with pytest.raises(ReferenceError, match="seed 9002 is one of the worlds"):
        reference_for({**WORLD, "seed": 9002}, tmp_path)


@pytest.mark.parametrize(
    ("world", "said"),
    [
        pytest.param({"world_version": "10.0"}, "no reference learner for worlds 10.0", id="another world version"),
        pytest.param({"difficulty": "hard"}, "uam reference --difficulty hard", id="another difficulty"),
    ],
)
def test_where_there_is_none_it_says_how_to_make_one(made, tmp_path, world, said):
    store(folder_of("9.9", "default", tmp_path), made)
    with pytest.raises(ReferenceError, match=said):
        reference_for({**WORLD, **world}, tmp_path)


def test_another_feature_contract_is_refused_by_name(made, tmp_path, monkeypatch):
    store(folder_of("9.9", "default", tmp_path), made)
    monkeypatch.setattr(shelf, "DEFINITIONS_VERSION", 99)
    with pytest.raises(ReferenceError, match=f"built for feature contract {made.card.feature_contract_id}"):
        reference_for(WORLD, tmp_path)


def test_a_model_that_is_not_the_one_on_its_card_is_refused(made, tmp_path):
    other = dataclasses.replace(made, card=dataclasses.replace(made.card, sha256="0" * 64))
    store(tmp_path, other)
    with pytest.raises(ReferenceError, match="its card says 0000000000000000"):
        load(tmp_path)


def test_every_shipped_artefact_is_whole_small_and_of_the_world_its_folder_names():
    for folder in sorted(shelf.SHIPPED.glob("*")) if shelf.SHIPPED.is_dir() else []:
        card = load(folder).card
        assert folder.name == f"{card.world_version}-{card.difficulty}"
        assert card.accounts >= 16_000
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 2_000_000
        assert json.loads(card.to_json())["sha256"] == card.sha256


def test_a_world_whose_rows_exist_is_not_made_again(plan, rows):
    for seed in plan.seeds:
        rows[rows[SEED] == seed].to_parquet(plan.rows_file(seed))
    said = []
    assert build_worlds(plan, said.append) == [plan.rows_file(seed) for seed in plan.seeds]
    assert all("rows are there" in line for line in said)
