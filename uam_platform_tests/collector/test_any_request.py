"""Whatever is sent to whichever address: no server error, no lost event, and what was acknowledged can be landed."""

import gzip
import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from uam_platform.connectors.collected_events import in_segments_shape
from uam_platform.contracts.collected import DIALECTS
from uam_platform_tests.collector.receiving import CLIENT_KEY, SECRET, SERVER_KEY, deliveries, loads, receiving
from uam_platform_tests.collector.test_webhooks import own, sha1, zendesk

PATHS = (
    "/v1/batch /v1/track /v1/identify /capture/ /batch/ /batch /i/v0/e/ /e/ /i/v1/analytics/events /flags/?v=2 /decide/ /2/httpapi "
    "/httpapi /identify /groupidentify /track /track?verbose=1 /import?strict=1 /import /engage /groups /webhooks/billing "
    "/webhooks/support /webhooks/segment /webhooks/jobs"
).split()

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
WORDS = st.sampled_from(
    "batch events event type userId user_id anonymousId distinct_id properties event_properties event_type traits time timestamp "
    "sentAt sent_at messageId uuid insert_id $insert_id $set $groups groups context offset options device_id $device_id token "
    "api_key writeKey $token $distinct_id data id user_properties group_properties alias $distinct_ids".split()
)
VALUES = st.recursive(
    SCALARS
    | st.sampled_from([CLIENT_KEY, SERVER_KEY, "$identify", "$create_alias", "$groupidentify", "$pageview", "$merge"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=6),
    max_leaves=14,
)
JSON = VALUES.map(lambda value: json.dumps(value).encode())
BODIES = JSON | JSON.map(gzip.compress) | JSON.map(lambda text: text[:-1]) | st.binary(max_size=80)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "authorization": st.sampled_from(["Basic !", "Basic Og==", "Bearer " + SERVER_KEY, "Bearer", "Digest x"]),
        "content-encoding": st.sampled_from(["gzip", "deflate", "br", "identity", ""]),
        "content-type": st.sampled_from(
            ["application/json", "application/x-www-form-urlencoded", "application/x-ndjson", "text/plain", "x"]
        ),
    },
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with receiving(tmp_path_factory.mktemp("any") / "j") as one:
        yield one


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(path=st.sampled_from(PATHS), body=BODIES, headers=HEADERS, signed=st.booleans())
def test_no_request_makes_a_server_error(client, path, body, headers, signed):
    if signed and path.startswith("/webhooks"):
        headers = {**headers, **own(body), **sha1(body), **zendesk(body, "i")}
        headers.pop("content-encoding", None)
    answer = client.post(path, content=body, headers=headers)
    assert answer.status_code < 500, (path, body, answer.text)
    assert SECRET not in answer.text


EVENTS = st.dictionaries(WORDS, VALUES, max_size=8) | VALUES


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=EVENTS, dialect=st.sampled_from(DIALECTS))
def test_any_event_of_any_dialect_takes_segments_shape(body, dialect):
    line = {
        "source": "web",
        "side": "client",
        "dialect": dialect,
        "received_at": "2025-02-01T12:00:00.000000Z",
        "sent_at": None,
    }
    event = in_segments_shape({**line, "body": body})
    if not isinstance(body, dict):
        assert event is body
        return
    assert (event["channel"], event["receivedAt"]) == ("client", "2025-02-01T12:00:00.000000Z")
    assert event["timestamp"] is not None
    assert event["messageId"] is None or event["messageId"].startswith("web/")


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(events=st.lists(EVENTS, min_size=1, max_size=12))
def test_every_entry_of_an_acknowledged_batch_becomes_one_row(tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("rows")
    with receiving(folder / "j") as client:
        body = json.dumps({"batch": events}).encode()
        answer = client.post("/v1/batch", content=body, headers={"Authorization": f"Bearer {SERVER_KEY}"})
    found = deliveries(folder / "j", folder / "raw")
    assert len(found) == (len(events) if answer.status_code == 200 else 1)


def test_deeply_nested_bodies_are_refused_or_kept_and_break_no_load(tmp_path):
    key = {"Authorization": f"Bearer {SERVER_KEY}"}
    with receiving(tmp_path / "j") as client:
        for depth in (100, 250, 300, 1100, 20_000):
            nested = b"[" * depth + b"]" * depth
            event = b'{"type": "track", "event": "E", "userId": "u", "properties": {"deep": %b}}' % nested
            assert client.post("/v1/batch", content=b'{"batch": [%b]}' % event, headers=key).status_code in (200, 400)
    _, found = loads(tmp_path / "j", tmp_path / "raw")
    assert sum(load.rows["deliveries"] for load in found) >= 1
