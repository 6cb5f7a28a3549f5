"""Hours of work: by account and week, of people in clients, visible when the week is over, and the same as counted by hand."""

from datetime import date, datetime

import pandas as pd
import pytest

from uam_platform.behavior.working_hours import working_hours
from uam_platform.contracts import tables
from uam_platform.lake.engine import connect
from uam_platform_tests.behavior.company import FOREVER, Row, table, us

ALWAYS = {
    "valid_from_date": date(2020, 1, 1),
    "valid_to_date": FOREVER,
    "known_from_date": date(2020, 1, 1),
    "known_to_date": FOREVER,
}
WEDNESDAY = datetime(2025, 3, 5)  # noqa: DTZ001 - lake timestamps are naive UTC


def event(number: int, at: datetime, side: str = "client", workspace: int = 9, known: date | None = None) -> Row:
    return {
        "event_hi": number, "event_lo": 1, "source": "files", "key_basis": "vendor_id", "occurred_at": at, "occurred_us": us(at),
        "known_at": at, "known_us": us(at), "is_known_at_imputed": False, "time_confidence": "exact", "event_kind": "track",
        "event_name": "report_viewed", "event_name_source": "report_viewed", "marker": "none", "side": side, "actor_key": 1,
        "actor_kind": "user", "device_key": 0, "email_key": 0, "workspace_key": workspace, "load_id": "l", "row_no": number,
        "is_core": False, "feature_bits": 0, "event_date": at.date(), "known_date": known or at.date(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def hours() -> pd.DataFrame:
    events = [
        event(1, WEDNESDAY.replace(hour=9)),
        event(2, WEDNESDAY.replace(hour=9, minute=40)),
        event(3, WEDNESDAY.replace(hour=14)),
        event(4, WEDNESDAY.replace(day=6, hour=9)),
        event(5, WEDNESDAY.replace(day=12, hour=9)),
        event(6, WEDNESDAY.replace(hour=10), known=date(2025, 3, 11)),
        event(7, WEDNESDAY.replace(hour=3), side="server"),
        event(8, WEDNESDAY.replace(hour=3), workspace=0),
        event(9, WEDNESDAY.replace(hour=3), workspace=7),
    ]
    links = table(tables.HIERARCHY, [{"workspace_key": 9, "account_id": "x", **ALWAYS}])
    person = {"identifier_key": 1, "identifier_kind": "user", "person_key": 5, "evidence": "self", **ALWAYS}
    people, memberships = table(tables.PEOPLE, [person]), table(tables.MEMBERSHIPS, [])
    made = working_hours(table(tables.EVENTS, events), links, people, memberships)
    return connect().to_pandas(made).astype({"known_date": str}).sort_values(["known_date", "utc_hour"])


def test_events_of_people_in_clients_are_counted_by_hour_and_known_when_their_week_is_over(hours: pd.DataFrame) -> None:
    rows = [
        tuple(row) for row in hours[["account_id", "utc_hour", "known_date", "event_count"]].itertuples(index=False)
    ]
    assert [(a, int(h), d[:10], int(n)) for a, h, d, n in rows] == [
        ("x", 9, "2025-03-09", 3),
        ("x", 14, "2025-03-09", 1),
        ("x", 9, "2025-03-16", 1),
        ("x", 10, "2025-03-16", 1),
    ]
