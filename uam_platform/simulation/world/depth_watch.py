"""How much value a few accounts got when: kept while the world is lived, to see which planted S4 really came about.

Belongs here: the instants of value actions of watched accounts. Does not belong here: the plantings (``sequences``).
"""

import numpy as np

from uam_platform.simulation.world.clock import DAY_US, Array
from uam_platform.simulation.world.product import CORE_EVENTS, EVENT_CODE
from uam_platform.simulation.world.rows import Rows
from uam_platform.simulation.world.sessions import Sessions

_VALUE = np.array(sorted(EVENT_CODE[name] for name in CORE_EVENTS))
_BEFORE_DAYS, _AFTER_DAYS, _LEAST_BEFORE, _LARGEST_RATIO = 28, 14, 8, 0.6


class DepthWatch:
    """Collects the instants of value actions, stretch by stretch."""

    def __init__(self, watched: Array) -> None:
        self._watched = np.unique(watched)
        self._account: list[Array] = []
        self._at_us: list[Array] = []

    def note(self, rows: Rows, sessions: Sessions) -> None:
        """Take the rows of a stretch."""
        value = np.flatnonzero(np.isin(rows["event"], _VALUE))
        account = sessions.account[rows["session"][value]]
        mine = np.isin(account, self._watched)
        value = value[mine]
        self._account.append(account[mine])
        self._at_us.append(sessions.start_us[rows["session"][value]] + rows["offset_us"][value])

    def has_fallen(self, account: int, first_us: int, raised_us: int) -> bool:
        """Return whether use fell after ``raised_us`` to at most 0.6 of what it was per day before ``first_us``."""
        mine = np.concatenate([at[who == account] for who, at in zip(self._account, self._at_us, strict=True)])
        before = int(((mine >= first_us - _BEFORE_DAYS * DAY_US) & (mine < first_us)).sum())
        after = int(((mine >= raised_us) & (mine < raised_us + _AFTER_DAYS * DAY_US)).sum())
        return before >= _LEAST_BEFORE and after <= _LARGEST_RATIO * before * _AFTER_DAYS / _BEFORE_DAYS
