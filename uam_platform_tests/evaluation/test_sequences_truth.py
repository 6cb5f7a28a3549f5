"""What an occurrence of a named sequence is, against a second reading of the definition and by hand; and the section of the scoreboard."""

from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.evaluation import sequences
from uam_platform.evaluation.planted import plant
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.sequence_automaton import (
    DAY_US,
    Occurrence,
    Raise,
    Step,
    ThirdFailure,
    falls,
    is_reduced,
    occurrences,
    third_failures,
)
from uam_platform.evaluation.sequence_reference import CORE
from uam_platform.evaluation.truth import Truth
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.simulation.world.schemas import COMPANY, DELIVERIES
from uam_platform_tests.evaluation.small_run import at, write_truth


def steps(*marks: tuple[int, int]) -> list[Step]:
    return [Step(at_us, number, f"r{place}") for place, (at_us, number) in enumerate(marks)]


def told(*marks: tuple[int, int], window: int = 30) -> list[tuple[int, int, str]]:
    return [(o.first_us, o.last_us, o.record) for o in occurrences(steps(*marks), window)]


def read_slowly(marks: list[tuple[int, int]], window: int) -> list[tuple[int, int]]:
    """The definition read backwards from every step 3, without memory: (first, last) of each occurrence."""
    found: list[tuple[int, int]] = []
    forgotten = -1  # steps at or before this instant are forgotten, save a step 1 of that very instant
    for last in sorted({t for t, n in marks if n == 3}):
        pairs = []
        for second in (t for t, n in marks if n == 2 and forgotten < t < last):
            firsts = [t for t, n in marks if n == 1 and t < second and (t > forgotten or t == forgotten >= 0)]
            if firsts and second - max(firsts) <= window:
                pairs.append((second, max(firsts)))
        if pairs and last - max(pairs)[1] <= window:
            found.append((max(pairs)[1], last))
            forgotten = last
    return found


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=14), st.integers(0, 15))
def test_the_automaton_reads_what_the_definition_says(marks, window):
    assert [(f, t) for f, t, _ in told(*marks, window=window)] == read_slowly(marks, window)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([(0, 1), (1, 2), (2, 3)], [(0, 2, "r2")]),
        ([(0, 1), (1, 3), (2, 2)], []),
        ([(0, 1), (0, 2), (0, 3)], []),
        ([(0, 1), (5, 1), (6, 2), (7, 3)], [(5, 7, "r3")]),
        ([(0, 1), (1, 2), (2, 3), (3, 3)], [(0, 2, "r2")]),
        ([(0, 1), (1, 2), (2, 3), (3, 2), (4, 3)], [(0, 2, "r2")]),
        ([(0, 1), (30, 2), (31, 3)], []),
        ([(0, 1), (1, 2), (30, 3)], [(0, 30, "r2")]),
        ([(0, 1), (1, 2), (2, 1), (40, 2), (41, 3)], []),
    ],
    ids=[
        "plain",
        "wrong order",
        "one instant",
        "latest first step",
        "once",
        "forgotten",
        "too long",
        "in time",
        "stale pair",
    ],
)
def test_sequences_by_hand(marks, expected):
    assert told(*marks) == expected


def test_the_third_failure_is_of_one_workflow_and_within_a_week():
    found = third_failures({"a": [0, 3 * DAY_US, 7 * DAY_US, 9 * DAY_US], "b": [1, 2]})
    assert found == [ThirdFailure(7 * DAY_US, 0), ThirdFailure(9 * DAY_US, 3 * DAY_US)]


def test_depth_is_reduced_at_three_fifths_of_half_of_the_weeks_before_and_needs_eight_actions():
    failed, raised = 40 * DAY_US, 45 * DAY_US
    before = [failed - 1 - n for n in range(10)]
    after = [raised + 1 + n for n in range(3)]
    assert is_reduced(sorted(before + after), failed, raised)
    assert not is_reduced(sorted([*before, *after, raised + 14 * DAY_US]), failed, raised)
    assert is_reduced(sorted([*before, *after, raised + 14 * DAY_US + 1]), failed, raised)
    assert not is_reduced(sorted(before[:7]), failed, raised)


def test_a_fall_is_told_14_days_after_the_raise_and_a_later_raise_takes_its_place():
    failures = [ThirdFailure(50 * DAY_US, 45 * DAY_US)]
    core = [44 * DAY_US - n for n in range(9)]
    once = list(falls(failures, [Raise(60 * DAY_US, "t1")], core, 100 * DAY_US))
    assert once == [Occurrence(45 * DAY_US, 74 * DAY_US, "t1")]
    twice = list(falls(failures, [Raise(60 * DAY_US, "t1"), Raise(63 * DAY_US, "t2")], core, 100 * DAY_US))
    assert [o.record for o in twice] == ["t2"]
    assert not list(falls(failures, [Raise(65 * DAY_US, "t1")], core, 100 * DAY_US))  # 15 days after the failure
    assert not list(falls(failures, [Raise(60 * DAY_US, "t1")], core, 73 * DAY_US))  # the world ends before


