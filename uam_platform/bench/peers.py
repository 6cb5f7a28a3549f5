"""The same task by other tools: sessions and transitions out of canonical events, by hand in SQL, Polars and pandas, and by our path.

Here: one function per tool from event files to two Parquet files, and whether their results are equal. Not here: the clickstream
library, which lives in an environment of its own (`retentioneering_peer`), measuring (`measure`), tables for people (`peer_table`).

Each function reads the columns it needs from the files that our path published, groups actions into sessions by the platform's rule
(silence, cap, midnight, lateness) and counts which action follows which. All write `sessions.parquet` and `transitions.parquet`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from uam_platform.contracts.tables import EVENTS
from uam_platform.lake.engine import EngineLimits, connect
from uam_platform.lake.store import Lake
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.policy.sessions import SessionRule

KEYS: Final = ("actor_key", "workspace_key", "late_days")
ORDER: Final = ("occurred_us", "event_hi", "event_lo")
SESSION_COLUMNS: Final = (
    *("actor_key", "workspace_key", "started_us", "ended_us", "event_count", "core_count", "friction_count"),
    *("intent_count", "device_type", "known_us"),
)
TRANSITION_COLUMNS: Final = ("event_name", "next_event_name", "transition_count")
READ: Final = (
    *("actor_key", "workspace_key", "event_date", "known_date", "known_us", "occurred_us", "event_hi", "event_lo"),
    *("event_kind", "event_name", "marker", "is_core", "device_type"),
)
DAY_US: Final = 86_400_000_000
_SQL: Final = Path(__file__).with_name("peers.sql")


@dataclass(frozen=True)
class Task:
    """What every tool is given.

    Attributes:
        files: Parquet files of canonical events.
        out: folder for the two results; made here.
        rule: silence and cap.
        limits: threads and, where a tool has such a setting, memory.
    """

    files: Sequence[str]
    out: Path
    rule: SessionRule
    limits: EngineLimits


def task(lake: Path, out: Path, limits: EngineLimits) -> Task:
    """The task over the events of a lake."""
    out.mkdir(parents=True, exist_ok=True)
    files = [str(path) for path in Lake(lake).files(EVENTS)]
    return Task(files, out, load_rulebook().session_rule, limits)


def by_our_path(given: Task) -> None:
    """The platform's own expressions, compiled for the embedded engine."""
    from datetime import date

    from uam_platform.behavior.sessions import sessions
    from uam_platform.behavior.transitions import transition_counts

    connection = connect(given.limits)
    events = connection.read_parquet(list(given.files))
    made = sessions(events, date(1970, 1, 1), date(9999, 1, 1), given.rule)
    made.select(*SESSION_COLUMNS).to_parquet(given.out / "sessions.parquet")
    found = transition_counts(events, given.rule)
    found.select(*TRANSITION_COLUMNS).to_parquet(given.out / "transitions.parquet")


def by_hand_in_sql(given: Task) -> None:
    """The limit: SQL as one would write it for DuckDB alone."""
    with duckdb.connect() as connection:
        connection.execute(f"SET threads={given.limits.threads}; SET memory_limit='{given.limits.memory}'")
        connection.execute(f"SET enable_progress_bar=false; SET temp_directory='{given.out / 'spill'}'")
        listed = ", ".join(f"'{name}'" for name in given.files)
        sql = _SQL.read_text(encoding="utf-8")
        connection.execute(
            sql.format(files=f"[{listed}]", out=given.out, gap_us=given.rule.gap_us, cap_us=given.rule.cap_us)
        )


def in_polars(given: Task) -> None:
    """Lazy Polars over the same files."""
    import polars as pl

    first, last = pl.col("occurred_us").min(), pl.col("occurred_us").max()
    acted = (
        pl.scan_parquet(list(given.files))
        .select(READ)
        .filter(pl.col("event_kind").is_in(["track", "page"]))
        .with_columns(late_days=(pl.col("known_date") - pl.col("event_date")).dt.total_days())
        .sort(*KEYS, *ORDER)
    )
    same = pl.all_horizontal(*(pl.col(k) == pl.col(k).shift() for k in KEYS)).fill_null(value=False)
    silent = ~same | (pl.col("occurred_us") - pl.col("occurred_us").shift() > given.rule.gap_us)
    midnight = pl.col("occurred_us") - pl.col("occurred_us") % DAY_US
    anchor = (
        pl.when(pl.col("run_us") <= midnight - DAY_US + given.rule.gap_us).then(midnight).otherwise(pl.col("run_us"))
    )
    cut = acted.with_columns(run_us=pl.when(silent).then(pl.col("occurred_us")).forward_fill()).with_columns(
        cut_us=pl.col("occurred_us") - (pl.col("occurred_us") - anchor) % given.rule.cap_us,
        tracked=pl.col("event_kind") == "track",
    )
    cut = cut.collect().lazy()
    marked = pl.col("tracked") & (pl.col("marker") == "friction"), pl.col("tracked") & (pl.col("marker") == "intent")
    sessions = cut.group_by(*KEYS, "cut_us").agg(
        started_us=first,
        ended_us=last,
        event_count=pl.len().cast(pl.Int64),
        core_count=(pl.col("tracked") & pl.col("is_core")).sum().cast(pl.Int64),
        friction_count=marked[0].sum().cast(pl.Int64),
        intent_count=marked[1].sum().cast(pl.Int64),
        device_type=pl.col("device_type").min(),
        known_us=pl.col("known_us").max(),
    )
    sessions.select(SESSION_COLUMNS).collect().write_parquet(given.out / "sessions.parquet")
    following = pl.all_horizontal(*(pl.col(k) == pl.col(k).shift(-1) for k in (*KEYS, "cut_us")))
    pairs = cut.with_columns(next_event_name=pl.when(following).then(pl.col("event_name").shift(-1)))
    counted = pairs.filter(pl.col("next_event_name").is_not_null()).group_by("event_name", "next_event_name")
    counted.agg(transition_count=pl.len().cast(pl.Int64)).collect().write_parquet(given.out / "transitions.parquet")


