"""One running sandbox for all tests of this folder, in a subprocess as users run it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from uam_platform.simulation.sandbox import server
from uam_platform.simulation.sandbox.server import Running
from uam_platform_tests.sandbox.tiny_company import write_company


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_company(tmp_path_factory.mktemp("world") / "company")


@pytest.fixture(scope="session")
def shared_sandbox(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with server.running(company, tmp_path_factory.mktemp("state"), incremental_per_minute=10_000) as running:
        yield running


@pytest.fixture
def sandbox(shared_sandbox: Running) -> Iterator[Running]:
    yield shared_sandbox
    httpx.delete(f"{shared_sandbox.url}/_faults")


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as http:
        yield http
