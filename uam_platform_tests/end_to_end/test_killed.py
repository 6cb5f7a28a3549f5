"""A run that is killed with SIGKILL and started again ends like one that was never interrupted."""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from uam_platform_tests.end_to_end import chain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def exists(pattern: str, out: Path) -> bool:
    return any(out.glob(pattern))


def a_little_after(begun: Callable[[], bool], looks: int) -> Callable[[], bool]:
    """True some looks (of a hundredth of a second) after `begun` held: a moment inside the work, not at its edge."""
    seen = itertools.count()
    return lambda: begun() and next(seen) >= looks


@pytest.fixture(scope="module")
def killed_and_whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[int]]:
    """A run killed three times on its way, a run that was never interrupted, and how the parts of the first ended."""
    folder = tmp_path_factory.mktemp("killed")
    company, rules = chain.make_company(folder), chain.make_rulebook(folder / "rules")
    killed, whole = folder / "killed", folder / "whole"
    chance = random.Random(20250307)
    moments: list[Callable[[], bool]] = [
        a_little_after(lambda: exists("raw/_loads/*.json", killed), chance.randint(0, 100)),
        a_little_after(lambda: exists("lake/staging/events/*/_current.json", killed), chance.randint(0, 60)),
        a_little_after(
            lambda: exists("lake/behavior/account_features/*/_current.json", killed), chance.randint(0, 150)
        ),
    ]
    ended = [chain.run_in_process_of_its_own(company, killed, rules, moment) for moment in moments]
    ended.append(chain.run_in_process_of_its_own(company, killed, rules))
    ended.append(chain.run_in_process_of_its_own(company, whole, rules))
    return killed, whole, ended


def test_it_was_killed_and_then_completed(killed_and_whole: tuple[Path, Path, list[int]]) -> None:
    killed, _, ended = killed_and_whole
    assert ended == [-9, -9, -9, 0, 0], (killed / "console.log").read_text(encoding="utf-8")


def test_its_tables_equal_those_of_an_uninterrupted_run(killed_and_whole: tuple[Path, Path, list[int]]) -> None:
    killed, whole, _ = killed_and_whole
    assert chain.versions(killed) == chain.versions(whole)


def test_its_ledger_equals_that_of_an_uninterrupted_run(killed_and_whole: tuple[Path, Path, list[int]]) -> None:
    killed, whole, _ = killed_and_whole
    assert chain.ledger_rows(killed) == chain.ledger_rows(whole)


def test_its_messages_arrived_once(killed_and_whole: tuple[Path, Path, list[int]]) -> None:
    for out in killed_and_whole[:2]:
        planned = [r["idempotency_key"] for r in chain.ledger_rows(out)["outbox"] if r["destination"] == "slack"]
        ids = Counter(entry["message"]["metadata"]["event_payload"]["id"] for entry in chain.received(out))
        assert ids == Counter(planned)
        assert planned
