"""Mixpanel's raw export and profiles: day windows, late arrivals, failed exports under status 200, zones, kills, recorded answers."""

import gzip
import json
import re
import urllib.parse
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from uam_platform.connectors import analytics_tools, mixpanel, mixpanel_profiles
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.lake.loads import DELIVERIES, RECORDS, LoadManifest
from uam_platform_tests.connectors.fakes import FakeVendor, packed, quiet, reply, rows
from uam_platform_tests.connectors.recorded_files import assert_fits, interaction, operation, sample

SOURCE = mixpanel.MixpanelSource(
    "https://data.mixpanel.com", "the-secret", "reader.mp-service-account", "4040293", date(2025, 1, 1), threads=1
)
NOW = datetime(2025, 1, 20, 12, 30)  # noqa: DTZ001 - the manifest takes naive UTC
DAY = timedelta(days=1)


def event(number: int, at: datetime, **more: Any) -> dict[str, Any]:
    milliseconds = int(at.replace(tzinfo=UTC).timestamp() * 1000)
    return {
        "event": "Report Generated",
        "properties": {
            "time": milliseconds, "distinct_id": "u1", "$insert_id": f"i{number}", "$device_id": "d1", "$user_id": "u1",
            "mp_processing_time_ms": milliseconds + 1500, "mp_lib": "web", "workspace_id": ["ws1"], "feature": "pivot", **more,
        },
    }  # fmt: skip


class Project:
    """A Mixpanel with events by day and some profiles."""

    def __init__(self, events: list[dict[str, Any]], profiles: int = 0, page_size: int = 2) -> None:
        self.events, self.page_size = events, page_size
        self.profiles = [
            {"$distinct_id": f"u{n}", "$properties": {"$last_seen": "2025-01-01T00:00:00", "$email": f"u{n}@x.example"}}
            for n in range(profiles)
        ]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/engage"):
            return self._engage(request)
        first, last = (date.fromisoformat(request.url.params[k]) for k in ("from_date", "to_date"))
        due = [e for e in self.events if first <= self._day(e) <= last]
        content = "".join(f"{json.dumps(e)}\n" for e in due).encode()
        return packed(gzip.compress(content, mtime=0))

    @staticmethod
    def _day(item: dict[str, Any]) -> date:
        return datetime.fromtimestamp(item["properties"]["time"] / 1000, UTC).date()

    def _engage(self, request: httpx.Request) -> httpx.Response:
        form = dict(urllib.parse.parse_qsl(request.content.decode()))
        page = int(form.get("page", 0))
        assert bool(page) == ("session_id" in form)
        found = self.profiles[page * self.page_size : (page + 1) * self.page_size]
        return reply({"results": found, "page": page, "page_size": self.page_size, "session_id": "s1", "status": "ok",
                      "total": len(self.profiles)})  # fmt: skip


def daily(count: int = 19) -> list[dict[str, Any]]:
    return [event(n, datetime(2025, 1, 1, 10) + n * DAY) for n in range(count)]  # noqa: DTZ001


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def land(vendor: FakeVendor, manifest: LoadManifest, now: datetime = NOW, source=SOURCE):
    load_id = manifest.next_id(mixpanel.NAME, now)
    return mixpanel_profiles.land(source, manifest, load_id, now, quiet, wire=vendor.wire())


def land_all(vendor: FakeVendor, manifest: LoadManifest, now: datetime = NOW, source=SOURCE) -> None:
    for _ in range(9):
        if land(vendor, manifest, now, source) is None:
            return
    raise AssertionError("the connector never says that nothing is new")


def events_of(manifest: LoadManifest) -> list[dict[str, Any]]:
    return [r for load in manifest.loads() if load.rows.get(DELIVERIES) for r in rows(manifest, load, DELIVERIES)]


def landed(manifest: LoadManifest) -> Counter[str]:
    return Counter(row["message_id"].rsplit("|", 1)[1] for row in events_of(manifest))


def ids(numbers: range) -> Counter[str]:
    return Counter(f"i{n}" for n in numbers)


def test_days_are_read_up_to_today_and_each_event_lands_once(manifest):
    vendor = FakeVendor(Project(daily()))
    land_all(vendor, manifest)
    assert landed(manifest) == ids(range(19))
    exports = [r.url.params for r in vendor.requests if r.url.path.endswith("/export")]
    assert (exports[0]["from_date"], exports[-1]["to_date"]) == ("2025-01-01", "2025-01-20")
    assert {row["workspace_id"] for row in events_of(manifest)} == {"ws1"}


