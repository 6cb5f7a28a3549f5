"""Surprises: what a rate's own movement explains surprises less, the more the larger the count."""

import pandas as pd
import pytest

from uam_platform.policy.surprise import Measure, Peers
from uam_platform.temporal.surprise import surprise

FALL = Measure(recent="core_28d_count", before="core_prior_28d_count", bad="fall", max_z=99)


def fallen(before: int, share: float, noise: float) -> float:
    rows = pd.DataFrame(
        {
            "core_28d_count": [round(before * share)],
            "core_prior_28d_count": [before],
            "is_eligible": [True],
            "tier": ["growth"],
        }
    )
    return float(surprise(rows, FALL, Peers(noise_ratio=noise)).iloc[0])


def test_without_noise_the_same_relative_fall_surprises_without_bound_in_ever_larger_accounts() -> None:
    assert fallen(10_000, 0.7, 0.0) > 3 * fallen(1_000, 0.7, 0.0) > 9 * fallen(100, 0.7, 0.0) * 0.95


def test_with_noise_the_size_of_an_account_stops_counting() -> None:
    assert fallen(10_000, 0.7, 0.3) == pytest.approx(fallen(100_000, 0.7, 0.3), rel=0.02)
    limit = 2 * (1 - 0.7**0.5) / 0.3
    assert fallen(100_000, 0.7, 0.3) == pytest.approx(limit, rel=0.01)


def test_small_counts_are_judged_by_chance_as_before() -> None:
    assert fallen(4, 0.25, 0.3) == pytest.approx(fallen(4, 0.25, 0.0), rel=0.06)
