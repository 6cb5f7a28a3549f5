"""Which of many tests made together stand out, at a share of false ones; pure arithmetic.

Here: the choice. Not here: the tests (the stages), how far one count lies beyond its past (`surprise`).
"""

from typing import Any

import numpy as np

Numbers = np.ndarray[Any, Any]


def standing_out(chances: Any, false_ratio: float) -> Numbers:
    """Which tests stand out so that the expected share of false ones among them is `false_ratio` (Benjamini and Hochberg, 1995).

    Args:
        chances: probabilities by chance of all tests that were made together.
        false_ratio: the share.

    Returns:
        One boolean per test.
    """
    values = np.asarray(chances, dtype=float)
    if not len(values):
        return np.zeros(0, dtype=bool)
    order = np.argsort(values, kind="stable")
    limits = false_ratio * np.arange(1, len(values) + 1) / len(values)
    passed = np.flatnonzero(values[order] <= limits)
    found = np.zeros(len(values), dtype=bool)
    if len(passed):
        found[order[: passed[-1] + 1]] = True
    return found
