"""Pooling over worlds and the gate, on numbers whose answers are known by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from uam_platform.evaluation.pooled import exact_bounds, pool, ratio_of_means
from uam_platform.evaluation.pooled_text import pooled_json, render_pooled
from uam_platform.evaluation.results import CONTRACT, ORACLE, Row
from uam_platform.evaluation.stored import read_board, read_boards
from uam_platform.evaluation.targets import MET, NOT_ESTIMABLE, NOT_MET, read_target, verdict
from uam_platform_tests.evaluation.boards import board, boards


def only(found):
    return pool(found).sections[0].rows[0]


def test_a_mean_has_the_t_interval_over_seeds():
    found = only(boards("m", [0.80, 0.82, 0.84]))
    half = 4.302653 * 0.02 / np.sqrt(3)  # t of 2 degrees of freedom
    assert found.how == "mean"
    assert found.sd == pytest.approx(0.02)
    assert (found.row.value, found.row.low, found.row.high) == pytest.approx((0.82, 0.82 - half, 0.82 + half))


def test_shares_are_ratios_of_means_and_not_means_of_ratios():
    parts = [(0.1, 0.1), (0.1, 0.4)]
    rows = [board(n, Row("s", a / b, parts={"numerator": a, "denominator": b})) for n, (a, b) in enumerate(parts)]
    found = only(rows)
    assert found.how == "ratio of means"
    assert found.row.value == pytest.approx(0.2 / 0.5)  # the mean of ratios would be 0.625


def test_yardsticks_of_a_share_are_ratios_of_means_too_or_left_out():
    parts = [(0.1, 0.2, 0.1), (0.3, 0.2, 0.3)]
    rows = [
        board(
            n,
            Row(
                "s", a / b, yardsticks={CONTRACT: c / b, ORACLE: 1.0},
                parts={"numerator": a, "denominator": b, f"numerator {CONTRACT}": c},
            ),
        )
        for n, (a, b, c) in enumerate(parts)
    ]  # fmt: skip
    assert only(rows).row.yardsticks == {CONTRACT: pytest.approx(1.0)}


def test_a_ratio_that_is_equal_in_all_worlds_has_no_spread():
    value, low, high = ratio_of_means(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    assert (value, low, high) == pytest.approx((0.5, 0.5, 0.5))


@settings(max_examples=50, derandomize=True)
@given(st.integers(0, 40), st.integers(1, 400))
def test_exact_bounds_are_those_of_clopper_and_pearson(hits, more):
    trials = hits + more
    wanted = binomtest(hits, trials).proportion_ci(method="exact")
    assert exact_bounds(hits, trials) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_rates_are_pooled_as_counts():
    rows = [board(n, Row("r", h / t, parts={"hits": h, "trials": t})) for n, (h, t) in enumerate([(9, 10), (90, 90)])]
    found = only(rows)
    assert found.row.value == pytest.approx(0.99)
    assert (found.row.low, found.row.high) == pytest.approx(exact_bounds(99, 100))


def test_rates_of_worlds_that_scatter_more_than_counts_get_the_interval_over_seeds():
    rows = [board(n, Row("r", h / 1000, parts={"hits": h, "trials": 1000})) for n, h in enumerate([500, 600, 700])]
    low, high = exact_bounds(1800, 3000)
    found = only(rows).row
    assert found.low < low - 0.1
    assert found.high > high + 0.1
    assert "scatter" in found.note


def test_a_rare_fault_keeps_its_upper_bound_alone():
    rows = [board(n, Row("f", 0.0, high=0.01, parts={"hits": 0, "trials": 1000})) for n in range(3)]
    found = only(rows).row
    assert found.low is None
    assert found.high == pytest.approx(1 - 0.05 ** (1 / 3000)), "one-sided, as in each world: three over the trials"


def test_the_text_tells_how_many_trials_a_pooled_rate_stands_on():
    rows = [board(n, Row("f", 0.0, high=0.01, parts={"hits": n, "trials": 800})) for n in range(2)]
    assert "1 of 1,600" in render_pooled(pool(rows))


def test_the_text_tells_how_many_identifiers_a_scenario_class_has_where_it_occurs():
    there = [board(n, Row("B-cubed F1, kiosk", 0.9, parts={"identifiers": 700.0})) for n in range(2)]
    nowhere = board(2, Row("B-cubed F1, kiosk", None, parts={"identifiers": 0.0}))
    text = render_pooled(pool([*there, nowhere]))
    assert "1,400 ids" in text
    assert "2 of 3" in text


def test_counts_are_added_up():
    assert only(boards("twins", [1, 2, 3], unit="count")).row.value == 6


def test_a_number_that_some_world_lacks_meets_no_target():
    found = only([*boards("m", [0.9, 0.9], target="≥ 0.5"), board(9, Row("m", None, target="≥ 0.5"))])
    assert found.verdict == NOT_ESTIMABLE
    assert "2 of 3 worlds" in found.row.note


def test_worlds_of_different_kinds_are_not_pooled():
    with pytest.raises(ValueError, match="different kinds"):
        pool([board(1, Row("m", 1.0)), board(2, Row("m", 1.0), difficulty="hard")])


@pytest.mark.parametrize(
    ("target", "value", "low", "high", "wanted"),
    [
        ("≥ 0.80", 0.85, 0.80, 0.90, MET),
        ("≥ 0.80", 0.85, 0.79, 0.91, NOT_MET),
        ("≤ 0.05", 0.03, 0.01, 0.05, MET),
        ("≤ 0.05", 0.03, 0.00, 0.06, NOT_MET),
        ("≤ 28", 21.0, None, None, MET),
        ("bound ≤ 0.002", 0.0, None, 0.003, NOT_MET),
        ("0.85 to 1.15", 1.0, 0.86, 1.14, MET),
        ("0.85 to 1.15", 1.0, 0.84, 1.10, NOT_MET),
        ("-2 to 2", -1.5, None, None, MET),
        ("above 0", 0.01, 0.0, 0.02, NOT_MET),
        ("above 0", 0.01, 0.001, 0.02, MET),
        ("not above 0", 0.01, -0.01, 0.03, MET),
        ("not above 0", 0.02, 0.01, 0.03, NOT_MET),
        ("1", 1.0, None, None, MET),
        ("1", 0.9999, None, None, NOT_MET),
        ("0", 0.0, None, None, MET),
        ("≥ 0.80", None, None, None, NOT_ESTIMABLE),
        ("", 0.1, None, None, ""),
    ],
)
def test_the_gate_asks_the_interval(target, value, low, high, wanted):
    assert verdict(Row("m", value, low, high, target=target)) == wanted


def test_no_world_may_lie_far_below_the_target():
    worlds = [0.90] * 6 + [0.70]
    row = Row("m", float(np.mean(worlds)), 0.81, 0.93, target="≥ 0.85")
    assert verdict(replace(row, target="≥ 0.80"), worlds) == MET
    assert verdict(replace(row, low=0.86), [0.9] * 20 + [0.70]) == NOT_MET


def test_a_rare_rate_needs_three_over_x_trials():
    row = Row("f", 0.0, high=0.00001, target="≤ 0.00001", parts={"hits": 0, "trials": 299_000})
    assert verdict(row) == NOT_ESTIMABLE
    assert verdict(replace(row, parts={"hits": 0, "trials": 300_000})) == MET


def test_above_contract_is_judged_on_the_paired_difference():
    noisy = [(0.10, 0.05), (0.30, 0.24), (0.50, 0.45)]
    rows = [board(n, Row("b", a, yardsticks={CONTRACT: c}, target="above contract")) for n, (a, c) in enumerate(noisy)]
    assert only(rows).verdict == MET, "worlds differ, but each lies above its own contract baseline"
    same = [board(n, Row("b", a, yardsticks={CONTRACT: a}, target="above contract")) for n, (a, _) in enumerate(noisy)]
    assert only(same).verdict == NOT_MET


def test_a_target_that_cannot_be_read_is_none():
    assert read_target("as good as it gets") is None


def test_the_text_lists_what_is_not_met_and_fits_the_page():
    text = render_pooled(pool(boards("ROC share", [0.70, 0.72], target="≥ 0.80")))
    assert max(map(len, text.splitlines())) <= 140
    assert "0 of 1 targets met" in text
    assert "not met: churn, ROC share 0.710" in text


def test_boards_are_read_back_as_they_were_written(tmp_path):
    for each in boards("m", [0.5, 0.6], parts={"hits": 1, "trials": 2}, yardsticks={ORACLE: 0.9}):
        (tmp_path / f"seed-{each.world['seed']}.json").write_text(each.to_json(), encoding="utf-8")
    assert [each.to_json() for each in read_boards(tmp_path)] == [
        each.to_json() for each in boards("m", [0.5, 0.6], parts={"hits": 1, "trials": 2}, yardsticks={ORACLE: 0.9})
    ]
    assert json.loads(pooled_json(pool(read_boards(tmp_path))))["sections"][0]["rows"][0]["how"] == "pooled counts"


def test_a_file_that_is_no_scoreboard_is_refused_in_words(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ValueError, match="uam suite"):
        read_board(tmp_path / "x.json")
    with pytest.raises(ValueError, match="no world is done"):
        read_boards(tmp_path)
