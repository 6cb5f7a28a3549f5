"""Daily activity adds up, and page views stay context."""

from datetime import date, timedelta
from typing import Any

from uam_platform.behavior.daily import actor_days
from uam_platform.behavior.sessions import sessions
from uam_platform.contracts.tables import EVENTS, SESSIONS
from uam_platform.lake.engine import connect, empty
from uam_platform_tests.behavior.company import Row, table
from uam_platform_tests.behavior.test_sessions import DAYS, FIRST, RULE, at, event, random_events


def computed(rows: list[Row]) -> list[dict[str, Any]]:
    events = table(EVENTS, rows)
    found = actor_days(events, sessions(events, FIRST, FIRST + timedelta(days=DAYS), RULE))
    return connect().to_pyarrow(found).to_pylist()


def test_a_day_sums_what_was_done_on_it() -> None:
    (row,) = computed(
        [
            event(at("07T10:00"), marker="value", is_core=True, feature_bits=5, amount_usd_cents=300, quantity=2),
            event(at("07T10:01"), marker="friction", feature_bits=8, amount_usd_cents=-100),
            event(at("07T12:00"), marker="intent"),
            event(at("07T12:01"), marker="progress", role="admin"),
        ]
    )
    wanted = dict(event_count=4, core_count=1, friction_count=1, intent_count=1, progress_count=1, session_count=2)
    wanted |= dict(feature_bits=13, is_admin=True, amount_usd_cents=200, quantity=2)
    assert {name: row[name] for name in wanted} == wanted


def test_page_views_count_as_events_and_as_nothing_else() -> None:
    (row,) = computed(
        [event(at("07T10:00"), event_kind="page", is_core=True, marker="intent", feature_bits=1, amount_usd_cents=9)]
    )
    assert (row["event_count"], row["session_count"]) == (1, 1)
    assert not any(row[n] for n in ("core_count", "intent_count", "feature_bits", "amount_usd_cents"))


def test_an_identify_call_tells_the_role_of_a_day_but_makes_none() -> None:
    call = event(at("07T10:00"), event_kind="identify", role="admin")
    assert computed([call]) == []
    (row,) = computed([call, event(at("07T10:01"))])
    assert row["is_admin"]
    assert row["event_count"] == 1


def test_what_is_known_later_is_a_row_of_its_own() -> None:
    rows = computed([event(at("07T10:00")), event(at("07T10:10"), known_at=at("09T12:00"))])
    counted = {r["known_date"]: (r["event_count"], r["session_count"]) for r in rows}
    assert counted == {date(2025, 1, 7): (1, 1), date(2025, 1, 9): (1, 1)}


def test_a_session_without_events_in_the_range_still_counts_on_its_day() -> None:
    found = sessions(table(EVENTS, [event(at("07T10:00"))]), FIRST, date(2025, 1, 8), RULE)
    (row,) = connect().to_pyarrow(actor_days(empty(EVENTS), found)).to_pylist()
    assert (row["event_date"], row["session_count"], row["event_count"]) == (date(2025, 1, 7), 1, 0)
    assert connect().to_pyarrow(actor_days(empty(EVENTS), empty(SESSIONS))).num_rows == 0


def test_no_event_is_lost_or_counted_twice() -> None:
    rows = random_events(5, late_share=0.2)
    found = computed(rows)
    assert sum(r["event_count"] for r in found) == len(rows)
    per_day = {d: sum(r["event_count"] for r in found if r["event_date"] == d) for d in {r["event_date"] for r in rows}}
    assert per_day == {d: sum(r["event_date"] == d for r in rows) for d in per_day}
