"""What one more day costs the identity tables, after histories of several sizes: on the path that the asset takes.

Here: made-up evidence, everything resolved and published, then the same day after each history. Not here: components alone
(`identity_work`), the table people see (`identity`).

The day is the same whatever came before: so many people who were there and so many new ones. In its time is all that the asset does: what
changed is found, resolved, and put in the place of the old rows. Publishing is told apart.
"""

import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from uam_platform.lake.engine import EngineLimits, connect

SEED: Final = 20250108
DAYS: Final = 30
ACTIVE: Final = 1_000  # people of the history who are seen on the new day
NEW: Final = 1_000  # people who come on it
_START: Final = date(2025, 1, 6)
_IN_WORKSPACE: Final = 20
_SHARE_ACTIVE: Final = 0.2


def one_more_day(limits: EngineLimits, people: int, out: str) -> dict[str, float]:
    """Resolve a history of so many people, then one day more.

    Returns:
        seconds, publishing, changed (identifiers that the day touches), everything (seconds of the history), identifiers.
    """
    from uam_platform.contracts.tables import IDENTITY_EVIDENCE
    from uam_platform.identity.kept import OUTPUTS
    from uam_platform.lake.io_manager import as_table
    from uam_platform.lake.store import Lake

    lake, connection, company = Lake(Path(out)), connect(limits), _Company(people + NEW)
    for day in range(DAYS):
        seen = company.seen_on(day, people)
        lake.publish(connection, IDENTITY_EVIDENCE, as_table(seen, IDENTITY_EVIDENCE), [str(_on(day))])
    told: dict[str, float] = {}
    for step in ("everything", "day"):
        if step == "day":
            last = as_table(company.last_day(people), IDENTITY_EVIDENCE)
            lake.publish(connection, IDENTITY_EVIDENCE, last, [str(_on(DAYS))])
        clock, cores = time.perf_counter(), time.process_time()
        resolution = _resolution(lake, connection)
        found = resolution.resolve()
        told[step], told[f"{step} cpu"] = time.perf_counter() - clock, time.process_time() - cores
        told[f"{step} identifiers"] = found.identifier_count
        clock = time.perf_counter()
        for contract in OUTPUTS:
            lake.publish(connection, contract, as_table(getattr(found.tables, contract.name), contract))
        resolution.save(found)
        told["publishing"] = time.perf_counter() - clock
    return {**told, "seconds": told["day"], "cpu": told["day cpu"]}


def _resolution(lake: Any, connection: Any) -> Any:
    """As the asset asks for it, with the rulebook's rules; nobody has a record or takes anything back."""
    from uam_platform.contracts.schemas import arrow_schema
    from uam_platform.contracts.tables import ACCOUNTS, IDENTITY_RETRACTIONS, USERS_DIRECTORY
    from uam_platform.identity.daily import Resolution, Sources
    from uam_platform.policy.identity import IdentityPolicy
    from uam_platform.policy.load import load_section

    people, accounts, said = (
        arrow_schema(c).empty_table().to_pandas() for c in (USERS_DIRECTORY, ACCOUNTS, IDENTITY_RETRACTIONS)
    )
    rules = load_section(IdentityPolicy, "identity")
    return Resolution(lake, connection, Sources(people, accounts, said, rules, timedelta(0), ("product",)))


def _on(day: int) -> date:
    return _START + timedelta(days=day)


class _Company:
    """People with a user id, an address and a device each, in workspaces of twenty.

    Args:
        size: all people, also those of the new day.
    """

    def __init__(self, size: int) -> None:
        self._rng = np.random.default_rng(SEED)
        self._user, self._device, self._email = self._rng.integers(1, 2**62, (3, size))
        self._workspace = np.repeat(self._rng.integers(1, 2**62, size // _IN_WORKSPACE + 1), _IN_WORKSPACE)[:size]

    def seen_on(self, day: int, people: int) -> Any:
        """A day of the history: those who come on it, and a share of those who came before."""
        every = np.arange(people)
        first = every % DAYS
        is_seen = (first == day) | ((first < day) & (self._rng.random(people) < _SHARE_ACTIVE))
        return self._rows(day, every[is_seen])

    def last_day(self, people: int) -> Any:
        """The new day."""
        back = np.random.default_rng(SEED).choice(people, ACTIVE, replace=False)
        return self._rows(DAYS, np.concatenate([back, np.arange(people, people + NEW)]))

    def _rows(self, day: int, who: Any) -> Any:
        """One row of `staging/identity_evidence` per person."""
        import pyarrow as pa

        from uam_platform.contracts.schemas import arrow_schema
        from uam_platform.contracts.tables import IDENTITY_EVIDENCE

        at = (_on(day) - date(1970, 1, 1)).days * 86_400_000_000
        given = {
            "event_date": _on(day), "known_date": _on(day), "source": "segment", "event_kind": "track", "actor_kind": "user",
            "actor_key": self._user[who], "device_key": self._device[who], "email_key": self._email[who],
            "workspace_key": self._workspace[who], "workspace_id_source": self._workspace[who].astype(str),
            "event_count": 1, "started_us": at, "ended_us": at,
        }  # fmt: skip
        columns = []
        for field in arrow_schema(IDENTITY_EVIDENCE):
            value = given.get(field.name)
            is_column = isinstance(value, np.ndarray)
            columns.append(pa.array(value if is_column else [value] * len(who), type=field.type))
        return pa.Table.from_arrays(columns, schema=arrow_schema(IDENTITY_EVIDENCE))
