"""Devices on the shop floor: one device per kiosk, on which four to ten people of an account sign in and out.

Belongs here: which accounts have one and who uses it. Does not belong here: personal and borrowed devices (``people``).
"""

from dataclasses import replace

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.people import CUSTOMER, FOREVER, Devices, People
from uam_platform.simulation.world.population import Accounts

FEWEST, MOST = 4, 10
_KIOSK_BROWSER = 0


def add_kiosks(
    devices: Devices, people: People, accounts: Accounts, horizon: int, vector: Difficulty, rng: np.random.Generator
) -> Devices:
    """Return the devices followed by the kiosks; users sign in on the kiosk instead of on a colleague's device."""
    crews = _crews(people, accounts, horizon, vector, rng)
    borrowed = devices.borrowed.copy()
    for number, crew in enumerate(crews):
        borrowed[crew] = devices.count + number
    added = len(crews)
    offset = devices.count
    ids = [f"kiosk-{rng.bytes(12).hex()}" for _ in range(2 * added)]
    return replace(
        devices,
        owner=np.concatenate([devices.owner, np.array([crew[0] for crew in crews], dtype=np.int64)]),
        kind=np.concatenate([devices.kind, np.zeros(added, dtype=devices.kind.dtype)]),
        browser=np.concatenate([devices.browser, np.full(added, _KIOSK_BROWSER, dtype=devices.browser.dtype)]),
        is_sloppy=np.concatenate([devices.is_sloppy, np.zeros(added, dtype=bool)]),
        skew_us=np.concatenate([devices.skew_us, np.zeros(added, dtype=np.int64)]),
        prints_offset=np.concatenate([devices.prints_offset, np.zeros(added, dtype=bool)]),
        rotate_day=np.concatenate([devices.rotate_day, np.full(added, FOREVER)]),
        borrowed=borrowed,
        is_kiosk=np.concatenate([devices.is_kiosk, np.ones(added, dtype=bool)]),
        anonymous_id=[*devices.anonymous_id[:offset], *ids[:added], *devices.anonymous_id[offset:], *ids[added:]],
    )


def _crews(
    people: People, accounts: Accounts, horizon: int, vector: Difficulty, rng: np.random.Generator
) -> list[Array]:
    """Return the users of each kiosk; a share of all accounts has one, among those with people enough."""
    here = np.flatnonzero((people.kind == CUSTOMER) & (people.join_day < horizon) & ~people.is_blocked)
    here = here[np.argsort(people.account[here], kind="stable")]
    account = people.account[here]
    edges = np.searchsorted(account, np.arange(accounts.count + 1))
    able = np.flatnonzero(np.diff(edges) > FEWEST)
    wanted = min(len(able), max(1, round(vector.kiosk_account_share * accounts.count)))
    crews = []
    for index in np.sort(rng.permutation(able)[:wanted]):
        staff = here[edges[index] + 1 : edges[index + 1]]
        size = min(len(staff), int(rng.integers(FEWEST, MOST + 1)))
        crews.append(np.sort(rng.permutation(staff)[:size]))
    return crews
