"""The benchmark compares like with like: same rows by our path and by the hand-written script."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pandas as pd
import pytest

from uam_platform.bench import clickstream, peers
from uam_platform.bench.baseline import RESULTS, differences, run_script
from uam_platform.bench.landing import Shape, land
from uam_platform.bench.measure import measure
from uam_platform.bench.ours import OurPath
from uam_platform.contracts import tables
from uam_platform.lake.engine import EngineLimits, connect
from uam_platform.lake.store import Lake
from uam_platform.policy.sessions import SessionRule

SHAPE = Shape(deliveries=20_000, first_day=date(2025, 1, 6), days=40, days_per_load=14)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("bench")
    land(made / "raw", SHAPE)
    path = OurPath(made / "ours", made / "raw", EngineLimits())
    path.take_in()
    days = path.delivered_days()
    path.compute(days, days)
    run_script(made / "raw", made / "script", EngineLimits())
    return made


def test_our_path_and_the_script_give_equal_tables(folder):
    assert differences(Lake(folder / "ours" / "lake"), folder / "script") == []


def test_the_input_has_what_makes_it_hard(folder):
    lake, connection = Lake(folder / "ours" / "lake"), connect()
    rows = {
        c.name: lake.read(connection, c).count().execute() for c in (*RESULTS, tables.DELIVERIES, tables.DUPLICATES_LOG)
    }
    events = lake.read(connection, tables.EVENTS)
    assert rows["duplicates_log"] > 0.015 * rows["deliveries"]
    assert lake.read(connection, tables.REPEATED_KEYS).count().execute() > 0
    assert events.filter(events.known_date > events.event_date).count().execute() > 0.005 * rows["events"]
    assert rows["events"] > rows["sessions"] >= rows["actor_days"] / 2 > 100


def test_a_changed_row_is_seen_as_a_difference(folder, tmp_path):
    other = Shape(deliveries=19_990, first_day=SHAPE.first_day, days=SHAPE.days, days_per_load=SHAPE.days_per_load)
    land(tmp_path / "raw", other)
    run_script(tmp_path / "raw", tmp_path / "script", EngineLimits())
    assert {line.split(":")[0] for line in differences(Lake(folder / "ours" / "lake"), tmp_path / "script")} >= {
        "events"
    }


def sessions_and_transitions(folder, out, tool):
    given = peers.task(folder / "ours" / "lake", out, EngineLimits())
    peers.TOOLS[tool](given)
    return peers.fingerprints(out)


def test_every_tool_gives_the_sessions_and_transitions_of_our_path(folder, tmp_path):
    found = {tool: sessions_and_transitions(folder, tmp_path / tool.replace(" ", "_"), tool) for tool in peers.TOOLS}
    lake = Lake(folder / "ours" / "lake")
    stored = lake.read(connect(), tables.SESSIONS).count().execute()
    assert {results["sessions"][0] for results in found.values()} == {stored}
    assert len({str(results) for results in found.values()}) == 1


def test_sessions_are_cut_by_the_same_rule_in_every_tool(folder, tmp_path):
    lake, rule = (
        folder / "ours" / "lake",
        SessionRule(gap_minutes=1, cap_hours=1, reason="short, so that all cuts occur"),
    )
    found = {}
    for tool, run in peers.TOOLS.items():
        given = replace(peers.task(lake, tmp_path / tool.replace(" ", "_"), EngineLimits()), rule=rule)
        run(given)
        found[tool] = peers.fingerprints(given.out)
    assert len({str(results) for results in found.values()}) == 1
    assert found["our path"]["sessions"][0] > Lake(lake).read(connect(), tables.SESSIONS).count().execute()


def test_a_result_that_differs_in_one_count_is_told_apart(folder, tmp_path):
    before = sessions_and_transitions(folder, tmp_path, "SQL by hand")
    changed = pd.read_parquet(tmp_path / "transitions.parquet")
    changed.loc[0, "transition_count"] += 1
    changed.to_parquet(tmp_path / "transitions.parquet", index=False)
    after = peers.fingerprints(tmp_path)
    assert after["sessions"] == before["sessions"]
    assert after["transitions"] != before["transitions"]


def test_without_the_clickstream_library_the_benchmark_says_how_to_get_it(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(clickstream, "ENVIRONMENT", tmp_path / "nowhere")
    outcome = clickstream.run(peers.task(folder / "ours" / "lake", tmp_path, EngineLimits()), tmp_path, tmp_path)
    assert outcome.measured is None
    assert "make bench" in outcome.said


def test_the_same_deliveries_are_landed_every_time(folder, tmp_path):
    again = land(tmp_path / "raw", SHAPE)
    first = connect().read_parquet(f"{folder}/raw/landed/*/*.parquet")
    second = connect().read_parquet(f"{tmp_path}/raw/landed/*/*.parquet")
    order = ["message_id", "received_text", "row_no"]
    assert first.order_by(order).to_pyarrow().equals(second.order_by(order).to_pyarrow())
    assert all(a.load_id < b.load_id for a, b in pairwise(again.loads()))


def test_the_memory_of_the_starting_process_is_not_counted(tmp_path):
    ballast = bytearray(600_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])
    land(tmp_path / "raw", Shape(deliveries=500, first_day=SHAPE.first_day, days=2, days_per_load=2))
    found = measure("script", EngineLimits(), raw=tmp_path / "raw", out=tmp_path / "script")
    assert 20_000_000 < found.peak_bytes < 550_000_000 < len(ballast)
