"""The identity benchmark compares like with like: every way finds the same components of the same graph."""

import numpy as np
import pytest

from uam_platform.bench import graphs
from uam_platform.bench.identity_work import TASKS, load
from uam_platform.lake.engine import EngineLimits

IDENTIFIERS, EDGES = 3000, 12_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("graph")
    graphs.people(IDENTIFIERS, EDGES, 7).save(made / "graph")
    TASKS["components"](EngineLimits(), str(made / "graph"), str(made / "ours"))
    return made


@pytest.mark.parametrize("task", ["components scipy", "components networkx", "components stars"])
def test_every_way_finds_our_components(folder, task):
    out = folder / task
    TASKS[task](EngineLimits(), str(folder / "graph"), str(out))
    for mine, other in zip(*(load(str(f), "keys", "labels") for f in (folder / "ours", out)), strict=True):
        assert np.array_equal(mine, other)


def test_the_graph_names_every_identifier_and_has_people_of_all_sizes(folder):
    keys, labels = load(str(folder / "ours"), "keys", "labels")
    sizes = np.unique(labels, return_counts=True)[1]
    assert len(keys) == IDENTIFIERS
    assert len(load(str(folder / "graph"), "left")[0]) == EDGES
    assert sizes.max() > 20 * np.median(sizes)


def test_one_more_day_tells_what_a_history_of_the_asked_size_would_change(folder):
    told = TASKS["components day"](EngineLimits(), str(folder / "ours"), IDENTIFIERS // 3, str(folder / "day"))
    assert 0.2 * IDENTIFIERS < told["identifiers"] < 0.6 * IDENTIFIERS
    assert told["changed"] > 17_000  # nearly every new edge brings an identifier


def test_one_more_day_of_the_tables_touches_its_people_only(tmp_path):
    told = TASKS["identity day"](EngineLimits(), 3_000, str(tmp_path / "lake"))
    assert told["everything identifiers"] == 9_000
    assert told["day identifiers"] == 3 * 2_000  # of the new ones and of those who are seen again