@pytest.mark.proves("Mixpanel", "cursor and look-back")
def test_late_arrivals_in_days_already_read_are_landed_and_nothing_else_again(manifest):
    project = Project(daily())
    land_all(FakeVendor(project), manifest)
    project.events.insert(0, event(77, datetime(2025, 1, 16, 9)))  # noqa: DTZ001 - five days before the last read day
    vendor = FakeVendor(project)
    land_all(vendor, manifest, NOW + DAY)
    exports = [r.url.params for r in vendor.requests if r.url.path.endswith("/export")]
    assert exports[0]["from_date"] == "2025-01-15"
    assert landed(manifest) == ids(range(19)) + Counter(["i77"])


def test_an_export_that_says_it_ended_early_is_read_again_and_never_landed(manifest):
    project = Project(daily())
    half = json.dumps(daily()[0]) + "\nterminated early\n"
    vendor = FakeVendor(project, script=[httpx.Response(200, text=half)])
    land_all(vendor, manifest)
    assert landed(manifest) == ids(range(19))
    lasting = FakeVendor(lambda _: httpx.Response(200, text=half))
    with pytest.raises(TransientError, match="terminated early"):
        land(lasting, LoadManifest(manifest.root / "other"))


@pytest.mark.parametrize("cut", [lambda whole: whole[:-20], lambda _: b""])
def test_a_packed_answer_that_is_cut_is_read_again(cut, manifest):
    whole = gzip.compress(json.dumps(daily()[0]).encode() + b"\n", mtime=0)
    vendor = FakeVendor(Project(daily()), script=[packed(cut(whole))])
    land_all(vendor, manifest)
    assert landed(manifest) == ids(range(19))
    assert vendor.patience.waits == [1.0]


def test_an_answer_cut_in_the_middle_of_a_line_is_read_again(manifest):
    vendor = FakeVendor(Project(daily()), script=[httpx.Response(200, text=json.dumps(daily()[0])[:-5])])
    land_all(vendor, manifest)
    assert landed(manifest) == ids(range(19))


@pytest.mark.proves("Mixpanel", "authentication")
def test_refused_credentials_come_as_400_and_are_told_without_them(manifest):
    recorded = interaction("mixpanel/nango/events.json")
    vendor = FakeVendor(lambda _: httpx.Response(recorded["status"], text=recorded["response"]))
    with pytest.raises(PermanentError, match=r"Unable to authenticate request.*UAM_MIXPANEL_SECRET") as caught:
        land(vendor, manifest)
    assert not re.search("the-secret", str(caught.value) + repr(SOURCE))
    assert len(vendor.requests) == 1


@pytest.mark.proves("Mixpanel", "rate limits")
def test_throttling_without_retry_after_waits_a_minute_and_with_it_as_long_as_asked(manifest):
    script = [httpx.Response(429), httpx.Response(429, headers={"retry-after": "7"})]
    vendor = FakeVendor(Project(daily()), script=script)
    land(vendor, manifest)
    assert vendor.patience.waits == [60.0, 7.0]


@pytest.mark.proves("Mixpanel", "rate limits")
def test_what_was_read_before_the_hourly_limit_is_kept(manifest):
    project = Project(daily())

    def limited(request: httpx.Request) -> httpx.Response:
        return httpx.Response(429) if request.url.params.get("to_date", "") > "2025-01-08" else project(request)

    load = land(FakeVendor(limited), manifest)
    assert load.state["day"] == "2025-01-07"
    land_all(FakeVendor(project), manifest, NOW + timedelta(hours=1))
    assert landed(manifest) == ids(range(19))


@pytest.mark.proves("Mixpanel", "resume after interruption")
def test_a_kill_loses_and_doubles_nothing(tmp_path):
    for number in range(2):
        manifest, project = LoadManifest(tmp_path / str(number)), Project(daily())
        vendor = FakeVendor(project)

        def killed(request: httpx.Request, vendor=vendor, number=number, project=project) -> httpx.Response:
            if len(vendor.requests) > number:
                raise KeyboardInterrupt
            return project(request)

        vendor.answer = killed
        with pytest.raises(KeyboardInterrupt):
            land_all(vendor, manifest)
        land_all(FakeVendor(project), manifest)
        assert landed(manifest) == ids(range(19))


