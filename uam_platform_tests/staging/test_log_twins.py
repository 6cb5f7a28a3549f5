"""A failure or a run that the product tells and a log tells too counts once; what only the log knows counts as its own event."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import DUPLICATES_LOG, EVENTS
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.policy.logs import LogTwins
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import take_in
from uam_platform_tests.staging.landed import land, manifest_in
from uam_platform_tests.staging.test_same_action import DAYS, said

CONNECTION = connect()
RULES = load_rulebook()
Told = tuple[str, list[dict[str, Any]]]
Scene = list[Told]
PRODUCT, TOOL, LOG = "segment", "amplitude", "backend_logs"


def told(seconds: float, event: str = "workflow_failed", message: str = "m1", **more: Any) -> dict[str, Any]:
    """An event of the product's server about run r1 of user u1 in workspace w1."""
    about = {"workflow_id": "r1", "workspace_id": "w1", "workflow": "reporting", "side": "server"}
    return said(seconds, message, event_name=event, **{**about, **more})


def line(seconds: float, event: str = "job_failed", span: str = "s1", **more: Any) -> dict[str, Any]:
    """A line of the backend's log about the same run."""
    return told(seconds, event, f"t/{span}/{event}", **{"duration_ms": "12", **more})


def denied(seconds: float, message: str = "m1", **more: Any) -> dict[str, Any]:
    """An event of the product that names no run."""
    return told(seconds, "permission_denied", message, **{"workflow_id": None, "workflow": None, **more})


def runless(seconds: float, span: str = "s1", event: str = "permission_denied", **more: Any) -> dict[str, Any]:
    """A line that names no run, and so is of its trace."""
    return line(seconds, event, span, **{"workflow_id": f"trace:{span}", "workflow": None, **more})


def lone(workflow: str, workspace: str = "w1", seconds: float = 1) -> dict[str, Any]:
    """A line without user."""
    about = {"user_id": None, "anonymous_id": f"b{workspace}", "workflow": workflow, "workspace_id": workspace}
    return line(seconds, workflow_id="trace:t", **about)


def visitor(seconds: float, device: str) -> dict[str, Any]:
    """An event of a device on which nobody was signed in, and that says no place."""
    about = {"workflow_id": None, "workspace_id": None, "user_id": None, "anonymous_id": device}
    return told(seconds, message=device, **about)


def tables(
    folder: Path, loads: Sequence[Told], days: list[str] = DAYS, twins: LogTwins | None = None
) -> tuple[Any, Any]:
    """EVENTS and DUPLICATES_LOG of loads taken in one after the other."""
    manifest, lake = manifest_in(folder), Lake(folder / "lake")
    for source, rows in loads:
        take_in(CONNECTION, lake, manifest, land(manifest, rows, source), RULES.time)
    used = twins or RULES.logs.twins
    events = publish_around_events(CONNECTION, lake, days, RULES.taxonomy, RULES.time, used)
    found = events.to_pyarrow().to_pylist(), lake.read(CONNECTION, DUPLICATES_LOG, days).to_pyarrow().to_pylist()
    assert len(found[0]) + len(found[1]) == sum(len(rows) for _, rows in loads) or days != DAYS
    return found


_RUNLESS = {"workflow_id": None, "workflow": None}
_JOBS = [("workflow_failed", "job_failed"), ("workflow_completed", "job_completed"), ("import_completed", "job_completed"),
         ("import_failed", "job_failed")]  # fmt: skip
_OTHERS = ["sync_failed/sync_failed", "permission_denied/permission_denied", "seat_limit_reached/api_call_failed",
           "invoice_download_failed/api_call_failed"]  # fmt: skip
_ATTEMPTS = [line(-12, span="a"), line(0, span="b")]
_TRACED = [row | {"workflow_id": "trace:t"} for row in _ATTEMPTS]
_KINDS = RULES.logs.twins.events

