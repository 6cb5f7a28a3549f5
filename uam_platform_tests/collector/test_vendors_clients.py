"""The vendors' own clients work when only their host is changed, and lose nothing when the collector is killed under them."""

import itertools
import json
import logging
import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from uam_platform.contracts.tables import DELIVERIES
from uam_platform.lake.engine import connect
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.policy.load import load_section
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import pending, take_in
from uam_platform_tests.collector.receiving import CLIENT_KEY, SERVER_KEY, loads
from uam_platform_tests.collector.serving import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = Served(tmp_path_factory.mktemp("served"))
    one.start()
    yield one
    assert one.stop() == 0


def arrived(served: Served, dialect: str, source: str) -> list[dict]:
    """Bodies in the journal of a running collector, open file included."""
    texts = [line[9:] for path in sorted(served.journal.glob("*.*")) for line in path.read_bytes().splitlines()]
    lines = [json.loads(text) for text in texts]
    return [x["body"] for x in lines if x["kind"] == "event" and x["dialect"] == dialect and x["source"] == source]


@pytest.mark.proves("Segment's API", "clients unmodified")
def test_segments_python_client(served: Served) -> None:
    from segment.analytics.client import Client

    failed: list[object] = []
    client = Client(CLIENT_KEY, host=served.url, gzip=True, on_error=lambda e, items: failed.append(e), sync_mode=True)
    client.identify("u1", {"email": "a@b.example"})
    client.group("u1", "ws1", {"name": "Acme"})
    client.track("u1", "Report Exported", {"quantity": 3}, message_id="segment-1")
    client.page("u1", "docs", "Home")
    client.alias("anonymous", "u1")
    assert failed == []
    bodies = arrived(served, "segment", "web")
    assert [b["type"] for b in bodies] == ["identify", "group", "track", "page", "alias"]
    assert bodies[2]["messageId"] == "segment-1"


@pytest.mark.parametrize("mode", ["v0", "v1"])
@pytest.mark.proves("PostHog's API", "clients unmodified")
def test_posthogs_python_client(served: Served, mode: str) -> None:
    from posthog import Posthog

    failed: list[object] = []
    before = len(arrived(served, "posthog", "backend"))
    client = Posthog(
        SERVER_KEY, host=served.url, gzip=True, on_error=lambda e, items: failed.append(e), capture_mode=mode,
        flush_interval=0.05, disable_geoip=False,
    )  # fmt: skip
    for n in range(5):
        client.capture("report_exported", distinct_id="u1", properties={"n": n}, groups={"company": "ws1"})
    client.set(distinct_id="u1", properties={"email": "a@b.example"})
    client.group_identify("company", "ws1", {"name": "Acme"})
    client.alias("anonymous", "u1")
    assert client.feature_enabled("any", "u1") in (None, False)
    client.shutdown()
    assert failed == []
    names = Counter(b["event"] for b in arrived(served, "posthog", "backend")[before:])
    wanted = {"report_exported": 5, "$set": 1, "$groupidentify": 1, "$create_alias": 1}
    assert {name: count for name, count in names.items() if name in wanted} == wanted


@pytest.mark.proves("Amplitude's API", "clients unmodified")
def test_amplitudes_python_client(served: Served) -> None:
    from amplitude import Amplitude, BaseEvent, EventOptions, Identify

    said: list[tuple[int, str]] = []
    client = Amplitude(SERVER_KEY)
    client.configuration.server_url = f"{served.url}/2/httpapi"
    client.configuration.callback = lambda event, code, message=None: said.append((code, event.event_type))
    for n in range(5):
        client.track(BaseEvent("report_exported", user_id="user-1", insert_id=f"i{n}", groups={"company": "ws1"}))
    client.identify(Identify().set("email", "a@b.example"), EventOptions(user_id="user-1"))
    flush_until(client, said, 6)
    client.configuration.server_url = f"{served.url}/batch"
    client.track(BaseEvent("batched", user_id="user-1"))
    client.track(BaseEvent("too_short", user_id="u"))
    flush_until(client, said, 8)  # the second is refused with its position, the first is sent again without it
    client.shutdown()
    assert sorted(said) == [(200, "$identify"), (200, "batched"), *[(200, "report_exported")] * 5, (400, "too_short")]
    assert len(arrived(served, "amplitude", "backend")) == 7


def flush_until(client: Any, said: list[tuple[int, str]], count: int) -> None:
    for _ in range(300):
        for future in client.flush():
            if future is not None:
                future.result(timeout=30)
        if len(said) >= count:
            return
        time.sleep(0.1)


@pytest.mark.proves("Mixpanel's API", "clients unmodified")
def test_mixpanels_python_client(served: Served) -> None:
    from mixpanel import BufferedConsumer, Mixpanel

    names = {"events": "track", "people": "engage", "import": "import", "groups": "groups"}
    consumer = BufferedConsumer(**{f"{name}_url": f"{served.url}/{path}" for name, path in names.items()})
    client = Mixpanel(CLIENT_KEY, consumer=consumer)
    for n in range(5):
        client.track("u1", "report_exported", {"n": n})
    client.people_set("u1", {"$email": "a@b.example"})
    client.group_set("company", "ws1", {"name": "Acme"})
    consumer.flush()
    client.import_data(SERVER_KEY, "u1", "imported", 1738400000, api_secret=SERVER_KEY)
    consumer.flush()
    assert [b["event"] for b in arrived(served, "mixpanel", "web")] == ["report_exported"] * 5
    assert [b["event"] for b in arrived(served, "mixpanel", "backend")] == ["imported"]
    assert len(arrived(served, "mixpanel_profile", "web")) == len(arrived(served, "mixpanel_group", "web")) == 1


