"""Amplitude's export: upload hours, empty and refused windows, late uploads, kills, and real recorded answers."""

import gzip
import io
import json
import re
import zipfile
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from uam_platform.connectors import amplitude, analytics_tools
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.lake.loads import DELIVERIES, LoadManifest
from uam_platform_tests.connectors.fakes import FakeVendor, quiet, reply, rows
from uam_platform_tests.connectors.recorded_files import interaction, sample

SOURCE = amplitude.AmplitudeSource(
    "https://amplitude.com", "the-api-key", "the-secret-key", date(2025, 1, 6), threads=1
)
NOW = datetime(2025, 1, 8, 12, 30)  # noqa: DTZ001 - the manifest takes naive UTC
EMPTY = {"error": {"http_code": 404, "type": "unspecified", "message": "Unspecified Error",
                   "metadata": {"details": "Raw data files were not found."}}}  # fmt: skip


def event(number: int, uploaded: datetime, **more: Any) -> dict[str, Any]:
    stamp = f"{uploaded:%Y-%m-%d %H:%M:%S}.000000"
    return {
        "$insert_id": f"i{number}", "uuid": f"uuid-{number}", "event_type": "Report Generated", "user_id": "u1", "device_id": "d1",
        "event_time": stamp, "client_event_time": stamp, "client_upload_time": stamp, "server_received_time": stamp,
        "server_upload_time": stamp, "library": "amplitude-ts", "platform": "Web", "groups": {"workspace": ["ws1"]},
        "event_properties": {"feature": "pivot", "duration_ms": 12}, "user_properties": {}, **more,
    }  # fmt: skip


def zipped(events: list[dict[str, Any]], separator: str = "/") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        lines = "".join(f"{json.dumps(e)}\n" for e in events)
        archive.writestr(f"1{separator}1_2025-01-06_0#0.json.gz", gzip.compress(lines.encode(), mtime=0))
    return packed.getvalue()


class Export:
    """An Amplitude that holds events by upload time and refuses windows of more than `most_hours`."""

    def __init__(self, events: list[dict[str, Any]], most_hours: int = 24 * 365) -> None:
        self.events, self.most_hours = events, most_hours

    def __call__(self, request: httpx.Request) -> httpx.Response:
        start, end = (datetime.strptime(request.url.params[k], "%Y%m%dT%H") for k in ("start", "end"))  # noqa: DTZ007
        end += timedelta(hours=1)
        if end - start > timedelta(hours=self.most_hours):
            return httpx.Response(400, text="The file size is too large")
        due = [e for e in self.events if start <= datetime.fromisoformat(e["server_upload_time"]) < end]
        return httpx.Response(200, content=zipped(due)) if due else reply(EMPTY, 404)


def hourly(count: int = 60) -> list[dict[str, Any]]:
    first = datetime(2025, 1, 6, 0, 5)  # noqa: DTZ001
    return [event(n, first + timedelta(hours=n)) for n in range(count)]


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def land(vendor: FakeVendor, manifest: LoadManifest, now: datetime = NOW, progress=quiet):
    return amplitude.land(SOURCE, manifest, manifest.next_id(amplitude.NAME, now), now, progress, wire=vendor.wire())


def landed(manifest: LoadManifest) -> Counter[str]:
    return Counter(
        row["message_id"] for load in manifest.loads() if load.rows for row in rows(manifest, load, DELIVERIES)
    )


def ids(numbers: range) -> Counter[str]:
    return Counter(f"d1:i{n}" for n in numbers)


def asked(vendor: FakeVendor) -> list[tuple[str, str]]:
    return [(r.url.params["start"], r.url.params["end"]) for r in vendor.requests]


@pytest.mark.proves("Amplitude", "paging")
def test_hours_are_read_until_two_hours_ago_without_gap_or_overlap(manifest):
    vendor = FakeVendor(Export(hourly()))
    load = land(vendor, manifest)
    assert landed(manifest) == ids(range(58))  # 00:05 of the 6th to 09:05 of the 8th
    windows = [tuple(datetime.strptime(t, "%Y%m%dT%H") for t in pair) for pair in asked(vendor)]  # noqa: DTZ007
    assert windows[0][0] == datetime(2025, 1, 6)  # noqa: DTZ001
    assert all(after[0] - before[1] == timedelta(hours=1) for before, after in pairwise(windows))
    assert load.state["hour"] == "2025-01-08T10:00:00"
    assert land(vendor, manifest) is None


