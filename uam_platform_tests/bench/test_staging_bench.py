"""The benchmark of staging compares like with like: both ways set the same aside and keep the same."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from uam_platform.bench import staging
from uam_platform.bench.landing import Shape, land
from uam_platform.bench.measure import Measured
from uam_platform.bench.staging_work import TASKS, differences
from uam_platform.contracts import tables
from uam_platform.lake.engine import EngineLimits, connect
from uam_platform.lake.store import Lake

SHAPE = Shape(deliveries=12_000, first_day=date(2025, 1, 6), days=30, days_per_load=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("bench")
    land(made / "raw", SHAPE)
    for task, name in (("staging", "ours"), ("staging script", "script")):
        TASKS[task](EngineLimits(), raw=str(made / "raw"), out=str(made / name))
    return made


def test_both_ways_set_the_same_aside_and_keep_the_same(folder):
    assert differences(Lake(folder / "ours" / "lake"), folder / "script") == []


def test_every_table_that_is_compared_has_rows(folder):
    lake, connection = Lake(folder / "ours" / "lake"), connect()
    for contract in (tables.EVENTS, tables.QUARANTINE, tables.DUPLICATES_LOG, tables.UNKNOWN_EVENTS):
        assert lake.read(connection, contract).count().execute() > 0, contract.name


def test_a_row_set_aside_for_another_reason_is_seen_as_a_difference(folder, tmp_path):
    script = tmp_path / "script"
    script.symlink_to(folder / "script")
    assert differences(Lake(folder / "ours" / "lake"), script) == []
    script.unlink()
    script.mkdir()
    for name in ("events", "duplicates_log", "unknown_events"):
        (script / name).symlink_to(folder / "script" / name)
    rows = pd.read_parquet(folder / "script" / "quarantine.parquet")
    rows.loc[0, "reason"] = "another"
    rows.to_parquet(script / "quarantine.parquet")
    (line,) = differences(Lake(folder / "ours" / "lake"), script)
    assert line.startswith("quarantine:")


def test_limits_are_judged_by_seconds_and_memory():
    script = Measured(10.0, 10.0, 1 << 30, {})
    kept = staging.Staged(1, Measured(20.0, 30.0, 6_000_000_000, {}), script, [])
    assert "kept" in next(iter(staging.table([kept]).columns[9].cells))
    for slow in (replace(kept.ours, seconds=20.1), replace(kept.ours, peak_bytes=6_000_000_001)):
        missed = replace(kept, ours=slow)
        assert "missed" in next(iter(staging.table([missed]).columns[9].cells))
