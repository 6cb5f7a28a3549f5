"""The vendor connectors against the sandbox over real HTTP, also when it throttles, fails, cuts and expires."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pandas as pd
import pyarrow.parquet as pq
import pytest

from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.registry import Connector, configured, probes
from uam_platform.lake.loads import DELIVERIES, RECORDS, Load, LoadManifest
from uam_platform.settings import Settings
from uam_platform.simulation.sandbox import server
from uam_platform.simulation.sandbox.server import Running
from uam_platform.staging.records import canonical_records
from uam_platform_tests.connectors.fakes import NOW, contents, quiet, rows
from uam_platform_tests.sandbox.tiny_company import (
    CALL_COUNT,
    CONTACT_COUNT,
    END,
    START,
    TABLES,
    call_id,
    write_company,
)
from uam_platform_tests.staging.landed import POLICY as TIME

NOON = END.replace(tzinfo=None) + timedelta(hours=12)
CLOCKS = {"mixpanel": NOON, "amplitude": NOON}  # Mixpanel refuses days after today


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Path:
    return write_company(tmp_path_factory.mktemp("world") / "company")


@pytest.fixture(scope="module")
def shared(company, tmp_path_factory) -> Iterator[Running]:
    with server.running(company, tmp_path_factory.mktemp("state"), incremental_per_minute=10_000) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared) -> Iterator[Running]:
    yield shared
    httpx.delete(f"{shared.url}/_faults")


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def connectors(sandbox: Running) -> dict[str, Connector]:
    values = {"gong_start": START} | {
        name.removeprefix("UAM_").lower(): value for name, value in sandbox.credentials.items()
    }
    return {c.name: c for c in configured(Settings(_env_file=None, first_day=START.date(), **values))}


def land(connector: Connector, manifest: LoadManifest, progress=quiet, now=None) -> Load | None:
    now = now or CLOCKS.get(connector.name, NOW)
    return connector.land(manifest, manifest.next_id(connector.name, now), now, progress)


def trouble(sandbox: Running, match: str, kind: str, **more) -> None:
    httpx.post(f"{sandbox.url}/_faults", json={"match": match, "kind": kind, **more}).raise_for_status()


@pytest.mark.proves("Segment", "authentication")
def test_every_delivery_of_the_company_arrives_including_spoilt_lines(sandbox, company, manifest):
    load = land(connectors(sandbox)["segment"], manifest)
    held = [
        row for path in sorted((company / "deliveries").glob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]
    landed = rows(manifest, load, DELIVERIES)
    assert len(landed) == len(held)
    readable = {row["message_id"] for row in held if row["defect"] not in ("truncated", "not_json")}
    assert {row["message_id"] for row in landed if row["parse_error"] is None} == readable
    assert sorted(row["parse_error"] for row in landed if row["parse_error"]) == sorted(
        row["defect"] for row in held if row["defect"] in ("truncated", "not_json")
    )
    numbers = {row["message_id"] for row in held if row["defect"] == "user_id_number" and row["user_id"]}
    assert all(row["user_id"].isdigit() for row in landed if row["message_id"] in numbers)
    assert land(connectors(sandbox)["segment"], manifest) is None


@pytest.mark.proves("Salesforce", "paging")
def test_every_record_of_salesforce_arrives_over_several_pages(sandbox, company, manifest):
    load = land(connectors(sandbox)["salesforce"], manifest)
    landed = rows(manifest, load, RECORDS)
    held = {
        name: pq.read_table(company / f"{name}.parquet").num_rows for name in TABLES if name.startswith("salesforce")
    }
    history = [row for row in landed if row["source_object"] == "OpportunityHistory"]
    assert len(landed) - len(history) == sum(held.values())
    assert sum(row["source_object"] == "Contact" for row in landed) == CONTACT_COUNT
    assert land(connectors(sandbox)["salesforce"], manifest) is None


def test_every_ticket_user_organisation_and_audit_arrives(sandbox, company, manifest):
    load = land(connectors(sandbox)["zendesk"], manifest)
    landed = rows(manifest, load, RECORDS)
    withheld = END - timedelta(minutes=1)  # Zendesk keeps the newest minute back
    held = pq.read_table(company / "zendesk_tickets.parquet").to_pylist()
    tickets = {str(row["ticket_id"]) for row in held if row["generated_at"] < withheld}
    assert {row["record_id"] for row in landed if row["source_object"] == "ticket"} == tickets
    events = [json.loads(row["payload"]) for row in landed if row["source_object"] == "ticket_event"]
    held = pq.read_table(company / "zendesk_ticket_events.parquet").to_pylist()
    assert sum(len(event["child_events"]) for event in events) == sum(row["occurred_at"] < withheld for row in held)
    count = Counter(row["source_object"] for row in landed)
    assert [count[kind] for kind in ("ticket_metric_event", "satisfaction_rating", "chat")] == [7, 3, 2]
    assert land(connectors(sandbox)["zendesk"], manifest) is None


def test_every_call_that_can_be_read_arrives_with_its_transcript(sandbox, manifest):
    connector = connectors(sandbox)["gong"]
    landed = [row for load in iter(lambda: land(connector, manifest), None) for row in rows(manifest, load, RECORDS)]
    readable = sorted(call_id(number) for number in range(1, CALL_COUNT - 1))
    for kind in ("call", "transcript"):
        assert sorted(row["record_id"] for row in landed if row["source_object"] == kind) == readable


def test_every_copy_that_amplitude_holds_arrives_once(sandbox, company, manifest):
    connector = connectors(sandbox)["amplitude"]
    load = land(connector, manifest)
    held = [
        row
        for path in sorted((company / "amplitude_events").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    landed = rows(manifest, load, DELIVERIES)
    assert len(landed) == len(held)
    forwarded = {row["insert_id"] for row in held if row["library"] == "segment"}
    assert forwarded <= {row["message_id"] for row in landed}
    own = {f"{row['device_id'] or row['user_id']}:{row['insert_id']}" for row in held if row["library"] != "segment"}
    assert own <= {row["message_id"] for row in landed}
    assert {row["workspace_id"] for row in landed} == {"ws_1"}
    assert land(connector, manifest) is None


def test_what_segment_forwards_to_mixpanel_arrives_under_segments_ids_and_profiles_beside_it(
    sandbox, company, manifest
):
    connector = connectors(sandbox)["mixpanel"]
    loads = [land(connector, manifest, now=NOON), land(connector, manifest, now=NOON)]
    assert land(connector, manifest, now=NOON) is None
    held = {
        row["message_id"]: row
        for path in sorted((company / "deliveries").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
        if row["type"] == "track" and row["defect"] is None
    }
    landed = rows(manifest, loads[0], DELIVERIES)
    assert {row["message_id"] for row in landed} == set(held)
    one = next(row for row in landed if held[row["message_id"]]["side"] == "client")
    assert one["user_id"] == held[one["message_id"]]["user_id"]
    assert one["side"] == "client"
    assert {row["source_object"] for row in rows(manifest, loads[1], RECORDS)} == {"profile"}


def test_the_doctor_asks_both_vendors_of_records(sandbox):
    values = {name.removeprefix("UAM_").lower(): value for name, value in sandbox.credentials.items()}
    told = {name: look() for name, look in probes(Settings(_env_file=None, **values)).items()}
    assert "accepted as administrator; chats are read" in told["zendesk"]
    assert "calls of the day left" in told["salesforce"]
    wrong = probes(Settings(_env_file=None, **values | {"zendesk_chat_token": "wrong"}))["zendesk"]
    with pytest.raises(PermanentError, match="UAM_ZENDESK_CHAT_TOKEN"):
        wrong()


def test_what_the_sandbox_serves_becomes_tables_and_nothing_is_told_twice(sandbox, manifest):
    load = land(connectors(sandbox)["zendesk"], manifest)
    frame = pd.DataFrame(rows(manifest, load, RECORDS))
    found = canonical_records([(load, frame), (replace(load, load_id=load.load_id + "-again"), frame)], TIME)
    history = found.ticket_events[found.ticket_events["ticket_id"] == "zendesk:1"]
    assert history["change"].tolist() == ["opened", "breached", "replied", "solved", "reopened", "solved"]
    assert found.satisfaction_ratings["satisfaction"].tolist() == ["good", "bad", "offered"]
    said = found.utterances[found.utterances["channel"].isin(("chat", "rating"))]
    assert said[["channel", "author_kind", "account_id"]].value_counts().to_dict() == {
        ("chat", "agent", "acc_00001"): 2,
        ("chat", "customer", "acc_00001"): 1,
        ("chat", "agent", "acc_00002"): 2,
        ("chat", "customer", "acc_00002"): 1,
        ("rating", "customer", "acc_00001"): 1,
    }
    assert found.quarantine.empty


def test_documents_arrive_with_whose_they_are_and_broken_files_with_their_reason(sandbox, manifest):
    load = land(connectors(sandbox)["documents"], manifest)
    found = canonical_records([(load, pd.DataFrame(rows(manifest, load, RECORDS)))], TIME)
    attached = found.documents.set_index("document_id")["attached_by"].to_dict()
    assert attached == {
        "documents:doc_0": "nothing",  # declares an account that the records of this test do not know
        "documents:doc_1": "nothing",
        "documents:doc_2": "nothing",
        "documents:doc_3": "nothing",
    }
    assert set(found.documents["media_type"]) == {"application/pdf", "text/markdown", "text/plain"}
    quotes = found.utterances[found.utterances["author_kind"] == "customer"]
    assert set(quotes["text"]) == {"The import fails every day."}
    assert sorted(found.quarantine["reason"]) == ["damaged_pdf", "encrypted", "no_text", "wrong_encoding"]
    assert land(connectors(sandbox)["documents"], manifest) is None


def test_signals_of_another_tool_arrive_signed_once_and_with_their_account(sandbox, manifest):
    pairs = []
    for name in ("salesforce", "exchange"):
        load = land(connectors(sandbox)[name], manifest)
        pairs.append((load, pd.DataFrame(rows(manifest, load, RECORDS))))
    found = canonical_records(pairs, TIME)
    assert list(found.external_signals["signal_id"])[:2] == ["sigos/sig-1", "sigos/sig-2"]
    of_signals = found.quarantine[found.quarantine["source"] == "exchange"]
    assert sorted(of_signals["reason"]) == ["unknown_account", "wrong_type"]
    assert land(connectors(sandbox)["exchange"], manifest) is None


def test_releases_exposures_and_the_calendar_arrive_in_their_forms(sandbox, manifest):
    load = land(connectors(sandbox)["releases"], manifest)
    landed = rows(manifest, load, RECORDS)
    assert Counter(row["source_object"] for row in landed) == {
        "github_release": 2,
        "flag_exposure": 2,
        "announcement": 1,
    }
    assert land(connectors(sandbox)["releases"], manifest) is None


@pytest.mark.parametrize(
    ("name", "match", "kind"),
    [
        ("mixpanel", "/mixpanel/api/2.0/export", "cut_body"),
        ("mixpanel", "/mixpanel/api/2.0/export", "429"),
        ("mixpanel", "/mixpanel/api/2.0/export", "500"),
        ("mixpanel", "/mixpanel/api/2.0/export", "200_error"),
        ("mixpanel", "/mixpanel/api/2.0/export", "drip"),
        ("amplitude", "/amplitude", "cut_body"),
        ("amplitude", "/amplitude", "429"),
        ("amplitude", "/amplitude", "500"),
        ("amplitude", "/amplitude", "200_error"),
        ("amplitude", "/amplitude", "drip"),
        ("segment", "/acme-segment/segment-logs/web", "cut_body"),
        ("segment", "/acme-segment", "500"),
        ("segment", "/acme-segment", "429"),
        ("releases", "/acme-exports/releases/flag_exposures.csv", "cut_body"),
        ("zendesk", "/zendesk", "cut_body"),
        ("zendesk", "/zendesk", "429"),
        ("zendesk", "/zendesk", "200_error"),
        ("zendesk", "/zendesk/api/v2/incremental/ticket_events", "empty_page"),
        ("gong", "/gong/v2/calls/transcript", "cut_body"),
        ("gong", "/gong/v2/users", "429"),
        ("gong", "/gong/v2/calls/extensive", "429_no_retry_after"),
        ("gong", "/gong/v2/calls", "500"),
        ("gong", "/gong", "200_error"),
        ("gong", "/gong/v2/calls", "empty_page"),
        ("zendesk", "/zendesk/api/v2/incremental", "out_of_order"),
        ("zendesk", "/zendesk/api/v2/incremental", "500_after_commit"),
        ("zendesk", "/zendesk/api/v2/chat", "cut_body"),
        ("zendesk", "/zendesk/api/v2/satisfaction_ratings", "429_no_retry_after"),
        ("salesforce", "/salesforce/services/data", "500_after_commit"),
        ("salesforce", "/salesforce/services/data", "expired_token"),
        ("salesforce", "/salesforce/services/data", "500"),
        ("salesforce", "/salesforce/services/data", "empty_page"),
        ("salesforce", "/salesforce/services/data", "out_of_order"),
        ("salesforce", "/salesforce/services/oauth2", "cut_body"),
    ],
)
def test_a_passing_trouble_changes_no_landed_byte(name, match, kind, sandbox, tmp_path):
    connector = connectors(sandbox)[name]
    calm, troubled = LoadManifest(tmp_path / "calm"), LoadManifest(tmp_path / "troubled")
    expected = contents(calm, land(connector, calm))
    trouble(sandbox, match, kind)
    found = contents(troubled, land(connector, troubled))
    assert httpx.get(f"{sandbox.url}/_faults").json() == [], "the trouble did not happen"
    assert found == expected


@pytest.mark.parametrize(("name", "match"), [("mixpanel", "/mixpanel/api/2.0/export"), ("amplitude", "/amplitude")])
def test_an_expired_credential_ends_the_load_with_what_to_check_and_without_the_credential(
    name, match, sandbox, manifest
):
    trouble(sandbox, match, "expired_token")
    with pytest.raises(PermanentError, match=f"UAM_{name.upper()}") as caught:
        land(connectors(sandbox)[name], manifest)
    secrets = [value for key, value in sandbox.credentials.items() if key.endswith(("SECRET", "KEY"))]
    assert not any(secret in str(caught.value) for secret in secrets)
    assert manifest.loads() == []


@pytest.mark.parametrize(("name", "match"), [("mixpanel", "/mixpanel/api/2.0/export"), ("amplitude", "/amplitude")])
@pytest.mark.proves("Mixpanel", "drift")
@pytest.mark.proves("Amplitude", "drift")
def test_a_changed_schema_is_landed_and_told(name, match, sandbox, tmp_path):
    connector, told = connectors(sandbox)[name], []
    manifest = LoadManifest(tmp_path / "raw")
    load = land(connector, manifest, now=NOON - timedelta(hours=54))
    trouble(sandbox, match, "changed_schema")
    while not (later := land(connector, manifest, told.append)) or DELIVERIES not in later.rows:
        assert later is not None
    assert load.counts["new_fields"] == 0
    assert later.counts["new_fields"] == 1
    assert any("ingestion_route" in line for line in told)
    assert all(row["duration_ms"] in ("1200", None) for row in rows(manifest, later, DELIVERIES))


@pytest.mark.parametrize(("name", "match"), [("mixpanel", "/mixpanel/api/2.0/export"), ("amplitude", "/amplitude")])
def test_what_an_export_holds_twice_is_landed_twice_and_never_again(name, match, sandbox, tmp_path):
    connector, once, twice = connectors(sandbox)[name], LoadManifest(tmp_path / "a"), LoadManifest(tmp_path / "b")
    calm = land(connector, once)
    trouble(sandbox, match, "duplicates", times=10)
    doubled = land(connector, twice)
    assert doubled.rows[DELIVERIES] == 2 * calm.rows[DELIVERIES]
    later = land(connector, twice, now=NOON + timedelta(hours=1))
    assert later is None or DELIVERIES not in later.rows
