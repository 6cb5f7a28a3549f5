"""What other tools tell of true events is judged by truth: copies found, copies that stayed in, and nothing else."""

import json
from pathlib import Path

import pytest

from uam_platform.contracts import tables
from uam_platform.evaluation.deduplication import section
from uam_platform.evaluation.planted import event_id, plant
from uam_platform.evaluation.results import Section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform.lake.engine import connect
from uam_platform.simulation.sandbox.posthog_events import own_uuid
from uam_platform_tests.evaluation.faithful import _write

TRUE_EVENTS = "(1, 'm1'), (2, 'm2'), (3, 'm3'), (4, 'm4')"
OWN = "(1, 'a1', 'd1', NULL), (2, 'a2', 'd2', 'u2')"


def written(connection, path: Path, sql: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.raw_sql(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")


def make_world(connection, folder: Path) -> Truth:
    """Four true events that Segment delivered once each; Amplitude tells two of them by ids of its own."""
    who = "'p' AS true_person_id, 'acc' AS true_account_id"
    plain = "false AS is_duplicate, 'none' AS repeat_kind, NULL::VARCHAR AS defect"
    deliveries = f"SELECT n AS true_event_no, n AS delivery_no, m AS message_id, {plain}, {who} FROM (VALUES {TRUE_EVENTS}) t(n, m)"
    written(connection, folder / "truth" / "deliveries.parquet", deliveries)
    own = f"SELECT i AS insert_id, n AS true_event_no, false AS is_forwarded, {who} FROM (VALUES {OWN}) t(n, i, d, u)"
    written(connection, folder / "truth" / "second_tool.parquet", own)
    held = f"SELECT i AS insert_id, d AS device_id, u::VARCHAR AS user_id FROM (VALUES {OWN}) t(n, i, d, u)"
    written(connection, folder / "company" / "amplitude_events" / "received_date=2025-01-06.parquet", held)
    (folder / "company" / "world.json").write_text(json.dumps({}))
    return Truth(folder)


def told(*rows: tuple[str, str, str]) -> str:
    """SELECT of tellings: source, SQL of the vendor's id, kind of actor."""
    parts = []
    for n, (source, vendor_id, kind) in enumerate(rows):
        high, low = event_id(vendor_id, "segment" if vendor_id.startswith("'m") else source)
        parts.append(
            f"SELECT '{source}' AS source, {high} AS event_hi, {low} AS event_lo, '{kind}' AS actor_kind, {n} AS row_no"
        )
    return " UNION ALL ".join(parts)


SEGMENT = [("segment", f"'m{n}'", "user") for n in (1, 2, 3, 4)]
STAYED = ("amplitude", "'d1:a1'", "anonymous")
FOUND = [("amplitude", "'d2:a2'", "user"), ("posthog", own_uuid("'m3'"), "user"), ("mixpanel", "'m4'", "user")]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Section:
    folder, connection = tmp_path_factory.mktemp("tools"), connect()
    truth = make_world(connection, folder / "world")
    _write(folder / "run", tables.DELIVERIES, connection, told(*SEGMENT, STAYED, *FOUND))
    _write(folder / "run", tables.EVENTS, connection, told(*SEGMENT[:3], STAYED))
    _write(folder / "run", tables.DUPLICATES_LOG, connection, told(*FOUND).replace("actor_kind", "reason"))
    run = RunFolder(folder / "run")
    plant(run, truth)
    return section(run, truth)


def test_what_another_tool_tells_under_an_id_of_its_own_is_a_repeat_of_the_true_event(judged: Section) -> None:
    assert judged.row("recall of planted repeats").value == pytest.approx(2 / 3)  # event 4 is in no table
    assert judged.row("recall of copies: amplitude, nobody signed in").value == 0
    for tool in ("amplitude", "posthog", "mixpanel"):
        assert judged.row(f"recall of copies: {tool}, known users").value == 1


def test_an_event_that_is_in_no_table_is_a_false_drop_whoever_delivered_it(judged: Section) -> None:
    assert judged.row("false drops").value == pytest.approx(1 / 4)
