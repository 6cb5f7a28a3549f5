"""Two versions on the same worlds: what seeds share drops out, and unlike worlds are refused."""

import pytest

from uam_platform.evaluation.compare import compare, compare_paths
from uam_platform.evaluation.results import Row
from uam_platform_tests.evaluation.boards import board, boards

WORLDS = [0.60, 0.70, 0.80, 0.90, 0.75]


def the_only(first, second):
    return compare(first, second).differences[0]


def test_a_small_gain_in_every_world_is_beyond_noise_though_worlds_differ_much():
    gains = [0.010, 0.012, 0.009, 0.011, 0.010]
    found = the_only(boards("m", WORLDS), boards("m", [v + g for v, g in zip(WORLDS, gains, strict=True)]))
    assert found.change == pytest.approx(0.0104)
    assert found.low > 0
    assert found.has_moved


def test_gains_in_some_worlds_and_losses_in_others_are_noise():
    gains = [0.05, -0.04, 0.03, -0.05, 0.02]
    found = the_only(boards("m", WORLDS), boards("m", [v + g for v, g in zip(WORLDS, gains, strict=True)]))
    assert found.low < 0 < found.high
    assert not found.has_moved


def test_a_version_compared_with_itself_has_not_moved():
    assert not the_only(boards("m", WORLDS), boards("m", WORLDS)).has_moved


def test_one_perhaps_among_many_metrics_is_not_called_moved():
    noise = [Row(f"n{i}", 0.5) for i in range(40)]
    first = [board(s, Row("m", v), *noise) for s, v in enumerate([0.5, 0.5, 0.5])]
    drift = [0.001, -0.001, 0.0005]
    second = [
        board(s, Row("m", 0.5 + g), *[Row(f"n{i}", 0.5 + d * (1 + i % 3)) for i in range(40)])
        for s, (g, d) in enumerate(zip([0.010, 0.014, 0.018], drift, strict=True))
    ]
    found = compare(first, second).differences[0]
    assert found.p < 0.05
    assert not found.has_moved


def test_shares_are_compared_as_ratios_of_means():
    def shares(pairs):
        return [board(s, Row("s", a / b, parts={"numerator": a, "denominator": b})) for s, (a, b) in enumerate(pairs)]

    found = the_only(shares([(0.1, 0.2), (0.3, 0.4)]), shares([(0.2, 0.2), (0.3, 0.4)]))
    assert (found.first, found.second) == pytest.approx((0.4 / 0.6, 0.5 / 0.6))


def test_one_pair_takes_both_intervals_as_independent():
    first, second = board(1, Row("m", 0.70, 0.68, 0.72)), board(1, Row("m", 0.71, 0.69, 0.73))
    found = the_only([first], [second])
    assert (found.low, found.high) == pytest.approx((0.01 - 0.02 * 2**0.5, 0.01 + 0.02 * 2**0.5))
    assert not found.has_moved


def test_only_shared_seeds_are_paired_and_the_others_named():
    found = compare(boards("m", WORLDS), boards("m", WORLDS[:3]))
    assert found.seeds == (1, 2, 3)
    assert found.left_out == (4, 5)


@pytest.mark.parametrize(
    ("name", "value"), [("world_version", "10"), ("difficulty", "hard"), ("accounts", 300), ("days", 270)]
)
def test_unlike_worlds_are_refused_in_words(name, value):
    with pytest.raises(ValueError, match=f"{name} is .* in the first and {value} in the second"):
        compare([board(1, Row("m", 1.0))], [board(1, Row("m", 1.0), **{name: value})])


def test_versions_without_a_common_seed_are_refused():
    with pytest.raises(ValueError, match="no seed in common: 1 and 2"):
        compare([board(1, Row("m", 1.0))], [board(2, Row("m", 1.0))])


def test_the_table_of_two_folders_says_what_moved(tmp_path):
    for name, gain in (("a", 0.0), ("b", 0.1)):
        (tmp_path / name).mkdir()
        for each in boards("ROC-AUC", [v + gain for v in WORLDS]):
            (tmp_path / name / f"seed-{each.world['seed']}.json").write_text(each.to_json(), encoding="utf-8")
    text = compare_paths(tmp_path / "a", tmp_path / "b")
    assert "moved up" in text
    assert "5 worlds paired, seeds 1, 2, 3, 4, 5" in text
    assert "1 of 1 metrics moved beyond noise" in text