def node_modules() -> Path:
    folder = Path(os.environ.get("UAM_NODE_MODULES", "data/node_modules"))
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not (folder / "@segment" / "analytics-node").is_dir():
        pytest.skip(f"{folder} holds no @segment/analytics-node; .ci/run installs it there, or set UAM_NODE_MODULES")
    return folder.absolute()


NODE_PROGRAM = """
const { Analytics } = require('@segment/analytics-node')
const analytics = new Analytics({ writeKey: process.argv[2], host: process.argv[1], maxEventsInBatch: 10 })
let failed = 0
analytics.on('error', () => { failed += 1 })
for (let n = 0; n < 25; n++) analytics.track({ userId: 'node-user', event: 'Report Exported', messageId: `node-${n}` })
analytics.closeAndFlush().then(() => console.log(JSON.stringify({ failed })))
"""


@pytest.mark.proves("Segment's API", "clients unmodified")
def test_segments_node_client(served: Served) -> None:
    environment = {**os.environ, "NODE_PATH": str(node_modules())}
    answer = subprocess.run(
        ["node", "-e", NODE_PROGRAM, served.url, SERVER_KEY],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {"failed": 0}
    ids = [b["messageId"] for b in arrived(served, "segment", "backend") if b["userId"] == "node-user"]
    assert sorted(ids) == sorted(f"node-{n}" for n in range(25))


def post(http: httpx.Client, url: str, ids: list[str]) -> bool:
    """One batch over plain HTTP; whether it was acknowledged."""
    fixed = {"type": "track", "event": "report_exported", "userId": "raw", "timestamp": "2025-02-01T10:00:00Z"}
    body = {"batch": [{**fixed, "messageId": i} for i in ids], "writeKey": SERVER_KEY}
    try:
        return http.post(f"{url}/v1/batch", json=body, timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.proves("Segment's API", "kill -9")
def test_a_kill_in_mid_stream_loses_nothing_that_was_acknowledged_and_staging_counts_each_event_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """R32, R94, R95: acknowledged ⊆ landed, sent by a client that retries = staged."""
    from segment.analytics.client import Client

    caplog.set_level(logging.CRITICAL, logger="segment")
    served = Served(tmp_path)
    served.start()
    failed: list[object] = []
    acknowledged: list[str] = []
    http = httpx.Client()
    is_over = threading.Event()

    def stream() -> None:
        for n in itertools.count():
            ids = [f"raw-{n}-{k}" for k in range(20)]
            if post(http, served.url, ids):
                acknowledged.extend(ids)
            if is_over.wait(0.01):
                return

    client = Client(
        SERVER_KEY, host=served.url, on_error=lambda e, items: failed.append(e), upload_size=20, upload_interval=0.02
    )
    sender = threading.Thread(target=stream)
    sender.start()
    for n in range(400):
        client.track("sdk", "report_exported", message_id=f"sdk-{n}")
        if n == 200:
            while len(acknowledged) < 200:
                time.sleep(0.01)
            served.kill()
            before_kill = len(acknowledged)
    assert list(served.journal.glob("*.open"))
    served.start()
    client.flush()
    while len(acknowledged) <= before_kill:
        time.sleep(0.01)
    is_over.set()
    sender.join()
    client.join()
    again = acknowledged[:40]
    assert post(http, served.url, again[:20])
    assert post(http, served.url, again[20:])
    assert served.stop() == 0
    assert failed == []
    manifest, _ = loads(served.journal, tmp_path / "raw")
    landed, staged = staged_ids(manifest, tmp_path / "lake")
    sent_by_client = {f"backend/sdk-{n}" for n in range(400)}
    assert {f"backend/{i}" for i in acknowledged} <= landed.keys()
    assert sent_by_client <= landed.keys()
    assert min(landed[f"backend/{i}"] for i in again) >= 2
    assert staged == len(landed)


def staged_ids(manifest: LoadManifest, lake_folder: Path) -> tuple[Counter[str], int]:
    """How often each id has landed, and how many events staging makes of all of them."""
    connection, lake = connect(), Lake(lake_folder)
    files = [path for load in manifest.loads() for path in manifest.paths(load, "deliveries")]
    rows = connection.raw_sql(f"SELECT message_id FROM read_parquet({files})").fetchall()
    for load in pending(lake, manifest):
        take_in(connection, lake, manifest, load, load_section(TimePolicy, "time"))
    days = sorted({key.split("/")[0] for key in lake.keys(DELIVERIES)})
    events = publish_around_events(
        connection, lake, days, load_section(Taxonomy, "taxonomy"), load_section(TimePolicy, "time")
    )
    return Counter(row[0] for row in rows), int(events.count().execute())
