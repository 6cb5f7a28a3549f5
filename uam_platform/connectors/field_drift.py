"""Which fields a vendor's records have, and what changed about them since the loads before.

Here: taking note of fields and kinds of values while pages are read, and the sentences about what is new, gone or of another kind.
Not here: reading pages (the vendors' modules), the check that shows the sentences (`checks`). A change is told and never refused:
records are landed whole, whatever their fields.

Only top-level fields are looked at; null has no kind. A field counts as gone when a stream always had it before and none of at
least twenty new records has it: vendors leave out what is empty.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

FEWEST_RECORDS: Final = 20
NULL: Final = "null"
_KINDS: Final = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}

Fields = Mapping[str, Mapping[str, str]]
"""Kinds of value by stream and field; several kinds are joined by ` or `, `null` stands for none seen yet."""


class FieldProfile:
    """The fields of every stream of one load beside those of the loads before.

    Args:
        before: what the last load left (`Load.fields`).
    """

    def __init__(self, before: Fields) -> None:
        self._before = before
        self._kinds: dict[str, dict[str, set[str]]] = {}
        self._counts: Counter[str] = Counter()
        self._lacking: set[tuple[str, str]] = set()

    def saw(self, stream: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Take note of the fields of a page."""
        found = self._kinds.setdefault(stream, {})
        for item in items:
            self._counts[stream] += 1
            for name, value in item.items():
                kinds = found.get(name)
                if kinds is None:
                    kinds = found[name] = set()
                if value is not None:
                    kinds.add(_KINDS.get(type(value), "text"))

    def lacks(self, stream: str, name: str = "") -> None:
        """Take note that the source has no such field, or without a name, no such stream at all."""
        self._lacking.add((stream, name))

    @property
    def fields(self) -> Fields:
        """Everything seen so far, of this load and those before."""
        streams = sorted({*self._before, *(s for s, count in self._counts.items() if count)})
        return {stream: self._merged(stream) for stream in streams}

    @property
    def drift(self) -> list[str]:
        """One sentence for each field that is new, gone or of another kind; what was always lacking is told once."""
        lacking = [self._lack(stream, name) for stream, name in sorted(self._lacking) if self._is_news(stream, name)]
        return [*lacking, *(said for stream in sorted(self._before) for said in self._changes(stream))]

    @staticmethod
    def _lack(stream: str, name: str) -> str:
        return f"{stream}: the source has no field {name}" if name else f"{stream}: the source has no such records"

    def _is_news(self, stream: str, name: str) -> bool:
        return not self._before or name in self._before.get(stream, {}) or (not name and stream in self._before)

    def _merged(self, stream: str) -> dict[str, str]:
        before, now = self._before.get(stream, {}), self._kinds.get(stream, {})
        gone = {name for name in before if self._is_gone(stream, name)}
        return {
            name: _joined({*_split(before.get(name, NULL)), *now.get(name, set())})
            for name in sorted({*before, *now} - gone)
        }

    def _changes(self, stream: str) -> list[str]:
        before, now = self._before[stream], self._kinds.get(stream, {})
        found = []
        for name in sorted({*before, *now}):
            if (stream, name) in self._lacking:
                continue
            if self._is_gone(stream, name):
                found.append(f"{stream}: field {name} is gone from all {self._counts[stream]:,} records")
            elif name in now and name not in before:
                found.append(f"{stream}: field {name} is new ({_joined(now[name])})")
            elif name in now and (other := now[name] - _split(before[name])) and _split(before[name]):
                found.append(f"{stream}: field {name} was {before[name]} and is now {_joined(other)}")
        return found

    def _is_gone(self, stream: str, name: str) -> bool:
        is_seen = name in self._kinds.get(stream, {})
        return not is_seen and (self._counts[stream] >= FEWEST_RECORDS or (stream, name) in self._lacking)


def _split(kinds: str) -> set[str]:
    return set(kinds.split(" or ")) - {NULL}


def _joined(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds)) or NULL
