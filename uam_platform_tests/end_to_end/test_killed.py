"""A run that is killed with SIGKILL and started again ends like one that was never interrupted."""

from collections import Counter

import pytest

from uam_platform_tests.end_to_end import chain
from uam_platform_tests.end_to_end.conftest import Recorded, Second

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_it_was_killed_and_then_completed(second: Second) -> None:
    assert second.ended == [-9, -9, -9, 0], (second.out.parent / "console.log").read_text(encoding="utf-8")


def test_its_tables_equal_those_of_an_uninterrupted_run(second: Second, whole: Recorded) -> None:
    assert chain.versions(second.out) == whole.versions


def test_its_ledger_equals_that_of_an_uninterrupted_run(second: Second, whole: Recorded) -> None:
    assert chain.ledger_rows(second.out) == whole.ledger


def test_its_messages_arrived_once(second: Second) -> None:
    planned = [r["idempotency_key"] for r in chain.ledger_rows(second.out)["outbox"] if r["destination"] == "slack"]
    ids = Counter(entry["message"]["metadata"]["event_payload"]["id"] for entry in chain.received(second.out))
    assert ids == Counter(planned)
    assert planned
