"""Every entry point of Ibis and DuckDB that the platform uses, called on small rows with its known answer.

When this passes with newer versions, the pins of duckdb, ibis-framework and sqlglot in `pyproject.toml` can be lifted together.
Here: only what the platform uses. Not here: what it computes (the tests of the stages).
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis.backends.duckdb import Backend

from uam_platform.behavior.feature_sets import bit_or
from uam_platform.contracts.schemas import arrow_schema, ibis_schema
from uam_platform.contracts.tables import CONTRACTS, SESSIONS
from uam_platform.lake.engine import EngineLimits, conform, connect, empty
from uam_platform.lake.validation import check_schema
from uam_platform_tests.judged import verdicts

ROWS = [
    {"actor": 1, "at_us": 10, "day": date(2025, 1, 6), "name": "a", "bits": 1, "value": 5},
    {"actor": 1, "at_us": 25, "day": date(2025, 1, 6), "name": "b", "bits": 4, "value": None},
    {"actor": 2, "at_us": 30, "day": date(2025, 1, 7), "name": None, "bits": 2, "value": 7},
    {"actor": 1, "at_us": 90, "day": date(2025, 1, 8), "name": "a", "bits": 4, "value": 1},
]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    found = connect(EngineLimits(memory="1GB", threads=2, spill=tmp_path_factory.mktemp("spill")))
    yield found
    found.disconnect()


@pytest.fixture
def events() -> ir.Table:
    return ibis.memtable(pa.Table.from_pylist(ROWS))


def got(connection: Backend, table: ir.Table, *order: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.to_pyarrow(table.order_by(list(order)) if order else table).to_pylist()
    return rows


def test_limits_and_zone_are_set(connection: Backend) -> None:
    query = "SELECT current_setting('threads'), current_setting('TimeZone'), current_setting('memory_limit')"
    threads, zone, memory = connection.raw_sql(query).fetchone()
    assert (threads, zone) == (2, "UTC")
    assert "MiB" in memory


def test_parquet_is_read_from_a_list_of_files_as_a_named_view(connection: Backend, tmp_path: Path) -> None:
    for n, row in enumerate(ROWS):
        pq.write_table(pa.Table.from_pylist([row], schema=pa.Table.from_pylist(ROWS).schema), tmp_path / f"{n}.parquet")
    paths = [str(tmp_path / f"{n}.parquet") for n in range(4)]
    table = connection.read_parquet(paths, table_name="four_files")
    assert got(connection, table, "at_us") == ROWS
    assert got(connection, connection.table("four_files"), "at_us") == ROWS
    connection.raw_sql("DROP VIEW four_files")


def test_a_temporary_table_is_made_from_an_expression_and_copied_in_order(
    connection: Backend, events: ir.Table, tmp_path: Path
) -> None:
    connection.create_table("kept", events.order_by("at_us"), temp=True)
    connection.create_table("kept", events.order_by("at_us"), temp=True, overwrite=True)
    target = tmp_path / "out.parquet"
    connection.raw_sql(
        f"COPY (SELECT * FROM kept WHERE \"day\" = '2025-01-06' ORDER BY at_us DESC) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    )
    assert pq.read_table(target)["at_us"].to_pylist() == [25, 10]
    connection.drop_table("kept", force=True)
    assert "kept" not in connection.list_tables()


def test_equal_rows_give_equal_parquet_bytes_whatever_the_threads(tmp_path: Path) -> None:
    frame = pa.table({"n": [(i * 7919) % 100_003 for i in range(100_003)]})
    digests = set()
    for threads in (1, 2, 4):
        engine, target = connect(EngineLimits(threads=threads)), tmp_path / f"{threads}.parquet"
        engine.create_table("many", ibis.memtable(frame), temp=True)
        engine.raw_sql(f"COPY (SELECT * FROM many ORDER BY n) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        digests.add(hashlib.sha256(target.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_memtables_take_arrow_pandas_and_nothing(connection: Backend) -> None:
    schema = ibis_schema(SESSIONS)
    assert got(connection, ibis.memtable([], schema=schema)) == []
    assert got(connection, empty(SESSIONS)) == []
    assert got(connection, ibis.memtable(pd.DataFrame({"n": [1, 2]})), "n") == [{"n": 1}, {"n": 2}]


def test_sql_is_compiled_and_registered_tables_are_seen_by_plain_sql(connection: Backend, events: ir.Table) -> None:
    sql = str(ibis.to_sql(events.filter(events.actor == 1).select("at_us"), dialect="duckdb"))
    assert "SELECT" in sql
    connection.create_table("plain", events, temp=True)
    assert connection.raw_sql("SELECT count(*) FROM plain WHERE actor = 1").fetchone() == (3,)
    connection.drop_table("plain")


def test_bit_or_aggregates(connection: Backend, events: ir.Table) -> None:
    found = events.group_by("actor").aggregate(bits=bit_or(events.bits))
    assert got(connection, found, "actor") == [{"actor": 1, "bits": 5}, {"actor": 2, "bits": 2}]


WINDOWS: dict[str, tuple[Callable[[ir.Table], ir.Value], list[Any]]] = {
    "lag": (lambda t: t.at_us.lag().over(ibis.window(group_by=t.actor, order_by=t.at_us)), [None, 10, None, 25]),
    "lead": (lambda t: t.at_us.lead().over(ibis.window(group_by=t.actor, order_by=t.at_us)), [25, 90, None, None]),
    "cumsum": (lambda t: t.bits.cumsum(group_by=t.actor, order_by=t.at_us), [1, 5, 2, 9]),
    "cummax": (lambda t: t.bits.cummax(group_by=t.actor, order_by=t.at_us), [1, 4, 2, 4]),
    "row_number": (lambda t: ibis.row_number().over(group_by=t.actor, order_by=t.at_us), [0, 1, 0, 2]),
    "rank": (lambda t: ibis.rank().over(order_by=t.bits), [0, 2, 1, 2]),
    "first": (lambda t: t.bits.first().over(ibis.window(group_by=t.actor, order_by=t.at_us)), [1, 1, 2, 1]),
    "range over integers": (
        lambda t: t.bits.sum().over(ibis.range_window(group_by=t.actor, order_by=t.at_us, preceding=20, following=0)),
        [1, 5, 2, 4],
    ),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_window(name: str, connection: Backend, events: ir.Table) -> None:
    build, expected = WINDOWS[name]
    assert [row["x"] for row in got(connection, events.mutate(x=build(events)), "at_us")] == expected


SCALARS: dict[str, tuple[Callable[[ir.Table], ir.Value], list[Any]]] = {
    "ifelse": (lambda t: ibis.ifelse(t.actor == 1, "one", "other"), ["one", "one", "other", "one"]),
    "cases": (lambda t: ibis.cases((t.bits == 1, "x"), (t.bits == 4, "y"), else_="z"), ["x", "y", "z", "y"]),
    "coalesce": (lambda t: ibis.coalesce(t.value, ibis.literal(0)), [5, 0, 7, 1]),
    "fill_null": (lambda t: t.value.fill_null(0), [5, 0, 7, 1]),
    "nullif": (lambda t: t.bits.nullif(4), [1, None, 2, None]),
    "greatest": (lambda t: ibis.greatest(t.at_us, t.bits * 100), [100, 400, 200, 400]),
    "least": (lambda t: ibis.least(t.at_us, t.bits), [1, 4, 2, 4]),
    "isin": (lambda t: t.name.isin(["a"]), [True, False, None, True]),
    "between": (lambda t: t.at_us.between(20, 40), [False, True, True, False]),
    "null": (lambda t: ibis.ifelse(t.actor == 1, t.bits, ibis.null("int64")), [1, 4, None, 4]),
    "cast a day to text": (lambda t: t.day.cast("string"), ["2025-01-06", "2025-01-06", "2025-01-07", "2025-01-08"]),
    "days between": (lambda t: ibis.literal(date(2025, 1, 8)).delta(t.day, unit="day"), [2, 2, 1, 0]),
    "a day later": (lambda t: (t.day + ibis.interval(days=1)).cast("date"), [date(2025, 1, d) for d in (7, 7, 8, 9)]),
    "integer division": (lambda t: t.at_us // 20, [0, 1, 1, 4]),
}


@pytest.mark.parametrize("name", SCALARS)
def test_scalar(name: str, connection: Backend, events: ir.Table) -> None:
    build, expected = SCALARS[name]
    assert [row["x"] for row in got(connection, events.mutate(x=build(events)), "at_us")] == expected


AGGREGATES: dict[str, tuple[Callable[[ir.Table], ir.Value], list[Any]]] = {
    "count": (lambda t: t.count(), [3, 1]),
    "count where": (lambda t: t.count(where=t.bits == 4), [2, 0]),
    "sum where": (lambda t: t.at_us.sum(where=t.bits == 4), [115, None]),
    "nunique": (lambda t: t.bits.nunique(), [2, 1]),
    "any": (lambda t: (t.bits == 2).any(), [False, True]),
    "all": (lambda t: (t.bits > 1).all(), [False, True]),
    "min": (lambda t: t.at_us.min(), [10, 30]),
    "argmax": (lambda t: t.bits.argmax(t.at_us), [4, 2]),
    "argmin": (lambda t: t.bits.argmin(t.at_us), [1, 2]),
}


@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregate(name: str, connection: Backend, events: ir.Table) -> None:
    build, expected = AGGREGATES[name]
    found = events.group_by("actor").aggregate(x=build(events))
    assert [row["x"] for row in got(connection, found, "actor")] == expected


def test_joins_keep_and_drop_what_they_should(connection: Backend, events: ir.Table) -> None:
    other = ibis.memtable(pa.table({"actor": [1, 3], "owner": ["o", "p"]}))

    def actors(table: ir.Table) -> list[Any]:
        return sorted((r["actor"] for r in got(connection, table)), key=str)

    assert actors(events.join(other, "actor")) == [1, 1, 1]
    assert actors(events.left_join(other, "actor").drop("actor_right")) == [1, 1, 1, 2]
    assert actors(events.semi_join(other, "actor")) == [1, 1, 1]
    assert actors(events.anti_join(other, "actor")) == [2]
    assert len(got(connection, events.outer_join(other, "actor"))) == 5
    assert len(got(connection, events.cross_join(other.select("owner")))) == 8


def test_union_distinct_rename_drop_and_limit(connection: Backend, events: ir.Table) -> None:
    both = ibis.union(events, events)
    assert len(got(connection, both)) == 8
    assert len(got(connection, both.distinct())) == 4
    renamed = events.rename(who="actor").drop("value").limit(1)
    assert list(got(connection, renamed)[0]) == ["who", "at_us", "day", "name", "bits"]


def test_an_interval_join_finds_the_period_a_moment_lies_in(connection: Backend, events: ir.Table) -> None:
    periods = ibis.memtable(pa.table({"who": [1, 1, 2], "from_us": [0, 20, 0], "until_us": [20, 100, 99]}))
    found = events.join(
        periods,
        [events.actor == periods.who, events.at_us >= periods.from_us, events.at_us < periods.until_us],
    )
    assert [r["from_us"] for r in got(connection, found, "at_us")] == [0, 20, 0, 20]


def test_timestamps_have_microseconds_and_no_zone(connection: Backend) -> None:
    moment = datetime.fromisoformat("2025-01-06T12:34:56.123456")
    (row,) = got(connection, ibis.memtable(pa.table({"at": pa.array([moment], pa.timestamp("us"))})))
    assert row["at"] == moment
    assert connection.raw_sql("SELECT epoch_us(TIMESTAMP '1970-01-02')").fetchone() == (86_400_000_000,)


def test_the_key_of_a_text_is_the_same_in_python(connection: Backend) -> None:
    text = "product:user:ü 42"
    query = "SELECT (md5_number_lower($t) >> 1)::BIGINT, (md5_number_upper($t) >> 1)::BIGINT"
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    halves = (int.from_bytes(digest[8:], "little") >> 1, int.from_bytes(digest[:8], "little") >> 1)
    assert connection.con.execute(query, {"t": text}).fetchone() == halves


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: f"{c.stage}/{c.name}")
def test_every_contract_survives_the_engine_and_its_schemas_agree(contract: Any, connection: Backend) -> None:
    table = conform(empty(contract), contract)
    check_schema(table, contract)
    assert verdicts(table, contract) == {}
    assert connection.to_pyarrow(table).schema.names == arrow_schema(contract).names
