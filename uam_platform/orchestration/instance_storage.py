"""SQLite storages of the Dagster instance, tuned for many small partitions on one machine.

Dagster's stock SQLite storages open a new engine for each statement and sync each write: about 0.036 s for one asset
partition. Here engines are cached, the journal is WAL and sync is relaxed; a power cut can lose the last events, never
corrupt the file. Here: only the tuning. Not here: which storage is used (`dagster.yaml`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._serdes import ConfigurableClassData

_BUSY_SECONDS = 60


def _tuned_engine(address: str) -> sa.Engine:
    engine = sa.create_engine(
        address, pool_size=8, max_overflow=32, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False}
    )

    @sa.event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=OFF")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.close()

    return engine


class TunedEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """Event log in one SQLite file over one cached engine."""

    @cached_property
    def _engine(self) -> sa.Engine:
        return _tuned_engine(self._conn_string)

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the event log has a table of that name."""
        with self._engine.connect() as connection:
            return bool(self._engine.dialect.has_table(connection, table_name))

    def dispose(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()
        super().dispose()  # type: ignore[no-untyped-call]


class TunedRunStorage(SqliteRunStorage):
    """Run storage over one cached engine."""

    @cached_property
    def _engine(self) -> sa.Engine:
        return _tuned_engine(self._conn_string)

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A connection in a transaction."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "TunedRunStorage":
        """The storage that a `run_storage` block of `dagster.yaml` describes."""
        return cls.from_local(inst_data=inst_data, **config_value)
