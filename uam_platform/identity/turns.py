"""A shared device on a day on which several people used it: who did what was done before somebody signed in, by time between them.

Here: the rule for one such day. Not here: days on which one person used the device, and all other identifiers (`links`).

What is done without signing in lies between what the signed-in did. It is theirs who were there before and after; else theirs who came so
soon before or after that it is one visit, if the others did not. Where stretches overlap, or two are so near, nobody can tell. The day is
the grain of the answer: only where all that was done without signing in on it is one person's, the day is theirs.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Final, NamedTuple

import pandas as pd

from uam_platform.identity.intervals import FOREVER

_MINUTE_US: Final = 60_000_000
_COLUMNS: Final = ["identifier", "person", "valid_from", "start", "end"]


class _Use(NamedTuple):
    identifier: int
    day: int
    start: int
    end: int
    person: int
    first_us: int
    last_us: int


def by_turn(signed_in: pd.DataFrame, others: pd.DataFrame, visit_minutes: int) -> pd.DataFrame:
    """Days of devices that several people used, and whose what was done without signing in is.

    Args:
        signed_in: identifier, day, person, start, end (known days), first_us, last_us: stretches in which a person used a device.
        others: identifier, day, known, first_us, last_us: stretches in which it was used without signing in.
        visit_minutes: silence that ends a visit.

    Returns:
        identifier, person, valid_from (the day), start, end: disjoint per identifier and day; none where one person alone was there.
    """
    days = others[["identifier", "day"]].drop_duplicates()
    names = list(_Use._fields)
    uses = signed_in.merge(days, on=["identifier", "day"])[names]
    quiet = others.rename(columns={"known": "start"}).assign(end=FOREVER, person=0)[names]
    parts: list[dict[tuple[int, int], list[_Use]]] = [{}, {}]
    for found, rows in zip(parts, (uses, quiet), strict=True):
        ordered = sorted(map(_Use._make, rows.itertuples(index=False, name=None)))
        found |= {key: list(own) for key, own in groupby(ordered, key=lambda use: (use.identifier, use.day))}
    present, alone = parts
    told = [row for key, own in present.items() for row in _told(own, alone[key], visit_minutes * _MINUTE_US)]
    return pd.DataFrame(told, columns=_COLUMNS).astype("int64")


def _told(present: Sequence[_Use], quiet: Sequence[_Use], visit_us: int) -> Iterator[tuple[int, int, int, int, int]]:
    """The owner of one device and day, as known over time."""
    bounds = {bound for use in (*present, *quiet) for bound in (use.start, use.end)}
    for low, high in pairwise(sorted(bounds)):
        here = [use for use in present if use.start <= low < use.end]
        if len({use.person for use in here}) < 2:
            continue
        owners = {_owner(use, here, visit_us) for use in quiet if use.start <= low}
        owner = owners.pop() if len(owners) == 1 else None
        if owner is not None:
            yield present[0].identifier, owner, present[0].day, low, high


def _owner(quiet: _Use, present: Sequence[_Use], visit_us: int) -> int | None:
    """Who used the device without signing in; None where it cannot be told."""
    if any(use.first_us <= quiet.last_us and quiet.first_us <= use.last_us for use in present):
        return None  # a stretch may hold several visits, one of them before the next one signed in
    before = [(quiet.first_us - use.last_us, use.person) for use in present if use.last_us < quiet.first_us]
    after = [(use.first_us - quiet.last_us, use.person) for use in present if use.first_us > quiet.last_us]
    nearest = [{person for silence, person in side if silence == min(side)[0]} for side in (before, after) if side]
    if any(len(persons) > 1 for persons in nearest):
        return None
    sides = {persons.pop() for persons in nearest}
    if before and after and len(sides) == 1:
        return sides.pop()
    near = {min(side)[1] for side in (before, after) if side and min(side)[0] <= visit_us}
    return near.pop() if len(near) == 1 else None
