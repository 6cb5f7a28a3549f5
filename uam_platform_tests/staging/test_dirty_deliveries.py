"""Whatever dirt is delivered, in loads of whatever order: each row ends in exactly one outcome, and the events are the same."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import DELIVERIES, DUPLICATES_LOG, EVENTS, QUARANTINE, UNKNOWN_EVENTS
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.staging.balance import reconcile_open_loads
from uam_platform.staging.day_books import day_books, day_imbalance
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import delivery_keys_of, take_in
from uam_platform.staging.reconcile import imbalance
from uam_platform_tests.staging.landed import delivery, land, manifest_in
from uam_platform_tests.staging.test_events import TAXONOMY
from uam_platform_tests.staging.test_same_action import TOOLS

CONNECTION = connect()
NOON = datetime(2025, 1, 6, 12)  # noqa: DTZ001
DAYS = [f"2025-01-{day:02}" for day in range(5, 9)]
OUTCOMES = (QUARANTINE, EVENTS, UNKNOWN_EVENTS, DUPLICATES_LOG)
_SOURCES = ("segment", "amplitude", "mixpanel")
_NAMES = ("report_generated", "reportGenerated", "oops", "Clicked")
_BROKEN: dict[str, dict[str, Any]] = {
    "not_json": {"parse_error": "not_json", "raw_line": "{"},
    "truncated": {"parse_error": "truncated", "raw_line": '{"a'},
    "missing_event_name": {"event_name": None},
    "missing_actor": {"user_id": None, "anonymous_id": None},
    "unreadable_time": {"occurred_text": "yesterday", "original_text": None},
    "impossible_time": {"occurred_text": "2031-01-06T12:00:00Z", "original_text": None},
    "missing_time": {"occurred_text": None, "original_text": None, "sent_text": None, "received_text": None},
    "unknown_kind": {"kind": "shout"},
    "wrong_type": {"duration_ms": "long"},
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """Something that happened, however it is told: who, when (hours after noon of 2025-01-06), under which name, zone and clock."""

    person: int
    hours: int
    name: str
    offset_hours: int
    skew_seconds: int
    side: str


@dataclass(frozen=True)
class Telling:
    """One delivery of a thing by a tool in a load; `way` is sound, own (an id of the tool's) or how it is broken."""

    thing: int
    source: str
    late_hours: int
    way: str
    load: int


_THINGS = st.builds(
    Thing,
    st.integers(0, 3),
    st.integers(-20, 50),
    st.sampled_from(_NAMES),
    st.sampled_from([0, 2, -7]),
    st.sampled_from([0, 0, 90, -3600]),
    st.sampled_from(["client", "server"]),
)
_TELLINGS = st.builds(
    Telling,
    st.integers(0, 7),
    st.sampled_from(_SOURCES),
    st.sampled_from([0, 0, 1, 30, 24 * 40]),
    st.sampled_from(["sound"] * 6 + ["own"] * 2 + list(_BROKEN)),
    st.integers(0, 2),
)


def row_of(thing: Thing, number: int, telling: Telling) -> dict[str, Any]:
    """The delivery as a tool sends it: local times with their offset, device times by a clock that may be wrong."""
    at = NOON + timedelta(hours=thing.hours, seconds=number)
    zone = timedelta(hours=thing.offset_hours)
    mark = f"{'-' if thing.offset_hours < 0 else '+'}{abs(thing.offset_hours):02}:00"
    sent = at + timedelta(hours=telling.late_hours, milliseconds=300)
    skew = timedelta(seconds=thing.skew_seconds if thing.side == "client" else 0)
    own = f"{telling.source}-{number}-{telling.late_hours}" if telling.way == "own" else f"m{number}"
    fields = {
        "message_id": own, "event_name": thing.name, "user_id": f"u{thing.person}", "side": thing.side,
        "occurred_text": f"{(at + zone).isoformat()}{mark}", "original_text": f"{(at + skew + zone).isoformat()}{mark}",
        "sent_text": f"{(sent + skew).isoformat()}Z", "received_text": f"{(sent + timedelta(milliseconds=200)).isoformat()}Z",
    }  # fmt: skip
    return delivery(**fields | _BROKEN.get(telling.way, {}))


def loads_of(things: list[Thing], tellings: list[Telling]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Deliveries cut into loads: of each source up to three."""
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for telling in tellings:
        number = telling.thing % len(things)
        found.setdefault((telling.load, telling.source), []).append(row_of(things[number], number, telling))
    return [(source, rows) for (_, source), rows in sorted(found.items())]


def computed(folder: Path, loads: list[tuple[str, list[dict[str, Any]]]]) -> Lake:
    """A lake that took the loads in one after the other; its books are closed and hold, and each row has exactly one outcome."""
    manifest, lake = manifest_in(folder), Lake(folder / "lake")
    for source, rows in loads:
        take_in(CONNECTION, lake, manifest, land(manifest, rows, source), TOOLS)
    events = publish_around_events(CONNECTION, lake, DAYS, TAXONOMY, TOOLS)
    lake.publish(CONNECTION, EVENTS, events, DAYS)
    assert imbalance(reconcile_open_loads(CONNECTION, lake, manifest)) == []
    outcomes = [lake.read(CONNECTION, contract) for contract in OUTCOMES]
    deliveries = lake.read(CONNECTION, DELIVERIES, delivery_keys_of(lake, DAYS))
    assert day_imbalance(day_books(deliveries, *outcomes[1:])) == []
    places = [table.select("load_id", "row_no").to_pyarrow().to_pylist() for table in outcomes]
    ended = Counter((row["load_id"], row["row_no"]) for rows in places for row in rows)
    delivered = {(load.load_id, n) for load in manifest.loads() for n in range(load.rows["deliveries"])}
    assert ended == Counter(dict.fromkeys(delivered, 1))
    return lake


def content(lake: Lake) -> list[list[str]]:
    """Rows of every outcome, sorted, without the load that brought them."""
    tables = (
        lake.read(CONNECTION, contract).drop("load_id", "row_no").to_pyarrow().to_pylist() for contract in OUTCOMES
    )
    return [sorted(str(sorted(row.items())) for row in rows) for rows in tables]


@pytest.mark.timeout(600)
@settings(derandomize=True, max_examples=3, deadline=None)
@given(
    things=st.lists(_THINGS, min_size=2, max_size=8),
    tellings=st.lists(_TELLINGS, min_size=8, max_size=40),
    data=st.data(),
)
def test_every_dirty_row_has_one_outcome_and_the_order_of_loads_changes_none(
    tmp_path_factory: pytest.TempPathFactory, things: list[Thing], tellings: list[Telling], data: st.DataObject
) -> None:
    loads = loads_of(things, tellings)
    first = content(computed(tmp_path_factory.mktemp("one"), loads))
    other = data.draw(st.permutations(loads))
    assert content(computed(tmp_path_factory.mktemp("other"), other)) == first
    broken = Counter(telling.way for telling in tellings if telling.way in _BROKEN)
    assert len(first[0]) == broken.total(), "what is sound is never set aside, and what is broken always"
