"""The front end as it is really installed: browsers, blockers, library releases, laggards, and what a release breaks.

Belongs here: which version a device runs on a day, which fields it leaves out, which event it loses or renames. Does not
belong here: the devices themselves (``people``), the journey of a delivery (``transport``).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import Array, instant
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.people import FOREVER, Devices
from uam_platform.simulation.world.product import BROWSERS, EVENT_CODE
from uam_platform.simulation.world.rows import CLIENT, SERVER, Rows

PRIVACY_BROWSER = BROWSERS.index("brave")
FIELDS = ("workflow", "feature", "group_id")
RENAMED = {"workflow_started": "workflow_begin", "import_attempted": "import_start"}
"""Client events that a release may lose or rename; the end of a run and of an import is told by the server."""
_BLOCKS_BY_BROWSER = np.array([1.0, 0.8, 3.0, 0.5, 0.0])
_PRIVACY_BLOCK_SHARE = 0.8
_FIRST_RELEASE_DAY = -150
_OLD_VERSION = "4.1.2"
_WEB, _MOBILE, _SERVER = range(3)
_CADENCE_DAYS = ((25, 46), (35, 70), (60, 120))
_FROZEN_SHARE = 0.04


@dataclass(frozen=True)
class Drift:
    """One release that loses (``renamed_to`` None) or renames an event for ``share`` of the devices that run it."""

    event: str
    renamed_to: str | None
    version: int
    from_day: float
    to_day: float
    share: float


@dataclass(frozen=True)
class Clients:
    """Per device: browser, blocker, delay of updates, luck (devices x (fields + 1)); per version: what it leaves out.

    ``versions`` are the version strings, ``first_version`` and ``release_day`` address them per library.
    """

    browser: Array
    blocks: Array
    lag_days: Array
    frozen_day: Array
    luck: Array
    versions: tuple[str, ...]
    first_version: tuple[int, ...]
    release_day: tuple[Array, ...]
    lacks: Array
    drifts: tuple[Drift, ...]


def make_clients(devices: Devices, days: int, vector: Difficulty, rng: np.random.Generator) -> Clients:
    """Draw the releases of the three libraries over ``days`` days and how each device follows them."""
    count = devices.count
    releases = tuple(_releases(days, cadence, rng) for cadence in _CADENCE_DAYS)
    versions, first = _version_names(releases)
    is_desktop = devices.kind == 0
    browser = np.where(
        is_desktop & (rng.random(count) < vector.privacy_browser_share), PRIVACY_BROWSER, devices.browser
    )
    chance = np.where(
        browser == PRIVACY_BROWSER, _PRIVACY_BLOCK_SHARE, vector.blocker_share * _BLOCKS_BY_BROWSER[browser]
    )
    lacks = vector.missing_field_share * rng.gamma(0.6, 1 / 0.6, (len(versions), len(FIELDS)))
    return Clients(
        browser=browser.astype(np.int8),
        blocks=is_desktop & (rng.random(count) < chance),
        lag_days=rng.exponential(np.where(is_desktop, 6.0, 25.0)).astype(np.float32),
        frozen_day=np.where(rng.random(count) < _FROZEN_SHARE, rng.uniform(0, days, count), FOREVER),
        luck=rng.random((count, len(FIELDS) + 1), dtype=np.float32),
        versions=versions,
        first_version=first,
        release_day=releases,
        lacks=np.clip(lacks, 0.0, 0.6),
        drifts=_drifts(releases[_WEB], first[_WEB], days, vector, rng),
    )


def _releases(days: int, cadence: tuple[int, int], rng: np.random.Generator) -> Array:
    steps = rng.integers(*cadence, (days - _FIRST_RELEASE_DAY) // cadence[0] + 2)
    day = _FIRST_RELEASE_DAY + np.cumsum(steps)
    return np.asarray(day[day < days])


def _version_names(releases: tuple[Array, ...]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    names = [_OLD_VERSION]
    first = []
    for library, days in enumerate(releases):
        first.append(len(names))
        patterns = ("next-1.{0}.0", "5.{1}.{2}", "2.{1}.{2}")
        names += [patterns[library].format(64 + each, 1 + each // 10, each % 10) for each in range(len(days))]
    return tuple(names), tuple(first)


def _drifts(
    releases: Array, first: int, days: int, vector: Difficulty, rng: np.random.Generator
) -> tuple[Drift, ...]:  # fmt: skip
    candidates = np.flatnonzero((releases >= 0.1 * days) & (releases < 0.85 * days))
    number = min(len(candidates), round(vector.drifts_per_year * days / 364 + rng.random() - 0.5))
    drifts = []
    for release in np.sort(rng.permutation(candidates)[:number]):
        event = list(RENAMED)[int(rng.integers(len(RENAMED)))]
        new_name = RENAMED[event] if rng.random() < 0.5 else None
        until = float(releases[release + 1]) if release + 1 < len(releases) else FOREVER
        drifts.append(
            Drift(event, new_name, first + int(release), float(releases[release]), until, float(rng.uniform(0.5, 1.0)))
        )
    return tuple(drifts)


def version_of(clients: Clients, devices: Devices, device: Array, side: Array, day: Array) -> Array:
    """Return the index of the library version that emits, given the device, the side and the fractional day."""
    installed = np.minimum(day - clients.lag_days[device], clients.frozen_day[device])
    library = np.where(side == SERVER, _SERVER, (devices.kind[device] > 0) * 1)
    code = np.zeros(len(device), dtype=np.int16)
    for which, releases in enumerate(clients.release_day):
        rows = np.flatnonzero(library == which)
        when = day[rows] if which == _SERVER else installed[rows]
        ordinal = np.searchsorted(releases, when, side="right") - 1
        code[rows] = clients.first_version[which] + np.maximum(ordinal, 0)
    code[(side == CLIENT) & devices.is_sloppy[device]] = 0
    return code


def lacking(clients: Clients, version: Array, device: Array, side: Array) -> Array:
    """Return a bit per field of ``FIELDS`` that the device's version leaves out; servers leave out nothing."""
    bits = np.zeros(len(device), dtype=np.int8)
    for place in range(len(FIELDS)):
        misses = (clients.luck[device, place] < clients.lacks[version, place]) & (side == CLIENT)
        bits |= (misses << place).astype(np.int8)
    return bits


def drifted(clients: Clients, events: Rows) -> list[tuple[Drift, Array]]:
    """Return per drift the rows that it touches: its event, sent by its version on one of the devices it breaks."""
    found = []
    for drift in clients.drifts:
        touched = (events["version"] == drift.version) & (events["event"] == EVENT_CODE[drift.event])
        rows = np.flatnonzero(touched & (events["side"] == CLIENT))
        found.append((drift, rows[clients.luck[events["device"][rows], len(FIELDS)] < drift.share]))
    return found


def drift_truth(clients: Clients) -> list[dict[str, Any]]:
    """Return one row per drift; ``valid_to`` is the next release, laggards go on with the broken one."""
    return [
        {
            "event": drift.event, "renamed_to": drift.renamed_to, "library_version": clients.versions[drift.version],
            "valid_from": instant(drift.from_day), "kind": "renamed" if drift.renamed_to else "vanished",
            "valid_to": instant(drift.to_day) if drift.to_day < FOREVER else None, "share": round(drift.share, 4),
        }
        for drift in clients.drifts
    ]  # fmt: skip
