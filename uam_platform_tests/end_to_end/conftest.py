"""One small company, one rulebook, one uninterrupted run of it, another that differs in everything that must not matter, and its history
read twice, shared by the end-to-end tests."""

import itertools
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from uam_platform.runner import Runner
from uam_platform.scratch import run_world
from uam_platform_tests.end_to_end import chain
from uam_platform_tests.end_to_end.readings import History, read_history
from uam_platform_tests.end_to_end.watched import PROGRAM, watching


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
class Second:
    """A run of the company beside its truth, with one thread and short chunks, under watch; killed three times on its way.

    Attributes:
        out: what it wrote.
        ended: exit codes of its parts.
        opened: paths that Python code opened.
        seen: files of the truth that any code read; None where the system cannot tell.
    """

    out: Path
    ended: list[int]
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
def second(world: Path, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> Second:
    """The same company once more, and all that must not matter differs: truth beside it, threads, chunks, a process that dies."""
    folder = tmp_path_factory.mktemp("second")
    out, told = folder / "out", folder / "opened.txt"
    arguments = (world / "company", out, rules, told)
    with watching(world / "truth") as watch:
        ended = [chain.run_program(PROGRAM, arguments, folder / "console.log", kill) for kill in (*_moments(out), None)]
        opened = set(told.read_text(encoding="utf-8").splitlines())
        return Second(out, ended, opened, None if watch is None else watch.opened())


@pytest.fixture(scope="session")
def history(company: Path, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The company read at two moments of its history, and once of the last moment alone."""
    return read_history(company, tmp_path_factory.mktemp("late"), rules)


def _moments(out: Path) -> list[Callable[[], bool]]:
    """When the run is killed: while it loads, while it divides by day, while it takes snapshots."""
    chance = random.Random(20250307)
    return [
        _a_little_after(out, "raw/_loads/*.json", chance.randint(0, 100)),
        _a_little_after(out, "lake/staging/events/*/_current.json", chance.randint(0, 60)),
        _a_little_after(out, "lake/behavior/account_features/*/_current.json", chance.randint(0, 150)),
    ]


def _a_little_after(out: Path, pattern: str, looks: int) -> Callable[[], bool]:
    """True some looks (of a hundredth of a second) after a file appeared: a moment inside the work, not at its edge."""
    seen = itertools.count()
    return lambda: any(out.glob(pattern)) and next(seen) >= looks


def _recorded(instance: dg.DagsterInstance, kind: dg.DagsterEventType) -> int:
    return sum(len(instance.all_logs(run.run_id, of_type=kind)) for run in instance.get_runs())
