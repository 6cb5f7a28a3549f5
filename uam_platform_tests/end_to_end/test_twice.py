"""The whole path twice on one small company: the same tables, the same alerts, each message once."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from uam_platform.contracts import tables
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.scratch import run_world
from uam_platform_tests.end_to_end import chain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Twice:
    """Two runs of one company into two folders, and what a third into the first folder said."""

    first: Path
    second: Path
    before: dict[str, str]
    ledger_before: dict[str, list[dict[str, object]]]
    received_before: list[dict[str, object]]
    said_again: list[str]


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Twice:
    folder = tmp_path_factory.mktemp("twice")
    company, rules = chain.make_company(folder), chain.make_rulebook(folder / "rules")
    first, second = folder / "first", folder / "second"
    run_world(company, first, lambda line: None, policy_dir=rules)
    run_world(company, second, lambda line: None, policy_dir=rules, engine_threads=1, chunk_days=13)
    before = chain.versions(first), chain.ledger_rows(first), chain.received(first)
    said: list[str] = []
    run_world(company, first, said.append, policy_dir=rules)
    return Twice(first, second, *before, said)


def test_every_stage_recorded_something(twice: Twice) -> None:
    recorded = {"/".join(key.split("/")[:2]) for key in twice.before}
    assert recorded == {f"{c.stage}/{c.name}" for c in tables.CONTRACTS}
    lake, connection = Lake(twice.first / "lake"), connect()
    for contract in (tables.EVENTS, tables.SESSIONS, tables.ACCOUNT_FEATURES, tables.SCORES, tables.CANDIDATES):
        assert lake.read(connection, contract).count().to_pyarrow().as_py() > 0, contract.name


def test_all_tables_from_staging_on_are_identical_whatever_threads_and_chunks(twice: Twice) -> None:
    assert chain.versions(twice.second) == twice.before


def test_the_ledgers_are_identical(twice: Twice) -> None:
    assert chain.ledger_rows(twice.second) == twice.ledger_before


def test_every_row_of_every_load_has_one_outcome(twice: Twice) -> None:
    books = Lake(twice.first / "lake").read(connect(), tables.LOAD_RECONCILIATION).to_pandas()
    assert {"segment", "zendesk", "salesforce"} <= set(books["source"])
    outcome = books[["accepted_count", "quarantined_count", "duplicate_count"]].sum(axis=1)
    assert (books["rows_in_count"] == outcome).all()
    assert books["duplicate_count"].sum() > 0, "the company has duplicates"
    assert books["quarantined_count"].sum() > 0, "the company has malformed records"


def test_a_second_run_over_the_same_folder_changes_nothing(twice: Twice) -> None:
    assert chain.versions(twice.first) == twice.before
    assert chain.ledger_rows(twice.first) == twice.ledger_before
    assert not [line for line in twice.said_again if "snapshot" in line or "daily activity" in line]


def test_the_latest_alerts_were_sent_and_no_message_twice(twice: Twice) -> None:
    sent = [row for row in twice.ledger_before["outbox"] if row["destination"] == "slack"]
    assert sent
    assert {row["state"] for row in sent} == {"sent"}
    arrived = chain.received(twice.first)
    assert arrived == twice.received_before
    ids = Counter(entry["message"]["metadata"]["event_payload"]["id"] for entry in arrived)
    assert ids == Counter({row["idempotency_key"]: 1 for row in sent})


def test_only_the_latest_snapshot_acted(twice: Twice) -> None:
    as_of = {str(row["as_of"]) for row in twice.ledger_before["outbox"]}
    assert as_of == {"2025-03-07"}
    assert len({str(row["as_of"]) for row in twice.ledger_before["transitions"]}) > 1, "earlier ones were recorded"
