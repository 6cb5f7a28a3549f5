"""How commercial decisions show in behaviour: accounts under notice wind down.

Belongs here: multipliers that follow from contracts. Does not belong here: those that follow from hidden harm
(``health``), from drives to expand (``expansion``) or the contracts themselves (``commerce``).
"""

import numpy as np

from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.commerce import Book

_WIND_DOWN_FACTOR = np.float32(0.6)


def follow_contracts(channels: dict[str, Array], book: Book) -> dict[str, Array]:
    """Return the channels with visits lowered after a notice."""
    sessions = channels["sessions"].copy()
    for term in book.terms:
        if term.notice_day is not None:
            sessions[max(0, term.notice_day // 7 + 1) : (term.ended_day or term.end_day) // 7 + 1, term.account] *= (
                _WIND_DOWN_FACTOR
            )
    return channels | {"sessions": sessions}