def test_local_times_of_an_old_project_become_utc_and_today_is_counted_in_its_zone(manifest):
    source = replace(SOURCE, time_zone="America/Los_Angeles", start=date(2025, 1, 19))
    local = event(1, datetime(2025, 1, 19, 17, 30))  # noqa: DTZ001 - 17:30 in Los Angeles, written as if it were UTC
    vendor = FakeVendor(Project([local]))
    land(vendor, manifest, datetime(2025, 1, 20, 3), source)  # noqa: DTZ001 - still the 19th there
    assert vendor.requests[0].url.params["to_date"] == "2025-01-19"
    (row,) = events_of(manifest)
    assert row["occurred_text"] == "2025-01-20T01:30:00.000Z"
    assert row["received_text"] == "2025-01-19T17:30:01.500Z"


def test_a_record_on_several_lines_is_one_record_and_odd_line_separators_split_nothing(manifest):
    odd = event(1, datetime(2025, 1, 2), note="a\u2028b\u0085c")  # noqa: DTZ001
    split = json.dumps(event(2, datetime(2025, 1, 3)))  # noqa: DTZ001
    text = json.dumps(odd, ensure_ascii=False) + "\n" + split[:40] + "\n" + split[40:] + "\n"
    answers = iter([httpx.Response(200, content=text.encode())])
    land(FakeVendor(lambda _: next(answers, None) or httpx.Response(200, text="")), manifest)
    assert landed(manifest) == ids(range(1, 3))
    assert all(row["parse_error"] is None for row in events_of(manifest))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"$insert_id": "abc-1"}, "Report Generated|u1|1736157600000|abc-1"),
        ({"$insert_id": "abc-1", "$source": "segment"}, "abc-1"),
        ({"$insert_id": "abc-1", "mp_lib": "Segment: analytics.js"}, "abc-1"),
        ({"$insert_id": "abc\x00junk"}, None),
        ({"$insert_id": None}, None),
    ],
)
def test_the_message_id_is_mixpanels_identity_or_the_id_segment_gave(properties, expected, manifest):
    item = event(1, datetime(2025, 1, 6, 10), **properties)  # noqa: DTZ001
    land(FakeVendor(Project([item])), manifest)
    assert events_of(manifest)[0]["message_id"] == expected


@pytest.mark.parametrize(
    ("properties", "user", "device"),
    [
        ({"distinct_id": "$device:d9", "$device_id": "d9", "$user_id": None}, None, "d9"),
        ({"distinct_id": "d9", "$device_id": "d9", "$user_id": None}, None, "d9"),
        ({"distinct_id": "u9", "$device_id": None, "$user_id": None}, "u9", None),
        ({"distinct_id": "", "$device_id": None, "$user_id": None}, None, None),
    ],
)
def test_users_and_devices_are_told_apart(properties, user, device, manifest):
    land(FakeVendor(Project([event(1, datetime(2025, 1, 6), **properties)])), manifest)  # noqa: DTZ001
    (row,) = events_of(manifest)
    assert (row["user_id"], row["anonymous_id"]) == (user, device)


@pytest.mark.proves("Mixpanel", "paging")
def test_profiles_are_read_page_by_page_once_a_day(manifest):
    project = Project(daily(), profiles=5)
    vendor = FakeVendor(project)
    land_all(vendor, manifest)
    records = [r for load in manifest.loads() if load.rows.get(RECORDS) for r in rows(manifest, load, RECORDS)]
    assert [r["record_id"] for r in records] == [f"u{n}" for n in range(5)]
    again = FakeVendor(project)
    land_all(again, manifest, NOW + timedelta(hours=1))
    assert not any("engage" in r.url.path for r in again.requests)
    project.profiles[0]["$properties"]["$email"] = "new@x.example"
    land_all(FakeVendor(project), manifest, NOW + 2 * DAY)
    latest = [load for load in manifest.loads() if load.rows.get(RECORDS)][-1]
    assert [r["record_id"] for r in rows(manifest, latest, RECORDS)] == ["u0"]


def test_a_plan_without_profiles_still_gives_events(manifest):
    project = Project(daily())

    def answer(request: httpx.Request) -> httpx.Response:
        return reply({"error": "plan"}, 402) if "engage" in request.url.path else project(request)

    land_all(FakeVendor(answer), manifest)
    assert landed(manifest) == ids(range(19))


def test_a_service_account_needs_the_number_of_its_project(manifest):
    with pytest.raises(PermanentError, match="UAM_MIXPANEL_PROJECT_ID"):
        land(FakeVendor(Project([])), manifest, source=replace(SOURCE, project_id=None))
    with pytest.raises(PermanentError, match="UAM_MIXPANEL_TIME_ZONE"):
        land(FakeVendor(Project([])), manifest, source=replace(SOURCE, time_zone="Mars/Olympus"))


