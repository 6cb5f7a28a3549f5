"""A world in which the rare affairs of companies and people are frequent, shared by the tests of this folder."""

from dataclasses import replace

import pytest

from uam_platform.simulation.world.difficulty import difficulty_named
from uam_platform.simulation.world.generate import simulate
from uam_platform_tests.simulation.worlds import World

BUSY = replace(
    difficulty_named("default"),
    name="busy",
    censored_per_year=0.06,
    split_per_year=0.06,
    parent_change_per_year=0.1,
    plan_change_per_year=0.4,
    billing_switch_share=0.15,
    job_change_share=0.6,
    repeated_role_share=0.05,
    monitored_share=0.04,
    owner_leaves_per_year=0.5,
)


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> World:
    """200 accounts over 245 days."""
    out = tmp_path_factory.mktemp("busy") / "world"
    return World(out, simulate(200, 245, 7, out, BUSY))
