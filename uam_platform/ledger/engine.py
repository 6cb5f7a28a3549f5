"""Opening the ledger: one engine, migrated to the newest schema, with transactions that serialise writers.

Here: connections, SQLite's settings, migration. Not here: tables (`models`) and their rules (`lifecycle`, `outbox`, `feedback`).
SQLite is the default; any PostgreSQL URL works the same, because writers claim rows by conditional updates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS: Final = 15_000


@dataclass(frozen=True)
class Ledger:
    """An open, migrated ledger."""

    engine: Engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end and rolls back on any error.

        On SQLite it takes the write lock at once, so that reads inside stay true until the commit.
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
        ValueError: the URL cannot be read or names an in-memory database, which would not survive.
        ConnectionError: the database cannot be reached.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise ValueError(
            f"UAM_LEDGER_URL={url}: not a database URL; write e.g. sqlite:////var/lib/uam/ledger.db"
        ) from None
    is_file = address.get_backend_name() == "sqlite"
    engine = _sqlite(url, address.database) if is_file else create_engine(address, pool_pre_ping=True)
    try:
        _migrate(engine)
    except OperationalError as error:
        shown = address.render_as_string(hide_password=True)
        raise ConnectionError(f"the ledger {shown} cannot be opened: {error.orig}; check UAM_LEDGER_URL") from error
    return Ledger(engine)


def _sqlite(url: str, path: str | None) -> Engine:
    if not path or path == ":memory:":
        raise ValueError(f"{url}: the ledger must survive; name a file, e.g. sqlite:////var/lib/uam/ledger.db")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_MILLISECONDS / 1000})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin_immediately)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not start transactions of its own; we do, below
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # an action marked as sent must survive a power cut, or it is sent twice
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


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
