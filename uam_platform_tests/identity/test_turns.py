"""A device that several people used on one day: what was done on it before somebody signed in goes to whom time leaves."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.identity.intervals import FOREVER
from uam_platform.identity.turns import by_turn
from uam_platform_tests.identity.product import RULES, Retracted, Seen, device, person, resolved, retractions, user

EARLIER = [Seen(0, "ann", "desk"), Seen(0, "bob", "desk", minute=90)]
"""The desk is known to be shared."""


def seen(*at: tuple[str | None, int], known: int | None = None) -> list[Seen]:
    """Uses of the desk on day 5: who, and the minute."""
    return [Seen(5, who, "desk", minute=minute, known=known) for who, minute in at]


@pytest.mark.parametrize(
    ("uses", "whose"),
    [
        pytest.param([("ann", 0), (None, 90), ("bob", 100)], "bob", id="just before the next one signed in"),
        pytest.param([("ann", 0), (None, 10), ("bob", 100)], "ann", id="just after one was there"),
        pytest.param([("ann", 0), (None, 60), ("bob", 120)], None, id="long after one and long before the other"),
        pytest.param([("ann", 0), (None, 20), ("bob", 40)], None, id="soon after one and soon before the other"),
        pytest.param(
            [("ann", 0), (None, 60), ("ann", 120), ("bob", 300)], "ann", id="between two visits of one person"
        ),
        pytest.param([(None, 0), ("ann", 20), ("bob", 300)], "ann", id="the first visit of the day"),
        pytest.param([("ann", 0), ("bob", 300), (None, 320)], "bob", id="the last visit of the day"),
        pytest.param([("ann", 0), (None, 30), ("bob", 61)], "ann", id="the last minute of a visit"),
        pytest.param([("ann", 0), (None, 31), ("bob", 62)], None, id="a minute more"),
        pytest.param(
            [(None, 10), ("ann", 20), (None, 290), ("bob", 300)], None, id="some of it one's, some the other's"
        ),
        pytest.param([("ann", 0), (None, 50), ("ann", 60), ("bob", 60)], None, id="two who came at once"),
        pytest.param([("ann", 60), (None, 60), ("bob", 200)], None, id="at the same moment as somebody"),
        pytest.param([("ann", 0), ("bob", 100)], None, id="nothing to divide"),
    ],
)
def test_time_between_the_signed_in_divides_a_day(uses: list[tuple[str | None, int]], whose: str | None) -> None:
    found = person(resolved([*EARLIER, *seen(*uses)]), device("desk"), 5)
    assert found == (user(whose) if whose else None)


MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("stretch", "owners"),
    [
        pytest.param((90, 95), [2], id="between two"),
        pytest.param((90, 290), [], id="over the visit of one: it may be several visits"),
        pytest.param((90, 100), [], id="until the other one was there"),
    ],
)
def test_a_stretch_that_overlaps_with_somebody_is_nobodys(stretch: tuple[int, int], owners: list[int]) -> None:
    present = pd.DataFrame(
        [(7, 5, 1, 5, FOREVER, 0, 0), (7, 5, 2, 5, FOREVER, 100 * MINUTE, 300 * MINUTE)],
        columns=["identifier", "day", "person", "start", "end", "first_us", "last_us"],
    )
    quiet = pd.DataFrame({"identifier": [7], "day": 5, "known": 5, "first_us": stretch[0] * MINUTE})
    found = by_turn(present, quiet.assign(last_us=stretch[1] * MINUTE), 30)
    assert found["person"].tolist() == owners


spans = st.tuples(
    st.integers(0, 60), st.integers(0, 8), st.integers(0, 4), st.integers(1, 9)
)  # from, length, known, for
VISIT = 6


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), spans), max_size=6), st.lists(spans, min_size=1, max_size=3))
def test_a_day_is_whose_a_plain_reference_says_at_every_known_day(
    uses: list[tuple[int, tuple[int, int, int, int]]], alone: list[tuple[int, int, int, int]]
) -> None:
    columns = ["identifier", "day", "person", "start", "end", "first_us", "last_us"]
    here = [(who, low, low + length, known, known + lasts) for who, (low, length, known, lasts) in uses]
    rows = [(7, 5, who, start, end, low * MINUTE, high * MINUTE) for who, low, high, start, end in here]
    others = [(7, 5, known, low * MINUTE, (low + length) * MINUTE) for low, length, known, _ in alone]
    found = by_turn(
        pd.DataFrame(rows, columns=columns, dtype="int64"),
        pd.DataFrame(others, columns=["identifier", "day", "known", "first_us", "last_us"]),
        VISIT,
    )
    for known in range(14):
        present = [(who, low, high) for who, low, high, start, end in here if start <= known < end]
        quiet = [(low, low + length) for low, length, since, _ in alone if since <= known]
        told = found[(found["start"] <= known) & (known < found["end"])]["person"].tolist()
        assert told == plainly(present, quiet), known


def plainly(present: list[tuple[int, int, int]], quiet: list[tuple[int, int]]) -> list[int]:
    """The owner of the day, minute by minute; empty where nobody, or one person alone, was there."""
    owners = set()
    for low, high in quiet:
        busy = {minute: {who for who, a, b in present if a <= minute <= b} for minute in range(-1, 80)}
        if any(busy[minute] for minute in range(low, high + 1)):
            return []
        before = next(((low - m, busy[m]) for m in range(low, -1, -1) if busy[m]), (999, set()))
        after = next(((m - high, busy[m]) for m in range(high, 80) if busy[m]), (999, set()))
        if len(before[1]) > 1 or len(after[1]) > 1:
            return []
        near = set.union(*(who for silence, who in (before, after) if silence <= VISIT), set())
        owners |= before[1] if before[1] == after[1] else near if len(near) == 1 else {0}
    return [*owners] if len(owners) == 1 and 0 not in owners and len({who for who, _, _ in present}) > 1 else []


def test_by_day_leaves_a_day_of_several_open() -> None:
    by_day = RULES.model_copy(update={"shared_devices": "by_day"})
    tables = resolved([*EARLIER, *seen(("ann", 0), (None, 90), ("bob", 100))], policy=by_day)
    assert person(tables, device("desk"), 5) is None


def test_what_becomes_known_later_divides_the_day_anew_and_changes_nothing_that_was_known() -> None:
    late = [*EARLIER, *seen(("ann", 0), (None, 90), ("bob", 100)), *seen(("ann", 80), known=9)]
    tables = resolved(late)
    assert person(tables, device("desk"), 5, known=8) == user("bob")
    assert person(tables, device("desk"), 5, known=9) is None


def test_a_retracted_sign_in_counts_no_more() -> None:
    day = seen(("ann", 0), (None, 90), ("bob", 100))
    said = retractions(Retracted("anonymous", device("desk"), user("bob"), 7))
    tables = resolved([*EARLIER, *day], retracted=said)
    assert person(tables, device("desk"), 5, known=6) == user("bob")
    assert person(tables, device("desk"), 5, known=7) == user("ann")


def test_no_two_known_users_become_one_person_by_a_turn() -> None:
    tables = resolved([*EARLIER, *seen(("ann", 0), (None, 90), ("bob", 100))])
    assert person(tables, user("ann"), 5) == user("ann")
    assert person(tables, user("bob"), 5) == user("bob")
