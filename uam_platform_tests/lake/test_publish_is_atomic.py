"""A killed writer leaves the old or the new partition, never half; and the next publication completes."""

import subprocess
import sys
from pathlib import Path

import pytest
from ibis.backends.duckdb import Backend

from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform_tests.lake.orders import DAYS, ORDERS, rows, table


@pytest.fixture(scope="module")
def connection() -> Backend:
    return connect()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, connection: Backend) -> list[Lake]:
    """The lakes of writers that were killed, one for each step of a publication in the file system."""
    folder = tmp_path_factory.mktemp("killed")
    Lake(folder / "before").publish(connection, ORDERS, table(rows(1)), DAYS)
    command = [sys.executable, "-W", "ignore", "-m", "uam_platform_tests.lake.killed", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    steps, exit_code = done.stdout.split()
    assert exit_code == "0", done.stderr
    return [Lake(folder / str(step)) for step in range(int(steps))]


def quantities(connection: Backend, lake: Lake, day: str) -> list[int]:
    return lake.read(connection, ORDERS, [day]).to_pandas()["quantity"].tolist()


def test_a_publication_has_steps_between_which_it_can_be_killed(killed: list[Lake]) -> None:
    assert len(killed) >= 3 * len(DAYS)


def test_a_reader_sees_the_old_or_the_new_partition_and_never_half(killed: list[Lake], connection: Backend) -> None:
    seen = {day: [quantities(connection, lake, day) for lake in killed] for day in DAYS}
    for found in seen.values():
        assert all(values in ([1] * 5, [2] * 5) for values in found)
    last = seen[DAYS[-1]]
    assert [1] * 5 in last, "early kills leave the old partition"
    assert [2] * 5 in seen[DAYS[0]], "late kills leave new partitions"


def test_the_pointer_names_the_file_that_lies_there(killed: list[Lake]) -> None:
    for lake in killed:
        for day in DAYS:
            pointer = lake.pointer(ORDERS, day)
            assert pointer is not None
            assert [Path(f).stat().st_size for f in lake.files(ORDERS, [day])] == [pointer["bytes"]]


def test_the_next_publication_completes_and_clears_what_the_killed_one_left(
    killed: list[Lake], connection: Backend
) -> None:
    for lake in killed:
        lake.publish(connection, ORDERS, table(rows(2)), DAYS)
        assert [quantities(connection, lake, day) for day in DAYS] == [[2] * 5] * 3
        assert lake.keys(ORDERS) == DAYS
        left = [p for p in lake.table_folder(ORDERS).rglob("*") if ".tmp-" in p.name or p.name.startswith("._current")]
        assert not left
