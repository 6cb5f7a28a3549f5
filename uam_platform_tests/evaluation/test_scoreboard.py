"""The whole scoreboard on a faithful run of a small world, and what becomes of it when the run makes a known mistake."""

import json
import shutil

import ibis
import pandas as pd
import pytest

from uam_platform.contracts import tables
from uam_platform.evaluation.command import command
from uam_platform.evaluation.planted import event_id
from uam_platform.evaluation.render import WIDTH, headline, number, render
from uam_platform.evaluation.scoreboard import evaluate
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.simulation.world.generate import simulate
from uam_platform.temporal.keys import key63, key63_upper
from uam_platform_tests.evaluation.faithful import faithful_run


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    simulate(40, 80, 5, folder)
    return folder


@pytest.fixture(scope="module")
def faithful(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faithful")
    faithful_run(world, folder)
    return folder


@pytest.fixture
def spoiled(faithful, tmp_path):
    """A copy of the faithful run that a test may damage."""
    shutil.copytree(faithful / "lake", tmp_path / "lake")
    return tmp_path


def change(run, contract, alter):
    """Rewrite the table of a run by a function of its Ibis table."""
    connection = connect()
    lake = Lake(run / "lake")
    keys = lake.keys(contract)
    table = ibis.memtable(alter(lake.read(connection, contract)).to_pyarrow())
    lake.publish(connection, contract, table, keys if contract.partition else None)
    connection.disconnect()


def value(board, section, metric):
    return board.section(section).row(metric).value


def test_a_faithful_run_scores_one_wherever_perfection_is_one(world, faithful):
    board = evaluate(faithful, world)
    for metric in ("pairwise precision", "pairwise recall", "B-cubed F1", "events on the right account"):
        assert value(board, "identity", metric) == 1
    for metric in ("deliveries landed", "recall of planted repeats", "repeats found in the duplicates log"):
        assert value(board, "deduplication", metric) == 1
    assert value(board, "deduplication", "false drops") == 0
    assert value(board, "deduplication", "quarantined without a planted defect") == 0
    assert value(board, "identity", "false merges on shared devices") == 0
    assert value(board, "churn_all", "population scored") == 1
    assert value(board, "alerts", "precision") > value(board, "alerts", "recall") * 0.5 > 0


def test_the_same_inputs_give_the_same_scoreboard(world, faithful):
    assert evaluate(faithful, world, seed=3).to_json() == evaluate(faithful, world, seed=3).to_json()


def test_classes_of_repeats_and_kinds_of_dirt_have_rows_of_their_own_with_intervals(world, faithful):
    section = evaluate(faithful, world).section("deduplication")
    for kind in ("retry, retried by the sender", "replay, replayed later", "more than 24 hours apart"):
        row = section.row(f"recall of repeats: {kind}")
        assert (row.value, row.high) == (1, 1)
        assert 0 < row.low < 1, "few repeats prove little"
        assert row.parts["hits"] == row.parts["trials"] > 0
        assert section.row(f"false drops: {kind}").value == 0
    kept = [row for row in section.rows if row.metric.startswith("kept out: ") and row.target]
    assert kept
    assert all(row.value == 1 and row.low < 1 and row.parts for row in kept)
    assert section.row("false quarantines").value == 0
    assert section.row("source days whose books balance").value is not None


def test_what_is_quarantined_without_reason_is_a_rate(world, spoiled):
    connection = connect()
    lake = Lake(spoiled / "lake")
    more = lake.read(connection, tables.EVENTS).to_pandas().head(50)
    rows = lake.read(connection, tables.QUARANTINE).to_pandas()
    false = rows.iloc[[0] * len(more)].assign(row_no=range(900_000, 900_000 + len(more)), reason="missing_actor")
    keys = lake.keys(tables.QUARANTINE)
    lake.publish(connection, tables.QUARANTINE, ibis.memtable(pd.concat([rows, false], ignore_index=True)), keys)
    connection.disconnect()
    found = evaluate(spoiled, world).section("deduplication").row("false quarantines")
    assert found.parts["hits"] == len(more)
    assert 0 < found.low < found.value < found.high


def test_lost_events_show_as_false_drops(world, spoiled):
    change(spoiled, tables.EVENTS, lambda t: t.filter(t.event_lo % 100 != 0))
    found = evaluate(spoiled, world).section("deduplication").row("false drops")
    assert 0.005 < found.value < 0.02
    assert found.high > found.value


def test_repeats_that_stay_in_show_as_missed(world, spoiled):
    connection = connect()
    repeats = Lake(spoiled / "lake").read(connection, tables.DUPLICATES_LOG).to_pandas()
    told = {"reason": "x", "event_name_source": "x", "side": "client", "workflow_id": None}
    kept = repeats.assign(**told, known_date=repeats["event_date"])[list(tables.UNKNOWN_EVENTS.column_names)]
    days = sorted({str(d)[:10] for d in kept["event_date"]})
    Lake(spoiled / "lake").publish(connection, tables.UNKNOWN_EVENTS, ibis.memtable(kept), days)
    connection.disconnect()
    assert value(evaluate(spoiled, world), "deduplication", "recall of planted repeats") == 0


def test_one_person_for_everybody_ruins_precision_and_merges_shared_devices(world, spoiled):
    change(spoiled, tables.PEOPLE, lambda t: t.mutate(person_key=ibis.literal(7, "int64")))
    board = evaluate(spoiled, world)
    assert value(board, "identity", "pairwise precision") < 0.1
    assert value(board, "identity", "pairwise recall") == 1
    assert value(board, "identity", "false merges on shared devices") == 1


def test_nobody_known_costs_recall_and_leaves_precision_without_pairs(world, spoiled):
    change(spoiled, tables.PEOPLE, lambda t: t.filter(t.person_key < 0))
    board = evaluate(spoiled, world)
    assert value(board, "identity", "pairwise precision") is None
    assert value(board, "identity", "pairwise recall") == 0
    assert value(board, "identity", "B-cubed precision") == 1


def test_a_workspace_of_the_wrong_account_takes_its_events_along(world, spoiled):
    change(spoiled, tables.HIERARCHY, lambda t: t.mutate(account_id=ibis.literal("acc_00001")))
    board = evaluate(spoiled, world)
    assert value(board, "identity", "events on the right account") < 0.5
    assert value(board, "identity", "events on a wrong account") > 0.5


def test_event_ids_are_those_of_staging():
    connection = connect()
    high, low = event_id("'m-1'")
    found = connection.raw_sql(f"SELECT {high}, {low}").fetchone()
    connection.disconnect()
    assert found == (key63_upper("segment|m-1"), key63("segment|m-1"))


def test_the_text_is_readable_at_120_columns_and_calls_a_small_world_illustrative(world, faithful):
    board = evaluate(faithful, world)
    text = render(board)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert "illustrative" in text.splitlines()[0]
    assert "not estimable" in text
    for section in board.sections:
        assert section.title in text
    assert len(headline(board).splitlines()) == 6
    assert "not estimable" in headline(board)


def test_the_command_writes_json_that_holds_every_row(world, faithful, tmp_path):
    text = command(faithful, world, tmp_path / "board.json")
    stored = json.loads((tmp_path / "board.json").read_text())
    assert text.startswith("Scoreboard")
    assert {s["key"] for s in stored["sections"]} == {
        "identity",
        "deduplication",
        "client_server",
        "patterns",
        "sequences",
        "behaviour",
        "evidence",
        "churn",
        "churn_all",
        "reasons",
        "alerts",
        "expansion",
        "actions",
    }
    assert stored["is_illustrative"] is True
    assert stored["world"]["accounts"] == 40


def test_a_folder_that_is_no_run_is_refused_in_words(world, tmp_path):
    with pytest.raises(FileNotFoundError, match="uam run"):
        evaluate(tmp_path, world)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "share", "–"),
        (1.0, "share", "1.000"),
        (0.99996, "share", "0.99996"),
        (0.00001, "share", "1.0e-05"),
        (1234.0, "count", "1,234"),
        (12.34, "days", "12.3"),
        (0.7342, "ratio", "0.734"),
    ],
)
def test_numbers_are_printed_as_their_unit_is_read(value, unit, text):
    assert number(value, unit) == text
