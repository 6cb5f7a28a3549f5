"""Opening the ledger: one engine, migrated to the newest schema, with transactions that serialise writers.

Here: connections, the lock of a transaction, migration. Not here: tables (`models`) and their rules (`lifecycle`, `outbox`,
`feedback`). SQLite is the default, PostgreSQL the other one. On both a transaction takes the ledger's one lock first, so that what
it has read stays true until its commit; transactions are short, and none waits for a destination.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS: Final = 15_000
_RETRY_SECONDS: Final = 0.05
_POSTGRES_LOCK: Final = 7_238_145_906_214
"""Number of the advisory lock; it means something within the ledger's own database only."""


@dataclass(frozen=True)
class Ledger:
    """An open, migrated ledger."""

    engine: Engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end and rolls back on any error.

        Its first statement takes the ledger's lock, so that reads inside stay true until the commit.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def open_ledger(url: str) -> Ledger:
    """The ledger at `url`, created and migrated to head if need be; safe to call from several processes at once.

    Args:
        url: SQLAlchemy URL, `sqlite:////absolute/ledger.db` or `postgresql+psycopg://…`.

    Raises:
        ValueError: the URL cannot be read, needs another driver, or names an in-memory database, which would not survive.
        ConnectionError: the database cannot be reached, or refuses to create the tables.
    """
    try:
        address = make_url(url)
        engine = _sqlite(address) if address.get_backend_name() == "sqlite" else _postgres(address)
    except (ArgumentError, ModuleNotFoundError):
        raise ValueError(
            "UAM_LEDGER_URL: not a database URL of a known driver; write e.g. sqlite:////var/lib/uam/ledger.db "
            "or postgresql+psycopg://user:password@host/uam"
        ) from None
    try:
        _migrate(engine)
    except (OperationalError, ProgrammingError) as error:
        shown = address.render_as_string(hide_password=True)
        raise ConnectionError(f"the ledger {shown} cannot be opened: {error.orig}; check UAM_LEDGER_URL") from error
    return Ledger(engine)


def _postgres(address: URL) -> Engine:
    # Read committed: what is read after the lock includes what its last holder wrote, whatever the server's default is.
    engine = create_engine(address, pool_pre_ping=True, isolation_level="READ COMMITTED")
    event.listen(engine, "begin", _lock)
    return engine


def _lock(connection: Any) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_BUSY_MILLISECONDS}")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})")


def _sqlite(address: URL) -> Engine:
    path = address.database
    if not path or path == ":memory:":
        raise ValueError(f"{address}: the ledger must survive; name a file, e.g. sqlite:////var/lib/uam/ledger.db")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"timeout": _BUSY_MILLISECONDS / 1000})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin_immediately)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not start transactions of its own; we do, below
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")  # an action marked as sent must survive a power cut, or it is sent twice
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Switch to WAL; while another process switches or creates the same file, SQLite refuses at once instead of waiting."""
    deadline = time.monotonic() + _BUSY_MILLISECONDS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _begin_immediately(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.begin() as connection:
        if MigrationContext.configure(connection).get_current_revision() == head:
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
