"""Which workflow is broken for whom: every spell of broken workflow, and what is merely exposed, hits one workflow.

Belongs here: the workflow of each spell and the two columns behaviour follows (which one, how badly). Does not belong
here: the release itself (``releases``) or the failing runs (``actions``).
"""

from dataclasses import dataclass, replace

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.cohorts import Cohorts, visible
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import BROKEN_WORKFLOW
from uam_platform.simulation.world.health import Health
from uam_platform.simulation.world.product import WORKFLOWS
from uam_platform.simulation.world.releases import NEVER, Releases, release_of

_SHARES = (0.4, 0.25, 0.2, 0.15)
_MAIN_SHARE = 0.75
_MERELY_EXPOSED = np.float32(0.3)


@dataclass(frozen=True)
class Breakage:
    """Per spell of ``Health`` its workflow (-1: another cause) and release (-1: none), and what behaviour follows.

    ``workflow`` and ``damage`` are (weeks x accounts): the code of the broken workflow or -1, and how badly it is broken,
    0 to about 1.
    """

    of_spell: Array
    release_of_spell: Array
    workflow: Array
    damage: Array


def with_common_onsets(health: Health, releases: Releases) -> tuple[Health, Array]:
    """Return the state with onsets of release victims on their day of exposure, and the release of every spell or -1."""
    onset_week = (health.spell_onset_day // 7) + 1
    broken = health.spell_cause == BROKEN_WORKFLOW
    found = np.where(broken, release_of(releases, health.spell_account, onset_week), -1)
    day = health.spell_onset_day.copy()
    hit = found >= 0
    day[hit] = releases.exposed_day[found[hit], health.spell_account[hit]].astype(day.dtype)
    return replace(health, spell_onset_day=day), found


def break_workflows(
    health: Health, release: Array, releases: Releases, cohorts: Cohorts, vector: Difficulty, rng: np.random.Generator
) -> Breakage:
    """Give every spell its workflow and lay the spells out over weeks and accounts."""
    count = len(health.spell_account)
    drawn = rng.choice(len(WORKFLOWS), count, p=_SHARES)
    main = cohorts.main_workflow[health.spell_account]
    drawn = np.where((main >= 0) & (rng.random(count) < _MAIN_SHARE), main, drawn)
    of_spell = np.where(release >= 0, releases.workflow[release], drawn)
    of_spell = np.where(health.spell_cause == BROKEN_WORKFLOW, of_spell, -1)
    level = health.level[:, :, BROKEN_WORKFLOW]
    workflow = np.full(level.shape, -1, dtype=np.int8)
    for spell in np.flatnonzero(of_spell >= 0):
        workflow[max(0, health.spell_onset_day[spell] // 7) :, health.spell_account[spell]] = of_spell[spell]
    damage = (level * np.float32(vector.signal_gain)).astype(np.float32)
    _add_exposed(workflow, damage, releases, vector)
    return Breakage(of_spell, release, workflow, damage)


def _add_exposed(workflow: Array, damage: Array, releases: Releases, vector: Difficulty) -> None:
    for release in np.flatnonzero(releases.is_harmful):
        last = int(min(releases.fixed_day[release], len(workflow) * 7) // 7)
        for account in np.flatnonzero(releases.exposed_day[release] < NEVER):
            weeks = np.arange(int(releases.exposed_day[release, account] // 7) + 1, last)
            free = weeks[damage[weeks, account] < _MERELY_EXPOSED * visible(vector)]
            workflow[free, account] = releases.workflow[release]
            damage[free, account] = _MERELY_EXPOSED * visible(vector)
