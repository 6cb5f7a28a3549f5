"""Scores of identity over several worlds are quotients of sums: what pairs and identifiers of all worlds together give."""

import numpy as np
import pandas as pd
import pytest

from uam_platform.evaluation.identity_scores import Clusters, score_rows
from uam_platform.evaluation.pooled import pool
from uam_platform.evaluation.results import Scoreboard, Section
from uam_platform_tests.evaluation.boards import board


def identifiers(seed: int, count: int) -> pd.DataFrame:
    """Identifiers of few people, some of which were given to somebody else."""
    rng = np.random.default_rng(seed)
    person = rng.integers(0, count // 4, count)
    key = np.where(rng.random(count) < 0.15, rng.integers(0, count // 4, count), person)
    names = [f"{seed}-{p}" for p in person]
    return pd.DataFrame({"person_id": names, "person_key": key + 10_000 * seed, "account_id": names})


def world(number: int, own: pd.DataFrame) -> Scoreboard:
    """A scoreboard with the scores of some identifiers."""
    first = board(number)
    return Scoreboard(
        first.world, first.is_illustrative, first.seed, (Section("i", "i", (*score_rows(Clusters(own, 1)),)),)
    )


@pytest.mark.parametrize(
    "metric", ["pairwise precision", "pairwise recall", "pairwise F1", "B-cubed precision", "B-cubed recall"]
)
def test_pooled_scores_are_those_of_all_worlds_as_one(metric: str) -> None:
    worlds = [identifiers(1, 60), identifiers(2, 400)]
    together = {row.metric: row.value for row in score_rows(Clusters(pd.concat(worlds, ignore_index=True), 1))}
    found = pool([world(n, own) for n, own in enumerate(worlds)]).sections[0].row(metric)
    assert found is not None
    assert found.how == "ratio of means"
    assert found.row.value == pytest.approx(together[metric])
    assert found.row.value != pytest.approx(np.mean(found.worlds)), "a mean over worlds would do as well"