@pytest.mark.proves("Mixpanel", "authentication")
def test_the_legacy_secret_is_a_user_name_without_password():
    legacy = replace(SOURCE, service_account=None, project_id=None)
    assert httpx.BasicAuth("the-secret", "")._auth_header == legacy.headers["authorization"]
    assert legacy.project == {}


@pytest.mark.parametrize(
    ("base", "query"),
    [
        ("https://data.mixpanel.com", "https://mixpanel.com"),
        ("https://data-eu.mixpanel.com/", "https://eu.mixpanel.com"),
        ("https://data-in.mixpanel.com", "https://in.mixpanel.com"),
        ("http://127.0.0.1:8910/mixpanel", "http://127.0.0.1:8910/mixpanel"),
    ],
)
@pytest.mark.proves("Mixpanel", "region hosts")
def test_the_query_host_follows_the_region(base, query):
    assert replace(SOURCE, base_url=base).query_url == query


@pytest.mark.proves("Mixpanel", "recorded answers")
def test_every_request_fits_mixpanels_own_description(manifest):
    vendor = FakeVendor(Project(daily(), profiles=3))
    land_all(vendor, manifest)
    export = operation("mixpanel/openapi/export.openapi.yaml", "/export", "get")
    engage = operation("mixpanel/openapi/query.openapi.yaml", "/engage", "post")
    fields = engage["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]
    for request in vendor.requests:
        params = dict(request.url.params)
        if request.url.path == "/api/2.0/export":
            assert_fits(params, export)
        else:
            assert_fits(params, {"parameters": [p for p in engage["parameters"] if "name" in p]})
            assert set(urllib.parse.parse_qs(request.content.decode())) <= set(fields)


@pytest.mark.proves("Mixpanel", "recorded answers")
def test_the_example_lines_of_mixpanels_description_are_read(manifest):
    described = operation("mixpanel/openapi/export.openapi.yaml", "/export", "get")
    text = described["responses"]["200"]["content"]["text/plain"]["schema"]["example"]
    answers = iter([httpx.Response(200, text=text)])
    land(FakeVendor(lambda _: next(answers, None) or httpx.Response(200, text="")), manifest)
    assert [row["event_name"] for row in events_of(manifest)] == ["Signed up", "Signed up"]
    assert events_of(manifest)[0]["occurred_text"] == "2020-10-13T17:48:31.000Z"


def test_the_recorded_empty_profiles_are_read_as_none(manifest):
    recorded = interaction("mixpanel/nango/query-profiles.json")
    project = Project(daily())

    def answer(request: httpx.Request) -> httpx.Response:
        return reply(recorded["response"]) if "engage" in request.url.path else project(request)

    land_all(FakeVendor(answer), manifest)
    assert [load.rows for load in manifest.loads()] == [{DELIVERIES: 19}]


@pytest.mark.proves("Mixpanel", "doctor")
def test_doctor_asks_for_one_event_and_tells_a_refusal():
    recorded = interaction("mixpanel/nango/query-profile-activity.json")
    vendor = FakeVendor(Project(daily()))
    assert "credentials accepted" in analytics_tools.ask_mixpanel(SOURCE, vendor.wire())
    assert vendor.requests[0].url.params["limit"] == "1"
    refused = FakeVendor(lambda _: reply(recorded["response"], recorded["status"]))
    with pytest.raises(PermanentError, match="not a member of this project"):
        analytics_tools.ask_mixpanel(SOURCE, refused.wire())


def test_recorded_events_of_another_warehouse_are_read(manifest):
    import csv

    with sample("mixpanel/fivetran/event.csv").open(encoding="utf-8") as stream:
        held = list(csv.DictReader(stream))
    lines = [
        {"event": r["name"], "properties": {**json.loads(r["properties"]), "distinct_id": r["distinct_id"],
         "time": int(datetime.fromisoformat(r["time"]).replace(tzinfo=UTC).timestamp()), "$insert_id": r["insert_id"]}}
        for r in held
    ]  # fmt: skip
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    answers = iter([httpx.Response(200, text=text)])
    land(FakeVendor(lambda _: next(answers, None) or httpx.Response(200, text="")), manifest)
    assert Counter(row["event_name"] for row in events_of(manifest)) == Counter(r["name"] for r in held)
    assert all(row["message_id"] for row in events_of(manifest))
