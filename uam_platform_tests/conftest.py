"""What tests of several areas share: ledgers on both databases that the platform supports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from uam_platform.ledger.engine import Ledger
from uam_platform_tests.ledger.findings import new_ledger
from uam_platform_tests.ledger.postgres_server import NoServerError, PostgresServer, running_server


@pytest.fixture(scope="session")
def postgres_for_all() -> Iterator[PostgresServer | str]:
    """One PostgreSQL server for the whole session, or why there is none."""
    try:
        with running_server() as server:
            yield server
    except NoServerError as error:
        yield str(error)


@pytest.fixture
def postgres(postgres_for_all: PostgresServer | str) -> Iterator[PostgresServer]:
    """A PostgreSQL server whose ledgers are closed after the test."""
    if isinstance(postgres_for_all, str):
        pytest.skip(postgres_for_all)
    yield postgres_for_all
    postgres_for_all.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    """An empty ledger, once on each database."""
    if request.param == "sqlite":
        return new_ledger(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_ledger()
