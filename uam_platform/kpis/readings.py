"""What the lines of a worksheet say, in plain words.

Here: numbers into words. Not here: the words (`rulebook/scores.yaml`), the arithmetic (`formulas`).
"""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from uam_platform.policy.scores import Line

_UNKNOWN: Final = "not known, or too early to say; left out, the other lines stand for the whole"
_NOT_ADDED: Final = "not known; adds nothing"
_NO_SERVER: Final = "missing, not zero: no server has told of it, and what only clients tell does not count"


def readings(
    line: Line,
    values: pd.Series,
    missing: Sequence[bool],
    alone: Sequence[bool],
    is_sum: bool,
    refused: Sequence[bool],
) -> list[str]:
    """The reading of one line for every row.

    Args:
        line: its words.
        values: its input.
        missing: rows in which the line is left out.
        alone: rows in which it stands without what it counts together with.
        is_sum: missing lines add nothing instead of leaving their weight to the others.
        refused: rows in which only a server could vouch for an input, and none did.
    """
    absent = f"{line.label}: {_NOT_ADDED if is_sum else _UNKNOWN}"
    return [
        (f"{line.label}: {_NO_SERVER}" if is_refused else absent)
        if is_missing
        else (line.says_alone if is_alone else line.says).format(value=shown(line.shown_as, value))
        for value, is_missing, is_alone, is_refused in zip(values.tolist(), missing, alone, refused, strict=True)
    ]


def shown(kind: str, value: Any) -> str:
    """A value as people write it: 1,234, 0.82, 82 %, 0.82 x, 30 days."""
    if kind == "word":
        return str(value).replace("_", " ")
    if kind == "percent":
        return f"{value * 100:.0f} %"
    if kind == "times":
        return f"{value:.2f} times"
    if kind == "days":
        return f"{value:.0f} days"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
