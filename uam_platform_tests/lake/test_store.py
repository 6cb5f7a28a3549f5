"""Laws of the lake: content-hash versions, keys and sub-keys, refused partitions, empty days."""

import json
from dataclasses import replace
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend

from uam_platform.contracts.schemas import arrow_schema
from uam_platform.lake.engine import EngineLimits, connect
from uam_platform.lake.store import POINTER, Lake
from uam_platform.lake.validation import ContractViolationError
from uam_platform_tests.lake.orders import DAYS, ORDERS, WHOLE_ORDERS, Row, rows, table


@pytest.fixture(scope="module")
def connection() -> Backend:
    return connect()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def versions(lake: Lake) -> dict[str, str]:
    return {key: (lake.pointer(ORDERS, key) or {})["version"] for key in lake.keys(ORDERS)}


def test_equal_rows_have_equal_versions_whatever_their_order_threads_and_chunks(lake: Lake, tmp_path: Path) -> None:
    found = [(d, "load", n, (n * 7919) % 1000) for d in DAYS for n in range(3000)]
    lake.publish(connect(EngineLimits(threads=1)), ORDERS, table(found), DAYS)
    for name, order, threads in (("shuffled", sorted(found, key=lambda r: r[3] or 0), 4), ("reversed", found[::-1], 2)):
        other = Lake(tmp_path / name)
        other_connection = connect(EngineLimits(threads=threads))
        for keys in (DAYS[:1], DAYS[1:]):
            other.publish(other_connection, ORDERS, table([r for r in order if r[0] in keys]), keys)
        assert versions(other) == versions(lake)


def test_publishing_the_same_rows_again_changes_nothing(lake: Lake, connection: Backend) -> None:
    assert lake.publish(connection, ORDERS, table(rows(1)), DAYS).changed == tuple(DAYS)
    before = versions(lake)
    assert lake.publish(connection, ORDERS, table(rows(1)), DAYS).changed == ()
    assert versions(lake) == before


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(DAYS), st.sampled_from("ab"), st.integers(0, 5), st.none() | st.integers(-(2**62), 2**62)
        ),
        unique_by=lambda r: r[:3],
        max_size=30,
    )
)
def test_what_is_read_is_what_was_published(tmp_path_factory: pytest.TempPathFactory, found: list[Row]) -> None:
    lake, connection = Lake(tmp_path_factory.mktemp("lake")), connect()
    lake.publish(connection, ORDERS, table(found), DAYS)
    read = lake.read(connection, ORDERS).to_pyarrow().to_pylist()
    shown = {(str(r["event_date"]), r["load_id"], r["row_no"], r["quantity"]) for r in read}
    assert shown == set(found)
    assert len(read) == len(found)
    assert lake.keys(ORDERS) == DAYS, "a day without rows is published too"


def test_rows_outside_the_keys_are_not_published(lake: Lake, connection: Backend) -> None:
    published = lake.publish(connection, ORDERS, table(rows(1)), DAYS[1:2])
    assert published.rows == {DAYS[1]: 5}
    assert lake.keys(ORDERS) == DAYS[1:2]


def test_a_partition_that_lost_all_its_rows_is_replaced_by_nothing(lake: Lake, connection: Backend) -> None:
    lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    lake.publish(connection, ORDERS, table([]), DAYS[:1])
    assert lake.read(connection, ORDERS, DAYS[:1]).count().to_pyarrow().as_py() == 0
    assert lake.read(connection, ORDERS).count().to_pyarrow().as_py() == 10


def test_a_partition_that_breaks_the_contract_keeps_its_old_data_and_the_others_are_published(
    lake: Lake, connection: Backend
) -> None:
    lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    spoiled = [*rows(2), (DAYS[1], "load", 0, 2), (DAYS[1], "load", -1, 2)]
    with pytest.raises(ContractViolationError, match=DAYS[1]) as refusal:
        lake.publish(connection, ORDERS, table(spoiled), DAYS)
    assert refusal.value.verdicts[DAYS[1]].violations == {"row_no_below_0": 1, "key_not_unique": 1}
    by_day = lake.read(connection, ORDERS).to_pandas().groupby("event_date")["quantity"].unique()
    assert {str(d)[:10]: list(q) for d, q in by_day.items()} == {DAYS[0]: [2], DAYS[1]: [1], DAYS[2]: [2]}
    assert lake.rejections(ORDERS) == {DAYS[1]: {"row_no_below_0": 1, "key_not_unique": 1}}
    lake.publish(connection, ORDERS, table(rows(2)), DAYS)
    assert lake.rejections(ORDERS) == {}, "a good publication clears the note"


