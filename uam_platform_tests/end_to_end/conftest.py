"""One small company, one rulebook, one uninterrupted run of it and another that differs in everything that must not matter, shared by
the end-to-end tests."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from uam_platform.runner import Runner
from uam_platform.scratch import run_world
from uam_platform_tests.end_to_end import chain
from uam_platform_tests.end_to_end.watched import run_audited, watching


@dataclass(frozen=True)
class Recorded:
    """A finished run, and what it had recorded when it ended."""

    out: Path
    runner: Runner
    versions: dict[str, str]
    ledger: dict[str, list[dict[str, Any]]]
    received: list[dict[str, Any]]
    materialised: int
    checked: int


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company folder; its truth was put away before any run."""
    return chain.make_company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rulebook under which so small a company has alerts."""
    return chain.make_rulebook(tmp_path_factory.mktemp("rulebook") / "rules")


@pytest.fixture(scope="session")
def whole(company: Path, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """An uninterrupted run."""
    out = tmp_path_factory.mktemp("whole") / "out"
    runner = run_world(company, out, lambda line: None, policy_dir=rules)
    counts = (
        _recorded(runner.instance, dg.DagsterEventType.ASSET_MATERIALIZATION),
        _recorded(runner.instance, dg.DagsterEventType.ASSET_CHECK_EVALUATION),
    )
    return Recorded(out, runner, chain.versions(out), chain.ledger_rows(out), chain.received(out), *counts)


@dataclass(frozen=True)
class Beside:
    """A run of the company beside its truth, with one thread and short chunks, under watch.

    Attributes:
        out: what it wrote.
        opened: paths that Python code opened.
        seen: files of the truth that any code read; None where the system cannot tell.
    """

    out: Path
    opened: set[str]
    seen: set[str] | None


@pytest.fixture(scope="session")
def world(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company with its truth put back beside it."""
    folder = tmp_path_factory.mktemp("beside") / "world"
    shutil.copytree(company, folder / "company")
    shutil.copytree(company.parents[1] / "truth-put-away", folder / "truth")
    return folder


@pytest.fixture(scope="session")
def second(world: Path, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> Beside:
    """The same company once more: truth beside it, other threads, other chunks, a process of its own."""
    out = tmp_path_factory.mktemp("second") / "out"
    with watching(world / "truth") as watch:
        opened = run_audited(world / "company", out, rules, out.parent / "opened.txt")
        return Beside(out, opened, None if watch is None else watch.opened())


def _recorded(instance: dg.DagsterInstance, kind: dg.DagsterEventType) -> int:
    return sum(len(instance.all_logs(run.run_id, of_type=kind)) for run in instance.get_runs())
