"""The limit our path is compared with: one hand-written DuckDB script that gives the same tables.

Here: running the script, and whether both results are equal. Not here: the script (`baseline.sql`), our path (`ours`).
"""

from pathlib import Path
from typing import Final

import duckdb
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.lake.engine import EngineLimits, conform, connect
from uam_platform.lake.store import Lake
from uam_platform.policy.event_names import normalise
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.policy.taxonomy import Taxonomy

RESULTS: Final = (tables.EVENTS, tables.SESSIONS, tables.ACTOR_DAYS)
_SCRIPT: Final = Path(__file__).with_name("baseline.sql")
_CALLS: Final = {
    "identify": "user_identified",
    "group": "workspace_joined",
    "alias": "user_aliased",
    "page": "page_viewed",
}


def run_script(raw: Path, out: Path, limits: EngineLimits) -> None:
    """Compute events, sessions and daily activity of all loads below `raw` into `out`."""
    rulebook = load_rulebook()
    grace_us = rulebook.time.decision_grace_hours * 3_600_000_000
    script = _SCRIPT.read_text(encoding="utf-8").format(
        raw=raw,
        out=out,
        event_columns=event_columns(grace_us),
        gap_us=rulebook.session_rule.gap_us,
        cap_us=rulebook.session_rule.cap_us,
        grace_us=grace_us,
    )
    out.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"SET threads={limits.threads}; SET memory_limit='{limits.memory}'; SET TimeZone='UTC'")
        connection.execute(f"SET enable_progress_bar=false; SET temp_directory='{out / 'spill'}'")
        look_ups(connection, rulebook.taxonomy)
        connection.execute(script)


def event_columns(grace_us: int) -> str:
    """What both scripts select of an event."""
    return _SCRIPT.with_name("event_columns.sql").read_text(encoding="utf-8").format(grace_us=grace_us)


def look_ups(connection: duckdb.DuckDBPyConnection, taxonomy: Taxonomy) -> None:
    """Tables `names` and `features` of the taxonomy, for the scripts."""
    connection.execute(
        "CREATE TEMP TABLE names (spelling VARCHAR, event_name VARCHAR, marker VARCHAR, is_core BOOLEAN)"
    )
    spellings = taxonomy.canonical_names() | {f"call {kind}": name for kind, name in _CALLS.items()}
    rules = [(spelling, name, taxonomy.events[name]) for spelling, name in spellings.items()]
    connection.executemany(
        "INSERT INTO names VALUES (?, ?, ?, ?)", [(s, name, rule.marker, rule.is_core) for s, name, rule in rules]
    )
    connection.execute("CREATE TEMP TABLE features (spelling VARCHAR, feature_bits BIGINT)")
    connection.executemany(
        "INSERT INTO features VALUES (?, ?)", [(normalise(name), 1 << n) for n, name in enumerate(taxonomy.features)]
    )


def differences(lake: Lake, out: Path) -> list[str]:
    """Where our tables and the script's differ: rows, or the sum of the hashes of whole rows, which no order changes."""
    connection = connect(EngineLimits())
    found = []
    for contract in RESULTS:
        ours = fingerprint(connection, lake.read(connection, contract), contract)
        files = connection.read_parquet(f"{out / contract.name}/*/*.parquet", hive_partitioning=True)
        script = fingerprint(connection, files, contract)
        if ours != script:
            found.append(f"{contract.name}: {ours[0]:,} rows here, {script[0]:,} by the script")
    return found


def fingerprint(connection: Backend, table: ir.Table, contract: Contract) -> tuple[int, int]:
    """Rows, and the sum of the hashes of whole rows."""
    connection.create_view("fingerprinted", conform(table, contract), overwrite=True)
    columns = ", ".join(f'"{name}"' for name in contract.column_names)
    row = connection.raw_sql(f"SELECT count(*), sum(hash({columns})::HUGEINT) FROM fingerprinted").fetchone()
    return (int(row[0]), int(row[1])) if row and row[0] else (0, 0)
