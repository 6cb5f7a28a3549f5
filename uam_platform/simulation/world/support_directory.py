"""Who the help desk knows: agents, end users, organisations.

Belongs here: its directory and the numbers it gives. Does not belong here: tickets (``support``).
"""

from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import Array, instant
from uam_platform.simulation.world.names import FIRST_NAMES, LAST_NAMES
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.population import Accounts

AGENT_ID, USER_ID, ORGANIZATION_ID = 9_000_001, 5_000_001, 7_000_001

Records = list[dict[str, Any]]


def agent_count(accounts: Accounts) -> int:
    """Return how many agents work at the desk."""
    return 3 + accounts.count // 150


def directory(
    accounts: Accounts, people: People, writers: Array, days: int, rng: np.random.Generator
) -> tuple[Records, Records]:
    """Return users and organisations; everybody who wrote a ticket is known, and some who did not."""
    users = _agents(agent_count(accounts)) + _end_users(people, writers, days, rng)
    organizations = []
    for index in np.flatnonzero(accounts.start_day < days):
        created = instant(float(accounts.start_day[index]) + 0.3)
        has_link = rng.random() < 0.92
        organizations.append({
            "organization_id": ORGANIZATION_ID + int(index), "name": accounts.name[index],
            "external_id": accounts.account_id[index] if has_link else None, "created_at": created, "updated_at": created,
        })  # fmt: skip
    return users, organizations


def _agents(number: int) -> Records:
    rows = []
    for agent in range(number):
        name = f"{FIRST_NAMES[agent % len(FIRST_NAMES)]} {LAST_NAMES[(agent * 7) % len(LAST_NAMES)]}"
        rows.append({
            "zendesk_user_id": AGENT_ID + agent, "name": name, "email": f"agent{agent}@acme-support.example",
            "role": "admin" if agent == 0 else "agent", "created_at": instant(-900), "updated_at": instant(-900),
        })  # fmt: skip
    return rows


def _end_users(people: People, writers: Array, days: int, rng: np.random.Generator) -> Records:
    wrote = np.zeros(people.count, dtype=bool)
    wrote[writers] = True
    known = wrote | (rng.random(people.count) < 0.3)
    linked = rng.random(people.count) < 0.8
    rows = []
    for person in np.flatnonzero(known & (people.join_day < days)):
        joined = instant(min(max(float(people.join_day[person]), -700.0), days - 0.01))
        rows.append({
            "zendesk_user_id": USER_ID + int(person), "name": people.name[person], "email": people.email[person],
            "role": "end-user", "organization_id": ORGANIZATION_ID + int(people.account[person]),
            "external_id": people.user_id(int(person)) if linked[person] else None,
            "created_at": joined, "updated_at": joined,
        })  # fmt: skip
    return rows
