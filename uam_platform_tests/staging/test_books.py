"""Every count from delivery to table adds up, and what was taken away is named by source, table and day."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uam_platform.contracts import tables
from uam_platform.contracts.landing import RECORD_COLUMNS
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.policy.sources import shipped_sources
from uam_platform.staging.balance import publish_record_books
from uam_platform.staging.day_books import day_books, day_imbalance
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import delivery_keys_of, pending, take_in
from uam_platform.staging.record_ways import BOOKS
from uam_platform.staging.records import RecordTables, canonical_records
from uam_platform.staging.table_books import TableBook, table_books
from uam_platform_tests.staging.landed import NOW, POLICY, delivery, land, manifest_in
from uam_platform_tests.staging.test_events import TAXONOMY
from uam_platform_tests.staging.test_records import A1, A2, C1, account, term

CONNECTION = connect()
DAYS = ["2025-01-06", "2025-01-07"]
TABLES = (tables.DELIVERIES, tables.EVENTS, tables.UNKNOWN_EVENTS, tables.DUPLICATES_LOG)
PERIOD = {"created_at": "2024-06-01T00:00:00Z"}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[ibis.Table, ...]:
    """Deliveries of two days and what became of them: two events, an unknown name, a repeat on each day."""
    folder = tmp_path_factory.mktemp("days")
    manifest, lake = manifest_in(folder), Lake(folder / "lake")
    for day in DAYS:
        moment = {"original_text": None, "occurred_text": f"{day}T12:00:00Z", "received_text": f"{day}T12:00:01Z"}
        named = [("a", "report_generated"), ("b", "report_generated"), ("c", "oops"), ("a", "report_generated")]
        land(manifest, [delivery(message_id=f"{day}{one}", event_name=name, **moment) for one, name in named])
    for load in pending(lake, manifest):
        take_in(CONNECTION, lake, manifest, load, POLICY)
    lake.publish(CONNECTION, tables.EVENTS, publish_around_events(CONNECTION, lake, DAYS, TAXONOMY, POLICY), DAYS)
    return tuple(
        lake.read(CONNECTION, c, delivery_keys_of(lake, DAYS) if c is tables.DELIVERIES else DAYS) for c in TABLES
    )


def test_deliveries_of_a_day_are_events_unknown_names_or_repeats(days: tuple[ibis.Table, ...]) -> None:
    books = day_books(*days)
    assert books.to_numpy().tolist() == [["segment", date.fromisoformat(day), 4, 2, 1, 1] for day in DAYS]
    assert day_imbalance(books) == []


@pytest.mark.parametrize("number", range(4), ids=[c.name for c in TABLES])
def test_a_row_that_is_taken_away_is_named_with_source_day_and_difference(
    number: int, days: tuple[ibis.Table, ...]
) -> None:
    table, kept = days[number], list(days)
    second = table.filter(table.event_date == date.fromisoformat(DAYS[1]))
    kept[number] = table.anti_join(second.order_by("load_id", "row_no").limit(1), ["load_id", "row_no"])
    (message,) = day_imbalance(day_books(*kept))
    assert message.startswith("segment on 2025-01-07: 1 ")
    assert ("rows stand for no delivery" in message) == (number == 0)
    assert "compute that event day again" in message


def test_a_row_that_is_there_twice_is_told_too(days: tuple[ibis.Table, ...]) -> None:
    deliveries, events, unknown, repeats = days
    twice = events.union(events.filter(events.event_date == date.fromisoformat(DAYS[0])))
    (message,) = day_imbalance(day_books(deliveries, twice, unknown, repeats))
    assert message.startswith("segment on 2025-01-06: 2 rows stand for no delivery (4 delivered; 4 in events")


# records


def deal(key: str) -> tuple[str, str, dict[str, Any]]:
    said = {"Id": key, "AccountId": A1, "StageName": "Open", "Type": "Expansion", "CreatedDate": "2025-01-01T00:00:00Z"}
    return "Opportunity", key, said


def ticket(number: int, **more: Any) -> tuple[str, str, dict[str, Any]]:
    said = {"id": number, "subject": "x", "created_at": "2025-02-01T00:00:00Z", "updated_at": "2025-02-01T00:00:00Z"}
    return "ticket", str(number), said | more


def user(number: int, role: str) -> tuple[str, str, dict[str, Any]]:
    return "user", str(number), {"id": number, "role": role, "email": f"u{number}@x.example", **PERIOD}


SENT: dict[str, list[tuple[str, str, Any]]] = {
    "salesforce": [
        account(A1), account(A1, Industry="Mining", SystemModstamp="2025-02-02T00:00:00Z"), account(A2), term(), deal("006000000000001AAA"),
        ("Contract", "800000000000002AAA", {"AccountId": "001000000000009AAA", "StartDate": "2025-01-10"}),
        ("Contact", "003000000000001AAA", {"AccountId": A1, "Email": "a@x.example", "CreatedDate": "2024-06-01T00:00:00Z"}),
        ("Contact", "003000000000002AAA", {"AccountId": A1, "IsDeleted": True, "CreatedDate": "2024-06-01T00:00:00Z"}),
    ],
    "zendesk": [ticket(1), ticket(1), ticket(2), ticket(3, created_at="?"), user(7, "end-user"), user(8, "agent"),
        ("satisfaction_rating", "5", {"ticket_id": 1, "score": "good", **PERIOD}),
    ],
    "files": [
        ("accounts", "", {"account_id": "own_1", "account_name": "Own", **PERIOD}),
        ("tickets", "", {"ticket_id": "t1", "account_id": "own_1", **PERIOD}),
        ("subscriptions", "", {"subscription_id": "s1", "account_id": "own_1", "started_at": "2024-06-01T00:00:00Z"}),
        ("users", "", {"user_id": "p1", "email": "p@x.example", **PERIOD}),
    ],
    "ledger": [("verdict", "v1", {"verdict": "useful", "alert_id": "a", "known_at": "2025-02-01T00:00:00"})],
    "mixpanel": [
        ("profile", "m1", {"$distinct_id": "m1", "$properties": {"$email": "m@x.example"}}),
        ("profile", "m1", {"$distinct_id": "m1", "$properties": {"$email": "n@x.example"}}),
        ("profile", "$device:1", {"$distinct_id": "$device:1", "$properties": {}}),
    ],
}  # fmt: skip


def landed(manifest: LoadManifest) -> list[tuple[Load, pd.DataFrame]]:
    """One committed load of records per source."""
    found = []
    for source, records in SENT.items():
        load_id = manifest.next_id(source, NOW)
        folder = manifest.folder(load_id)
        folder.mkdir(parents=True)
        said = [
            (kind, key, said.get("SystemModstamp") or said.get("updated_at"), json.dumps(said))
            for kind, key, said in records
        ]
        rows = [
            dict(zip((name for name, _ in RECORD_COLUMNS), one, strict=True)) | {"row_no": n}
            for n, one in enumerate(said)
        ]
        schema = pa.schema([*((name, pa.string()) for name, _ in RECORD_COLUMNS), ("row_no", pa.int64())])
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "records-0.parquet")
        name = str((folder / "records-0.parquet").relative_to(manifest.root))
        load = Load(load_id, source, NOW.isoformat(), {"records": [name]}, {"records": len(rows)})
        manifest.commit(load)
        found.append((load, pd.DataFrame(rows)))
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, LoadManifest, RecordTables]:
    """A lake with the tables of some records, two of which are in quarantine."""
    folder = tmp_path_factory.mktemp("records")
    manifest, lake = manifest_in(folder), Lake(folder / "lake")
    loads = landed(manifest)
    found = canonical_records(loads, POLICY)
    publish_record_books(
        CONNECTION, lake, found.quarantine, found.counts, found.refused_fields, [load.load_id for load, _ in loads]
    )
    for book in BOOKS:
        lake.publish(CONNECTION, book.table, as_table(getattr(found, book.table.name), book.table))
    return lake, manifest, found


def books_of(lake: Lake, manifest: LoadManifest) -> list[TableBook]:
    return table_books(CONNECTION, lake, manifest, shipped_sources())


def wrong(lake: Lake, manifest: LoadManifest) -> list[str]:
    return [book.says for book in books_of(lake, manifest) if book.says]


def test_every_accepted_record_has_its_row_and_what_has_none_has_a_reason(
    built: tuple[Lake, LoadManifest, RecordTables],
) -> None:
    lake, manifest, found = built
    assert sorted(found.quarantine["reason"]) == ["unknown_account", "unreadable_time"]
    books = books_of(lake, manifest)
    assert [book.says for book in books if book.says] == []
    counted = {(b.table.split("/")[1], b.told_by): (b.records, b.stored, b.left_out) for b in books if b.told_by}
    assert counted == {
        ("accounts", "salesforce Account"): (2, 2, 0),
        ("accounts", "files accounts"): (1, 1, 0),
        ("subscriptions", "salesforce Contract"): (1, 1, 0),
        ("subscriptions", "files subscriptions"): (1, 1, 0),
        ("opportunities", "salesforce Opportunity"): (1, 1, 0),
        ("users_directory", "salesforce Contact"): (2, 1, 1),
        ("users_directory", "zendesk user"): (2, 1, 1),
        ("users_directory", "files users"): (1, 1, 0),
        ("users_directory", "mixpanel profile"): (2, 1, 1),
        ("tickets", "zendesk ticket"): (2, 2, 0),
        ("tickets", "files tickets"): (1, 1, 0),
        ("ticket_events", "zendesk ticket"): (2, 2, 0),
        ("ticket_events", "files tickets"): (1, 1, 0),
        ("satisfaction_ratings", "zendesk satisfaction_rating"): (1, 1, 0),
        ("verdicts", "ledger verdict"): (1, 1, 0),
    }


LOST = (
    (tables.ACCOUNTS, "account_id", "acc_2", "1 of 2 records of salesforce Account have no row (acc_2)"),
    (tables.SUBSCRIPTIONS, "subscription_id", C1, "1 of 1 records of salesforce Contract have no row (salesforce:800000000000001)"),
    (tables.USERS_DIRECTORY, "user_id_source", "7", "1 of 1 records of zendesk user have no row (user:7)"),
    (tables.TICKETS, "ticket_id", "zendesk:2", "1 of 2 records of zendesk ticket have no row (zendesk:2)"),
    (tables.TICKET_EVENTS, "ticket_id", "files:t1", "1 of 1 records of files tickets have no row (files:t1)"),
    (tables.VERDICTS, "verdict_id", "v1", "1 of 1 records of ledger verdict have no row (v1)"),
)  # fmt: skip


def test_rows_that_are_not_built_are_named_by_table_kind_and_id(
    built: tuple[Lake, LoadManifest, RecordTables],
) -> None:
    lake, manifest, found = built
    frames = {contract: getattr(found, contract.name) for contract, *_ in LOST}
    for contract, column, value, _ in LOST:
        frame = frames[contract]
        lake.publish(CONNECTION, contract, as_table(frame[frame[column] != value], contract))
    try:
        messages = wrong(lake, manifest)
    finally:
        for contract, frame in frames.items():
            lake.publish(CONNECTION, contract, as_table(frame, contract))
    assert sorted(messages) == sorted(
        f"staging/{contract.name}: {said}; compute the record tables again" for contract, _, _, said in LOST
    )


def test_a_row_without_a_record_is_named(built: tuple[Lake, LoadManifest, RecordTables]) -> None:
    lake, manifest, found = built
    more = found.tickets.assign(ticket_id=found.tickets["ticket_id"].replace("zendesk:2", "zendesk:99"))
    lake.publish(
        CONNECTION,
        tables.TICKETS,
        as_table(pd.concat([found.tickets, more]).drop_duplicates("ticket_id"), tables.TICKETS),
    )
    try:
        assert wrong(lake, manifest) == [
            "staging/tickets: 1 rows stand for no accepted record (zendesk:99); compute the record tables again"
        ]
    finally:
        lake.publish(CONNECTION, tables.TICKETS, as_table(found.tickets, tables.TICKETS))


def test_rows_that_vanish_after_their_publication_are_told(built: tuple[Lake, LoadManifest, RecordTables]) -> None:
    lake, manifest, _ = built
    (path,) = map(Path, lake.files(tables.TICKET_EVENTS))
    whole = pq.read_table(path)
    is_kept = pa.compute.invert(pa.compute.equal(whole["row_no"], whole["row_no"][0]))
    pq.write_table(whole.filter(is_kept), path)
    try:
        assert any("rows are stored of" in message for message in wrong(lake, manifest))
    finally:
        pq.write_table(whole, path)
