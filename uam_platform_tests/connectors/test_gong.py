"""Gong's calls and transcripts: windows that leave no gap, transcripts that come later, quotas and refusals."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from uam_platform.connectors import gong
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.lake.loads import RECORDS, Load, LoadManifest
from uam_platform_tests.connectors.fakes import NOW, FakeVendor, contents, quiet, reply, rows
from uam_platform_tests.connectors.vendor_samples import interactions, made, needs_samples, openapi, problems

START = datetime(2024, 1, 1, tzinfo=UTC)
LONG = gong.GongSource("https://us-1.api.gong.io", "ACCESS", "hidden-value", START)
SOURCE = replace(LONG, start=datetime(2024, 12, 1, tzinfo=UTC))  # one window up to NOW
SPEC = "gong/oas/openapi.json"
EMPTY = {"requestId": "1", "errors": ["No calls found corresponding to the provided filters"]}


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Recorder:
    """A Gong with one call on each of the given days of 2024; `silent` ones have no transcript yet."""

    def __init__(self, *days: int, per_page: int = 2) -> None:
        self.started = {self.call_id(day): START + timedelta(days=day, hours=9) for day in days}
        self.silent: set[str] = set()
        self.per_page = per_page
        self.more: dict[str, Any] = {}

    @staticmethod
    def call_id(day: int) -> str:
        return f"72000000000000{day:05d}1"

    def call(self, key: str) -> dict[str, Any]:
        zoned = self.started[key].astimezone(UTC) - timedelta(hours=7)
        basics = {"id": key, "started": f"{zoned:%Y-%m-%dT%H:%M:%S}-07:00", "title": f"Call {key}"}
        return {"metaData": basics, "parties": [{"speakerId": "1"}], **self.more}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v2/")
        if path == "users":
            return reply({"users": [{"id": "41", "firstName": "Olga", "lastName": "Owner"}], "records": {}})
        body = json.loads(request.content)
        wanted = body["filter"]
        found = sorted(key for key, at in self.started.items() if self._is_in(key, at, wanted))
        if not found:
            return reply(EMPTY, 404)
        first = int(body.get("cursor", "0"))
        page = found[first : first + self.per_page]
        following = {"cursor": str(first + self.per_page)} if first + self.per_page < len(found) else {}
        records = {"totalRecords": len(found), "currentPageSize": len(page), **following}
        if path == "calls/extensive":
            return reply({"records": records, "calls": [self.call(key) for key in page]})
        spoken = [{"callId": k, "transcript": [] if k in self.silent else [{"speakerId": "1"}]} for k in page]
        return reply({"records": records, "callTranscripts": spoken})

    @staticmethod
    def _is_in(key: str, at: datetime, wanted: dict[str, Any]) -> bool:
        if "callIds" in wanted:
            return key in wanted["callIds"]
        return instant(wanted["fromDateTime"]) <= at < instant(wanted["toDateTime"])


def land(
    vendor: FakeVendor, manifest: LoadManifest, now: datetime = NOW, source: gong.GongSource = SOURCE
) -> Load | None:
    return gong.land(source, manifest, manifest.next_id(gong.NAME, now), now, quiet, wire=vendor.wire())


def land_all(
    vendor: FakeVendor, manifest: LoadManifest, now: datetime = NOW, source: gong.GongSource = SOURCE
) -> list[Load]:
    loads = []
    while load := land(vendor, manifest, now, source):
        loads.append(load)
    return loads


def landed(manifest: LoadManifest, kind: str) -> list[str]:
    found = [row for load in manifest.loads() for row in rows(manifest, load, RECORDS)]
    return sorted(row["record_id"] for row in found if row["source_object"] == kind)


def windows_asked(vendor: FakeVendor) -> list[tuple[str, str]]:
    bodies = [json.loads(r.content) for r in vendor.requests if r.url.path.endswith("/extensive")]
    found = [b["filter"] for b in bodies if "cursor" not in b]
    return [(f["fromDateTime"], f["toDateTime"]) for f in found]


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def test_every_call_and_transcript_is_landed_once_and_whole(manifest):
    recorder = Recorder(343, 345, 348, 390, 391)
    loads = land_all(FakeVendor(recorder), manifest)
    keys = sorted(recorder.started)
    assert landed(manifest, "call") == landed(manifest, "transcript") == keys
    assert landed(manifest, "user") == ["41"]
    first = next(r for r in rows(manifest, loads[0], RECORDS) if r["source_object"] == "call")
    assert json.loads(first["payload"]) == recorder.call(keys[0])
    assert first["modified_text"] == "2024-12-09T09:00:00Z", "a start with an offset sorts as UTC"
    assert land(FakeVendor(recorder), manifest) is None


def test_windows_of_a_first_import_follow_each_other_without_a_gap_and_each_is_a_load_of_its_own(manifest):
    vendor = FakeVendor(Recorder(3, 200, 390))
    loads = land_all(vendor, manifest, source=LONG)
    assert [load.state["calls_until"] for load in loads] == [
        "2024-06-29T00:00:00Z", "2024-12-12T00:00:00Z", "2025-02-01T00:00:00Z",
    ]  # fmt: skip
    asked = windows_asked(vendor)
    assert asked[0][0] == "2024-01-01T00:00:00Z"
    assert all(following[0] <= before[1] for before, following in itertools.pairwise(asked))


@pytest.mark.proves("Gong", "cursor and look-back")
def test_a_call_that_becomes_readable_days_after_its_start_is_found_by_the_look_back(manifest):
    recorder = Recorder(390)
    land_all(FakeVendor(recorder), manifest)
    recorder.started[Recorder.call_id(386)] = START + timedelta(days=386)
    land_all(FakeVendor(recorder), manifest, NOW + timedelta(hours=1))
    assert landed(manifest, "call") == sorted(recorder.started)


def test_a_transcript_that_was_missing_is_asked_for_again_also_after_the_look_back(manifest):
    recorder = Recorder(390)
    recorder.silent = set(recorder.started)
    (load,) = land_all(FakeVendor(recorder), manifest)
    assert list(load.state["transcripts_due"]) == [Recorder.call_id(390)]
    recorder.started[Recorder.call_id(412)] = START + timedelta(days=412)
    later = NOW + timedelta(days=20)
    land_all(FakeVendor(recorder), manifest, later)
    assert landed(manifest, "transcript") == [Recorder.call_id(412)]
    recorder.silent = set()
    (load,) = land_all(FakeVendor(recorder), manifest, later + timedelta(hours=1))
    assert landed(manifest, "transcript") == sorted(recorder.started)
    assert load.state["transcripts_due"] == {}


def test_a_month_after_a_call_its_transcript_is_given_up(manifest):
    recorder = Recorder(340)
    recorder.silent = set(recorder.started)
    (load,) = land_all(FakeVendor(recorder), manifest)
    assert load.state["transcripts_due"] == {}


def test_an_account_without_calls_is_no_error_and_moves_no_cursor(manifest):
    (load,) = land_all(FakeVendor(Recorder()), manifest)
    assert load.rows == {RECORDS: 1}
    assert landed(manifest, "call") == []


def test_the_cursor_of_a_post_goes_into_its_body(manifest):
    vendor = FakeVendor(Recorder(*range(380, 385), per_page=2))
    land_all(vendor, manifest)
    cursors = [json.loads(r.content).get("cursor") for r in vendor.requests if r.url.path.endswith("/extensive")]
    assert cursors[:3] == [None, "2", "4"]
    assert not any("cursor" in r.url.params for r in vendor.requests)


@pytest.mark.proves("Gong", "paging")
def test_repeated_pages_and_any_order_double_and_lose_nothing(tmp_path):
    calm, troubled = LoadManifest(tmp_path / "calm"), LoadManifest(tmp_path / "troubled")
    plain = Recorder(*range(380, 385))
    again: list[int] = []

    def repeating(request: httpx.Request) -> httpx.Response:
        answer = plain(request)
        if request.url.path.endswith("/extensive") and answer.status_code == 200 and not again:
            again.append(1)
            body = answer.json()
            return reply({**body, "calls": list(reversed(body["calls"])), "records": {"cursor": "0"}})
        return answer

    expected = [contents(calm, load) for load in land_all(FakeVendor(plain), calm)]
    assert [contents(troubled, load) for load in land_all(FakeVendor(repeating), troubled)] == expected


def test_a_list_that_never_ends_is_given_up(manifest):
    page = {"calls": [Recorder(381).call(Recorder.call_id(381))], "records": {"cursor": "same"}}
    plain = Recorder(381)

    def stuck(request: httpx.Request) -> httpx.Response:
        return reply(page) if request.url.path.endswith("/extensive") else plain(request)

    with pytest.raises(TransientError, match="did not end"):
        land(FakeVendor(stuck), manifest)
    assert manifest.loads() == []


@pytest.mark.parametrize("failing", ["users", "calls/extensive", "calls/transcript"])
def test_a_load_that_fails_leaves_no_trace_and_the_next_one_lands_all(failing, manifest):
    recorder = Recorder(383, 385)

    def down(request: httpx.Request) -> httpx.Response:
        return reply({"errors": ["down"]}, 503) if request.url.path.endswith(failing) else recorder(request)

    with pytest.raises(TransientError, match=f"gong {failing}: status 503"):
        land(FakeVendor(down), manifest)
    assert manifest.loads() == []
    land_all(FakeVendor(recorder), manifest)
    assert landed(manifest, "transcript") == sorted(recorder.started)


@pytest.mark.proves("Gong", "resume after interruption")
def test_a_killed_first_import_goes_on_in_the_window_where_it_stopped(manifest):
    recorder = Recorder(3, 200, 390)
    land(FakeVendor(recorder), manifest, source=LONG)
    vendor = FakeVendor(recorder)
    land_all(vendor, manifest, source=LONG)
    assert windows_asked(vendor)[0][0] == "2024-06-15T00:00:00Z", "the end of the first window less 14 days"
    assert landed(manifest, "call") == sorted(recorder.started)


@pytest.mark.proves("Gong", "rate limits")
def test_throttling_is_waited_for_as_long_as_gong_asks(manifest):
    vendor = FakeVendor(Recorder(383), [reply({"errors": ["limit"]}, 429, **{"retry-after": "1"})])
    land_all(vendor, manifest)
    assert vendor.patience.waits[0] == 1
    assert landed(manifest, "call") == [Recorder.call_id(383)]


@pytest.mark.proves("Gong", "rate limits")
def test_a_used_up_daily_quota_is_told_and_not_waited_for(manifest):
    vendor = FakeVendor(Recorder(383), [reply({"errors": ["limit"]}, 429, **{"retry-after": "7200"})])
    with pytest.raises(TransientError, match="status 429"):
        land(vendor, manifest)
    assert vendor.patience.waits == []
    assert manifest.loads() == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            reply({"errors": ["You don't have permission to use 'api:calls:read:extensive' in your app."]}, 401),
            "api:calls",
        ),
        (reply({"errors": ["Invalid credentials"]}, 401), "UAM_GONG_ACCESS_KEY_SECRET"),
        (httpx.Response(404, html="<html>"), "UAM_GONG_BASE_URL"),
        (reply({"errors": ["fromDateTime is malformed"]}, 400), "UAM_GONG_START"),
    ],
    ids=["missing right", "wrong key", "wrong address", "malformed"],
)
def test_a_refusal_says_what_to_change_and_is_not_repeated(answer, words, manifest):
    vendor = FakeVendor(lambda request: answer)
    with pytest.raises(PermanentError, match=words) as refused:
        land(vendor, manifest)
    assert len(vendor.requests) <= 2
    assert "hidden-value" not in f"{refused.value}{SOURCE}"


@pytest.mark.proves("Gong", "drift")
def test_fields_that_gong_adds_or_empties_lose_nothing_and_are_told(manifest):
    recorder = Recorder(383)
    land(FakeVendor(recorder), manifest)
    recorder.started[Recorder.call_id(390)] = START + timedelta(days=390)
    recorder.more = {"brandNew": {"deep": [1]}, "parties": None, "content": None}
    load = land(FakeVendor(recorder), manifest)
    assert set(landed(manifest, "call")) == set(recorder.started)
    assert load.drift == ["call: field brandNew is new (object)", "call: field content is new (null)"]


@pytest.mark.proves("Gong", "authentication")
@pytest.mark.proves("Gong", "doctor")
def test_the_check_asks_one_cheap_question_with_the_key():
    vendor = FakeVendor(lambda request: reply(EMPTY, 404))
    assert "accepted" in gong.probe(SOURCE, NOW, vendor.wire())
    (request,) = vendor.requests
    assert request.headers["authorization"] == httpx.BasicAuth("ACCESS", "hidden-value")._auth_header
    refusing = FakeVendor(lambda request: reply({"errors": ["Invalid"]}, 401))
    with pytest.raises(PermanentError):
        gong.probe(SOURCE, NOW, refusing.wire())


@needs_samples
def test_requests_are_what_the_published_description_allows(manifest):
    vendor = FakeVendor(Recorder(*range(380, 385)))
    land(vendor, manifest)
    schemas = {
        "calls/extensive": "PublicApiBaseRequestWithDataV2CallsRequestFilterWithOwnersContentSelector",
        "calls/transcript": "PublicApiBaseRequestV2CallsFilter",
    }
    for request in vendor.requests:
        path = request.url.path.removeprefix("/v2/")
        if path in schemas:
            assert problems(openapi(SPEC), schemas[path], json.loads(request.content)) == []


@needs_samples
@pytest.mark.proves("Gong", "recorded answers")
def test_answers_made_from_the_published_description_are_landed(manifest):
    spec = openapi(SPEC)
    calls, transcripts, users = (made(spec, name) for name in ("Calls", "CallTranscripts", "UsersMetadata"))
    key = calls["calls"][0]["metaData"]["id"]
    transcripts["callTranscripts"][0]["callId"] = key
    for body in (calls, transcripts, users):
        del body["records"]["cursor"]
    answers = {"/v2/users": users, "/v2/calls/extensive": calls, "/v2/calls/transcript": transcripts}
    land(FakeVendor(lambda request: reply(answers[request.url.path])), manifest)
    assert landed(manifest, "call") == landed(manifest, "transcript") == [key]


@needs_samples
@pytest.mark.parametrize(
    "name",
    ["call-transcripts", "calls", "fetch-call-extensive-data", "get-call", "list-calls", "list-users", "users"],
)
@pytest.mark.proves("Gong", "recorded answers")
def test_recorded_answers_are_understood(name):
    for each in interactions(f"gong/nango/{name}.json"):
        problem = gong.explain(each["status"], each["response"], name)
        if each["status"] == 200:
            assert problem is None
            assert problems(openapi(SPEC), "UsersMetadata", each["response"]) == []
            landed_users = gong.records("user", each["response"]["users"], "id", lambda _: None)
            assert all(key.isdigit() for _, key, _, _ in landed_users)
        elif each["status"] == 404:
            assert isinstance(problem, gong.NothingFoundError)
        else:
            assert isinstance(problem, PermanentError)
            assert "right" in problem.what
