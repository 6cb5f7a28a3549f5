"""Transitions: which action follows which, within a session and never across one."""

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from uam_platform.behavior.sessions import sessions
from uam_platform.behavior.transition_plots import next_shares
from uam_platform.behavior.transitions import WINDOW_DAYS, transitions
from uam_platform.contracts.tables import EVENTS
from uam_platform.lake.engine import connect
from uam_platform_tests.behavior.company import Row, midnight, table
from uam_platform_tests.behavior.test_sessions import DAYS, FIRST, RULE, at, event, random_events

UNTIL = FIRST + timedelta(days=DAYS)


def named(rows: list[Row], *names: str) -> list[Row]:
    """The rows with the names in turn."""
    return [{**row, "event_name": names[n % len(names)]} for n, row in enumerate(rows)]


def counted(rows: list[Row], until: date = UNTIL) -> dict[tuple[str, str], tuple[int, int]]:
    found = connect().to_pyarrow(transitions(table(EVENTS, rows), until, RULE)).to_pylist()
    return {(r["event_name"], r["next_event_name"]): (r["transition_count"], r["actor_count"]) for r in found}


def test_neighbours_within_a_session_are_counted_with_their_actors() -> None:
    first = named([event(at("06T10:00")), event(at("06T10:05")), event(at("06T10:09"))], "a", "b", "a")
    second = named([event(at("06T11:00"), actor=2), event(at("06T11:01"), actor=2)], "a", "b")
    assert counted(first + second) == {("a", "b"): (2, 2), ("b", "a"): (1, 1)}


@pytest.mark.parametrize(
    "rows",
    [
        [event(at("06T10:00")), event(at("06T11:00"))],
        [event(at("06T10:00")), event(at("06T10:05"), workspace=2)],
        [event(at("06T10:00")), event(at("06T10:05"), known_at=at("08T10:05"))],
        [event(at("06T10:00")), {**event(at("06T10:05")), "event_kind": "identify"}],
    ],
    ids=["a silence", "another workspace", "one that came late", "a call that is no action"],
)
def test_nothing_follows_across(rows: list[Row]) -> None:
    assert counted(named(rows, "a", "b")) == {}


def test_only_the_thirteen_weeks_before_the_snapshot_count() -> None:
    pair = named([event(at("06T10:00")), event(at("06T10:05"))], "a", "b")
    assert counted(pair, FIRST) == {}
    assert counted(pair, FIRST + timedelta(days=1)) == {("a", "b"): (1, 1)}
    assert counted(pair, FIRST + timedelta(days=WINDOW_DAYS)) == {("a", "b"): (1, 1)}
    assert counted(pair, FIRST + timedelta(days=WINDOW_DAYS + 1)) == {}


@pytest.mark.parametrize("seed", [3, 4])
def test_each_session_gives_one_pair_less_than_it_has_actions(seed: int) -> None:
    rows = named(random_events(seed, late_share=0.1), "a", "b", "c")
    made = connect().to_pyarrow(sessions(table(EVENTS, rows), FIRST, UNTIL, RULE)).to_pandas()
    assert sum(count for count, _ in counted(rows).values()) == int((made["event_count"] - 1).sum())


def test_actions_of_one_moment_are_ordered_by_their_ids() -> None:
    moment = midnight(FIRST) + timedelta(hours=9)
    rows = [{**event(moment), "event_hi": n, "event_lo": 9 - n, "event_name": name} for n, name in enumerate("xyz")]
    assert counted(rows) == counted(rows[::-1]) == {("x", "y"): (1, 1), ("y", "z"): (1, 1)}


def test_shares_are_of_all_that_follows_and_kept_for_the_frequent() -> None:
    rng = np.random.default_rng(1)
    pairs = Counter(zip(rng.choice(list("abcdef"), 500), rng.choice(list("abc"), 500), strict=True))
    frame = pd.DataFrame(
        [(a, b, n) for (a, b), n in pairs.items()], columns=["event_name", "next_event_name", "transition_count"]
    )
    shares = next_shares(frame, shown=4)
    assert list(shares.index) == list(shares.columns)
    assert set("abc") < set(shares.index)
    assert shares.loc["a", "b"] == pytest.approx(pairs["a", "b"] / sum(n for (a, _), n in pairs.items() if a == "a"))
    assert (shares.sum(axis=1) <= 1 + 1e-12).all()
