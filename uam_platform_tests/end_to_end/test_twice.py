"""The whole path twice on one small company: the same tables, the same alerts, each message once."""

from collections import Counter
from pathlib import Path

import pytest

from uam_platform.contracts import tables
from uam_platform.lake.engine import connect
from uam_platform.lake.store import Lake
from uam_platform.scratch import run_world
from uam_platform_tests.end_to_end import chain
from uam_platform_tests.end_to_end.conftest import Recorded, Second
from uam_platform_tests.orchestration.budget import predicted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def said_again(company: Path, rules: Path, whole: Recorded) -> list[str]:
    """What another run over the folder of the first one said."""
    said: list[str] = []
    run_world(company, whole.out, said.append, policy_dir=rules)
    return said


def test_every_stage_recorded_something(whole: Recorded) -> None:
    recorded = {"/".join(key.split("/")[:2]) for key in whole.versions}
    assert recorded == {f"{c.stage}/{c.name}" for c in tables.CONTRACTS}
    lake, connection = Lake(whole.out / "lake"), connect()
    for contract in (tables.EVENTS, tables.SESSIONS, tables.ACCOUNT_FEATURES, tables.SCORES, tables.CANDIDATES):
        assert lake.read(connection, contract).count().to_pyarrow().as_py() > 0, contract.name


def test_all_tables_from_staging_on_are_identical_whatever_threads_and_chunks(whole: Recorded, second: Second) -> None:
    assert chain.versions(second.out) == whole.versions


def test_the_ledgers_are_identical(whole: Recorded, second: Second) -> None:
    assert chain.ledger_rows(second.out) == whole.ledger


def test_every_row_of_every_load_has_one_outcome(whole: Recorded) -> None:
    books = Lake(whole.out / "lake").read(connect(), tables.LOAD_RECONCILIATION).to_pandas()
    assert {"segment", "zendesk", "salesforce"} <= set(books["source"])
    outcome = books[["accepted_count", "quarantined_count", "duplicate_count"]].sum(axis=1)
    assert (books["rows_in_count"] == outcome).all()
    assert books["duplicate_count"].sum() > 0, "the company has duplicates"
    assert books["quarantined_count"].sum() > 0, "the company has malformed records"


def test_a_second_run_over_the_same_folder_changes_nothing(whole: Recorded, said_again: list[str]) -> None:
    assert chain.versions(whole.out) == whole.versions
    assert chain.ledger_rows(whole.out) == whole.ledger
    assert not [line for line in said_again if "snapshot" in line or "daily activity" in line]


def test_the_latest_alerts_were_sent_and_no_message_twice(whole: Recorded, said_again: list[str]) -> None:
    sent = [row for row in whole.ledger["outbox"] if row["destination"] == "slack"]
    assert sent
    assert {row["state"] for row in sent} == {"sent"}
    arrived = chain.received(whole.out)
    assert arrived == whole.received
    ids = Counter(entry["message"]["metadata"]["event_payload"]["id"] for entry in arrived)
    assert ids == Counter({row["idempotency_key"]: 1 for row in sent})


def test_only_the_latest_snapshot_acted(whole: Recorded) -> None:
    as_of = {str(row["as_of"]) for row in whole.ledger["outbox"]}
    assert as_of == {"2025-03-07"}
    assert len({str(row["as_of"]) for row in whole.ledger["transitions"]}) > 1, "earlier ones were recorded"


def test_the_event_log_holds_as_many_materialisations_as_the_partitions_predict(whole: Recorded) -> None:
    assert whole.materialised == predicted(whole.runner.wiring)
    assert whole.checked < 200, "a check of a range is one record, not one per partition"
