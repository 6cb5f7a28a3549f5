"""What is arranged before a world is lived: sequences, patterns, and the flags accounts see.

Belongs here: putting the plans together for the run. Does not belong here: the plans (``sequences``, ``patterns``,
``releases``).
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world.arranged import Agenda, Calendar, Steps
from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.depth_watch import DepthWatch
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import LOOKALIKES
from uam_platform.simulation.world.health import Benign
from uam_platform.simulation.world.hidden_state import HiddenState
from uam_platform.simulation.world.patterns import Play, plant_patterns
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.product import FLAGS
from uam_platform.simulation.world.releases import Releases
from uam_platform.simulation.world.sequences import Planner, Planting, damp

_FLAG_OF = {"automation": "automation_suite", "rollout": "rollout_wave"}
_FLAG_WEEKS = 8


@dataclass(frozen=True)
class Arrangements:
    """The agenda of arranged visits, tickets written in any case, what was planted, and the channels that follow."""

    agenda: Agenda
    tickets: dict[str, Array]
    plantings: list[Planting]
    plays: list[Play]
    watch: DepthWatch
    channels: dict[str, Array]


def arrange(
    accounts: Accounts, people: People, state: HiddenState, channels: dict[str, Array], paying: Array, days: int,
    vector: Difficulty, rng: np.random.Generator,
) -> Arrangements:  # fmt: skip
    """Plan every arranged visit and ticket of the visible days."""
    steps, calendar = Steps(), Calendar(accounts, people, paying, days)
    planner = Planner(calendar, state, vector, steps, rng)
    planner.plant()
    plays = plant_patterns(calendar, state, vector, steps, rng)
    channels = damp(channels, planner.damped)
    escalated = [planting.account for planting in planner.plantings if planting.sequence == "S4"]
    watch = DepthWatch(np.array(escalated, dtype=np.int64))
    return Arrangements(Agenda(steps), planner.tickets.columns(), planner.plantings, plays, watch, channels)


def flag_facts(benign: Benign) -> list[tuple[str, int, int]]:
    """Return (flag, account, day) of announced automations and rollouts: they are switched on by a flag of their own."""
    facts = []
    for index in np.flatnonzero(benign.is_announced):
        flag = _FLAG_OF.get(LOOKALIKES[benign.kind[index]].name)
        if flag is not None:
            facts.append((flag, int(benign.account[index]), int(benign.first_week[index]) * 7))
    return facts


def flag_labels(releases: Releases, benign: Benign, weeks: int, count: int) -> tuple[Array, list[str]]:
    """Return the flag named on events (weeks x accounts, -1: none) and the names: the latest release flag for eight weeks."""
    names = list(FLAGS)
    flags = np.full((weeks, count), -1, dtype=np.int16)
    for release in np.flatnonzero(releases.is_flagged):
        names.append(str(releases.flag_key(int(release))))
        reached = np.flatnonzero(releases.exposed_day[release] < weeks * 7)
        first = (releases.exposed_day[release, reached] // 7).astype(np.int64) + 1
        for account, week in zip(reached, first, strict=True):
            flags[week : week + _FLAG_WEEKS, account] = len(names) - 1
    for index in np.flatnonzero(benign.is_announced):
        flag = _FLAG_OF.get(LOOKALIKES[benign.kind[index]].name)
        if flag is not None:
            flags[benign.first_week[index] : benign.last_week[index], benign.account[index]] = FLAGS.index(flag)
    return flags, names
