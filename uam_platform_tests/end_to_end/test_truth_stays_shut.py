"""A run beside its world's truth opens no file of it, and is the same as a run without."""

from pathlib import Path

import pytest

from uam_platform.lake.engine import connect
from uam_platform_tests.end_to_end import chain
from uam_platform_tests.end_to_end.conftest import Recorded, Second
from uam_platform_tests.end_to_end.watched import watching

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_watch_sees_what_an_engine_reads_by_itself(world: Path) -> None:
    with watching(world / "truth") as watch:
        if watch is None:
            pytest.skip("no inotify on this system: only reads of Python code are watched")
        assert watch.opened() == set()
        connect().con.execute(f"SELECT count(*) FROM read_parquet('{world}/truth/churn.parquet')").fetchall()
        assert "churn.parquet" in watch.opened()


def test_a_run_opens_no_file_of_the_truth_and_does_not_miss_it(world: Path, whole: Recorded, second: Second) -> None:
    assert not second.seen
    assert [path for path in second.opened if path.startswith(str(world / "company"))], "the audit sees what is read"
    assert not [path for path in second.opened if "truth" in Path(path).parts]
    assert chain.versions(second.out) == whole.versions
    assert chain.ledger_rows(second.out) == whole.ledger
