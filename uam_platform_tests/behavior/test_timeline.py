"""The timeline of an account: every table's lines in order, each with its rows, nobody else's and nobody's name."""

from datetime import date, datetime

import pytest

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.timeline import Line, Store, timeline
from uam_platform.timeline_page import page
from uam_platform_tests.behavior.company import FOREVER, Row, table, us

BEGINNING = date(2020, 1, 1)
ALWAYS = {
    "valid_from_date": BEGINNING,
    "valid_to_date": FOREVER,
    "known_from_date": BEGINNING,
    "known_to_date": FOREVER,
}
NOON = datetime(2025, 3, 1, 12)  # noqa: DTZ001 - lake timestamps are naive UTC


def at(day: int) -> datetime:
    return NOON.replace(day=day)


def event(number: int, day: int, name: str, marker: str, workspace: int = 9) -> Row:
    facts = {"source": "files", "key_basis": "vendor_id", "known_us": us(at(day)), "is_known_at_imputed": False}
    who = {"actor_key": 1, "actor_kind": "user", "device_key": 0, "email_key": 0, "workspace_key": workspace}
    what = {"event_kind": "track", "event_name": name, "event_name_source": name, "marker": marker, "side": "client"}
    when = {"occurred_at": at(day), "occurred_us": us(at(day)), "known_at": at(day), "time_confidence": "exact"}
    ids = {"event_hi": number, "event_lo": 7, "load_id": "l1", "row_no": number, "is_core": False, "feature_bits": 0}
    return {**facts, **who, **what, **when, **ids, "event_date": at(day).date(), "known_date": at(day).date()}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    lake, connection = Lake(tmp_path_factory.mktemp("lake")), connect()

    def publish(contract: Contract, *rows: Row, keys: list[str] | None = None) -> None:
        lake.publish(connection, contract, table(contract, list(rows)), keys)

    owned = ({"workspace_key": w, "account_id": a, **ALWAYS} for w, a in ((9, "x"), (8, "y")))
    publish(tables.HIERARCHY, *owned)
    publish(
        tables.PEOPLE, {"identifier_key": 1, "identifier_kind": "user", "person_key": 5, "evidence": "self", **ALWAYS}
    )
    publish(
        tables.EVENTS,
        event(1, 2, "report_generated", "value"),
        event(2, 2, "report_generated", "value"),
        keys=["2025-03-02"],
    )
    publish(
        tables.EVENTS,
        event(3, 4, "sync_failed", "friction"),
        event(4, 4, "sync_failed", "friction", 8),
        keys=["2025-03-04"],
    )
    match = {
        "sequence_name": "own_chain",
        "account_id": "x",
        "started_at": at(2),
        "completed_at": at(4),
        "step_count": 2,
    }
    known = {"completed_date": date(2025, 3, 4), "known_date": date(2025, 3, 4)}
    publish(
        tables.SEQUENCE_MATCHES,
        {**match, **known, "match_id": "m1", "known_to_date": FOREVER},
        {**match, **known, "match_id": "m0", "known_to_date": date(2025, 3, 5)},
    )
    return Store(lake, connection, None)


def test_lines_are_in_order_each_with_its_rows(store: Store) -> None:
    lines = timeline(store, "x", date(2025, 3, 1), date(2025, 3, 31))
    assert [(x.kind, x.count, x.pointer) for x in lines] == [
        ("value", 2, "staging/events event_date=2025-03-02 marker=value"),
        ("friction", 1, "staging/events event_date=2025-03-04 marker=friction"),
        ("sequence", 1, "behavior/sequence_steps match_id=m1"),
    ]
    assert lines[0].text == "2 by at least 1 person: report_generated 2"


def test_days_outside_and_other_accounts_are_left_out(store: Store) -> None:
    assert [x.kind for x in timeline(store, "x", date(2025, 3, 1), date(2025, 3, 3))] == ["value"]
    assert [x.count for x in timeline(store, "y", date(2025, 3, 1), date(2025, 3, 31))] == [1]


def test_an_unknown_account_is_named_in_the_message(store: Store) -> None:
    with pytest.raises(ValueError, match="'nobody'"):
        timeline(store, "nobody", date(2025, 3, 1), date(2025, 3, 31))


def test_the_page_escapes_what_it_shows() -> None:
    shown = page("<x>", [Line(NOON, "ticket", "<script>", "rows")])
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