SCENES: dict[str, tuple[Scene, list[str], dict[str, int]]] = {
    **{f"{event} as {kind} of one run": ([(PRODUCT, [told(0, event)]), (LOG, [line(1, kind)])], [event], {"told_by_product": 1})
       for event, kind in _JOBS},
    **{f"{pair} without a run": (
        [(PRODUCT, [told(0, pair.split("/")[0], **_RUNLESS)]), (LOG, [runless(1, event=pair.split("/")[1])])],
        [pair.split("/")[0]], {"told_by_product": 1}) for pair in _OTHERS},
    **{f"another {name}": ([(PRODUCT, [told(0)]), (LOG, [line(0.2) | other])], ["workflow_failed", kept], {})
       for name, other, kept in [
           ("run", {"workflow_id": "r2"}, "job_failed"), ("workspace", {"workspace_id": "w2"}, "job_failed"),
           ("outcome", {"event_name": "job_completed"}, "job_completed"), ("kind", {"event_name": "sync_failed"}, "sync_failed"),
           ("time", line(901), "job_failed"),
       ]},
    "what only the log knows": (
        [(PRODUCT, [told(0, workflow_id="r9")]), (LOG, [runless(1, kind, kind, user_id=f"v{n}") for n, kind in enumerate(_KINDS)])],
        ["workflow_failed", *_KINDS], {}),
    "one event stands for one line of its user": (
        [(PRODUCT, [denied(0)]), (LOG, [runless(0.1, "a"), runless(1.5, "b"), runless(2, "c", user_id="u2")])],
        ["permission_denied"] * 3, {"told_by_product": 1}),
    "ten seconds apart": ([(PRODUCT, [denied(0)]), (LOG, [runless(10)])], ["permission_denied"], {"told_by_product": 1}),
    "ten seconds before": ([(PRODUCT, [denied(0)]), (LOG, [runless(-10)])], ["permission_denied"], {"told_by_product": 1}),
    "longer apart": ([(PRODUCT, [denied(0)]), (LOG, [runless(10.5)])], ["permission_denied"] * 2, {}),
    "no user, same place": (
        [(PRODUCT, [told(0, workflow_id=None)]), (LOG, [lone("reporting")])], ["workflow_failed"], {"told_by_product": 1}),
    "no user, other workflow": (
        [(PRODUCT, [told(0, workflow_id=None)]), (LOG, [lone("importing")])], ["workflow_failed", "job_failed"], {}),
    "no user, other place": (
        [(PRODUCT, [told(0, workflow_id=None)]), (LOG, [lone("reporting", "w2")])], ["workflow_failed", "job_failed"], {}),
    "nobody signed in": (
        [(PRODUCT, [visitor(7200, "d1")]), (LOG, [lone("reporting", seconds=7201)])], ["workflow_failed"], {"told_by_product": 1}),
    "two devices come into question": (
        [(PRODUCT, [visitor(0, "d2"), visitor(2, "d3")]), (LOG, [lone("reporting")])],
        ["workflow_failed", "workflow_failed", "job_failed"], {}),
    "attempts that the product tells": ([(PRODUCT, [told(0.1)]), (LOG, _ATTEMPTS)], ["workflow_failed"], {"told_by_product": 2}),
    "attempts that nobody else tells": ([(LOG, _ATTEMPTS)], ["job_failed"], {"further_attempt": 1}),
    "attempts of a trace": (
        [(PRODUCT, [told(0.1, workflow_id=None)]), (LOG, _TRACED)], ["workflow_failed"], {"told_by_product": 1, "further_attempt": 1}),
    "failed once, then succeeded": (
        [(PRODUCT, [told(0, "workflow_completed")]), (LOG, [line(-9, span="a"), line(0, "job_completed", "b")])],
        ["job_failed", "workflow_completed"], {"told_by_product": 1}),
    "an earlier snapshot has seen the line": (
        [(PRODUCT, [told(0, received_after=90_000)]), (LOG, [line(0)])], ["job_failed", "workflow_failed"], {}),
    "two tools tell one of two": (
        [(PRODUCT, [denied(0)]), (TOOL, [denied(0.5, "own")]), (LOG, [runless(0.1, "a"), runless(0.6, "b")])],
        ["permission_denied"] * 2, {"other_tool": 1, "told_by_product": 1}),
}  # fmt: skip
"""What is told, the events that count, and the repeats by reason; each scene has users, workspaces and runs of its own."""
_OWN = ("user_id", "anonymous_id", "workspace_id", "workflow_id", "message_id")


def of_scene(number: int, row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: f"{row[name]}@{number}" for name in _OWN if row.get(name)}


@pytest.fixture(scope="module", params=[(PRODUCT, TOOL, LOG), (LOG, TOOL, PRODUCT)], ids=["log last", "log first"])
def scenes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[list[str], Counter[str]]]:
    """Accepted events and reasons of each scene, all of them staged at once."""
    loads: dict[str, list[dict[str, Any]]] = {source: [] for source in request.param}
    owner: dict[tuple[str, int], int] = {}
    for number, (scene, _, _) in enumerate(SCENES.values()):
        for source, rows in scene:
            for row in rows:
                owner[source, len(loads[source])] = number
                loads[source].append(of_scene(number, row))
    events, log = tables(tmp_path_factory.mktemp("scenes"), list(loads.items()))
    found: list[tuple[list[str], Counter[str]]] = [([], Counter()) for _ in SCENES]
    for event in events:
        found[owner[event["source"], event["row_no"]]][0].append(event["event_name"])
    for repeat in log:
        found[owner[repeat["source"], repeat["row_no"]]][1][repeat["reason"]] += 1
    return found