def test_a_refusal_can_be_reported_instead_of_raised(lake: Lake, connection: Backend) -> None:
    published = lake.publish(connection, ORDERS, table([(DAYS[0], "load", -5, 1)]), DAYS[:1], on_invalid="report")
    assert list(published.refused) == DAYS[:1]
    assert lake.keys(ORDERS) == []


def test_a_table_of_the_wrong_type_is_refused_before_anything_is_written(lake: Lake, connection: Backend) -> None:
    with pytest.raises(KeyError, match=r"missing columns .*quantity"):
        lake.publish(connection, ORDERS, table(rows(1)).drop("quantity"), DAYS)
    assert lake.keys(ORDERS) == []


def test_sub_keys_are_published_and_read_by_themselves(lake: Lake, connection: Backend) -> None:
    for load in ("a", "b"):
        lake.publish(
            connection, ORDERS, table([(DAYS[0], load, n, 1) for n in range(3)]), [f"{DAYS[0]}/load_id={load}"]
        )
    assert lake.sub_keys(ORDERS, DAYS[0]) == [f"{DAYS[0]}/load_id=a", f"{DAYS[0]}/load_id=b"]
    assert lake.keys(ORDERS) == lake.sub_keys(ORDERS, DAYS[0])
    read = lake.read(connection, ORDERS, [f"{DAYS[0]}/load_id=b"]).to_pandas()
    assert set(read["load_id"]) == {"b"}


def test_an_unpartitioned_table_is_one_partition(lake: Lake, connection: Backend) -> None:
    records = [{"load_id": "l", "row_no": n, "quantity": n} for n in range(4)]
    lake.publish(
        connection, WHOLE_ORDERS, ibis.memtable(pa.Table.from_pylist(records, schema=arrow_schema(WHOLE_ORDERS)))
    )
    assert lake.keys(WHOLE_ORDERS) == [""]
    assert lake.read(connection, WHOLE_ORDERS).quantity.sum().to_pyarrow().as_py() == 6


def test_a_folder_without_pointer_is_invisible(lake: Lake, connection: Backend) -> None:
    lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    (lake.partition_folder(ORDERS, DAYS[1]) / POINTER).unlink()
    assert lake.keys(ORDERS) == [DAYS[0], DAYS[2]]
    assert lake.read(connection, ORDERS).count().to_pyarrow().as_py() == 10


def test_a_reader_that_holds_the_old_file_list_can_still_read_after_one_publication(
    lake: Lake, connection: Backend
) -> None:
    lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    held = lake.read(connection, ORDERS, DAYS[:1])
    lake.publish(connection, ORDERS, table(rows(2)), DAYS)
    assert set(held.to_pandas()["quantity"]) == {1}


def test_old_versions_do_not_pile_up(lake: Lake, connection: Backend) -> None:
    for quantity in range(6):
        lake.publish(connection, ORDERS, table(rows(quantity)), DAYS)
    for day in DAYS:
        assert len([p for p in lake.partition_folder(ORDERS, day).iterdir() if p.is_dir()]) <= 2


def test_the_pointer_counts_rows_and_bytes(lake: Lake, connection: Backend) -> None:
    lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    text = (lake.partition_folder(ORDERS, DAYS[0]) / POINTER).read_text(encoding="utf-8")
    pointer = json.loads(text)
    assert pointer["rows"] == 5
    assert pointer["contract_version"] == ORDERS.version


def test_a_partition_of_an_older_contract_is_read_with_nulls_for_what_it_lacks(lake: Lake, connection: Backend) -> None:
    new = ORDERS.columns[-1].name
    assert new not in {*ORDERS.key, ORDERS.partition}
    older = replace(ORDERS, columns=ORDERS.columns[:-1], nullable=ORDERS.nullable - {new}, rules=())
    newer = replace(ORDERS, version=ORDERS.version + 1)
    lake.publish(connection, older, table(rows(1)).drop(new), DAYS[:1])
    lake.publish(connection, newer, table(rows(1)), DAYS[1:])
    found = lake.read(connection, newer)
    assert found.columns == ORDERS.column_names
    frame = found.to_pandas()
    is_older = frame[str(ORDERS.partition)].astype(str) == DAYS[0]
    assert frame.loc[is_older, new].isna().all()
    assert frame.loc[~is_older, new].notna().any()
    assert is_older.any()
