"""How commercial decisions show in behaviour: growing teams look around, accounts under notice wind down.

Belongs here: multipliers that follow from contracts. Does not belong here: those that follow from hidden harm
(``health``) or the contracts themselves (``commerce``).
"""

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.commerce import Book

_GROWTH_WEEKS = 4
_GROWTH_FACTOR = np.float32(3.5)
_WIND_DOWN_FACTOR = np.float32(0.6)


def follow_contracts(channels: dict[str, Array], book: Book) -> dict[str, Array]:
    """Return the channels with ``intent`` added (raised before seats grow) and visits lowered after a notice."""
    sessions = channels["sessions"].copy()
    intent = np.ones_like(sessions)
    for term in book.terms:
        for day, seats, _ in term.changes:
            week = int(day // 7)
            if seats > term.seats and week >= 0:
                intent[max(0, week - _GROWTH_WEEKS) : week + 1, term.account] = _GROWTH_FACTOR
        if term.notice_day is not None:
            sessions[max(0, term.notice_day // 7 + 1) : (term.ended_day or term.end_day) // 7 + 1, term.account] *= (
                _WIND_DOWN_FACTOR
            )
    return channels | {"sessions": sessions, "intent": intent}
