"""All that is decided about behaviour before anybody opens the product, in the order in which one thing needs the other.

Belongs here: the order of the draws. Does not belong here: any of their rules; see the modules it calls.
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.breakage import Breakage, break_workflows, with_common_onsets
from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.cohorts import Cohorts, make_cohorts
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import LOOKALIKES, OTHER_PATH
from uam_platform.simulation.world.expansion import Drives, Wish, follow_drives, make_drives, make_wishes
from uam_platform.simulation.world.health import (
    Benign,
    Health,
    Law,
    channel_multipliers,
    live,
    make_benign,
    make_law,
    with_other_paths,
)  # fmt: skip
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.releases import Releases, coupling, make_releases, shocks

CONCERNS = ("cohorts", "product_releases", "breakage", "drives", "paths")
"""Streams of this module beside ``health``, ``benign`` and ``noise``."""


@dataclass(frozen=True)
class HiddenState:
    """Kinds, releases, harm, look-alikes, drives, and the channels that behaviour follows."""

    cohorts: Cohorts
    releases: Releases
    law: Law
    health: Health
    breakage: Breakage
    benign: Benign
    drives: Drives
    wishes: list[list[Wish]]
    on_other_path: Array
    channels: dict[str, Array]


def draw_hidden_state(
    accounts: Accounts, days: int, weeks: int, vector: Difficulty, rng: dict[str, np.random.Generator]
) -> HiddenState:
    """Draw everything that moves behaviour for ``weeks`` weeks, of which ``days`` days will be seen."""
    cohorts = make_cohorts(accounts, vector, rng["cohorts"])
    releases = make_releases(accounts, days, weeks * 7, vector, rng["product_releases"])
    law = make_law(accounts, cohorts, vector, coupling(releases, vector))
    pushed = shocks(releases, law.onset[:, 0], cohorts, weeks, vector)
    health, release = with_common_onsets(live(accounts, law, weeks, rng["health"], pushed), releases)
    breakage = break_workflows(health, release, releases, cohorts, vector, rng["breakage"])
    on_other_path = rng["paths"].random(accounts.count) < vector.other_path_share
    on_other_path &= LOOKALIKES[OTHER_PATH].name in vector.lookalikes
    benign = with_other_paths(make_benign(accounts, weeks, vector, rng["benign"]), accounts, on_other_path, weeks)
    channels = channel_multipliers(health, benign, cohorts, vector, rng["noise"])
    drives = make_drives(accounts, cohorts, weeks, vector, rng["drives"])
    wishes = make_wishes(drives, accounts, weeks * 7, vector, rng["drives"])
    channels = follow_drives(channels, drives, vector)
    channels |= {"broken": breakage.workflow, "damage": breakage.damage}
    return HiddenState(
        cohorts, releases, law, health, breakage, benign, drives, wishes, on_other_path & (accounts.start_day >= 0), channels
    )  # fmt: skip
