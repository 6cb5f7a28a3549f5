"""PostHog's events by batch export and by query: nothing lost, nothing twice, and each kind of event what it means."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyarrow as pa
import pytest

from uam_platform.connectors import posthog, posthog_api, posthog_export, posthog_query
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.object_store import StoreAddress
from uam_platform.connectors.posthog_lines import line_shape
from uam_platform.lake.loads import DELIVERIES, Load, LoadManifest
from uam_platform_tests.connectors.fakes import NOW, FakeVendor, contents, quiet, reply, rows
from uam_platform_tests.connectors.posthog_project import Project, event, uuid, write_lines, write_parquet
from uam_platform_tests.connectors.vendor_samples import FOLDER, interactions, needs_samples, sample

KEY = "phx_hidden"
LIMITED = reply({"type": "throttled_error", "code": "throttled", "detail": "Request was throttled.", "attr": None}, 429)


def source(archive: Path | None = None, page_rows: int = 4, key: str = KEY) -> posthog_api.PostHogSource:
    address = StoreAddress(str(archive), setting="UAM_POSTHOG") if archive else None
    start = datetime(2025, 1, 1, tzinfo=UTC)
    used = "" if archive else key  # with files of events and a key, persons would be asked for
    return posthog_api.PostHogSource("17", address, "https://us.posthog.com", used, start, page_rows)


def land(manifest: LoadManifest, of: posthog_api.PostHogSource, vendor: FakeVendor | None = None) -> Load | None:
    wire = vendor.wire() if vendor else None
    return posthog.land(of, manifest, manifest.next_id("posthog", NOW), NOW, quiet, wire=wire)


def land_all(manifest: LoadManifest, of: posthog_api.PostHogSource, vendor: FakeVendor | None = None) -> list[Load]:
    return list(iter(lambda: land(manifest, of, vendor), None))  # type: ignore[arg-type]


def landed(manifest: LoadManifest) -> list[dict[str, Any]]:
    return [row for load in manifest.loads() for row in rows(manifest, load, DELIVERIES)]


def ids(manifest: LoadManifest) -> list[str]:
    return sorted(row["message_id"] for row in landed(manifest))


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def read(*events: dict[str, Any]) -> list[dict[str, Any]]:
    """Envelopes of events."""
    lines = pa.array([json.dumps(e) for e in events], pa.large_string())
    with duckdb.connect() as connection:
        return line_shape("workspace", "account").decode(connection, lines, 0).to_pylist()


@pytest.mark.parametrize(
    ("delivered", "expected"),
    [
        (event(1, distinct_id="d_1", **{"$device_id": "d_1"}), ("track", None, "d_1", None)),
        (event(1, distinct_id="d_1", **{"$is_identified": False}), ("track", None, "d_1", None)),
        (event(1, distinct_id="u_1", **{"$device_id": "d_1"}), ("track", "u_1", "d_1", None)),
        (event(1, distinct_id="u_1", **{"$lib": "posthog-python"}), ("track", "u_1", None, None)),
        (event(1, "$identify", "u_1", **{"$anon_distinct_id": "d_1"}), ("identify", "u_1", "d_1", None)),
        (event(1, "$set", "u_1"), ("identify", "u_1", None, None)),
        (event(1, "$create_alias", "d_9", alias="u_1"), ("alias", "u_1", None, "d_9")),
        (event(1, "$merge_dangerously", "u_old", alias="u_1"), ("alias", "u_1", None, "u_old")),
        (event(1, "$pageview", "u_1"), ("page", "u_1", None, None)),
        (event(1, "$screen", "u_1"), ("page", "u_1", None, None)),
    ],
    ids=["device", "not identified", "user on device", "server", "identify", "set", "alias", "merge", "page", "screen"],
)
def test_who_acts_is_told_as_device_or_user(delivered: dict[str, Any], expected: tuple[Any, ...]) -> None:
    (found,) = read(delivered)
    assert (found["kind"], found["user_id"], found["anonymous_id"], found["previous_id"]) == expected


def test_groups_are_workspace_and_account_and_a_group_is_no_actor() -> None:
    used, told, lone = read(
        event(1, **{"$groups": {"workspace": "ws_1", "account": "acc_1", "other": "x"}}),
        event(
            2,
            "$groupidentify",
            **{"$group_type": "workspace", "$group_key": "ws_2", "$group_set": {"account_id": "acc_2"}},
        ),
        event(3, "$groupidentify", "$workspace_ws_3", **{"$group_type": "workspace", "$group_key": "ws_3"}),
    )
    assert (used["workspace_id"], used["account_id"]) == ("ws_1", "acc_1")
    assert (told["kind"], told["workspace_id"], told["account_id"], told["user_id"]) == (
        "group",
        "ws_2",
        "acc_2",
        "u_1",
    )
    assert (lone["user_id"], lone["anonymous_id"]) == (None, "$workspace_ws_3")


def test_traits_flags_properties_and_clocks_arrive_in_the_envelope() -> None:
    identified, flag, plain = read(
        event(1, "$identify", "u_1", **{"$set": {"email": "a@x.example", "role": "admin"}}),
        event(2, "$feature_flag_called", **{"$feature_flag": "new-editor", "$feature_flag_response": True}),
        event(3, feature="pivot", workflow_step=2, duration_ms=1200, error_code="E7", **{"$lib": "posthog-node"}),
    )
    assert (identified["email"], identified["role"]) == ("a@x.example", "admin")
    assert (flag["event_name"], flag["feature_flag"], flag["side"]) == (
        "$feature_flag_called",
        "new-editor=true",
        "client",
    )
    assert (plain["feature"], plain["workflow_step"], plain["duration_ms"], plain["error_code"]) == (
        "pivot",
        "2",
        "1200",
        "E7",
    )
    assert (plain["side"], plain["message_id"]) == ("server", uuid(3))
    assert (plain["occurred_text"], plain["received_text"]) == (
        "2025-01-06T00:00:01.000000Z",
        "2025-01-06T00:00:03.000000Z",
    )


def test_what_segment_forwarded_keeps_segments_message_id() -> None:
    forwarded, own = read(event(1, **{"$lib": "Segment", "$insert_id": "ajs-1"}), event(2, **{"$insert_id": "mine"}))
    assert (forwarded["message_id"], own["message_id"]) == ("ajs-1", uuid(2))


def test_values_of_unexpected_kinds_and_absent_properties_are_no_failure() -> None:
    found = read(
        {**event(1), "distinct_id": 17, "event": None},
        {**event(2), "properties": None},
        {**event(3), "properties": {"$groups": "none", "$set": [1]}},
        {"uuid": uuid(4)},
    )
    assert [row["message_id"] for row in found] == [uuid(n) for n in (1, 2, 3, 4)]
    assert found[0]["user_id"] == "17"


# batch exports


def test_parquet_and_json_lines_of_the_same_events_land_the_same(tmp_path):
    events = [event(n, **{"$groups": {"workspace": "ws_1"}, "note": 'a "quoted" näme'}) for n in range(7)]
    write_lines(tmp_path / "lines", "a.jsonl.gz", events)
    write_parquet(tmp_path / "parquet", "a.parquet.zst", events)
    found = []
    for kind in ("lines", "parquet"):
        manifest = LoadManifest(tmp_path / f"raw-{kind}")
        land(manifest, source(tmp_path / kind))
        found.append(landed(manifest))
    assert found[0] == found[1]
    assert [row["message_id"] for row in found[0]] == [uuid(n) for n in range(7)]


def test_only_new_export_files_are_read_and_in_the_order_of_their_keys(tmp_path, manifest):
    archive = tmp_path / "archive"
    write_lines(archive, "2025-01-06T01.jsonl", [event(2)])
    write_lines(archive, "2025-01-06T00.jsonl.gz", [event(1)])
    (archive / "2025-01-06T00_manifest.json").write_text("{}")
    (load,) = land_all(manifest, source(archive))
    assert load.objects == ["2025-01-06T00.jsonl.gz", "2025-01-06T01.jsonl"]
    write_lines(archive, "2025-01-05T23.jsonl.gz", [event(0)])
    (load,) = land_all(manifest, source(archive))
    assert load.objects == ["2025-01-05T23.jsonl.gz"]
    assert [row["message_id"] for row in landed(manifest)] == [uuid(n) for n in (1, 2, 0)]


def test_an_interrupted_import_of_files_goes_on_behind_the_last_complete_load(tmp_path, manifest, monkeypatch):
    archive = tmp_path / "archive"
    for n in range(3):
        write_lines(archive, f"{n}.jsonl", [event(n)])
    monkeypatch.setattr(posthog_export, "_LOAD_BYTES", 1)
    land(manifest, source(archive))
    (archive / "1.jsonl").write_bytes(b"\x1f\x8b broken")
    (archive / "1.jsonl").rename(archive / "1.jsonl.gz")
    with pytest.raises(PermanentError, match="damaged"):
        land(manifest, source(archive))
    assert ids(manifest) == [uuid(0)]
    (archive / "1.jsonl.gz").unlink()
    write_lines(archive, "1.jsonl.gz", [event(1)])
    land_all(manifest, source(archive))
    assert ids(manifest) == [uuid(n) for n in range(3)]


def test_an_export_with_other_columns_and_spoilt_lines_is_landed_with_what_it_has(tmp_path, manifest):
    archive = tmp_path / "archive"
    write_parquet(archive, "a.parquet", [event(1)], brand_new=["x"], person_properties=['{"email": "a@x.example"}'])
    write_lines(archive, "b.jsonl", ['{"uuid": "cut', event(2), "not json", event(3, "$snapshot")])
    land_all(manifest, source(archive))
    found = landed(manifest)
    assert [row["parse_error"] for row in found] == [None, "truncated", None, "not_json"]
    assert found[0]["email"] == "a@x.example"
    assert found[1]["raw_line"] == '{"uuid": "cut'


def test_an_archive_that_is_not_there_names_its_setting(tmp_path, manifest):
    with pytest.raises(PermanentError, match="UAM_POSTHOG_ARCHIVE_URL"):
        land(manifest, source(tmp_path / "absent"))


# query API


@pytest.mark.proves("PostHog", "paging")
def test_pages_by_position_lose_no_event_of_the_same_moment(manifest):
    vendor = FakeVendor(Project([event(n) for n in range(23)]))
    loads = land_all(manifest, source(), vendor)
    assert ids(manifest) == [uuid(n) for n in range(23)]
    assert [row["row_no"] for row in landed(manifest)] == list(range(23))
    assert len(loads) == 1
    assert loads[0].state == {"created_at": "2025-01-06T00:00:09.000000Z", "uuid": uuid(22), "is_at_end": True}


@pytest.mark.proves("PostHog", "cursor and look-back")
def test_the_next_load_looks_back_an_hour_and_lands_only_what_is_new(manifest):
    project = Project([event(n) for n in range(5)])
    land_all(manifest, source(), FakeVendor(project))
    project.events += [event(50, seconds=1), event(51, seconds=9)]  # the first was taken in late
    land_all(manifest, source(), FakeVendor(project))
    assert ids(manifest) == [uuid(n) for n in (0, 1, 2, 3, 4, 50, 51)]


@pytest.mark.proves("PostHog", "resume after interruption")
def test_a_long_import_is_several_loads_that_continue_each_other(manifest, monkeypatch):
    monkeypatch.setattr(posthog_query, "_LOAD_PAGES", 2)
    project = Project([event(n) for n in range(19)])
    loads = land_all(manifest, source(), FakeVendor(project))
    assert [load.rows[DELIVERIES] for load in loads] == [8, 8, 3]
    assert ids(manifest) == [uuid(n) for n in range(19)]


def test_properties_as_objects_and_as_text_land_the_same(tmp_path):
    events = [event(n, **{"$groups": {"workspace": "w"}}) for n in range(3)]
    found = []
    for objects in (False, True):
        manifest = LoadManifest(tmp_path / str(objects))
        land(manifest, source(), FakeVendor(Project(events, objects)))
        found += contents(manifest, manifest.loads()[0])
    assert found[0] == found[1]


def test_recordings_are_not_asked_for(manifest):
    project = Project([event(1), event(2, "$snapshot")])
    land(manifest, source(), FakeVendor(project))
    assert ids(manifest) == [uuid(1)]
    assert "'$snapshot'" in project.asked[0]


@pytest.mark.proves("PostHog", "rate limits")
def test_throttling_past_our_patience_lands_what_was_read_and_the_next_run_goes_on(manifest):
    project, limited = Project([event(n) for n in range(12)]), [False, False, True]

    def answer(request: httpx.Request) -> httpx.Response:
        return LIMITED if limited and limited.pop(0) else project(request)

    always = FakeVendor(lambda request: LIMITED if not limited else answer(request))
    load = land(manifest, source(), always)
    assert load.rows == {DELIVERIES: 8}
    assert load.state["is_at_end"] is False
    land_all(manifest, source(), FakeVendor(project))
    assert ids(manifest) == [uuid(n) for n in range(12)]


def test_throttling_from_the_start_is_told_and_moves_nothing(manifest):
    with pytest.raises(TransientError, match="429"):
        land(manifest, source(), FakeVendor(lambda request: LIMITED))
    assert manifest.loads() == []


@pytest.mark.parametrize(
    "trouble",
    [
        LIMITED,
        reply({}, 429, **{"retry-after": "3"}),
        reply({"detail": "A server error occurred."}, 500),
        httpx.Response(200, text='{"results": [["0194'),
        reply({"error": "out of time"}),
        httpx.ReadTimeout("slow"),
    ],
    ids=["429", "429 with wait", "500", "cut", "200 without results", "slow"],
)
def test_a_passing_trouble_changes_no_landed_byte(trouble, tmp_path):
    calm, troubled = LoadManifest(tmp_path / "calm"), LoadManifest(tmp_path / "troubled")
    events = [event(n) for n in range(6)]
    expected = contents(calm, land(calm, source(), FakeVendor(Project(events))))
    assert contents(troubled, land(troubled, source(), FakeVendor(Project(events), [trouble]))) == expected


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: {**body, "results": [*body["results"], *body["results"]]},
        lambda body: {**body, "results": body["results"][::-1]},
    ],
    ids=["twice", "backwards"],
)
def test_repeated_and_disordered_pages_double_and_lose_nothing(
    spoil: Callable[[dict[str, Any]], dict[str, Any]], manifest
):
    project = Project([event(n) for n in range(11)])
    land_all(manifest, source(), FakeVendor(lambda request: reply(spoil(project(request).json()))))
    assert ids(manifest) == [uuid(n) for n in range(11)]


def test_an_empty_page_in_the_middle_does_not_end_the_import(manifest):
    project = Project([event(n) for n in range(7)])
    columns = "uuid event distinct_id timestamp created_at properties".split()
    empty = reply({"results": [], "columns": columns, "hasMore": True})
    land_all(manifest, source(), FakeVendor(project, [empty]))
    assert ids(manifest) == [uuid(n) for n in range(7)]


def test_a_renamed_column_is_told_and_moves_nothing(manifest):
    answer = reply({"results": [["x"]], "columns": ["id"], "hasMore": False})
    with pytest.raises(TransientError, match="uuid"):
        land(manifest, source(), FakeVendor(lambda request: answer))
    assert manifest.loads() == []


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "UAM_POSTHOG_API_KEY"), (403, "query:read"), (404, "UAM_POSTHOG_PROJECT_ID"), (400, "batch exports")],
)
@pytest.mark.proves("PostHog", "authentication")
@pytest.mark.proves("PostHog", "region hosts")
def test_a_refusal_says_what_to_change_and_is_not_repeated(status, words, manifest):
    vendor = FakeVendor(lambda request: reply({"type": "x", "code": "y", "detail": "no", "attr": None}, status))
    with pytest.raises(PermanentError, match=words) as refused:
        land(manifest, source(), vendor)
    assert len(vendor.requests) == 1
    assert KEY not in f"{refused.value}{source()}"
    assert vendor.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_project_without_archive_and_key_says_so(manifest):
    with pytest.raises(PermanentError, match="UAM_POSTHOG_ARCHIVE_URL"):
        land(manifest, source(key=""))


@pytest.mark.proves("PostHog", "doctor")
def test_the_probe_asks_one_cheap_question_of_events_and_one_of_persons():
    vendor = FakeVendor(lambda request: reply({"results": [[1]], "columns": ["1"]}))
    said = posthog_api.probe(source(), vendor.wire())
    assert "accepted" in said
    assert said.endswith("persons can be read")
    assert [request.method for request in vendor.requests] == ["POST", "GET"]


# recorded shapes


def recorded_events() -> list[dict[str, Any]]:
    """Every event of the recordings, in the shape of an export."""
    found = []
    for name in ("events", "list-events", "get-event"):
        for each in interactions(f"posthog/nango/{name}.json"):
            if "/events/" in each["path"] and each["status"] == 200:
                found += each["response"].get("results", [each["response"]])
    for line in (Path(FOLDER) / "posthog/airbyte/expected_records.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        found += [record["data"]] if record["stream"] == "events" else []
    return [{**e, "uuid": e["id"]} for e in found]


@needs_samples
@pytest.mark.proves("PostHog", "recorded answers")
def test_every_recorded_event_is_read():
    events = recorded_events()
    assert len(events) >= 10
    found = read(*events)
    assert [row["message_id"] for row in found] == [e["uuid"] for e in events]
    assert all(row["user_id"] or row["anonymous_id"] for row in found)
    assert all(datetime.fromisoformat(row["occurred_text"]) for row in found)
    assert not [row for row in found if row["parse_error"]]


@needs_samples
@pytest.mark.parametrize(
    "name", ["posthog-python/legacy_event_family", "posthog-python/exception_event", "posthog-go/test-many-capture"]
)
def test_what_official_libraries_send_is_read_as_what_it_means(name: str):
    text = json.dumps(sample(f"posthog/{name}.json"))
    events = [e for e in _objects(json.loads(text)) if "event" in e and ("distinct_id" in e or "properties" in e)]
    found = read(*({"uuid": uuid(n), **e} for n, e in enumerate(events)))
    kinds = {"$create_alias": "alias", "$identify": "identify", "$set": "identify", "$groupidentify": "group"}
    assert events
    for delivered, row in zip(events, found, strict=True):
        assert row["kind"] == kinds.get(delivered["event"], row["kind"])
        assert row["event_name"] == delivered["event"]
        assert row["parse_error"] is None


def _objects(node: Any) -> list[dict[str, Any]]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return [*([node] if isinstance(node, dict) else []), *(found for child in children for found in _objects(child))]
