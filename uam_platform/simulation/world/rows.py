"""Columns of event rows while they are numbers: one dict of equally long arrays, -1 for null.

Belongs here: the column list and the two ways to build rows. Does not belong here: what rows mean (``actions``) or how
they are printed (``deliveries``).
"""

from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import Array

Rows = dict[str, Array]

COLUMNS: dict[str, Any] = {
    "session": np.int64, "type": np.int8, "event": np.int16, "page": np.int8, "offset_us": np.int64, "side": np.int8,
    "is_anonymous": np.int8, "feature": np.int16, "workflow": np.int8, "workflow_id": np.int64, "step": np.int8,
    "state": np.int8, "duration_ms": np.int64, "error": np.int8, "amount": np.int64, "quantity": np.int32,
}  # fmt: skip
CLIENT, SERVER = 0, 1
TRACK, PAGE, IDENTIFY, GROUP, ALIAS = range(5)


def block(session: Array, **columns: Any) -> Rows:
    """Return rows for the given session numbers; columns not named are null (``is_anonymous``: 0, ``type``: track)."""
    count = len(session)
    rows: Rows = {"session": session}
    for name, dtype in COLUMNS.items():
        if name == "session":
            continue
        default = 0 if name in ("is_anonymous", "type", "side", "offset_us") else -1
        rows[name] = np.full(count, columns.get(name, default), dtype=dtype)
    return rows


def concat(parts: list[Rows]) -> Rows:
    """Return the parts one below the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def take(rows: Rows, index: Array) -> Rows:
    """Return the rows at ``index`` (positions or mask)."""
    return {name: values[index] for name, values in rows.items()}