@pytest.mark.parametrize("name", SCENES)
def test_what_both_tell_counts_once_and_what_only_one_tells_counts(
    scenes: list[tuple[list[str], Counter[str]]], name: str
) -> None:
    _, events, repeats = SCENES[name]
    found, reasons = scenes[list(SCENES).index(name)]
    assert (sorted(found), reasons) == (sorted(events), Counter(repeats))


def test_a_twin_beyond_midnight_is_found_also_when_only_one_day_is_computed(tmp_path: Path) -> None:
    loads = [(PRODUCT, [told(43_199)]), (LOG, [line(43_202)])]  # 23:59:59 and 00:00:02
    events, log = tables(tmp_path, loads, days=["2025-01-07"])
    assert not events
    assert [(row["reason"], row["first_event_date"]) for row in log] == [("told_by_product", date(2025, 1, 6))]


def test_a_rulebook_without_twins_counts_every_line(tmp_path: Path) -> None:
    events, _ = tables(tmp_path, [(PRODUCT, [told(0)]), (LOG, [line(0)])], twins=LogTwins())
    assert sorted(event["event_name"] for event in events) == ["job_failed", "workflow_failed"]


_WHERE_FROM = ("load_id", "row_no")


def without_loads(folder: Path, loads: Sequence[Told]) -> list[list[dict[str, Any]]]:
    found = []
    for rows, contract in zip(tables(folder, loads), (EVENTS, DUPLICATES_LOG), strict=True):
        names = [name for name in contract.column_names if name not in _WHERE_FROM]
        found.append(sorted(([{n: row[n] for n in names} for row in rows]), key=str))
    return found


_SOURCES = (PRODUCT, TOOL, LOG)
_TELLINGS = st.lists(
    st.tuples(
        st.sampled_from(_SOURCES),
        st.sampled_from(["job", "denied"]),
        st.sampled_from([0.0, 3.0, -8.0, 43_198.0, 43_203.0]),
        st.integers(0, 3),
        st.sampled_from([1.0, 7.0, 180_000.0]),
        st.integers(0, 1),
    ),
    min_size=30,
    max_size=60,
    unique_by=lambda each: each[:4],
)


def by_source(rows: Sequence[tuple[str, dict[str, Any]]]) -> list[Told]:
    return [(name, found) for name in _SOURCES if (found := [row for source, row in rows if source == name])]


@pytest.mark.timeout(900)
@settings(derandomize=True, max_examples=1, deadline=None)
@given(tellings=_TELLINGS, data=st.data())
def test_neither_the_order_of_loads_nor_their_cut_matters_and_later_knowledge_changes_no_earlier_event(
    tmp_path_factory: pytest.TempPathFactory,
    tellings: list[tuple[str, str, float, int, float, int]],
    data: st.DataObject,
) -> None:
    rows = []
    for n, (source, kind, at, who, after, _) in enumerate(tellings):
        about = {"received_after": after, "user_id": f"u{who}", "workspace_id": f"w{who % 2}"}
        if kind == "denied":
            made = runless(at, f"{who}", **about) if source == LOG else denied(at, f"{source}-{n}", **about)
        else:
            run = {**about, "workflow_id": f"r{who}"}
            made = line(at, span=f"{n}", **run) if source == LOG else told(at, message=f"{source}-{n}", **run)
        rows.append((source, made))
    events, log = without_loads(tmp_path_factory.mktemp("one"), by_source(rows))
    assert {"told_by_product", "further_attempt"} & {row["reason"] for row in log}
    halves = [by_source([row for row, each in zip(rows, tellings, strict=True) if each[-1] == half]) for half in (0, 1)]
    cut = data.draw(st.permutations([*halves[0], *halves[1]]))
    assert without_loads(tmp_path_factory.mktemp("other"), cut) == [events, log]
    seen = [row for row, each in zip(rows, tellings, strict=True) if each[4] < 180_000]
    before, _ = without_loads(tmp_path_factory.mktemp("before"), by_source(seen))
    assert before == [event for event in events if event["known_date"] <= date(2025, 1, 7)]
