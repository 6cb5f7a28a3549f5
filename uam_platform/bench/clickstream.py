"""The open clickstream library retentioneering beside our path: same events, same silence, same two results.

Here: preparing its input, starting its interpreter, comparing counts. Not here: its own calls (`retentioneering_peer`), the other tools
(`peers`). Its environment is made by `make bench` from `retentioneering.lock`; where it is absent the row says so.

The library knows silence, not our cap and midnight; on input without a session that reaches the cap the results must be equal. Preparing
its input (one path per actor, workspace and lateness, in order) is not counted against it.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from uam_platform.bench.measure import Measured
from uam_platform.bench.peers import Task

ENVIRONMENT: Final = Path(sys.prefix) / "peers"
TIMEOUT_SECONDS: Final = 900.0
_NO_TRACKING: Final = {"RETENTIONEERING_NO_TRACK": "1"}
_PEER: Final = Path(__file__).with_name("retentioneering_peer.py")


@dataclass(frozen=True)
class Outcome:
    """What became of the library's run.

    Attributes:
        measured: seconds and memory; None where it did not finish.
        said: why it did not finish, or where its result differs; empty when equal.
    """

    measured: Measured | None
    said: str


def run(given: Task, sessions: Path, transitions: Path) -> Outcome:
    """Run the library on the task's events and compare it with the results of our path.

    Args:
        given: the task; its folder is used for the prepared input.
        sessions: our sessions.parquet.
        transitions: our transitions.parquet.
    """
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        return Outcome(None, "not installed; `make bench` does it")
    prepared, found = given.out / "prepared.parquet", given.out / "found.json"
    _prepare(given, prepared)
    command = [str(python), str(_PEER), str(prepared), str(given.rule.gap_us // 1_000_000), str(found)]
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            command, env=_NO_TRACKING, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(None, f"stopped after {TIMEOUT_SECONDS:,.0f} s")
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return Outcome(None, f"failed ({done.returncode}): {lines[-1] if lines else 'killed, probably for memory'}")
    result = json.loads(found.read_text(encoding="utf-8"))
    measured = Measured(result["seconds"], result["cpu_seconds"], result["peak_bytes"], {})
    return Outcome(measured, _difference(result, sessions, transitions))


def _prepare(given: Task, out: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"SET threads={given.limits.threads}; SET memory_limit='{given.limits.memory}'")
        connection.execute(f"SET enable_progress_bar=false; SET temp_directory='{given.out / 'spill'}'")
        connection.execute(f"""
            COPY (SELECT actor_key || '|' || workspace_key || '|' || (known_date - event_date) AS path, event_name AS event,
                make_timestamp(occurred_us) AS timestamp FROM read_parquet({list(given.files)})
            WHERE event_kind IN ('track', 'page') ORDER BY occurred_us, event_hi, event_lo) TO '{out}' (FORMAT parquet)
        """)


def _difference(result: dict[str, Any], sessions: Path, transitions: Path) -> str:
    with duckdb.connect() as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM '{sessions}'").fetchone() or (0,)
        rows = connection.execute(
            f"SELECT event_name || '\t' || next_event_name, transition_count FROM '{transitions}'"
        )
        ours = dict(rows.fetchall())
    said = []
    if result["sessions"] != count:
        said.append(f"{result['sessions']:,} sessions, {count:,} here")
    other = {name for name in ours.keys() | result["pairs"].keys() if ours.get(name) != result["pairs"].get(name)}
    if other:
        said.append(f"{len(other)} of {len(ours)} transitions differ")
    return "; ".join(said)
