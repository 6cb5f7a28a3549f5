"""What is said of planted behaviour that a run or a world does not know yet, and cohorts by hand."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.evaluation.behaviour_facts import FACTS, compared, section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform_tests.evaluation.small_run import write_truth


def test_a_world_that_plants_nothing_is_told_kind_by_kind(tmp_path):
    write_truth(tmp_path / "world", {})
    for fact in FACTS:
        (tmp_path / "world" / "truth" / f"{fact.table}.parquet").unlink(missing_ok=True)
    (tmp_path / "run" / "lake").mkdir(parents=True)
    found = section(RunFolder(tmp_path / "run"), Truth(tmp_path / "world"), 0)
    assert [row.value for row in found.rows] == [None] * 5
    assert {row.note for row in found.rows} == {"this world's version plants none"}


def test_planted_kinds_are_counted_and_what_the_run_lacks_is_named(tmp_path):
    write_truth(tmp_path / "world", {})
    rows = [{"cohort": c, "account_id": a} for c, a in (("C1", "a"), ("C1", "b"), ("C3", "a"))]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "world" / "truth" / "cohorts.parquet")
    (tmp_path / "run" / "lake").mkdir(parents=True)
    row = section(RunFolder(tmp_path / "run"), Truth(tmp_path / "world"), 0).row("planted cohort members")
    assert row.value == 3
    assert row.note == "cohort: C1 2, C3 1; the run has no behavior/cohorts yet"


def test_cohorts_are_compared_by_account():
    true = pd.DataFrame({"cohort": ["C1", "C1", "C2"], "account_id": ["a", "b", "c"]})
    told = pd.DataFrame({"cohort": ["C1", "C2", "C2", "C2"], "account_id": ["a", "c", "d", "e"]})
    found = {row.metric: row.value for row in compared(true, told, 0)}
    assert found == {"C1 precision": 1, "C1 recall": 0.5, "C2 precision": 1 / 3, "C2 recall": 1}
