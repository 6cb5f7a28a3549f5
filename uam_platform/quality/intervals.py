"""Intervals and tests of counts; pure arithmetic.

Here: the few statistics that the rules of this room share. Not here: what is counted (`twins`, `profiles`) or judged (`missing_tellings`,
`odd_days`), control of false discoveries (`uam_platform.temporal.discoveries`).
"""

from typing import Any, Final

import numpy as np

Numbers = np.ndarray[Any, Any]
_Z95: Final = 1.959963984540054


def wilson(part: Any, whole: Any) -> tuple[Any, Any]:
    """95 % interval of a share by Wilson's method (E. B. Wilson, 1927), element by element.

    Args:
        part: counts.
        whole: counts, above 0.
    """
    ratio = part / whole
    spread = _Z95**2 / whole
    middle = (ratio + spread / 2) / (1 + spread)
    reach = _Z95 * np.sqrt(ratio * (1 - ratio) / whole + _Z95**2 / (4 * whole**2)) / (1 + spread)
    # at 0 and 1 rounding would leave the share outside its own interval
    return np.clip(middle - reach, 0.0, ratio), np.clip(middle + reach, ratio, 1.0)


def exceeds(missing: Any, whole: Any, expected: Any, cell: Any) -> Numbers:
    """Probability, by chance, of so many missing among the people of each cell if the missing share were `expected`; one-sided.

    Counts of one person hang together, so each person is one observation: the sum of their surpluses over the root of the sum of their
    squares, read against Student's t with one degree less than there are people. One person alone never stands out.

    Args:
        missing: missing counts by person.
        whole: counts by person; 0 for people who are not there.
        expected: usual missing share by cell.
        cell: code of the cell by person.

    Returns:
        One probability per cell.
    """
    from scipy.special import stdtr

    expected = np.asarray(expected, dtype=float)
    surplus = np.asarray(missing, dtype=float) - expected[cell] * np.asarray(whole, dtype=float)
    count = len(expected)
    people = np.bincount(cell, weights=np.asarray(whole) > 0, minlength=count)
    spread = np.sqrt(np.bincount(cell, weights=surplus**2, minlength=count))
    total = np.bincount(cell, weights=surplus, minlength=count)
    is_judged = (people >= 2) & (spread > 0)
    score = total / np.where(is_judged, spread, 1.0)
    return np.where(is_judged, stdtr(np.maximum(people - 1, 1), -score), 1.0)