def test_core_actions_are_those_of_the_taxonomy():
    assert {name for name, event in load_rulebook().taxonomy.events.items() if event.is_core} == set(CORE)


@pytest.fixture
def company(tmp_path):
    """One account that sets up in order, where the last report was lost once and delivered once; a planted run and a decoy."""
    world = tmp_path / "world"
    day = datetime.fromisoformat("2025-02-01")
    names = ["setup_started", "integration_connected", "report_generated"]
    base = {"true_person_id": "p1", "true_account_id": "acc_1", "defect": None, "is_duplicate": False}
    events = [(n, day + timedelta(days=k), a) for a in ("acc_1", "acc_2") for k, n in enumerate(names)]
    rows = [
        base | {"delivery_no": k, "message_id": f"m{k}", "true_event_no": k, "true_event_name": n, "true_account_id": a,
                "true_occurred_at": at(t.isoformat())}
        for k, (n, t, a) in enumerate(events)
    ]  # fmt: skip
    planting = {"sequence": "S1", "person_id": None, "first_at": at("2025-02-01"), "last_at": at("2025-02-03")}
    write_truth(
        world,
        {"deliveries": rows[:5], "lost_events": [r | {"reason": "blocked"} for r in rows[5:]]},
        end="2025-03-07T00:00:00+00:00",
    )
    plantings = [
        planting | {"planting_id": "x1", "account_id": "acc_1", "is_decoy": False},
        planting | {"planting_id": "x2", "account_id": "acc_3", "is_decoy": True},
    ]
    pq.write_table(pa.Table.from_pylist(plantings), world / "truth" / "sequences.parquet")
    (world / "company" / "deliveries").mkdir()
    pq.write_table(DELIVERIES.empty_table(), world / "company" / "deliveries" / "received_date=2025-02-01.parquet")
    for name in ("tickets", "ticket_events", "users", "organizations"):
        pq.write_table(COMPANY[f"zendesk_{name}"].empty_table(), world / "company" / f"zendesk_{name}.parquet")
    (tmp_path / "run" / "lake").mkdir(parents=True)
    return RunFolder(tmp_path / "run"), Truth(world)


def test_what_was_never_delivered_is_told_apart_and_plantings_are_checked(company):
    run, truth = company
    plant(run, truth)
    found = sequences.section(run, truth, 0)
    assert found.row("S1 occurrences").value == 1
    assert "1 of them missed because never delivered" in found.row("S1 occurrences").note
    assert found.row("S2 occurrences").value == 0
    assert found.row("planted sequences that occur").value == 1
    assert found.row("decoys completed by chance").value == 0
    assert "no sequence matches yet" in found.note


def test_a_world_without_plantings_says_so(company):
    run, truth = company
    plant(run, truth)
    (truth.root / "sequences.parquet").unlink()
    row = sequences.section(run, truth, 0).row("planted sequences")
    assert row.value is None
    assert "plants none" in row.note


def test_a_decoy_that_the_run_reports_is_counted(company):
    run, truth = company
    plant(run, truth)
    found = sequences.reference(run, truth)
    planted = pd.read_parquet(truth.root / "sequences.parquet")
    wrong = planted.assign(
        account_id="acc_1", last_at=pd.Timestamp("2025-02-02", tz="UTC"), first_at=pd.Timestamp("2025-02-01", tz="UTC")
    )
    wrong["is_decoy"] = True
    wrong.head(1).to_parquet(truth.root / "sequences.parquet")
    told = pd.DataFrame(
        {"sequence": ["S1"], "record": ["event 1"], "account_id": ["acc_1"]}
    )  # the second step, as if it were the last
    rows = {r.metric: r.value for r in sequences._planted(run, truth, found, told)}
    assert rows["decoys completed by chance"] == 0
    assert rows["decoys reported by the run"] == 1


def test_matches_count_by_last_record_and_account(company):
    run, truth = company
    plant(run, truth)
    found = sequences.reference(run, truth)
    matches = pd.DataFrame(
        {"sequence": ["S1", "S1"], "record": ["event 2", "event 9"], "account_id": ["acc_1", "acc_1"]}
    )
    home = sequences._accounts(truth, found.delivered)
    rows = {r.metric: r.value for r in sequences._compared(found, matches, home, 0)}
    assert (rows["S1 precision"], rows["S1 recall"]) == (0.5, 1)
    wrong = matches.assign(account_id="acc_7")
    rows = {r.metric: r.value for r in sequences._compared(found, wrong, home, 0)}
    assert (rows["S1 precision"], rows["S1 recall"]) == (0, 0)
