"""Drifts and blocked people are scored against the world's own record of what was lost."""

from pathlib import Path

import pandas as pd
import pytest

from uam_platform.contracts.tables import EVENTS, QUALITY_FINDINGS
from uam_platform.evaluation.client_server import LEAST_RUNS, section
from uam_platform.evaluation.results import Section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.lake.io_manager import as_table
from uam_platform.quality.findings import findings
from uam_platform.quality.missing_tellings import HIT
from uam_platform_tests.quality.cases import POLICY, day, events, run
from uam_platform_tests.quality.test_findings import hit

BLOCKED, SEEN, LATE = 1, 2, 3


class KnownTruth:
    """Truth tables given as frames, written where SQL can read them."""

    def __init__(self, folder: Path, **frames: pd.DataFrame) -> None:
        self._folder, self._frames = folder, frames
        for name, frame in frames.items():
            frame.to_parquet(folder / f"{name}.parquet")

    def has(self, table: str) -> bool:
        return table in self._frames

    def frame(self, table: str) -> pd.DataFrame:
        return self._frames[table]

    def path(self, table: str) -> str:
        return str(self._folder / f"{table}.parquet")

    def world(self) -> dict[str, str]:
        return {"end": f"{day(80)}T00:00:00+00:00"}


def truth(folder: Path, *versions: str) -> KnownTruth:
    drift = pd.DataFrame(
        {
            "event": "workflow_started", "renamed_to": "workflow_begin", "library_version": list(versions),
            "valid_from": pd.Timestamp(day(6)),
        }
    )  # fmt: skip
    signed = {"true_event_name": "user_signed_in"}
    lost = [{"true_person_id": "p1", "reason": "blocked", **signed}] + [
        {"true_person_id": "p1", "reason": "blocked", "true_event_name": "workflow_started"} for _ in range(LEAST_RUNS)
    ]
    came = [{"true_person_id": person, **signed} for person in ("p2", "p3")]
    return KnownTruth(folder, drift=drift, lost_events=pd.DataFrame(lost), deliveries=pd.DataFrame(came))


def scored(folder: Path, told: dict[int, bool], *versions: str) -> Section:
    """A run in which each actor has just enough runs, told by a client or not, and one drift of 5.1.0 was found."""
    rows = [
        row
        for actor, is_told in told.items()
        for n in range(LEAST_RUNS)
        for row in run(n, f"{actor}-{n}", actor, is_told)
    ]
    rows = [row | {"event_hi": n, "event_lo": n} for n, row in enumerate(rows)]
    (folder / "lake").mkdir()
    opened = RunFolder(folder)
    opened.lake.publish(opened.connection, EVENTS, events(rows), [day(n).isoformat() for n in range(LEAST_RUNS)])
    found = findings(pd.DataFrame([hit(n) for n in (12, 13)], columns=HIT), day(80), POLICY, "data-platform", {})
    opened.lake.publish(opened.connection, QUALITY_FINDINGS, as_table(found, QUALITY_FINDINGS))
    keys = pd.DataFrame(rows, columns=["event_hi", "event_lo", "actor_key"]).astype("int64")
    opened.connection.con.register("stored", keys)
    people = keys.assign(true_person_id="p" + keys["actor_key"].astype(str))
    opened.connection.con.register("planted", people.drop(columns="actor_key"))
    made = section(opened, truth(folder, *versions))
    opened.close()
    return made


@pytest.fixture
def perfect(tmp_path: Path) -> Section:
    return scored(tmp_path, {BLOCKED: False, SEEN: True, LATE: True}, "5.1.0")


def test_what_was_lost_and_found_scores_one(perfect: Section) -> None:
    metrics = (
        "front-end drifts found",
        "front-end drift findings that are right",
        "blocked people found",
        "people told as blocked who are",
    )
    for metric in metrics:
        assert perfect.row(metric).value == 1, metric
    assert perfect.row("days from a release to its finding, median").value == (day(13) - day(6)).days
    missing = perfect.row("runs that no client told of: workflow_runs")
    assert missing.value == missing.yardsticks["lost in truth"] == pytest.approx(1 / 3)
    assert perfect.row("findings opened a day").value == 1 / LEAST_RUNS


def test_a_drift_of_another_version_is_missed_and_the_one_told_is_wrong(tmp_path: Path) -> None:
    board = scored(tmp_path, {SEEN: True}, "5.2.0", "5.3.0")
    assert board.row("front-end drifts found").value == 0
    assert board.row("front-end drift findings that are right").value == 0


def test_somebody_whose_client_tells_other_things_is_no_blocked_person(tmp_path: Path) -> None:
    board = scored(tmp_path, {BLOCKED: False, SEEN: True, LATE: False}, "5.1.0")
    assert board.row("blocked people found").value == 1
    assert board.row("people told as blocked who are").value == 0.5


def test_a_run_without_events_of_twins_says_that_nothing_could_be_judged(tmp_path: Path) -> None:
    board = scored(tmp_path, {}, "5.1.0")
    assert board.row("blocked people found").value is None
    assert board.row("runs that no client told of: import_runs").value is None