@pytest.mark.proves("Amplitude", "cursor and look-back")
def test_the_next_load_reads_a_few_hours_again_and_lands_only_what_is_new(manifest):
    export = Export(hourly())
    land(FakeVendor(export), manifest)
    export.events.append(event(900, datetime(2025, 1, 8, 8, 59)))  # noqa: DTZ001 - written late into an hour that was read
    vendor = FakeVendor(export)
    load = land(vendor, manifest, NOW + timedelta(hours=1))
    assert asked(vendor)[0][0] == "20250108T07"
    assert landed(manifest) == ids(range(59)) + Counter(["d1:i900"])
    assert load.rows == {DELIVERIES: 2}
    assert [row["row_no"] for row in rows(manifest, load, DELIVERIES)] == [0, 1]


def test_an_event_uploaded_days_late_is_read_in_its_upload_hour(manifest):
    late = event(1, datetime(2025, 1, 8, 5), event_time="2025-01-01 10:00:00.000000")  # noqa: DTZ001
    load = land(FakeVendor(Export([late])), manifest)
    assert rows(manifest, load, DELIVERIES)[0]["occurred_text"] == "2025-01-01 10:00:00.000000"


def test_no_data_is_empty_and_moves_the_cursor(manifest):
    load = land(FakeVendor(Export([])), manifest)
    assert (load.rows, load.files, load.state["hour"]) == ({}, {}, "2025-01-08T10:00:00")
    assert land(FakeVendor(Export([])), manifest, NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize("most_hours", [1, 5, 23])
@pytest.mark.proves("Amplitude", "paging")
def test_a_window_that_is_too_large_is_halved_until_it_passes(most_hours, manifest):
    land(FakeVendor(Export(hourly(), most_hours)), manifest)
    assert landed(manifest) == ids(range(58))


def test_a_refusal_even_of_one_hour_is_told_with_amplitudes_words(manifest):
    vendor = FakeVendor(lambda _: httpx.Response(400, text="Invalid project"))
    with pytest.raises(PermanentError, match=r"amplitude export of upload hours .*Invalid project.*even for one hour"):
        land(vendor, manifest)
    assert len(vendor.requests) < 10
    assert manifest.loads() == []


@pytest.mark.proves("Amplitude", "authentication")
@pytest.mark.proves("Amplitude", "region hosts")
def test_refused_keys_are_told_with_the_settings_and_never_shown(manifest):
    with pytest.raises(PermanentError, match="UAM_AMPLITUDE_API_KEY") as caught:
        land(FakeVendor(lambda _: httpx.Response(401, text="")), manifest)
    assert not re.search("the-api-key|the-secret-key", str(caught.value) + repr(SOURCE))


@pytest.mark.parametrize(
    "spoil", [lambda body: body[:-30], lambda _: b'{"error": "x"}', lambda body: body[:60] + b"?" + body[61:]]
)
def test_a_damaged_answer_is_fetched_again(spoil, manifest):
    export = Export(hourly())
    whole = zipped([e for e in export.events if e["server_upload_time"] < "2025-01-07"])
    vendor = FakeVendor(export, script=[httpx.Response(200, content=spoil(whole))])
    land(vendor, manifest)
    assert landed(manifest) == ids(range(58))
    assert vendor.patience.waits == [1.0]


@pytest.mark.proves("Amplitude", "rate limits")
def test_throttling_without_retry_after_waits_half_a_minute(manifest):
    vendor = FakeVendor(Export(hourly()), script=[reply({"error": "Too many requests"}, 429)])
    land(vendor, manifest)
    assert vendor.patience.waits == [30.0]


def test_what_was_read_before_a_lasting_failure_is_kept_and_the_rest_comes_later(manifest):
    export = Export(hourly())

    def failing(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if request.url.params["end"] > "20250107T00" else export(request)

    load = land(FakeVendor(failing), manifest)
    assert load.state["hour"] == "2025-01-07T00:00:00"
    with pytest.raises(TransientError, match="status 503"):
        land(FakeVendor(failing), manifest)
    land(FakeVendor(export), manifest)
    assert landed(manifest) == ids(range(58))


@pytest.mark.proves("Amplitude", "resume after interruption")
def test_a_kill_at_any_request_loses_and_doubles_nothing(tmp_path):
    for number in range(4):
        manifest = LoadManifest(tmp_path / str(number))
        export = Export(hourly(), most_hours=13)
        vendor = FakeVendor(export)

        def killed(request: httpx.Request, vendor=vendor, number=number, export=export) -> httpx.Response:
            if len(vendor.requests) > 2 * number + 1:
                raise KeyboardInterrupt
            return export(request)

        vendor.answer = killed
        with pytest.raises(KeyboardInterrupt):
            land(vendor, manifest)
        assert manifest.loads() == []
        land(FakeVendor(export), manifest)
        assert landed(manifest) == ids(range(58))


def test_fields_that_come_and_go_are_told(manifest):
    told: list[str] = []
    export = Export([event(n, datetime(2025, 1, 6, 1)) for n in range(120)])  # noqa: DTZ001
    land(FakeVendor(export), manifest)
    later = [event(500 + n, datetime(2025, 1, 8, 11), brand_new=1) for n in range(120)]  # noqa: DTZ001
    export.events = [{k: v for k, v in e.items() if k != "platform"} for e in later]
    load = land(FakeVendor(export), manifest, NOW + timedelta(hours=6), told.append)
    assert (load.counts["new_fields"], load.counts["lost_fields"]) == (1, 1)
    assert any("new fields: brand_new" in line for line in told)
    assert any("no longer sent fields: platform" in line for line in told)


@pytest.mark.proves("Amplitude", "doctor")
def test_doctor_asks_for_the_event_types():
    recorded = interaction("amplitude/nango/event-types.json")
    vendor = FakeVendor(lambda _: reply(recorded["response"], recorded["status"]))
    assert "keys accepted" in analytics_tools.ask_amplitude(SOURCE, vendor.wire())
    with pytest.raises(PermanentError, match="UAM_AMPLITUDE_SECRET_KEY"):
        analytics_tools.ask_amplitude(SOURCE, FakeVendor(lambda _: httpx.Response(401, text="")).wire())


def test_the_recorded_empty_answer_is_read_as_empty(manifest):
    recorded = interaction("amplitude/nango/export-events.json")
    load = land(FakeVendor(lambda _: reply(recorded["response"], recorded["status"])), manifest)
    assert load.rows == {}


@pytest.mark.parametrize(
    ("name", "count", "first"),
    [
        (
            "amplitude/airbyte/events_request_content.zip", 4,
            {"event_name": "Daily Ad Metrics", "anonymous_id": "google-ad-4651612872-643022056303", "user_id": None,
             "message_id": "google-ad-4651612872-643022056303:google-ad-4651612872-643022056303-DESKTOP-2023-07-31",
             "occurred_text": "2023-07-31 07:00:00.000000", "received_text": "2023-08-01 11:09:22.761000"},
        ),
        (
            "amplitude/nango/export_2026-06-16_11.zip", 3,
            {"event_name": "test_event", "user_id": "test-user-dryrun-123", "side": "server",
             "message_id": "7f302356-8228-58e7-aaab-85a98ff09bae:c41afc6f-19ee-4343-9e9d-a6991430a746",
             "occurred_text": "2026-06-16 11:57:13.345000"},
        ),
        ("amplitude/airbyte/records.json.zip", 1, {"event_name": None, "message_id": None}),
    ],
)  # fmt: skip
@pytest.mark.proves("Amplitude", "recorded answers")
def test_a_recorded_export_is_read_whole(name, count, first, manifest):
    content = sample(name).read_bytes()
    answers = iter([httpx.Response(200, content=content)])
    vendor = FakeVendor(lambda _: next(answers, None) or reply(EMPTY, 404))
    load = land(vendor, manifest)
    found = rows(manifest, load, DELIVERIES)
    assert len(found) == count
    assert {key: found[0][key] for key in first} == first
    assert all(row["parse_error"] is None for row in found)
