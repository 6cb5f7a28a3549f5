"""What tests of several areas share: ledgers on both databases that the platform supports, and how workers divide the suite."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

from uam_platform.ledger.engine import Ledger
from uam_platform_tests.ledger.findings import new_ledger
from uam_platform_tests.ledger.postgres_server import NoServerError, PostgresServer, running_server

SHARING: Final = ("end_to_end", "simulation", "sandbox")
"""Folders whose files share one expensive fixture; with several workers they stay on one, and begin first."""


class ByFixture(LoadScopeScheduling):
    """Hands whole folders of `SHARING`, else whole files, to the workers."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.split("::", maxsplit=1)[0])
        return path.parent.name if path.parent.name in SHARING else str(path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFixture:
    """Divide the suite by expensive fixtures."""
    return ByFixture(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: SHARING.index(n) if (n := item.path.parent.name) in SHARING else len(SHARING))


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
