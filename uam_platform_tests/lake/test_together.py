"""Partitions that are published together become visible together, also when the writer is killed in between."""

from pathlib import Path

import ibis
import ibis.expr.types as ir
import pytest
from ibis.backends.duckdb import Backend

from uam_platform.lake import together
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.lake.validation import ContractViolationError
from uam_platform_tests.lake.orders import DAYS, ORDERS, rows, table


@pytest.fixture(scope="module")
def connection() -> Backend:
    return connect()


def seen(connection: Backend, root: Path) -> list[list[int]]:
    lake = Lake(root)
    return [lake.read(connection, ORDERS, [day]).to_pandas()["quantity"].tolist() for day in DAYS]


OLD, NEW = [[1] * 5] * len(DAYS), [[2] * 5] * len(DAYS)


def publish_both(connection: Backend, lake: Lake, first: ir.Table, second: ir.Table) -> None:
    with lake.together():
        for each in (first, second):
            lake.publish(connection, ORDERS, each, DAYS)


class KilledError(Exception):
    """Stands for a kill."""


def test_nothing_is_visible_before_the_end_and_everything_after_it(tmp_path: Path, connection: Backend) -> None:
    lake = Lake(tmp_path)
    lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    with lake.together():
        for day in DAYS:
            lake.publish(
                connection, ORDERS, table(rows(2)).filter(lambda t, day=day: t.event_date.cast("string") == day), [day]
            )
            assert seen(connection, tmp_path) == OLD
    assert seen(connection, tmp_path) == NEW
    assert not list(tmp_path.glob("*.json"))


def test_an_error_inside_publishes_nothing_and_the_lake_goes_on(tmp_path: Path, connection: Backend) -> None:
    lake = Lake(tmp_path)
    lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    wrong = table(rows(2)).mutate(row_no=ibis.null("int64"))
    with pytest.raises(ContractViolationError):
        publish_both(connection, lake, table(rows(2)), wrong)
    assert seen(connection, tmp_path) == OLD
    lake.publish(connection, ORDERS, table(rows(2)), DAYS)
    assert seen(connection, tmp_path) == NEW


@pytest.mark.parametrize("step", range(5))
def test_a_kill_at_any_step_leaves_all_old_or_all_new(
    tmp_path: Path, connection: Backend, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    lake = Lake(tmp_path)
    lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    write, calls = together.write_atomically, iter(range(100))

    def cut(path: Path, content: str) -> None:
        if next(calls) == step:
            raise KilledError
        write(path, content)

    monkeypatch.setattr(together, "write_atomically", cut)
    try:
        with lake.together():
            lake.publish(connection, ORDERS, table(rows(2)), DAYS)
    except KilledError:
        assert step <= len(DAYS), "the journal and one pointer a day are written"
    monkeypatch.undo()
    assert seen(connection, tmp_path) == (OLD if step == 0 else NEW)
    assert not (tmp_path / "_together.json").exists()


def test_a_journal_that_was_carried_out_is_not_carried_out_again(tmp_path: Path, connection: Backend) -> None:
    lake = Lake(tmp_path)
    with lake.together():
        lake.publish(connection, ORDERS, table(rows(1)), DAYS)
    lake.publish(connection, ORDERS, table(rows(2)), DAYS)
    assert seen(connection, tmp_path) == NEW
