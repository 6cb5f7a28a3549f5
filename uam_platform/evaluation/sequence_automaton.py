"""Named sequences in a stream of steps: the latest-prefix automaton, and the one that ends in a fall of depth.

Here: the reading of steps in time order, written from the definition and apart from any stage of the platform. Not here: which events are
steps (`sequence_reference`), what a run found (`sequences`).

The automaton of one scope remembers the latest step 1; on step 2 with a step 1 inside the window it remembers the latest pair; on step 3
with the pair's step 1 inside the window it tells an occurrence and forgets everything. Time must increase from step to step: of one
instant, later steps are read first, so that no step follows another of its own instant.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DAY_US: Final = 86_400_000_000
RAISED_WITHIN_US: Final = 14 * DAY_US
FALLEN_AFTER_US: Final = 14 * DAY_US
BEFORE_US: Final = 28 * DAY_US
FAILED_WITHIN_US: Final = 7 * DAY_US
LEAST_BEFORE: Final = 8
LARGEST_REST: Final = 0.6


@dataclass(frozen=True)
class Step:
    """One step of a sequence: when (epoch microseconds), which (1, 2, 3), and the record that it is."""

    at_us: int
    number: int
    record: str


@dataclass(frozen=True)
class Occurrence:
    """One completed sequence: from its first to its last step; `record` is the last step's."""

    first_us: int
    last_us: int
    record: str


@dataclass(frozen=True)
class ThirdFailure:
    """A failure that is the third of one workflow within seven days; `first_us` is the first of the three."""

    at_us: int
    first_us: int


@dataclass(frozen=True)
class Raise:
    """A ticket's priority raised to high or urgent."""

    at_us: int
    record: str


def occurrences(steps: Iterable[Step], window_us: int) -> Iterator[Occurrence]:
    """Completed sequences of one scope, in time order; `window_us` spans first to last step."""
    first: int | None = None
    pair: int | None = None
    for step in sorted(steps, key=lambda s: (s.at_us, -s.number, s.record)):
        if step.number == 1:
            first = step.at_us
        elif step.number == 2:
            pair = first if first is not None and step.at_us - first <= window_us else pair
        elif pair is not None and step.at_us - pair <= window_us:
            yield Occurrence(pair, step.at_us, step.record)
            first = pair = None


def third_failures(failed_us: Mapping[str, Sequence[int]]) -> list[ThirdFailure]:
    """Third failures of any workflow of one account.

    Args:
        failed_us: times of failure by workflow.
    """
    found = []
    for times in failed_us.values():
        ordered = sorted(times)
        for first, third in zip(ordered, ordered[2:], strict=False):
            if third - first <= FAILED_WITHIN_US:
                found.append(ThirdFailure(third, first))
    return sorted(found, key=lambda f: (f.at_us, f.first_us))


def falls(
    failures: Sequence[ThirdFailure], raises: Sequence[Raise], core_us: Sequence[int], end_us: int
) -> Iterator[Occurrence]:
    """Third failure, raise within 14 days, reduced depth in the 14 days after it; told 14 days after the raise.

    A later raise with a third failure inside its window takes the place of an earlier one that is still being watched.

    Args:
        failures: of one account.
        raises: of its tickets.
        core_us: sorted times of its core actions.
        end_us: nothing is known from here on; a raise less than 14 days before it is not judged.
    """
    marks = [(f.at_us, 1, f.first_us, "") for f in failures]
    marks += [(r.at_us, 2, 0, r.record) for r in raises]
    marks += [(r.at_us + FALLEN_AFTER_US, 3, r.at_us, r.record) for r in raises]
    latest: tuple[int, int] | None = None
    watched: tuple[int, int, str] | None = None
    for at_us, number, other_us, record in sorted(marks, key=lambda m: (m[0], -m[1], m[2], m[3])):
        if number == 1:
            latest = (at_us, other_us)
        elif number == 2:
            if latest is not None and at_us - latest[0] <= RAISED_WITHIN_US:
                watched = (latest[1], at_us, record)
        elif watched is None or watched[1:] != (other_us, record) or at_us > end_us:
            continue
        elif is_reduced(core_us, watched[0], other_us):
            yield Occurrence(watched[0], at_us, record)
            latest = watched = None


def is_reduced(core_us: Sequence[int], failed_us: int, raised_us: int) -> bool:
    """Core actions in (raise, raise + 14 days] are at most 60 % of half of those in [failure - 28 days, failure), at least 8 of them."""
    before = bisect_left(core_us, failed_us) - bisect_left(core_us, failed_us - BEFORE_US)
    after = bisect_left(core_us, raised_us + FALLEN_AFTER_US + 1) - bisect_left(core_us, raised_us + 1)
    return before >= LEAST_BEFORE and after <= LARGEST_REST * before / 2
