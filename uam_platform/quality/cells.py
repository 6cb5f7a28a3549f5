"""Sums of runs by cell and person over windows of event days: what the rules on missing tellings look at.

Here: the arrays and their sums. Not here: which cells stand out (`missing_tellings`), the statistics (`intervals`).

A cell is a browser, or a version of one pair of events. Every window of a year of days is summed with a few array operations, because a
data frame's grouping takes a hundred times as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.quality.intervals import Numbers

WHOLE: Final = "server_count"
MISSING: Final = "missing"
RENAMED: Final = "renamed_count"


@dataclass(frozen=True)
class Sums:
    """Runs of one window by person in a cell; `cell` says which cell each belongs to."""

    cell: Numbers
    whole: Numbers
    missing: Numbers
    renamed: Numbers
    cell_count: int

    def by_cell(self, values: Numbers) -> Numbers:
        """Sum of values by person over the people of each cell."""
        return np.bincount(self.cell, weights=values, minlength=self.cell_count)

    @property
    def people(self) -> Numbers:
        """People by cell."""
        return self.by_cell((self.whole > 0).astype(float))

    @property
    def silent_people(self) -> Numbers:
        """People by cell of whom no client told anything."""
        return self.by_cell(((self.whole > 0) & (self.missing == self.whole)).astype(float))

    @property
    def ratio(self) -> Numbers:
        """Missing share by cell; NaN where there is nothing."""
        whole = self.by_cell(self.whole)
        return self.by_cell(self.missing) / np.where(whole > 0, whole, np.nan)


@dataclass(frozen=True)
class Cells:
    """Rows of runs, each in one cell and of one person.

    Attributes:
        labels: of the cells, in order of their codes.
        row_cell: cell of each row.
        row_pair: person in a cell, by row.
        pair_cell: cell of each person in a cell.
    """

    labels: tuple[Any, ...]
    row_cell: Numbers
    row_pair: Numbers
    pair_cell: Numbers

    def sums(self, rows: pd.DataFrame, where: Numbers) -> Sums:
        """Sums over the rows at positions `where`."""
        pair = self.row_pair[where]
        whole, missing, renamed = (
            np.bincount(pair, weights=rows[name].to_numpy(float)[where], minlength=len(self.pair_cell))
            for name in (WHOLE, MISSING, RENAMED)
        )
        return Sums(self.pair_cell, whole=whole, missing=missing, renamed=renamed, cell_count=len(self.labels))


def cells_of(rows: pd.DataFrame, keys: Sequence[str]) -> Cells:
    """Cells of rows with an `actor_key`, one per combination of `keys`; one for all of them without keys."""
    if keys:
        grouped = rows.groupby(list(keys), sort=True)
        codes, labels = grouped.ngroup().to_numpy(), tuple(_tuple(key) for key in grouped.groups)
    else:
        codes, labels = np.zeros(len(rows), dtype=np.int64), ((),)
    people, _ = pd.factorize(rows["actor_key"])
    pair, pairs = pd.factorize(codes.astype(np.int64) * (len(rows) + 1) + people)
    return Cells(labels, codes, pair, (np.asarray(pairs) // (len(rows) + 1)).astype(np.int64))


def _tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)