def in_pandas(given: Task) -> None:
    """By pandas, with NumPy where that is usual."""
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as pq

    read = pq.read_table(
        list(given.files), columns=list(READ), filters=[("event_kind", "in", ["track", "page"])], partitioning=None
    )
    rows = read.to_pandas(strings_to_categorical=True)
    rows["late_days"] = (pd.to_datetime(rows["known_date"]) - pd.to_datetime(rows["event_date"])).dt.days
    rows = rows.drop(columns=["known_date", "event_date"]).sort_values([*KEYS, *ORDER], ignore_index=True)
    moment = rows["occurred_us"].to_numpy()
    same = np.ones(len(rows), dtype=bool)
    for key in KEYS:
        values = rows[key].to_numpy()
        same[1:] &= values[1:] == values[:-1]
    silent = np.r_[True, ~same[1:] | (np.diff(moment) > given.rule.gap_us)]
    run = moment[np.maximum.accumulate(np.where(silent, np.arange(len(rows)), 0))]
    midnight = moment - moment % DAY_US
    anchor = np.where(run <= midnight - DAY_US + given.rule.gap_us, midnight, run)
    cut = moment - (moment - anchor) % given.rule.cap_us
    begins = np.r_[True, ~same[1:] | (cut[1:] != cut[:-1])]
    rows["session"] = np.cumsum(begins) - 1
    _pandas_sessions(rows, given.out)
    names = rows["event_name"].astype("str").to_numpy()
    inside = ~begins[1:]
    pairs = pd.DataFrame({"event_name": names[:-1][inside], "next_event_name": names[1:][inside]})
    counted = pairs.groupby(["event_name", "next_event_name"]).size().rename("transition_count").reset_index()
    counted.to_parquet(given.out / "transitions.parquet", index=False)


def _pandas_sessions(rows: Any, out: Path) -> None:
    tracked = rows["event_kind"] == "track"
    rows = rows.assign(
        core=tracked & rows["is_core"],
        friction=tracked & (rows["marker"] == "friction"),
        intent=tracked & (rows["marker"] == "intent"),
        device_code=rows["device_type"].cat.codes.replace(-1, 127),
    )
    names = rows["device_type"].cat.categories
    order = names.argsort()
    rank = {int(code): position for position, code in enumerate(order)} | {127: 127}
    rows["device_code"] = rows["device_code"].map(rank)
    found = rows.groupby("session", sort=False).agg(
        actor_key=("actor_key", "first"), workspace_key=("workspace_key", "first"), started_us=("occurred_us", "min"),
        ended_us=("occurred_us", "max"), event_count=("occurred_us", "size"), core_count=("core", "sum"),
        friction_count=("friction", "sum"), intent_count=("intent", "sum"), device_code=("device_code", "min"),
        known_us=("known_us", "max"),
    )  # fmt: skip
    found["device_type"] = found["device_code"].map(dict(enumerate(names[order])))
    found[list(SESSION_COLUMNS)].to_parquet(out / "sessions.parquet", index=False)


TOOLS: Final[Mapping[str, Callable[[Task], None]]] = {
    "our path": by_our_path,
    "SQL by hand": by_hand_in_sql,
    "Polars": in_polars,
    "pandas": in_pandas,
}


def fingerprints(out: Path) -> dict[str, tuple[int, int]]:
    """Per result: rows, and the sum of the hashes of whole rows, which no order changes."""
    kinds = {"event_name": "VARCHAR", "next_event_name": "VARCHAR", "device_type": "VARCHAR"}
    found = {}
    with duckdb.connect() as connection:
        for name, columns in (("sessions", SESSION_COLUMNS), ("transitions", TRANSITION_COLUMNS)):
            cast = ", ".join(f'"{c}"::{kinds.get(c, "BIGINT")}' for c in columns)
            row = connection.execute(
                f"SELECT count(*), sum(hash({cast})::HUGEINT) FROM read_parquet('{out / name}.parquet')"
            ).fetchone()
            found[name] = (int(row[0]), int(row[1])) if row and row[0] else (0, 0)
    return found
