"""A run that is killed with SIGKILL and started again ends like one that was never interrupted."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from uam_platform_tests.end_to_end import chain
from uam_platform_tests.end_to_end.conftest import Recorded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def exists(pattern: str, out: Path) -> bool:
    return any(out.glob(pattern))


def a_little_after(begun: Callable[[], bool], looks: int) -> Callable[[], bool]:
    """True some looks (of a hundredth of a second) after `begun` held: a moment inside the work, not at its edge."""
    seen = itertools.count()
    return lambda: begun() and next(seen) >= looks


@pytest.fixture(scope="module")
def killed(company: Path, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A run killed three times on its way and then completed, and how its parts ended."""
    out = tmp_path_factory.mktemp("killed") / "out"
    chance = random.Random(20250307)
    moments: list[Callable[[], bool]] = [
        a_little_after(lambda: exists("raw/_loads/*.json", out), chance.randint(0, 100)),
        a_little_after(lambda: exists("lake/staging/events/*/_current.json", out), chance.randint(0, 60)),
        a_little_after(lambda: exists("lake/behavior/account_features/*/_current.json", out), chance.randint(0, 150)),
    ]
    ended = [chain.run_in_process_of_its_own(company, out, rules, moment) for moment in moments]
    return out, [*ended, chain.run_in_process_of_its_own(company, out, rules)]


def test_it_was_killed_and_then_completed(killed: tuple[Path, list[int]]) -> None:
    out, ended = killed
    assert ended == [-9, -9, -9, 0], (out / "console.log").read_text(encoding="utf-8")


def test_its_tables_equal_those_of_an_uninterrupted_run(killed: tuple[Path, list[int]], whole: Recorded) -> None:
    assert chain.versions(killed[0]) == whole.versions


def test_its_ledger_equals_that_of_an_uninterrupted_run(killed: tuple[Path, list[int]], whole: Recorded) -> None:
    assert chain.ledger_rows(killed[0]) == whole.ledger


def test_its_messages_arrived_once(killed: tuple[Path, list[int]]) -> None:
    planned = [r["idempotency_key"] for r in chain.ledger_rows(killed[0])["outbox"] if r["destination"] == "slack"]
    ids = Counter(entry["message"]["metadata"]["event_payload"]["id"] for entry in chain.received(killed[0]))
    assert ids == Counter(planned)
    assert planned
