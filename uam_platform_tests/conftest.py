"""What tests of several areas share: ledgers on both databases that the platform supports, how workers divide the suite, and what is
said at its end about recorded vendor files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

from uam_platform.ledger.engine import Ledger
from uam_platform_tests.command_line import uam  # noqa: F401 - a fixture of several areas
from uam_platform_tests.ledger.findings import new_ledger
from uam_platform_tests.ledger.postgres_server import NoServerError, PostgresServer, running_server
from uam_platform_tests.vendors.inventory import VARIABLE, Reads

SHARING: Final = ("end_to_end", "simulation", "sandbox")
"""Folders whose files share one expensive fixture; with several workers they stay on one, and begin first."""

APART: Final = ("test_late_data.py", "test_silences.py")
"""Files of such folders that share another fixture among themselves; another worker takes them."""

READS: Final = Reads()
_ELSEWHERE: Final[set[str]] = set()
"""Files that other workers read."""


class ByFixture(LoadScopeScheduling):
    """Hands whole folders of `SHARING`, else whole files, to the workers."""

    def _split_scope(self, nodeid: str) -> str:
        path = Path(nodeid.split("::", maxsplit=1)[0])
        if path.parent.name not in SHARING:
            return str(path)
        return f"{path.parent.name} apart" if path.name in APART else path.parent.name


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFixture:
    """Divide the suite by expensive fixtures."""
    return ByFixture(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: SHARING.index(n) if (n := item.path.parent.name) in SHARING else len(SHARING))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells which recorded files it read."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["vendor_files"] = sorted(READS.seen)


def pytest_testnodedown(node: Any) -> None:
    """Take what a worker tells."""
    _ELSEWHERE.update(getattr(node, "workeroutput", {}).get("vendor_files", ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say whether the tests against recorded vendor files ran, and which files no test of this run read."""
    skipped = sum(VARIABLE in str(report.longrepr) for report in terminalreporter.stats.get("skipped", ()))
    if skipped:
        terminalreporter.write_line(
            f"NOT RUN: {skipped} tests against recorded vendor files; {VARIABLE} names no folder."
        )
    if READS.folder:
        total, unread = READS.unread(READS.seen | _ELSEWHERE)
        terminalreporter.write_line(
            f"Recorded vendor files: {total}, of which {len(unread)} were read by no test of this run."
        )
        for name in unread if len(unread) < 40 else ():
            terminalreporter.write_line(f"  not read: {name}")


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
