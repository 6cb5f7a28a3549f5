"""Releases of the product: about one a week, some behind flags that reach accounts over days, one a year harmful.

Belongs here: the list of releases, who is exposed when, what a harmful one does to the odds of harm, and the two tables
the company keeps about them. Does not belong here: how an account suffers (``health``) or what failing looks like
(``actions``).

A harmful release breaks one workflow for part of the exposed accounts: their onset falls on the day of exposure. Others
that are exposed merely see more failures of that workflow until the fix. Accounts that were hurt recover by the law of
``health``, because trust comes back later than the code. The latent oracle does not know of releases to come: it uses
the average rate of this harm at all times, of which ``Difficulty.release_share`` is what releases bring on average; what
a release has done is in the hidden state from the following Monday on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import Array, instant
from uam_platform.simulation.world.cohorts import Cohorts, visible
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.drivers import BROKEN_WORKFLOW, CAUSES
from uam_platform.simulation.world.population import Accounts, workspace_ids
from uam_platform.simulation.world.product import WORKFLOWS

KINDS = ("feature", "fix", "migration", "deprecation")
NEVER = 1e9
COMPONENTS = (*WORKFLOWS, "editor", "billing", "permissions", "search", "connectors")
_YEAR_DAYS, _FIRST_SAFE_DAY, _LAST_SAFE_DAYS = 364, 35, 42
_FLAGGED_SHARE = 0.25
_HARMFUL_EXPOSURE = 0.55
_FIX_AFTER_RELEASES = (3, 6)
_WORKFLOW_SHARES = (0.45, 0.2, 0.2, 0.15)
_MAIN_FACTOR, _OTHER_FACTOR = 2.5, 0.3
_NOTES = {
    "feature": "New in {}: a faster way to get to the result.",
    "fix": "Fixes in {} after reports from customers.",
    "migration": "{} moves to the new storage; nothing to do on your side.",
    "deprecation": "The old interface of {} will be switched off in ninety days.",
}


@dataclass(frozen=True)
class Releases:
    """One entry per release in time order; ``exposed_day`` is (releases x accounts), ``NEVER`` where not exposed.

    ``fixed_day`` is the day on which the fix of a harmful release was out; ``workflow`` indexes ``WORKFLOWS`` or is -1.
    """

    day: Array
    kind: Array
    component: Array
    is_flagged: Array
    workflow: Array
    is_harmful: Array
    fixed_day: Array
    exposed_day: Array

    @property
    def count(self) -> int:
        """Number of releases."""
        return len(self.day)

    def flag_key(self, release: int) -> str | None:
        """Return the key of the flag the release is behind, or None."""
        if not self.is_flagged[release]:
            return None
        return f"flag_{release + 1:03d}_{COMPONENTS[self.component[release]]}"


def make_releases(
    accounts: Accounts, days: int, horizon: int, vector: Difficulty, rng: np.random.Generator
) -> Releases:
    """Draw the releases up to ``horizon``; harmful ones lie within the ``days`` that can be seen, one per 364."""
    count = horizon // 7
    day = np.arange(count) * 7 + rng.integers(0, 5, count) + rng.uniform(0.3, 0.7, count)
    kind = rng.choice(len(KINDS), count, p=[0.55, 0.30, 0.10, 0.05])
    component = rng.integers(0, len(COMPONENTS), count)
    is_flagged = rng.random(count) < _FLAGGED_SHARE
    share = np.where(is_flagged, rng.uniform(0.1, 0.8, count), 0.0)
    length = rng.uniform(2.0, 14.0, count)
    workflow = np.full(count, -1, dtype=np.int64)
    is_harmful = np.zeros(count, dtype=bool)
    fixed_day = np.full(count, NEVER)
    for week in _harmful_weeks(days, vector, rng):
        broken = int(rng.choice(len(WORKFLOWS), p=_WORKFLOW_SHARES))
        fix = week + int(rng.integers(*_FIX_AFTER_RELEASES))
        workflow[week], is_harmful[week], is_flagged[week] = broken, True, True
        kind[week], component[[week, fix]] = rng.choice([0, 2]), broken
        share[week], length[week] = _HARMFUL_EXPOSURE, rng.uniform(2.0, 5.0)
        kind[fix], is_flagged[fix], share[fix], fixed_day[week] = 1, False, 0.0, day[fix]
    lot = rng.random((count, accounts.count))
    exposed = day[:, None] + lot / np.maximum(share, 1e-9)[:, None] * length[:, None]
    exposed = np.where(lot < share[:, None], np.maximum(exposed, accounts.start_day[None, :] + 0.5), NEVER)
    exposed = np.where(exposed < np.minimum(fixed_day, horizon)[:, None], exposed, NEVER)
    return Releases(day, kind, component, is_flagged, workflow, is_harmful, fixed_day, exposed)


def _harmful_weeks(days: int, vector: Difficulty, rng: np.random.Generator) -> list[int]:
    whole, rest = divmod(days, _YEAR_DAYS)
    number = whole + int(rng.random() < rest / _YEAR_DAYS)
    weeks = []
    for year in range(number):
        first = year * _YEAR_DAYS + _FIRST_SAFE_DAY
        last = min((year + 1) * _YEAR_DAYS, days) - _LAST_SAFE_DAYS
        if last > first:
            weeks.append(int(rng.integers(first, last)) // 7)
    can_harm = vector.harm_per_year > 0 and CAUSES[BROKEN_WORKFLOW].name in vector.causes
    return weeks if can_harm else []


def coupling(releases: Releases, vector: Difficulty) -> float:
    """Return the share of broken-workflow onsets that releases bring; none while behaviour cannot show harm."""
    return vector.release_share * visible(vector) if releases.is_harmful.any() else 0.0


def shocks(releases: Releases, onset: Array, cohorts: Cohorts, weeks: int, vector: Difficulty) -> Array:
    """Return the onset probability (weeks x accounts) that releases add, from the weekly average ``onset``."""
    added = np.zeros((weeks, len(onset)), dtype=np.float32)
    yearly = onset * 52.0 * coupling(releases, vector) / _HARMFUL_EXPOSURE
    for release in np.flatnonzero(releases.is_harmful):
        fits = cohorts.main_workflow == releases.workflow[release]
        factor = np.where(cohorts.main_workflow < 0, 1.0, np.where(fits, _MAIN_FACTOR, _OTHER_FACTOR))
        exposed = releases.exposed_day[release]
        hit = np.flatnonzero(exposed < weeks * 7)
        added[(exposed[hit] // 7).astype(np.int64), hit] += np.clip(yearly * factor, 0.0, 0.95)[hit]
    return added


def release_of(releases: Releases, account: Array, onset_week: Array) -> Array:
    """Return per spell the harmful release to which the account was exposed in the week before, or -1."""
    found = np.full(len(account), -1, dtype=np.int64)
    for release in np.flatnonzero(releases.is_harmful):
        week = releases.exposed_day[release, account] // 7
        found = np.where(week == onset_week - 1, release, found)
    return found


def release_rows(releases: Releases, days: int) -> list[dict[str, Any]]:
    """Return the company's list of releases before the end of the world."""
    rows = []
    for index in np.flatnonzero(releases.day < days):
        kind, component = KINDS[releases.kind[index]], COMPONENTS[releases.component[index]]
        rows.append({
            "release_id": release_id(int(index)), "version": version(int(index)), "kind": kind, "component": component,
            "title": f"{component.capitalize()} {kind}", "notes": _NOTES[kind].format(component.capitalize()),
            "flag_key": releases.flag_key(int(index)), "released_at": instant(float(releases.day[index])),
        })  # fmt: skip
    return rows


