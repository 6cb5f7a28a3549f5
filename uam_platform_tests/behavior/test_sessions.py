"""Sessions do not depend on the range they are computed in, and late deliveries never change those already counted."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.behavior.daily import actor_days
from uam_platform.behavior.sessions import sessions
from uam_platform.contracts.tables import ACTOR_DAYS, EVENTS, SESSIONS
from uam_platform.lake.engine import connect
from uam_platform.policy.sessions import SessionRule
from uam_platform_tests.behavior.company import Row, midnight, table, us
from uam_platform_tests.judged import verdicts

FIRST = date(2025, 1, 6)
DAYS = 6
RULE = SessionRule(gap_minutes=45, cap_hours=8, reason="test")
GRACE = timedelta(hours=6)


def event(at: datetime, known_at: datetime | None = None, actor: int = 1, workspace: int = 1, **more: Any) -> Row:
    known = known_at or at
    return {
        "event_hi": actor,
        "event_lo": us(at),
        "event_date": at.date(),
        "occurred_at": at,
        "occurred_us": us(at),
        "known_at": known,
        "known_us": us(known),
        "known_date": max((known - GRACE).date(), at.date()),
        "actor_key": actor,
        "workspace_key": workspace,
        "event_kind": "track",
        "marker": "none",
        "is_core": False,
        "feature_bits": 0,
        **more,
    }


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2025-01-{text}")


def random_events(seed: int, late_share: float = 0.0) -> list[Row]:
    """Bursts and runs of actions; some runs go on for days with silences just within the gap, or just beyond it."""
    rng = np.random.default_rng(seed)
    rows = []
    for actor in (1, 2):
        moment = midnight(FIRST) + timedelta(minutes=int(rng.integers(0, 2000)))
        while moment < midnight(FIRST) + timedelta(days=DAYS):
            known = moment + timedelta(minutes=int(rng.integers(0, 4000))) if rng.random() < late_share else moment
            rows.append(event(moment, known, actor, workspace=1 + (actor == 2 and bool(rng.random() < 0.1))))
            is_break = rng.random() < (0.004 if actor == 1 else 0.1)
            moment += timedelta(minutes=int(rng.integers(44, 900) if is_break else rng.integers(0, 46)))
    return rows


def computed(rows: list[Row], first: date, last: date, rule: SessionRule = RULE) -> list[Row]:
    near = [r for r in rows if first - timedelta(days=1) <= r["event_date"] <= last + timedelta(days=1)]
    found = connect().to_pyarrow(sessions(table(EVENTS, near), first, last, rule)).to_pylist()
    return sorted(found, key=lambda s: [s[k] for k in SESSIONS.key])


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000), cap_hours=st.sampled_from([1, 7, 24]))
def test_every_day_has_the_same_sessions_whatever_range_it_is_computed_in(seed: int, cap_hours: int) -> None:
    rows = random_events(seed, late_share=0.1)
    rule = SessionRule(gap_minutes=45, cap_hours=cap_hours, reason="test")
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    whole = computed(rows, days[0], days[-1], rule)
    assert sum(s["event_count"] for s in whole) == len(rows)
    for first, last in ((1, 1), (3, 3), (2, 4)):
        wanted = [s for s in whole if days[first] <= s["session_date"] <= days[last]]
        assert computed(rows, days[first], days[last], rule) == wanted


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000))
def test_sessions_are_whole_runs_within_the_cap(seed: int) -> None:
    rows = [r for r in random_events(seed) if r["actor_key"] == 2]
    found = computed(rows, FIRST, FIRST + timedelta(days=DAYS))
    for one in found:
        key = (one["actor_key"], one["workspace_key"])
        inside = [r["occurred_us"] for r in rows if (r["actor_key"], r["workspace_key"]) == key]
        inside = [t for t in inside if one["started_us"] <= t <= one["ended_us"]]
        assert len(inside) == one["event_count"]
        assert all(b - a <= RULE.gap_minutes * 60_000_000 for a, b in pairwise(inside))
        assert one["duration_ms"] <= RULE.cap_hours * 3_600_000


def test_midnight_does_not_cut_a_session() -> None:
    rows = [event(at("07T23:50")), event(at("08T00:20")), event(at("08T00:50"))]
    (one,) = computed(rows, date(2025, 1, 7), date(2025, 1, 7))
    assert (one["session_date"], one["event_count"], one["duration_ms"]) == (date(2025, 1, 7), 3, 3_600_000)
    assert computed(rows, date(2025, 1, 8), date(2025, 1, 8)) == []


def test_silence_longer_than_the_gap_ends_a_session_and_the_gap_itself_does_not() -> None:
    rows = [event(at("07T10:00")), event(at("07T10:45")), event(at("07T11:30:00.000001"))]
    assert [s["event_count"] for s in computed(rows, FIRST, date(2025, 1, 8))] == [2, 1]


def test_a_long_run_is_cut_at_the_cap() -> None:
    rows = [event(at("07T01:00") + timedelta(minutes=30 * n)) for n in range(20)]
    assert [s["event_count"] for s in computed(rows, FIRST, date(2025, 1, 8))] == [16, 4]


def test_a_run_that_filled_a_whole_day_is_cut_at_the_next_midnight() -> None:
    rows = [event(at("06T23:40") + timedelta(minutes=30 * n)) for n in range(120)]
    starts = [s["started_at"] for s in computed(rows, FIRST, date(2025, 1, 10))]
    evening, night = (
        ["06T23:40", "07T07:40", "07T15:40", "07T23:40"],
        ["08T00:10", "08T08:10", "08T16:10", "09T00:10", "09T08:10"],
    )
    assert starts == [at(t) for t in (*evening, *night)]


def test_calls_that_say_who_somebody_is_make_no_session() -> None:
    rows = [event(at("07T10:00"), event_kind=kind) for kind in ("identify", "group", "alias")]
    assert computed(rows, FIRST, date(2025, 1, 8)) == []


def test_workspaces_of_one_actor_have_sessions_of_their_own() -> None:
    rows = [event(at("07T10:00")), event(at("07T10:01"), workspace=2)]
    assert len(computed(rows, FIRST, date(2025, 1, 8))) == 2


def test_a_cap_beyond_a_day_is_refused() -> None:
    beyond = RULE.model_copy(update={"cap_hours": 25})
    with pytest.raises(ValueError, match="one day at most"):
        computed([event(at("07T10:00"))], FIRST, FIRST, beyond)


def days_seen(rows: list[Row], as_of: date) -> set[tuple[Any, ...]]:
    """Daily activity that the snapshot of `as_of` sees."""
    con = connect()
    events = table(EVENTS, rows)
    made = con.create_table("s", sessions(events, FIRST, FIRST + timedelta(days=DAYS), RULE), temp=True)
    found = con.create_table("a", actor_days(events, made), temp=True)
    for contract, rows_of in ((SESSIONS, made), (ACTOR_DAYS, found)):
        broken = {reason for v in verdicts(rows_of, contract).values() for reason in v.violations}
        assert broken == set(), contract.name
    seen = found.filter((found.event_date < as_of) & (found.known_date < as_of))
    return {tuple(r.values()) for r in seen.to_pyarrow().to_pylist()}


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100_000))
def test_events_known_at_decision_time_or_later_change_no_daily_activity_that_a_snapshot_saw(seed: int) -> None:
    rows = random_events(seed, late_share=0.3)
    rows += [event(r["occurred_at"], r["known_at"] + timedelta(days=1), r["actor_key"]) for r in rows[::7]]
    as_of = FIRST + timedelta(days=2 + seed % 3)
    decision = midnight(as_of) + GRACE
    known = [r for r in rows if r["known_at"] < decision]
    assert 0 < len(known) < len(rows)
    assert days_seen(known, as_of) == days_seen(rows, as_of)
