"""What a world writes: bytes, schemas, places. The business behind it is tested in ``test_world_business``."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from uam_platform.simulation.world.difficulty import DIFFICULTIES, WORLD_VERSION, describe, difficulty_named
from uam_platform.simulation.world.generate import simulate
from uam_platform.simulation.world.salesforce_ids import checksum, record_id
from uam_platform.simulation.world.schemas import (
    AMPLITUDE_EVENTS,
    BACKEND_LOGS,
    COMPANY,
    DELIVERIES,
    LOST_EVENTS,
    SECOND_TOOL,
    TRUTH,
    TRUTH_DELIVERIES,
    TRUTH_LOG_LINES,
)


def _digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("world") / "small"
    simulate(40, 60, 11, out)
    return out


def test_the_same_arguments_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    simulate(40, 60, 11, tmp_path / "again")
    assert _digests(tmp_path / "again") == _digests(small)


def test_neither_threads_nor_time_zone_nor_locale_nor_hash_seed_changes_a_byte(small: Path, tmp_path: Path) -> None:
    """One processor, one thread per library, far-off clock and language: what one machine writes another writes too."""
    script = """
import os, sys
from pathlib import Path
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import pyarrow
pyarrow.set_cpu_count(1)
from uam_platform.simulation.world.generate import simulate
simulate(40, 60, 11, Path(sys.argv[1]))
"""
    elsewhere = {
        "TZ": "Asia/Kolkata", "LC_ALL": "C", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "12345", "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "elsewhere")], env=os.environ | elsewhere, check=True, timeout=120
    )
    assert _digests(tmp_path / "elsewhere") == _digests(small)


def test_another_seed_changes_every_large_file_but_no_file_name(small: Path, tmp_path: Path) -> None:
    simulate(40, 60, 12, tmp_path / "other")
    ours, theirs = _digests(small), _digests(tmp_path / "other")
    assert ours.keys() == theirs.keys()
    changed = {name for name in ours if ours[name] != theirs[name]}
    assert {"company/zendesk_tickets.parquet", "truth/health.parquet", "company/salesforce_contract.parquet"} <= changed


def test_a_small_world_has_one_file_per_day_of_receipt_and_every_table(small: Path) -> None:
    company = {path.name for path in (small / "company").iterdir()}
    assert company == {
        "world.json",
        "deliveries",
        "amplitude_events",
        "backend_logs",
        *(f"{name}.parquet" for name in COMPANY),
    }
    days = sorted(path.name for path in (small / "company/deliveries").iterdir())
    assert len(days) == 60
    assert days[0] == "received_date=2025-01-06.parquet"
    assert days[-1] == "received_date=2025-03-06.parquet"


def test_every_file_has_exactly_the_columns_and_types_of_its_schema(small: Path) -> None:
    places = {f"company/{name}.parquet": schema for name, schema in COMPANY.items()}
    places |= {f"truth/{name}.parquet": schema for name, schema in TRUTH.items()}
    places |= {"truth/deliveries.parquet": TRUTH_DELIVERIES, "truth/lost_events.parquet": LOST_EVENTS}
    places |= {"truth/second_tool.parquet": SECOND_TOOL, "truth/log_lines.parquet": TRUTH_LOG_LINES}
    for folder, schema in (
        ("deliveries", DELIVERIES),
        ("amplitude_events", AMPLITUDE_EVENTS),
        ("backend_logs", BACKEND_LOGS),
    ):
        for path in (small / "company" / folder).iterdir():
            places[str(path.relative_to(small))] = schema
    for place, schema in places.items():
        stored = pq.read_schema(small / place)
        found = [(field.name, str(field.type)) for field in stored]
        wanted = [(field.name, str(field.type)) for field in schema]
        assert [name for name, _ in found] == [name for name, _ in wanted], place
        assert [kind.replace("element: ", "item: ") for _, kind in found] == [
            kind.replace("element: ", "item: ") for _, kind in wanted
        ], place


def test_the_company_holds_no_truth_and_no_truth_table_lies_inside_it(small: Path) -> None:
    facts = json.loads((small / "company/world.json").read_text())
    assert facts == {
        "world_version": WORLD_VERSION,
        "accounts": 40,
        "days": 60,
        "seed": 11,
        "difficulty": "default",
        "start": "2025-01-06T00:00:00Z",
        "end": "2025-03-07T00:00:00Z",
    }
    hidden = {path.name for path in (small / "truth").iterdir()} - {"deliveries.parquet", "releases.parquet"}
    assert not hidden & {path.name for path in (small / "company").rglob("*")}
    revealing = {"person_id", "cause", "severity", "distress", "is_causal", "true_event_no", "p_churn_56d"}
    for path in (small / "company").rglob("*.parquet"):
        assert not revealing & set(pq.read_schema(path).names), path


def test_a_world_is_not_written_over_another_one(small: Path) -> None:
    with pytest.raises(ValueError, match="not empty"):
        simulate(40, 60, 11, small)


@pytest.mark.parametrize(("accounts", "days"), [(9, 60), (40, 27)])
def test_a_world_too_small_to_mean_anything_is_refused(accounts: int, days: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 10 accounts and 28 days"):
        simulate(accounts, days, 1, tmp_path / "tiny")


def test_progress_is_told_for_every_stretch_of_days(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    simulate(10, 60, 3, tmp_path / "told", progress=lambda phase, done, total: told.append((phase, done, total)))
    assert [done for phase, done, _ in told if phase == "activity"] == [28, 56, 60]
    assert told[-1] == ("truth", 2, 2)


def test_every_knob_of_a_difficulty_has_a_unit_and_a_reason() -> None:
    for vector in DIFFICULTIES.values():
        rows = describe(vector)
        assert len(rows) >= 15
        assert all(unit and reason for _, _, unit, reason in rows)
    with pytest.raises(ValueError, match="use one of default, easy, hard"):
        difficulty_named("impossible")


def test_record_ids_are_18_characters_whose_checksum_follows_the_published_rule() -> None:
    assert checksum("001D000000IqhSL") == "IAZ"
    ids = {record_id("Contract", number) for number in range(500)}
    assert len(ids) == 500
    assert all(len(each) == 18 and each.startswith("800") for each in ids)