def release_id(release: int) -> str:
    """Return the id of a release."""
    return f"rel_{release + 1:03d}"


def version(release: int) -> str:
    """Return the version number of a release: a new minor version every four weeks."""
    return f"3.{release // 4}.{release % 4}"


def exposure_rows(
    releases: Releases, accounts: Accounts, paying: Array, facts: list[tuple[str, int, int]], days: int
) -> list[dict[str, Any]]:
    """Return who was exposed to which flag when, per workspace; ``facts`` are (flag, account, day) of other switches."""
    spaces = workspace_ids(accounts)
    exposed: list[tuple[float, str, int]] = [(float(day), flag, account) for flag, account, day in facts]
    for release in np.flatnonzero(releases.is_flagged):
        key = releases.flag_key(int(release))
        reached = releases.exposed_day[release]
        exposed += [(float(reached[account]), str(key), int(account)) for account in np.flatnonzero(reached < days)]
    rows = []
    for day, key, account in sorted(exposed):
        if day >= days or not paying[account, max(0, int(day))]:
            continue
        for workspace in spaces[account]:
            rows.append({
                "flag_key": key, "account_id": accounts.account_id[account], "workspace_id": workspace,
                "exposed_at": instant(max(day, 0.0)), "variant": "on",
            })  # fmt: skip
    return rows
