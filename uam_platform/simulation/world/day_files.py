"""One Parquet file per day of receipt, written while the world goes on.

Belongs here: holding rows back until their day is complete, order, the cut into days. Does not belong here: columns
(``deliveries``, ``second_tool``) or Parquet settings (``store``).
"""

from pathlib import Path
from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import DAY_US, START_US, Array, date_of
from uam_platform.simulation.world.rows import Rows, take
from uam_platform.simulation.world.store import write_columns


class DayFiles:
    """Files ``received_date=YYYY-MM-DD.parquet`` of a folder; days are written in order, each once."""

    def __init__(self, folder: Path, schema: Any, days: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._schema, self._days = folder, schema, days
        self._carried: Rows | None = None
        self._next_day = 0

    def ready(self, rows: Rows, ties: tuple[str, ...], complete_until_day: int) -> Rows:
        """Return all rows held so far and received before that day, by time of receipt and then ``ties``; keep the rest."""
        held = rows
        if self._carried is not None:
            held = {name: np.concatenate([values, rows[name]]) for name, values in self._carried.items()}
        received = held["received_us"]
        is_ready = received < START_US + min(complete_until_day, self._days) * DAY_US
        self._carried = take(held, np.flatnonzero(~is_ready))
        index = np.flatnonzero(is_ready)
        order = np.lexsort((*(held[name][index] for name in reversed(ties)), received[index]))
        return take(held, index[order])

    def write(self, columns: dict[str, Any], received_us: Array, complete_until_day: int) -> None:
        """Write every day before that day which is not yet written; an empty day is an empty file."""
        until = min(complete_until_day, self._days)
        edges = START_US + np.arange(self._next_day, until + 1) * DAY_US
        cut = np.searchsorted(received_us, edges)
        for index, day in enumerate(range(self._next_day, until)):
            begin, length = int(cut[index]), int(cut[index + 1] - cut[index])
            part = {name: columns[name].slice(begin, length) for name in self._schema.names}
            write_columns(self._folder / f"received_date={date_of(day)}.parquet", part, self._schema)
        self._next_day = max(self._next_day, until)
