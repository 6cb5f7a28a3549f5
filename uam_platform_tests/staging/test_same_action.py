"""One action counts once however many tools told it, and an action done twice counts twice."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import DUPLICATES_LOG, EVENTS, IDENTITY_EVIDENCE
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.policy.time import KnowledgeBasis, SameAction, SourceTime
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import take_in, touched_days
from uam_platform.temporal import keys
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
        },
        "same_action": SameAction(told_best_by=("segment", "amplitude")),
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


@pytest.mark.parametrize("loads", [("segment", "amplitude"), ("amplitude", "segment")])
def test_of_one_known_day_the_source_that_ranks_higher_counts_whichever_is_loaded_first(
    tmp_path: Path, loads: tuple[str, str]
) -> None:
    told = {"segment": said(1, "m1", received_after=60), "amplitude": said(0, "own", received_after=1)}
    (event,), _ = tables_of(tmp_path, [(source, [told[source]]) for source in loads])
    assert (event["source"], event["occurred_us"] % 60_000_000) == ("segment", 1_000_000)


@pytest.mark.parametrize("loads", [("segment", "amplitude"), ("amplitude", "segment")])
def test_what_a_snapshot_has_seen_counts_whichever_is_loaded_first(tmp_path: Path, loads: tuple[str, str]) -> None:
    told = {"segment": said(0, "m1", received_after=90_000), "amplitude": said(1, "own", received_after=1)}
    (event,), _ = tables_of(tmp_path, [(source, [told[source]]) for source in loads])
    assert event["source"] == "amplitude"


def test_a_better_copy_on_another_day_takes_the_place_of_an_earlier_load(tmp_path: Path) -> None:
    before, after = said(43_199, "m1", received_after=5), said(43_202, "m1", received_after=2)
    for n, loads in enumerate(
        [[("amplitude", [after]), ("segment", [before])], [("segment", [before]), ("amplitude", [after])]]
    ):
        events, log = tables_of(tmp_path / str(n), loads)
        assert [(e["source"], e["event_date"]) for e in events] == [("segment", date(2025, 1, 6))]
        assert [(r["source"], r["event_date"], r["first_event_date"]) for r in log] == [
            ("amplitude", date(2025, 1, 7), date(2025, 1, 6))
        ]


def test_a_load_touches_the_days_on_which_it_changes_the_accepted_copy(tmp_path: Path) -> None:
    manifest, lake = manifest_in(tmp_path), Lake(tmp_path / "lake")
    first = land(manifest, [said(43_202, "m1", received_after=2)], "amplitude")
    better = land(manifest, [said(43_199, "m1", received_after=5)], "segment")
    again = land(manifest, [said(43_199, "m1", received_after=9)], "segment")
    for load in (first, better, again):
        take_in(CONNECTION, lake, manifest, load, TOOLS)
    touched = [touched_days(lake, load.load_id) for load in (first, better, again)]
    assert touched == [["2025-01-07"], ["2025-01-06", "2025-01-07"], ["2025-01-06"]]


def nameless(seconds: float, message: str, device: str, **more: Any) -> dict[str, Any]:
    """What nobody signed in did on a device."""
    return said(seconds, message, user_id=None, anonymous_id=device, **more)


def test_a_copy_of_what_nobody_signed_in_did_is_found_though_each_tool_has_its_own_device_id(tmp_path: Path) -> None:
    told = (("segment", [nameless(0, "m1", "s-1")]), ("amplitude", [nameless(0.3, "own", "a-1")]))
    assert counted(tmp_path, *told) == (["0.0"], Counter(other_tool_nameless=1))


@pytest.mark.parametrize("other", [{"event_name": "import_failed"}, {"quantity": "2"}, {"user_id": "u1"}])
def test_what_nobody_signed_in_did_is_no_copy_of_something_else(tmp_path: Path, other: dict[str, Any]) -> None:
    own = nameless(0.3, "own", "a-1") | other
    assert counted(tmp_path, ("segment", [nameless(0, "m1", "s-1")]), ("amplitude", [own]))[0] == ["0.0", "1.0"]


def test_what_two_devices_may_have_done_stays(tmp_path: Path) -> None:
    segment = [nameless(0, "m1", "s-1"), nameless(2, "m2", "s-2")]
    found, log = counted(tmp_path, ("segment", segment), ("amplitude", [nameless(1, "own", "a-1")]))
    assert (found, log) == (["0.0", "0.1", "1.0"], Counter())


def test_one_telling_has_one_copy_of_a_tool_where_nobody_was_signed_in(tmp_path: Path) -> None:
    own = [nameless(1, "own1", "a-1"), nameless(2, "own2", "a-2")]
    found, log = counted(tmp_path, ("segment", [nameless(0, "m1", "s-1")]), ("amplitude", own))
    assert (found, log) == (["0.0", "1.1"], Counter(other_tool_nameless=1))


def test_a_page_that_two_tools_tell_of_one_actor_counts_once(tmp_path: Path) -> None:
    first, copy = (
        said(at, name, kind="page", event_name=title) for at, name, title in ((0, "m1", "Home"), (1, "own", None))
    )
    assert counted(tmp_path, ("segment", [first]), ("amplitude", [copy])) == (["0.0"], Counter(other_tool=1))


def test_a_copy_still_ties_the_device_that_only_its_tool_knows(tmp_path: Path) -> None:
    own = said(1, "own", anonymous_id="a-1")
    counted(tmp_path, ("segment", [said(0, "m1", anonymous_id="s-1")]), ("amplitude", [own]))
    seen = Lake(tmp_path / "lake").read(CONNECTION, IDENTITY_EVIDENCE, DAYS).to_pyarrow().to_pylist()
    found = {row["device_key"]: row["event_count"] for row in seen}
    assert found == {keys.anonymous_key("product", "s-1"): 1, keys.anonymous_key("product", "a-1"): 0}
    assert len({row["actor_key"] for row in seen}) == 1


_WHERE_FROM = ("load_id", "row_no")


def tables_of(folder: Path, loads: Sequence[Told]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """EVENTS and DUPLICATES_LOG of loads taken in one after the other, without what names the load."""
    manifest, lake = manifest_in(folder), Lake(folder / "lake")
    for source, rows in loads:
        take_in(CONNECTION, lake, manifest, land(manifest, rows, source), TOOLS)
    events = publish_around_events(CONNECTION, lake, DAYS, TAXONOMY, TOOLS)
    found = [
        table.drop(*_WHERE_FROM).to_pyarrow().to_pylist()
        for table in (events, lake.read(CONNECTION, DUPLICATES_LOG, DAYS))
    ]
    keys = [[name for name in c.key if name not in _WHERE_FROM] for c in (EVENTS, DUPLICATES_LOG)]
    return tuple(sorted(t, key=lambda r, k=k: [*(r[n] for n in k), str(r)]) for t, k in zip(found, keys, strict=True))  # type: ignore[return-value]


_TOOLS = ("segment", "amplitude", "mixpanel")
_TELLINGS = st.lists(
    st.tuples(
        st.sampled_from(_TOOLS),
        st.integers(0, 8),
        st.sampled_from([0.0, 4.0, 43_198.0, 43_203.0]),
        st.sampled_from(["m1", "m2", "own"]),
        st.sampled_from([1.0, 7.0, 180_000.0]),
        st.booleans(),
        st.integers(0, 1),
    ),
    min_size=30,
    max_size=60,
)


def by_tool(rows: Sequence[tuple[str, dict[str, Any]]]) -> list[Told]:
    """One load of each tool."""
    return [(tool, found) for tool in _TOOLS if (found := [row for source, row in rows if source == tool])]


@pytest.mark.timeout(900)
@settings(derandomize=True, max_examples=2, deadline=None)
@given(told=_TELLINGS, data=st.data())
def test_neither_the_order_of_loads_nor_their_cut_matters_and_later_knowledge_changes_no_earlier_event(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[str, int, float, str, float, bool, int]],
    data: st.DataObject,
) -> None:
    rows = []
    for n, (source, person, at, name, after, is_known, _) in enumerate(told):
        device = f"{source}-{person}"
        who = {"user_id": f"u{person}"} if is_known else {"user_id": None, "anonymous_id": device}
        message = f"{device}-{n}" if name == "own" else f"{name}-{person}"
        rows.append((source, said(at + 40 * (person % 6), message, received_after=after, **who)))
    events, log = tables_of(tmp_path_factory.mktemp("one"), by_tool(rows))
    assert {"same_day_repeat", "other_tool", "other_tool_nameless"} & {row["reason"] for row in log}
    parts = [by_tool([row for row, (*_, part) in zip(rows, told, strict=True) if part == half]) for half in (0, 1)]
    cut = data.draw(st.permutations([*parts[0], *parts[1]]))
    assert tables_of(tmp_path_factory.mktemp("other"), cut) == (events, log)
    seen = [row for row, (_, _, _, _, after, _, _) in zip(rows, told, strict=True) if after < 180_000]
    before, _ = tables_of(tmp_path_factory.mktemp("before"), by_tool(seen))
    assert before == [event for event in events if event["known_date"] <= date(2025, 1, 7)]


def test_the_day_of_the_accepted_copy_is_in_the_log(tmp_path: Path) -> None:
    told = (("segment", [said(43_199, "m1")]), ("amplitude", [said(43_202, "own")]))
    counted(tmp_path, *told)
    (row,) = Lake(tmp_path / "lake").read(CONNECTION, DUPLICATES_LOG, DAYS).to_pyarrow().to_pylist()
    assert (row["first_event_date"], row["event_date"]) == (date(2025, 1, 6), date(2025, 1, 7))
    assert row["source"] == "amplitude"
