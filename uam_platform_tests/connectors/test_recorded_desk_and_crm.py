"""Recorded objects of Zendesk and Salesforce through our readers into tables; the sandbox's objects by Zendesk's specification."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from uam_platform.connectors import salesforce, zendesk
from uam_platform.connectors.salesforce_objects import READINGS
from uam_platform.connectors.salesforce_session import SalesforceSource
from uam_platform.connectors.zendesk_streams import EXPORTS
from uam_platform.lake.loads import Load
from uam_platform.simulation.sandbox import zendesk_feedback
from uam_platform.staging.records import RecordTables, canonical_records
from uam_platform_tests.connectors.fakes import FakeVendor, reply
from uam_platform_tests.connectors.vendor_samples import FOLDER, needs_samples, openapi, problems, sample
from uam_platform_tests.staging.landed import POLICY

OAS = "zendesk/oas/support-api.trimmed.json"
AIRBYTE = "zendesk/airbyte/expected_records.jsonl"
REOPENED = 9552117497999
pytestmark = needs_samples


def lists_of(node: Any, key: str) -> Iterator[dict[str, Any]]:
    """All objects in lists under a key, however deep."""
    values = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in values:
        if name == key and isinstance(value, list):
            yield from (each for each in value if isinstance(each, dict))
        else:
            yield from lists_of(value, key)


def recorded(vendor: str, key: str) -> list[dict[str, Any]]:
    files = sorted((Path(FOLDER) / vendor).rglob("*.json"))
    read = (json.loads(f.read_text()) for f in files if "oas" not in f.parts and "schemas" not in f.parts)
    return [each for document in read for each in lists_of(document, key)]


def streams() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (Path(FOLDER) / AIRBYTE).read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["stream"], []).append(row["data"])
    return found


def staged(source: str, landed: list[tuple[Any, ...]]) -> RecordTables:
    frame = pd.DataFrame(landed, columns=["source_object", "record_id", "modified_text", "payload"])
    load = Load(f"20260701T000000-0000-{source}", source, "2026-07-01T00:00:00", {}, {"records": len(frame)})
    return canonical_records([(load, frame.assign(row_no=range(len(frame))))], POLICY)


def desk(kind: str, objects: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return list(zendesk.records(next(e for e in EXPORTS if e.source_object == kind), objects))


@pytest.mark.proves("Zendesk", "recorded answers")
def test_every_recorded_object_of_the_help_desk_becomes_a_row_or_is_a_repeat() -> None:
    airbyte = streams()
    landed = [
        *desk("ticket", recorded("zendesk", "tickets") + airbyte["tickets"]),
        *desk("user", recorded("zendesk", "users") + airbyte["users"]),
        *desk("organization", recorded("zendesk", "organizations") + airbyte["organizations"]),
        *desk("ticket_metric_event", airbyte["ticket_metric_events"]),
        *desk("satisfaction_rating", airbyte["satisfaction_ratings"]),
    ]
    assert len(landed) > 40
    found = staged("zendesk", landed)
    assert found.quarantine.empty, found.quarantine[["source_object", "reason", "detail"]]
    assert len(found.tickets) == len({row[1] for row in landed if row[0] == "ticket"})
    assert found.satisfaction_ratings["satisfaction"].isin(("offered", "good", "bad", "unoffered")).all()


@pytest.mark.proves("Zendesk", "recorded answers")
def test_the_recorded_reopening_is_one() -> None:
    audit = next(a for a in streams()["ticket_audits"] if a["id"] == REOPENED)
    children = [
        {"event_type": e["type"], e["field_name"]: e["value"], "previous_value": e.get("previous_value")}
        for e in audit["events"]
        if e.get("field_name")
    ]
    event = {
        "id": audit["id"],
        "ticket_id": audit["ticket_id"],
        "created_at": audit["created_at"],
        "child_events": children,
    }
    changes = staged("zendesk", desk("ticket_event", [event])).ticket_events["change"].tolist()
    assert changes.count("reopened") == 1


def test_what_the_sandbox_measures_and_asks_keeps_the_published_specification() -> None:
    moment = datetime(2025, 1, 6, 10, tzinfo=UTC)
    document = openapi(OAS)
    event = {"id": 1, "ticket_id": 2, "metric": "reply_time", "instance_id": 1, "type": "breach", "time": moment}
    assert problems(document, "TicketMetricEventBaseObject", zendesk_feedback.metric_event(event)) == []
    rating = {
        "id": 1, "ticket_id": 2, "requester_id": 3, "assignee_id": 4, "group_id": None, "score": "good", "comment": None,
        "created_at": moment, "updated_at": moment,
    }  # fmt: skip
    assert problems(document, "SatisfactionRatingObject", zendesk_feedback.rating(rating, "https://x")) == []


def test_the_streams_are_asked_for_with_parameters_that_exist() -> None:
    paths = openapi(OAS)["paths"]
    for export in EXPORTS:
        operation = paths[f"/api/v2/{export.path.removesuffix('.json')}"]["get"]
        told = {p["name"] for p in operation.get("parameters", ()) if "name" in p} | {operation["description"]}
        for name in export.params:
            value = export.params[name]
            assert name in told or any(value in text or name in text for text in told), (export.source_object, name)


@pytest.mark.proves("Salesforce", "recorded answers")
def test_recorded_records_of_salesforce_are_landed_without_attributes_and_their_limits_are_read() -> None:
    rows = [r for r in recorded("salesforce", "records") if "attributes" in r and "Id" in r]
    assert len(rows) > 100
    landed = salesforce.records(READINGS[1], rows)
    assert [row[1] for row in landed] == [r["Id"] for r in rows]
    assert all("attributes" not in json.loads(row[3]) for row in landed)
    limits = next(iter(sample("salesforce/nango/get-limits.json")["interactions"]["get"].values()))["response"]

    def answer(request: httpx.Request) -> httpx.Response:
        if "oauth2" in request.url.path:
            return reply({"access_token": "t", "instance_url": "https://acme.my.salesforce.com"})
        return reply(limits)

    told = salesforce.probe(SalesforceSource("https://acme.my.salesforce.com", "a", "b"), FakeVendor(answer).wire())
    assert f"of {limits['DailyApiRequests']['Max']:,} calls of the day left" in told
