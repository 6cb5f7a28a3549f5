"""Ranking, resampling and calibration, against independent implementations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from uam_platform.evaluation import churn_metrics as metrics
from uam_platform.evaluation.churn_metrics import BASELINE, ORACLE_SCORE, SCORE, Judged
from uam_platform.evaluation.ranking import BINS, Ranking
from uam_platform.evaluation.resampling import account_weights, interval, upper_bound


def ranked(score: np.ndarray) -> Ranking:
    return Ranking(score, np.zeros(len(score), dtype=np.int64), 1)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60))
def test_both_ranking_metrics_equal_those_of_scikit_learn_also_with_ties(rows):
    score, churned = np.array([r[0] for r in rows]) / 6, np.array([r[1] for r in rows], dtype=float)
    if 0 < churned.sum() < len(churned):
        found = ranked(score)
        assert found.value("auc", churned, 1 - churned) == pytest.approx(roc_auc_score(churned, score))
        assert found.value("ap", churned, 1 - churned) == pytest.approx(average_precision_score(churned, score))
    else:
        assert np.isnan(ranked(score).value("auc", churned, 1 - churned))


def test_a_draw_equals_the_metric_on_the_rows_of_the_drawn_accounts():
    rng = np.random.default_rng(1)
    accounts = np.repeat(np.arange(40), 5)
    score, churned = rng.random(200), (rng.random(200) < 0.3).astype(float)
    weights = account_weights(40, seed=3, draws=4)
    for metric, reference in (("auc", roc_auc_score), ("ap", average_precision_score)):
        drawn = Ranking(score, accounts, 40).draws(metric, churned, 1 - churned, weights)
        expected = [reference(churned, score, sample_weight=line[accounts]) for line in weights]
        assert drawn == pytest.approx(expected)


def test_binning_many_rows_moves_draws_by_less_than_a_thousandth():
    rng = np.random.default_rng(2)
    accounts = np.repeat(np.arange(300), 40)
    churned = (rng.random(12_000) < 0.1).astype(float)
    score = rng.random(12_000) + 0.4 * churned
    assert len(score) > BINS
    weights = account_weights(300, seed=1, draws=3)
    for metric, reference in (("auc", roc_auc_score), ("ap", average_precision_score)):
        drawn = Ranking(score, accounts, 300).draws(metric, churned, 1 - churned, weights)
        expected = [reference(churned, score, sample_weight=line[accounts]) for line in weights]
        assert drawn == pytest.approx(expected, abs=1e-3)


def test_the_interval_covers_the_spread_of_accounts_and_not_of_rows():
    values = np.repeat(np.random.default_rng(0).random(50), 20)
    codes = np.repeat(np.arange(50), 20)
    weights = account_weights(50, seed=0)
    means = (weights @ np.bincount(codes, weights=values)) / (weights @ np.bincount(codes))
    low, high = interval(means)
    by_rows = 2 * 1.96 * values.std() / np.sqrt(len(values))
    assert high - low > 3 * by_rows


def test_an_interval_that_most_draws_cannot_tell_is_not_given():
    assert interval(np.array([np.nan, np.nan, 1.0])) == (None, None)


def test_no_hit_in_n_trials_is_bounded_by_three_in_n_and_all_hits_by_one():
    assert upper_bound(0, 1500) == pytest.approx(3 / 1500, rel=0.01)
    assert upper_bound(7, 7) == 1.0
    assert upper_bound(0, 0) is None


def judged(churned_share: float = 0.2, distortion: float = 1.0, seed: int = 0) -> Judged:
    """Weeks whose oracle is right; the score is the oracle with its log odds multiplied, the baseline knows nothing."""
    rng = np.random.default_rng(seed)
    count = 4000
    logit = rng.normal(np.log(churned_share / (1 - churned_share)), 1.0, count)
    oracle = 1 / (1 + np.exp(-logit))
    churned = rng.random(count) < oracle
    rows = pd.DataFrame(
        {
            "account_id": [f"a{n // 4}" for n in range(count)],
            "as_of": pd.Timestamp("2025-06-02"),
            "is_churned": churned,
            SCORE: 1 / (1 + np.exp(-logit * distortion)),
            BASELINE: churned.mean(),
            ORACLE_SCORE: oracle,
            "mrr_usd": 100.0,
        }
    )
    return Judged(rows, seed=0)


def test_calibration_equals_an_unpenalised_logistic_regression_and_finds_overconfidence():
    weeks = judged(distortion=2.0)
    slope, intercept = metrics.calibration(weeks, SCORE)
    logit = np.log(weeks.scores[SCORE] / (1 - weeks.scores[SCORE]))[:, None]
    reference = LogisticRegression(C=np.inf).fit(logit, weeks.churned)
    assert slope.value == pytest.approx(reference.coef_[0][0], abs=1e-3)
    assert slope.high < 0.7
    assert slope.low < slope.value < slope.high
    assert metrics.calibration(weeks, ORACLE_SCORE)[0].low < 1 < metrics.calibration(weeks, ORACLE_SCORE)[0].high
    assert intercept.value > 0.3  # probabilities below a half were pushed down


def test_brier_skill_is_zero_for_the_base_rate_itself_and_positive_for_the_oracle():
    weeks = judged()
    assert metrics.brier_skill(weeks, BASELINE, None).value == pytest.approx(0, abs=1e-12)
    assert metrics.brier_skill(weeks, ORACLE_SCORE, None).low > 0
    assert metrics.brier_skill(weeks, SCORE, BASELINE).value == pytest.approx(
        metrics.brier_skill(weeks, SCORE, None).value
    )


def test_dollars_and_distance_say_how_far_the_score_is_from_the_oracle():
    honest, doubled = judged(), judged(distortion=0.5)
    assert metrics.dollars(honest, SCORE).value == pytest.approx(1)
    assert metrics.soft_distance(honest, honest.scores[SCORE]).value == 0
    assert metrics.dollars(doubled, SCORE).low > 1.1
    assert metrics.soft_distance(doubled, doubled.scores[SCORE]).low > 0.05
    assert abs(metrics.realised_z(honest, SCORE)) < 3 < metrics.realised_z(doubled, SCORE)


def test_a_margin_that_the_reference_does_not_have_gives_no_share():
    assert np.isnan(metrics.share_of(0.6, 0.5, 0.5))
    assert metrics.share_of(0.7, 0.9, 0.5) == pytest.approx(0.5)
