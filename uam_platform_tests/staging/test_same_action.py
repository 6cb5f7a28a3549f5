"""One action counts once however many tools told it, and an action done twice counts twice."""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import DUPLICATES_LOG
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.policy.time import KnowledgeBasis, SourceTime
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import take_in
from uam_platform_tests.staging.landed import POLICY, delivery, land, manifest_in
from uam_platform_tests.staging.test_events import TAXONOMY

CONNECTION = connect()
RECEIVED = KnowledgeBasis.RECEIVED
TOOLS = POLICY.model_copy(
    update={
        "sources": {
            **POLICY.sources,
            "amplitude": SourceTime(basis=RECEIVED, message_ids_of="segment"),
            "mixpanel": SourceTime(basis=RECEIVED, message_ids_of="segment"),
        }
    }
)
NOON = datetime(2025, 1, 6, 12)  # noqa: DTZ001
DAYS = ["2025-01-05", "2025-01-06", "2025-01-07"]

Told = tuple[str, list[dict[str, Any]]]


def said(seconds: float, message: str, received_after: float = 1.0, **more: Any) -> dict[str, Any]:
    """A delivery of an action so many seconds after noon."""
    at, received = NOON + timedelta(seconds=seconds), NOON + timedelta(seconds=seconds + received_after)
    texts = {"occurred_text": at.isoformat(), "received_text": received.isoformat()}
    return delivery(**{"message_id": message, "original_text": None, "sent_text": None, **texts, **more})


def counted(folder: Path, *loads: Told, days: list[str] = DAYS) -> tuple[list[str], Counter[str]]:
    """Accepted (load number, row) and how many repeats there are by reason."""
    manifest, lake = manifest_in(folder), Lake(folder / "lake")
    number = {}
    for n, (source, rows) in enumerate(loads):
        load = land(manifest, rows, source)
        number[load.load_id] = n
        take_in(CONNECTION, lake, manifest, load, TOOLS)
    events = publish_around_events(CONNECTION, lake, days, TAXONOMY, TOOLS).to_pyarrow().to_pylist()
    log = lake.read(CONNECTION, DUPLICATES_LOG, days).to_pyarrow().to_pylist()
    assert len(events) + len(log) == sum(len(rows) for _, rows in loads) or days != DAYS
    return sorted(f"{number[e['load_id']]}.{e['row_no']}" for e in events), Counter(r["reason"] for r in log)


def test_a_forwarded_copy_has_the_same_id_and_counts_once(tmp_path: Path) -> None:
    copy = said(3, "m1", event_name="Report Generated")
    assert counted(tmp_path, ("segment", [said(0, "m1")]), ("amplitude", [copy])) == (
        ["0.0"],
        Counter(same_day_repeat=1),
    )


@pytest.mark.parametrize(
    ("apart", "accepted"), [(0.0, ["0.0"]), (-9.5, ["0.0"]), (10.0, ["0.0"]), (10.5, ["0.0", "1.0"])]
)
def test_a_tools_own_copy_counts_once_within_the_tolerance(tmp_path: Path, apart: float, accepted: list[str]) -> None:
    own = said(apart, "d1:own", event_name="Report Generated")
    found, _ = counted(tmp_path, ("segment", [said(0, "m1")]), ("amplitude", [own]))
    assert found == accepted


def test_what_differs_in_actor_event_or_properties_is_another_action(tmp_path: Path) -> None:
    others: list[dict[str, Any]] = [
        {"user_id": "u2"},
        {"event_name": "import_failed"},
        {"workflow_id": "w2"},
        {"workflow_step": "review"},
        {"duration_ms": "7"},
        {"quantity": "2"},
        {"feature": "pivot"},
    ]
    copies = [said(1, f"own{n}", **other) for n, other in enumerate(others)]
    found, log = counted(tmp_path, ("segment", [said(0, "m1")]), ("amplitude", copies))
    assert (len(found), log) == (1 + len(others), Counter())


