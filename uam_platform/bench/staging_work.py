"""Staging as the benchmark runs it: by a hand-written script and our way, and whether both tell the same.

Here: running `staging.sql`, our path as far as events, the comparison. Not here: the whole path (`ours`, `baseline`), the order of work
(`staging`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ibis.backends.duckdb import Backend

from uam_platform.bench.baseline import event_columns, fingerprint, look_ups
from uam_platform.bench.ours import OurPath
from uam_platform.contracts import tables
from uam_platform.lake.engine import EngineLimits, connect
from uam_platform.lake.store import Lake
from uam_platform.lake.validation import verdicts
from uam_platform.policy.rulebook import load_rulebook

_SCRIPT: Final = Path(__file__).with_name("staging.sql")
_HOUR_US: Final = 3_600_000_000
_SET_ASIDE: Final = (
    (tables.QUARANTINE, "quarantine.parquet", ("load_id", "row_no", "reason", "raw_line")),
    (tables.DUPLICATES_LOG, "duplicates_log/*/*.parquet", tables.DUPLICATES_LOG.column_names),
    (tables.UNKNOWN_EVENTS, "unknown_events/*/*.parquet", ("load_id", "row_no", "event_name_source", "event_date")),
)


def run_script(raw: Path, out: Path, limits: EngineLimits) -> dict[str, int]:
    """Stage all loads below `raw` into `out`; rows of the events that break a rule of their contract, by rule."""
    rulebook = load_rulebook()
    grace_us = rulebook.time.decision_grace_hours * _HOUR_US
    script = _SCRIPT.read_text(encoding="utf-8").format(
        raw=raw,
        out=out,
        event_columns=event_columns(grace_us),
        grace_us=grace_us,
        ahead_us=rulebook.time.max_clock_ahead_hours * _HOUR_US,
        age_us=rulebook.time.max_event_age_days * 24 * _HOUR_US,
    )
    out.mkdir(parents=True)
    engine = connect(EngineLimits(memory=limits.memory, threads=limits.threads, spill=out / "spill"))
    look_ups(engine.con, rulebook.taxonomy)
    engine.con.execute(script)
    files = f"read_parquet('{out}/events/*/*.parquet', hive_types = {{'event_date': DATE}})"
    engine.con.execute(f"CREATE TEMP VIEW written AS SELECT * FROM {files}")
    found = verdicts(engine, "written", tables.EVENTS)
    return {reason: count for one in found.values() for reason, count in one.violations.items()}


def differences(lake: Lake, out: Path) -> list[str]:
    """Where our tables and the script's differ: rows, or the sum of the hashes of what both tell."""
    connection = connect(EngineLimits())
    events = connection.read_parquet(f"{out}/events/*/*.parquet", hive_partitioning=True)
    ours = lake.read(connection, tables.EVENTS)
    counts = {"events": (fingerprint(connection, ours, tables.EVENTS), fingerprint(connection, events, tables.EVENTS))}
    for contract, pattern, columns in _SET_ASIDE:
        counts[contract.name] = (
            _told(connection, lake.files(contract), columns),
            _told(connection, [f"{out}/{pattern}"], columns),
        )
    return [f"{name}: {a[0]:,} rows here, {b[0]:,} by the script" for name, (a, b) in counts.items() if a != b]


def _told(connection: Backend, paths: Sequence[str], columns: Sequence[str]) -> tuple[int, int]:
    """Rows, and the sum of the hashes of these columns as text."""
    listed = ", ".join(f"'{path}'" for path in paths)
    read = ", ".join(f'"{name}"::VARCHAR' for name in columns)
    query = f"SELECT count(*), sum(hash({read})::HUGEINT) FROM read_parquet([{listed}], hive_partitioning = true)"
    if not paths:
        return 0, 0
    row = connection.con.execute(query).fetchone()
    return (int(row[0]), int(row[1] or 0)) if row else (0, 0)


def _ours(limits: EngineLimits, raw: str, out: str) -> dict[str, float]:
    path = OurPath(Path(out), Path(raw), limits)
    path.take_in()
    days = path.delivered_days()
    path.compute(days, days, is_staging_only=True)
    return path.seconds


def _by_script(limits: EngineLimits, raw: str, out: str) -> dict[str, float]:
    return {f"breaks {reason}": float(count) for reason, count in run_script(Path(raw), Path(out), limits).items()}


TASKS: Final = {"staging": _ours, "staging script": _by_script}
