"""Components that grow day by day: yesterday's labels and today's edges give the labels that change, and nothing else is read.

Here: labels that are found by key and by label, and the step of one day. Not here: all components at once (`components`), edges that
end again (`persons`, which resolves all known days).

The label of a component is its key known first (ties: the least key), so a component keeps its label when later keys join, and of two
that join the older label stays; this is the rule of the person key (see `persons`). A day costs what it touches: a binary search
per end of an edge, the components that are joined, and the keys whose label changes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from uam_platform.identity.components import Ints, distinct, least_nodes

_MISSING: Final = -1
_SHARE: Final = (
    16  # recent changes are worked into the rest when they are more than one in 16 of it: 16 rows moved per change
)


class Labels(NamedTuple):
    """Keys with their labels, ascending by key.

    Attributes:
        keys: distinct keys.
        known: first known day of each key.
        labels: the key that its component is called by.
    """

    keys: Ints
    known: Ints
    labels: Ints


@dataclass(frozen=True)
class _Run:
    """Labels with an order by label, so that the keys of a label are found without reading others."""

    rows: Labels

    @cached_property
    def by_label(self) -> Ints:
        return np.argsort(self.rows.labels, kind="stable")

    @cached_property
    def _ordered(self) -> Ints:
        return self.rows.labels[self.by_label]

    def find(self, keys: Ints) -> Ints:
        """Position of each key, -1 where it is not there."""
        at = np.searchsorted(self.rows.keys, keys)
        is_there = at < len(self.rows.keys)
        is_there[is_there] = self.rows.keys[at[is_there]] == keys[is_there]
        return np.where(is_there, at, _MISSING)

    def members(self, labels: Ints) -> Ints:
        """Positions of the keys that have one of the labels."""
        begin, end = (np.searchsorted(self._ordered, labels, side=side) for side in ("left", "right"))
        count = end - begin
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return self.by_label[np.repeat(begin, count) + within]


class Growing:
    """Labels of all days so far.

    Args:
        rows: labels of the first day; none by default.
    """

    def __init__(self, rows: Labels | None = None) -> None:
        empty = np.empty(0, dtype=np.int64)
        self._base = _Run(rows if rows is not None else Labels(empty, empty, empty))
        self._recent = _Run(Labels(empty, empty, empty))

    def labels(self) -> Labels:
        """All of them."""
        return _merged(self._base.rows, self._recent.rows)

    def changes(self, left: Ints, right: Ints, day: int) -> Labels:
        """The rows that the edges of one more known day add or change; nothing is kept (see `keep`).

        Args:
            left: one end of each edge.
            right: the other end.
            day: known day of keys that are new; not before any day so far.
        """
        touched = distinct(np.concatenate([left, right]))
        known, before = self._look_up(touched, day)
        labels, place = np.unique(before, return_inverse=True)
        order = np.lexsort((labels, self._look_up(labels, day)[0]))  # the label known first is the least node
        node = np.empty_like(order)
        node[order] = np.arange(len(order))
        ends = (node[place[np.searchsorted(touched, side)]] for side in (left, right))
        after = labels[order[least_nodes(len(labels), *ends)[node]]]
        is_new = (self._base.find(touched) == _MISSING) & (self._recent.find(touched) == _MISSING)
        new = Labels(touched[is_new], known[is_new], after[place[is_new]])
        return _merged(self._relabelled(labels[after != labels], labels, after), new)

    def keep(self, changed: Labels) -> Self:
        """Take changes over; they are worked into the rest once there are many."""
        self._recent = _Run(_merged(self._recent.rows, changed))
        if len(self._recent.rows.keys) * _SHARE > len(self._base.rows.keys):
            self._base = _Run(_merged(self._base.rows, self._recent.rows))
            self._recent = _Run(Labels(*(column[:0] for column in self._base.rows)))
        return self

    def around(self, keys: Ints) -> Ints:
        """All keys of the components of `keys`, themselves included, ascending; keys that are in none are left out."""
        is_there = [run.find(keys) != _MISSING for run in (self._base, self._recent)]
        found = keys[is_there[0] | is_there[1]]
        labels = distinct(self._look_up(found, 0)[1])
        own = [run.rows.keys[run.members(labels)] for run in (self._base, self._recent)]
        members = distinct(np.concatenate(own))
        now = self._look_up(members, 0)[1]  # what is older than the recent changes may have another label by now
        return members[np.isin(now, labels)]

    def _look_up(self, keys: Ints, day: int) -> tuple[Ints, Ints]:
        """First known day and label; `day` and itself for a key that is new."""
        known, labels = np.full(len(keys), day, dtype=np.int64), keys.copy()
        for run in (self._base, self._recent):  # the later overwrites
            at = run.find(keys)
            is_there = at != _MISSING
            known[is_there], labels[is_there] = run.rows.known[at[is_there]], run.rows.labels[at[is_there]]
        return known, labels

    def _relabelled(self, joined: Ints, labels: Ints, after: Ints) -> Labels:
        """Rows of the keys so far whose label gives way to an older one."""
        parts = []
        for run in (self._base, self._recent):
            at = run.members(joined)
            if run is self._base:
                at = at[self._recent.find(run.rows.keys[at]) == _MISSING]
            keys, known, old = (column[at] for column in run.rows)
            parts.append(Labels(keys, known, after[np.searchsorted(labels, old)]))
        return _sorted(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _merged(rows: Labels, changed: Labels) -> Labels:
    """`rows` with those of `changed` in their place or added."""
    is_kept = np.ones(len(rows.keys), dtype=bool)
    at = _Run(rows).find(changed.keys)
    is_kept[at[at != _MISSING]] = False
    kept = Labels(*(column[is_kept] for column in rows))
    place = np.searchsorted(kept.keys, changed.keys)
    return Labels(*(np.insert(old, place, new) for old, new in zip(kept, changed, strict=True)))


def _sorted(keys: Ints, known: Ints, labels: npt.NDArray[np.int64]) -> Labels:
    order = np.argsort(keys)
    return Labels(keys[order], known[order], labels[order])
