"""What vendors have published or recorded: every sample request is taken, every answer fits the vendor's own description."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from uam_platform_tests.collector.receiving import CLIENT_KEY, SERVER_KEY, deliveries, receiving

SAMPLES = Path(os.environ.get("UAM_VENDOR_SAMPLES", "no-vendor-samples"))
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="UAM_VENDOR_SAMPLES names no folder of recorded vendor files"
)
SERVER = {"Authorization": f"Bearer {SERVER_KEY}"}


def sample(path: str) -> Any:
    text = (SAMPLES / path).read_text(encoding="utf-8")
    return yaml.safe_load(text) if path.endswith((".yaml", ".yml")) else json.loads(text)


def recorded(path: str) -> tuple[str, Any, dict[str, Any], Any]:
    """Path, body, query and answer of a recorded POST."""
    ((called, one),) = sample(path)["interactions"]["post"].items()
    return called, one["request"]["data"], one["request"].get("params", {}), one["response"]


def fits(answer: Any, spec: dict[str, Any], schema: dict[str, Any]) -> None:
    jsonschema.validate(answer, {**schema, "components": spec["components"]})


def mixpanel_schema(spec: dict[str, Any], response: str) -> dict[str, Any]:
    (content,) = spec["components"]["responses"][response]["content"].values()
    return content["schema"]


@pytest.mark.proves("Segment's API", "published requests")
def test_every_published_payload_of_segment_is_taken_and_becomes_one_row(tmp_path):
    lines = (SAMPLES / "segment/segment-docs/spec_payload_examples.jsonl").read_text(encoding="utf-8").splitlines()
    payloads = [json.loads(line)["payload"] for line in lines]
    events = [event for payload in payloads for event in payload.get("batch", [payload])]
    with receiving(tmp_path / "j") as client:
        for event in events:
            assert client.post("/v1/batch", json={"batch": [event]}, headers=SERVER).status_code == 200
    found = deliveries(tmp_path / "j", tmp_path / "raw")
    assert len(found) == len(events) > 24
    assert [row.get("kind") for row in found] == [
        "page" if event.get("type") == "screen" else event.get("type") for event in events
    ]
    assert not [row for row in found if "parse_error" in row]


@pytest.mark.parametrize("name", ["track-event", "batch-events"])
@pytest.mark.proves("Amplitude's API", "published requests")
def test_amplitudes_recorded_uploads_are_answered_as_recorded(tmp_path, name):
    path, body, _, answered = recorded(f"amplitude/nango/{name}.json")
    spec = sample("amplitude/api-evangelist/http-v2.openapi.yml")
    with receiving(tmp_path / "j") as client:
        answer = client.post(path, json={**body, "api_key": SERVER_KEY}).json()
        refused = client.post(path, json={"api_key": SERVER_KEY, "events": [{"event_type": 1}]})
    assert answer.keys() == answered.keys()
    assert (answer["code"], answer["events_ingested"]) == (answered["code"], answered["events_ingested"])
    fits(answer, spec, spec["components"]["schemas"]["UploadResponse"])
    fits(refused.json(), spec, spec["components"]["schemas"]["ErrorResponse"])
    assert refused.status_code == 400
    found = deliveries(tmp_path / "j", tmp_path / "raw")
    assert [row.get("event_name") for row in found] == [body["events"][0]["event_type"], None]


def test_amplitudes_recorded_identify_call_is_answered_as_recorded(tmp_path):
    path, body, _, answered = recorded("amplitude/nango/identify-user.json")
    text = "api_key=" + SERVER_KEY + body[body.index("&") :]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with receiving(tmp_path / "j") as client:
        assert client.post(path, content=text, headers=form).text == answered
    (row,) = deliveries(tmp_path / "j", tmp_path / "raw")
    assert (row["kind"], row["user_id"]) == ("identify", "test-user-123")


@pytest.mark.proves("Mixpanel's API", "published requests")
def test_mixpanels_recorded_import_and_its_errors_fit_the_official_description(tmp_path):
    path, body, query, answered = recorded("mixpanel/nango/import-events.json")
    spec = sample("mixpanel/openapi/ingestion.openapi.yaml")
    with receiving(tmp_path / "j") as client:
        answer = client.post(path, json=body, params=query, auth=(SERVER_KEY, ""))
        assert answer.json() == answered
        fits(answer.json(), spec, mixpanel_schema(spec, "StrictReceived"))
        spoilt = [{"event": "e", "properties": {}}, body[0]]
        partial = client.post(path, json=spoilt, params=query, auth=(SERVER_KEY, ""))
        assert (partial.status_code, partial.json()["num_records_imported"]) == (400, 1)
        fits(partial.json(), spec, mixpanel_schema(spec, "StrictInvalid"))
        nobody = client.post(path, json=body, params=query, auth=("nobody", ""))
        assert nobody.status_code == 401
        fits(nobody.json(), spec, mixpanel_schema(spec, "StrictUnauthorized"))
        large = client.post(path, json=body * 2001, params=query, auth=(SERVER_KEY, ""))
        assert large.status_code == 413
        fits(large.json(), spec, mixpanel_schema(spec, "StrictTooLarge"))
    found = deliveries(tmp_path / "j", tmp_path / "raw")
    assert [row.get("parse_error") for row in found] == [None, "invalid", None]
    assert found[0]["occurred_text"] == "2025-07-03T18:20:00.000000Z"


def test_mixpanels_recorded_track_call_is_answered_as_recorded(tmp_path):
    path, body, query, answered = recorded("mixpanel/nango/track-event.json")
    spec = sample("mixpanel/openapi/ingestion.openapi.yaml")
    body[0]["properties"]["token"] = CLIENT_KEY
    with receiving(tmp_path / "j") as client:
        assert client.post(path, json=body, params=query).json() == answered
        assert client.post(path, json=body).text == "1"
        nobody = client.post(path, json=[{"event": "e", "properties": {"token": "x"}}])
    fits(nobody.json(), spec, mixpanel_schema(spec, "Unauthorized"))
    assert len(deliveries(tmp_path / "j", tmp_path / "raw")) == 2


@pytest.mark.parametrize("operation", ["/engage#profile-batch-update", "/groups#group-batch-update"])
def test_mixpanels_documented_profile_updates_are_taken(tmp_path, operation):
    spec = sample("mixpanel/openapi/ingestion.openapi.yaml")
    (content,) = spec["paths"][operation]["post"]["requestBody"]["content"].values()
    schema = content["schema"]
    body = schema.get("default") or schema["properties"]["data"]["default"]
    updates = json.loads(body)
    with receiving(tmp_path / "j") as client:
        text = json.dumps([{**update, "$token": CLIENT_KEY} for update in updates])
        assert client.post(operation.partition("#")[0], data={"data": text}).text == "1"
    assert len(deliveries(tmp_path / "j", tmp_path / "raw")) == len(updates) > 1


@pytest.mark.proves("PostHog's API", "published requests")
def test_posthogs_recorded_capture_and_the_fixtures_of_its_sdks_are_taken(tmp_path):
    path, body, _, answered = recorded("posthog/nango/capture-event.json")
    old = sample("posthog/posthog-go/test-many-capture.json")
    new = sample("posthog/posthog-go/test-enqueue-capture-v1.json")
    with receiving(tmp_path / "j") as client:
        assert client.post(path, json={**body, "api_key": SERVER_KEY}).json() == answered
        assert client.post("/batch/", json={**old, "api_key": SERVER_KEY}).json() == answered
        results = client.post("/i/v1/analytics/events", json=new, headers=SERVER).json()["results"]
    assert results == {event["uuid"]: {"result": "ok"} for event in new["batch"]}
    found = deliveries(tmp_path / "j", tmp_path / "raw")
    assert len(found) == 1 + len(old["batch"]) + len(new["batch"])
    assert [row["kind"] for row in found[4:8]] == ["track", "identify", "group", "alias"]
    assert (found[4]["workspace_id"], found[5]["email"], found[6]["workspace_id"]) == (
        "acme",
        "user-22@example.com",
        "acme",
    )
    assert (found[7]["user_id"], found[7]["previous_id"]) == ("user-24", "anonymous-24")


def test_posthogs_sdk_snapshots_are_taken(tmp_path):
    family = sample("posthog/posthog-python/legacy_event_family.json")
    exception = sample("posthog/posthog-python/exception_event.json")
    events = [*(family if isinstance(family, list) else family.get("batch", [family])), exception]
    with receiving(tmp_path / "j") as client:
        answer = client.post("/batch/", json={"api_key": CLIENT_KEY, "batch": events})
        assert answer.json() == {"status": "Ok"}
        flags = client.post("/flags/?v=2", json=sample("posthog/posthog-python/flags_request.json")).json()
    assert (flags["featureFlags"], flags["flags"], flags["errorsWhileComputingFlags"]) == ({}, {}, False)
    assert len(deliveries(tmp_path / "j", tmp_path / "raw")) == len(events)
