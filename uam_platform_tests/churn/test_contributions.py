"""Contributions by table are the library's own, whatever trees, gaps and repeated inputs."""

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.churn import contributions as small


def trained(seed: int, leaves: int, gaps: float, columns: int = 6, rows: int = 600) -> tuple[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    inputs = np.round(rng.normal(size=(rows, columns)), 1)  # many ties on thresholds
    target = (inputs[:, 0] + inputs[:, 1] * inputs[:, 2] + rng.normal(size=rows) > 0.5).astype(float)
    inputs[rng.random(inputs.shape) < gaps] = np.nan
    inputs[:, columns - 1] = np.where(np.isnan(inputs[:, columns - 1]), 0.0, inputs[:, columns - 1])  # one without gaps
    settings_ = {
        "objective": "binary",
        "num_leaves": leaves,
        "min_data_in_leaf": 5,
        "verbosity": -1,
        "seed": seed,
        "num_threads": 1,
    }
    text = lightgbm.train(settings_, lightgbm.Dataset(inputs, label=target), num_boost_round=12).model_to_string()
    fresh = np.round(rng.normal(size=(150, columns)), 1)
    fresh[rng.random(fresh.shape) < 0.2] = np.nan  # also where training had none
    return text, fresh


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(2, 5), st.sampled_from([0.0, 0.1, 0.5]))
def test_tables_give_what_the_library_gives(seed: int, leaves: int, gaps: float) -> None:
    text, rows = trained(seed, leaves, gaps)
    assert small.is_small(text)
    theirs = lightgbm.Booster(model_str=text).predict(rows, pred_contrib=True, num_threads=1)
    assert small.contributions(text, rows) == pytest.approx(theirs, abs=1e-9)


def test_contributions_and_expectation_sum_to_the_margin_over_several_blocks() -> None:
    text, rows = trained(3, 4, 0.1)
    many = np.tile(rows, (230, 1))
    assert len(many) > 2 * small._ROWS_AT_ONCE
    margin = lightgbm.Booster(model_str=text).predict(many, raw_score=True, num_threads=1)
    assert small.contributions(text, many).sum(axis=1) == pytest.approx(margin, abs=1e-9)


def test_larger_trees_are_left_to_the_library() -> None:
    text, rows = trained(4, 12, 0.0)
    assert not small.is_small(text)
    with pytest.raises(ValueError, match="library's own contributions"):
        small.contributions(text, rows)
