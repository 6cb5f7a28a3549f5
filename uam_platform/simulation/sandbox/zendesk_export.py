"""Paging of Zendesk's incremental exports: cursor style and time style.

Belongs here: which rows one page holds and where the next one starts. Does not belong here: JSON objects
(`zendesk_shapes.py`) and HTTP (`zendesk.py`). Both styles filter and order by whole seconds of a system timestamp, and
both withhold the newest minute.
"""

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

PAGE_SIZE: Final = 1000
WITHHELD_SECONDS: Final = 60

T = TypeVar("T")

Position = tuple[int, int]
"""Epoch second and id: the total order of an export."""


@dataclass(frozen=True)
class CursorPage(Generic[T]):
    """One page of a cursor export; `after` is null only when there has never been a row."""

    items: Sequence[T]
    after: Position | None
    is_end: bool


@dataclass(frozen=True)
class TimePage(Generic[T]):
    """One page of a time export; the next page starts at `next_start` and repeats that second's rows."""

    items: Sequence[T]
    end_time: int | None
    next_start: int
    is_end: bool


class Export(Generic[T]):
    """Rows of one resource in export order.

    Args:
        rows: All rows, in any order.
        position: Gives the epoch second and the id of a row.
        now: Epoch seconds of the sandbox clock.
    """

    def __init__(self, rows: Sequence[T], position: Callable[[T], Position], now: int) -> None:
        ordered = sorted(rows, key=position)
        positions = [position(row) for row in ordered]
        visible = bisect_left(positions, (now - WITHHELD_SECONDS, 0))
        self._rows, self._positions = ordered[:visible], positions[:visible]

    def from_start(self, start_time: int, size: int) -> CursorPage[T]:
        """Return the first page of a cursor export."""
        return self._slice(bisect_left(self._positions, (start_time, 0)), size, None)

    def after(self, position: Position, size: int) -> CursorPage[T]:
        """Return the page after a cursor."""
        return self._slice(bisect_right(self._positions, position), size, position)

    def _slice(self, first: int, size: int, before: Position | None) -> CursorPage[T]:
        last = min(first + size, len(self._rows))
        after = self._positions[last - 1] if last > first else before
        return CursorPage(self._rows[first:last], after, last == len(self._rows))

    def in_time(self, start_time: int, size: int = PAGE_SIZE) -> TimePage[T]:
        """Return one page of a time export; it is longer than `size` when its last second has more rows."""
        first = bisect_left(self._positions, (start_time, 0))
        if first == len(self._rows):
            return TimePage([], None, start_time, True)
        end_time = self._positions[min(first + size, len(self._rows)) - 1][0]
        last = bisect_left(self._positions, (end_time + 1, 0))
        is_end = last == len(self._rows)
        next_start = end_time if is_end or end_time > start_time else end_time + 1
        return TimePage(self._rows[first:last], end_time, next_start, is_end)


def encode(position: Position) -> str:
    """Print a position as an opaque cursor."""
    return base64.b64encode(f"{position[0]}.0||{position[1]}".encode()).decode()


def decode(cursor: str) -> Position:
    """Read a cursor.

    Raises:
        ValueError: When the cursor is not one of ours.
    """
    try:
        second, _, row_id = base64.b64decode(cursor.encode(), validate=True).decode().partition(".0||")
        return int(second), int(row_id)
    except (binascii.Error, UnicodeError) as problem:
        raise ValueError("the cursor is not valid") from problem


def cursor_body(page: CursorPage[Any], url: str) -> dict[str, Any]:
    """Build the paging keys of a cursor export."""
    cursor = encode(page.after) if page.after else None
    return {
        "after_cursor": cursor,
        "after_url": f"{url}?cursor={cursor}" if cursor else None,
        "before_cursor": None,
        "before_url": None,
        "end_of_stream": page.is_end,
    }


def time_body(page: TimePage[Any], url: str) -> dict[str, Any]:
    """Build the paging keys of a time export."""
    return {
        "count": len(page.items),
        "end_of_stream": page.is_end,
        "next_page": f"{url}?start_time={page.next_start}" if page.items or not page.is_end else None,
        "end_time": page.end_time,
    }
