"""Opening the ledger: migrated from nothing, safe settings, several processes at once."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import inspect

from uam_platform.ledger.engine import MIGRATIONS, Ledger, open_ledger
from uam_platform.ledger.models import Base
from uam_platform_tests.ledger.findings import alerts, apply, finding, new_ledger


def test_an_empty_file_is_migrated_to_exactly_the_models(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with ledger.engine.begin() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert differences == []


def test_every_migration_can_be_undone(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with ledger.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    first = new_ledger(tmp_path)
    apply(first, 0, [finding(1)])
    first.close()
    assert len(alerts(new_ledger(tmp_path))) == 1


def test_the_file_is_in_wal_mode_with_keys_enforced(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path)
    with ledger.engine.connect() as connection:
        pragmas = {
            p: connection.exec_driver_sql(f"PRAGMA {p}").scalar()
            for p in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 15_000}


def test_a_ledger_that_is_just_being_created_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute(
        "BEGIN IMMEDIATE"
    )  # SQLite refuses the switch to WAL at once while somebody writes, whatever the busy timeout
    other.execute("CREATE TABLE being_created (x)")
    release = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    release.start()
    try:
        with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}").engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    finally:
        release.join()
        other.close()


def test_two_processes_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    code = f"from uam_platform.ledger.engine import open_ledger; open_ledger({url!r})"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate(timeout=60)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        assert connection.execute("select count(*) from alembic_version").fetchone() == (1,)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_ledger_that_would_not_survive_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must survive"):
        open_ledger(url)


def test_an_error_inside_a_transaction_leaves_nothing(tmp_path: Path) -> None:
    ledger: Ledger = new_ledger(tmp_path)
    broken = {**finding(1), "arr_usd_cents": "no number"}
    with pytest.raises(ValueError, match="no number"):
        apply(ledger, 0, [broken])
    assert alerts(ledger) == []