def test_an_action_done_twice_within_seconds_counts_twice_however_many_tools_tell_it(tmp_path: Path) -> None:
    segment = [said(0, "m1"), said(3, "m2")]
    amplitude = [said(0.4, "a1"), said(3.3, "a2")]
    mixpanel = [said(0.2, "m1"), said(2.8, "p2")]
    found, log = counted(tmp_path, ("segment", segment), ("amplitude", amplitude), ("mixpanel", mixpanel))
    assert found == ["0.0", "0.1"]
    assert log == Counter(other_tool=3, same_day_repeat=1)


def test_an_action_that_only_the_second_tool_saw_twice_counts_twice(tmp_path: Path) -> None:
    found, log = counted(tmp_path, ("segment", [said(0, "m1")]), ("amplitude", [said(0.5, "a1"), said(2, "a2")]))
    assert (found, log) == (["0.0", "1.1"], Counter(other_tool=1))


def test_the_same_tool_saying_the_same_within_seconds_is_no_repeat(tmp_path: Path) -> None:
    found, log = counted(tmp_path, ("segment", [said(0, "m1"), said(1, "m2"), said(1, "m3", received_after=2)]))
    assert (found, log) == (["0.0", "0.1", "0.2"], Counter())


def test_a_webhook_sent_again_under_another_id_counts_once_and_a_batch_of_equals_counts_each(tmp_path: Path) -> None:
    first, again = said(0, "m1", side="server"), said(0, "m2", side="server", received_after=7200)
    assert counted(tmp_path / "again", ("segment", [first]), ("segment", [again])) == (["0.0"], Counter(sent_again=1))
    batch = [said(0, f"b{n}", side="server", received_after=1 + n) for n in range(5)]
    assert counted(tmp_path / "batch", ("segment", batch))[0] == [f"0.{n}" for n in range(5)]
    later = [said(0, f"c{n}", side="server", received_after=900 + n) for n in range(5)]
    found, log = counted(tmp_path / "both", ("segment", batch), ("segment", later))
    assert (found, log) == ([f"0.{n}" for n in range(5)], Counter(sent_again=5))


def test_sources_that_do_not_say_when_they_received_a_record_are_left_alone(tmp_path: Path) -> None:
    rows = [said(0, "m1", side="server"), said(0, "m2", side="server", received_after=7200)]
    found, _ = counted(tmp_path, ("files", rows), ("salesforce", [said(0, "m3", side="server")]))
    assert found == ["0.0", "0.1", "1.0"]


def test_a_copy_on_the_other_side_of_midnight_is_found_also_when_only_one_day_is_computed(tmp_path: Path) -> None:
    before, after = said(43_199, "m1"), said(43_202, "own")  # 23:59:59 and 00:00:02
    told = (("segment", [before]), ("amplitude", [after]))
    assert counted(tmp_path / "all", *told)[0] == ["0.0"]
    assert counted(tmp_path / "first", *told, days=["2025-01-06"])[0] == ["0.0"]
    assert counted(tmp_path / "second", *told, days=["2025-01-07"]) == ([], Counter(other_tool=1))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    loads=st.lists(
        st.tuples(
            st.sampled_from(["segment", "amplitude", "mixpanel"]),
            st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc")), min_size=1, max_size=4),
        ),
        min_size=2,
        max_size=4,
    )
)
def test_later_loads_never_change_what_was_accepted(tmp_path_factory: pytest.TempPathFactory, loads: Any) -> None:
    told = [
        (source, [said(second, f"{name}{n if source == 'segment' else source}") for second, name in rows])
        for n, (source, rows) in enumerate(loads)
    ]
    before, _ = counted(tmp_path_factory.mktemp("before"), *told[:-1])
    after, _ = counted(tmp_path_factory.mktemp("after"), *told)
    last = f"{len(told) - 1}."
    assert [row for row in after if not row.startswith(last)] == before


def test_the_day_of_the_accepted_copy_is_in_the_log(tmp_path: Path) -> None:
    told = (("segment", [said(43_199, "m1")]), ("amplitude", [said(43_202, "own")]))
    counted(tmp_path, *told)
    (row,) = Lake(tmp_path / "lake").read(CONNECTION, DUPLICATES_LOG, DAYS).to_pyarrow().to_pylist()
    assert (row["first_event_date"], row["event_date"]) == (date(2025, 1, 6), date(2025, 1, 7))
    assert row["source"] == "amplitude"
