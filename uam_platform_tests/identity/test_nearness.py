"""How close in time two user ids used one address, as known over time."""

from itertools import product

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.identity.intervals import FOREVER
from uam_platform.identity.nearness import Nearness

SEEN = st.tuples(st.sampled_from("ab"), st.integers(0, 12), st.integers(0, 5))  # user, day, known


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(SEEN, max_size=10), st.integers(0, 9))
def test_near_from_the_first_known_day_with_little_enough_silence(rows: list[tuple[str, int, int]], days: int) -> None:
    daily = pd.DataFrame([("x", *row) for row in rows], columns=["identifier", "user", "day", "known"])
    daily = daily.astype({"day": "int64", "known": "int64"})
    pairs = pd.DataFrame({"identifier": ["x"], "left": ["a"], "right": ["b"]}, index=[7])
    expected = FOREVER
    for known in range(6):
        used = {who: [day for user, day, told in rows if user == who and told <= known] for who in "ab"}
        if all(used.values()):
            silence = max(min(used["a"]), min(used["b"])) - min(max(used["a"]), max(used["b"]))
            if silence <= days:
                expected = known
                break
    near = Nearness(pairs, daily)
    assert near.since(days).tolist() == [expected]
    assert near.since(None).tolist() == [FOREVER]


def test_pairs_are_told_in_their_own_order() -> None:
    daily = pd.DataFrame(
        [(i, u, d, 0) for (i, d), u in product([("x", 1), ("y", 50)], ["a", "b"])],
        columns=["identifier", "user", "day", "known"],
    )
    daily.loc[len(daily)] = ["z", "a", 1, 0]
    pairs = pd.DataFrame({"identifier": ["z", "y", "x"], "left": "a", "right": "b"}, index=[3, 1, 2])
    assert Nearness(pairs, daily).since(0).tolist() == [FOREVER, 0, 0]
