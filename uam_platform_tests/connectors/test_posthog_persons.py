"""PostHog's persons by list and by batch export: the same records, each once, and trouble stops no events."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uam_platform.connectors import api_records, posthog, posthog_api
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.object_store import StoreAddress
from uam_platform.connectors.posthog_persons import records
from uam_platform.lake.loads import DELIVERIES, RECORDS, Load, LoadManifest
from uam_platform.staging.tracked_persons import is_device
from uam_platform_tests.connectors.fakes import NOW, FakeVendor, quiet, reply, rows, straight
from uam_platform_tests.connectors.posthog_project import Project, event, exported, person, uuid, write_lines
from uam_platform_tests.connectors.vendor_samples import FOLDER, interactions, needs_samples

DEVICE = "0194a000-aaaa-7000-8000-000000000001"
PERSONS = [person(n, f"u_{n}", email=f"p{n}@x.example") for n in range(5)]
LIMITED = reply({"type": "throttled_error", "code": "throttled", "detail": "Request was throttled.", "attr": None}, 429)


def source(persons: Path | None = None, key: str = "phx_hidden") -> posthog_api.PostHogSource:
    folder = (
        StoreAddress(str(persons), setting="UAM_POSTHOG", url_setting="UAM_POSTHOG_PERSONS_URL") if persons else None
    )
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return posthog_api.PostHogSource("17", None, "https://us.posthog.com", key, start, 4, persons=folder)


def land_all(
    manifest: LoadManifest, vendor: FakeVendor, now: datetime = NOW, of: posthog_api.PostHogSource | None = None,
    say: Any = quiet,
) -> list[Load]:  # fmt: skip
    def land() -> Load | None:
        return posthog.land(of or source(), manifest, manifest.next_id("posthog", now), now, say, wire=vendor.wire())

    return list(iter(land, None))  # type: ignore[arg-type]


def landed(manifest: LoadManifest) -> list[dict[str, Any]]:
    return [row for load in manifest.loads() if load.files.get(RECORDS) for row in rows(manifest, load, RECORDS)]


def told(manifest: LoadManifest) -> list[tuple[str, Any]]:
    return sorted((row["record_id"], json.loads(row["payload"])["email"]) for row in landed(manifest))


@pytest.fixture(autouse=True)
def _without_dlt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_records, "_through_dlt", straight)


@pytest.fixture
def manifest(tmp_path: Path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


@pytest.fixture
def project() -> Project:
    return Project([event(n) for n in range(3)], persons=list(PERSONS))


@pytest.mark.proves("PostHog", "cursor and look-back")
def test_persons_are_read_once_a_day_and_only_what_is_new_is_landed(manifest: LoadManifest, project: Project) -> None:
    first = land_all(manifest, FakeVendor(project))
    assert [load.rows for load in first] == [{DELIVERIES: 3}, {RECORDS: 5}]
    project.persons[1] = person(1, "u_1", DEVICE, email="new@x.example")
    assert land_all(manifest, FakeVendor(project), NOW + timedelta(hours=23)) == []
    (second,) = land_all(manifest, FakeVendor(project), NOW + timedelta(hours=24))
    assert second.rows == {RECORDS: 2}
    assert {row["record_id"] for row in rows(manifest, second, RECORDS)} == {"u_1", DEVICE}


@pytest.mark.proves("PostHog", "paging")
def test_pages_follow_each_other_and_the_key_stays_at_its_own_origin(manifest: LoadManifest, project: Project) -> None:
    vendor = FakeVendor(project)
    land_all(manifest, vendor)
    assert told(manifest) == [(f"u_{n}", f"p{n}@x.example") for n in range(5)]
    assert {request.url.host for request in vendor.requests} == {"us.posthog.com"}


def test_of_a_person_only_ids_and_address_are_kept(manifest: LoadManifest, project: Project) -> None:
    land_all(manifest, FakeVendor(project))
    assert {frozenset(json.loads(row["payload"])) for row in landed(manifest)} == {
        frozenset({"person_id", "distinct_id", "email"})
    }


def test_events_go_on_where_they_were_after_persons_were_read(manifest: LoadManifest, project: Project) -> None:
    land_all(manifest, FakeVendor(project))
    project.events.append(event(50, seconds=9))
    (load,) = land_all(manifest, FakeVendor(project))
    assert [row["message_id"] for row in rows(manifest, load, DELIVERIES)] == [uuid(50)]


@pytest.mark.proves("PostHog", "resume after interruption")
def test_a_list_that_is_throttled_on_the_way_goes_on_where_it_stopped(manifest: LoadManifest, project: Project) -> None:
    def limited(request: httpx.Request) -> httpx.Response:
        return LIMITED if request.url.params.get("offset") == "2" else project(request)

    events, persons = land_all(manifest, FakeVendor(project))[0], land_all(manifest, FakeVendor(project))
    assert (events.rows, persons) == ({DELIVERIES: 3}, [])
    again = LoadManifest(manifest.root.parent / "again")
    wire = FakeVendor(limited).wire()
    for _ in range(2):
        last = posthog.land(source(), again, again.next_id("posthog", NOW), NOW, quiet, wire=wire)
    assert last is not None
    assert (last.rows, last.state["persons_next"]["offset"]) == ({RECORDS: 2}, "2")
    with pytest.raises(TransientError, match="429"):
        posthog.land(source(), again, again.next_id("posthog", NOW), NOW, quiet, wire=wire)
    land_all(again, FakeVendor(project))
    assert told(again) == told(manifest)


def test_a_key_that_may_not_read_persons_is_told_and_events_are_read(manifest: LoadManifest, project: Project) -> None:
    refused = reply({"type": "authentication_error", "code": "permission_denied", "detail": "scope", "attr": None}, 403)
    vendor, said = FakeVendor(lambda request: refused if request.method == "GET" else project(request)), list[str]()
    land_all(manifest, vendor, say=said.append)
    project.events.append(event(50, seconds=9))
    (load,) = land_all(manifest, vendor, NOW + timedelta(hours=1), say=said.append)
    assert load.rows == {DELIVERIES: 1}
    assert any("person:read" in line for line in said)


def test_the_probe_says_whether_persons_can_be_read(tmp_path: Path) -> None:
    refused = reply({"type": "authentication_error", "code": "permission_denied", "detail": "scope", "attr": None}, 403)
    one = reply({"results": [[1]], "columns": ["1"]})
    vendor = FakeVendor(lambda request: refused if request.method == "GET" else one)
    assert "person:read" in posthog_api.probe(source(), vendor.wire())
    write_lines(tmp_path / "persons", "a.jsonl", exported(PERSONS[0]))
    assert "persons: " in posthog_api.probe(source(tmp_path / "persons"), vendor.wire())


def write_parquet(folder: Path, name: str, found: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([{**row, "properties": json.dumps(row["properties"])} for row in found])
    moments = pa.array([datetime.fromisoformat(row["created_at"]) for row in found], pa.timestamp("us", "UTC"))
    pq.write_table(table.set_column(table.schema.get_field_index("created_at"), "created_at", moments), folder / name)


def test_the_list_and_both_kinds_of_files_say_the_same(tmp_path: Path, project: Project) -> None:
    project.persons.append(person(9, "u_9", DEVICE))
    write_lines(tmp_path / "lines", "a.jsonl.gz", exported(*project.persons))
    write_parquet(tmp_path / "parquet", "a.parquet", exported(*project.persons))
    found = []
    for folder in (None, tmp_path / "lines", tmp_path / "parquet"):
        manifest = LoadManifest(tmp_path / f"raw-{folder and folder.name}")
        land_all(manifest, FakeVendor(project), of=source(folder))
        found.append([(row["record_id"], row["payload"]) for row in landed(manifest)])
    assert len(found[0]) == 7
    assert sorted(found[0]) == sorted(found[1]) == sorted(found[2])


def test_files_of_persons_are_read_once_and_what_is_spoilt_is_landed_as_it_is(
    tmp_path: Path, manifest: LoadManifest, project: Project
) -> None:
    archive = tmp_path / "persons"
    write_lines(archive, "a.jsonl", [*exported(PERSONS[0]), '{"person_id": "cut', "nothing"])
    of = source(archive)
    assert [load.rows for load in land_all(manifest, FakeVendor(project), of=of)] == [{DELIVERIES: 3}, {RECORDS: 3}]
    assert [row["payload"] for row in landed(manifest) if row["record_id"] is None] == ["nothing", '{"person_id": "cut']
    write_lines(archive, "b.jsonl", exported(PERSONS[0]))  # the run was written again
    (again,) = land_all(manifest, FakeVendor(project), of=of)
    assert (again.rows, list(again.objects)) == ({RECORDS: 0}, ["persons/b.jsonl"])
    write_lines(archive, "c.jsonl", exported(PERSONS[0], is_deleted=True))
    (gone,) = land_all(manifest, FakeVendor(project), of=of)
    assert [json.loads(row["payload"])["is_deleted"] for row in rows(manifest, gone, RECORDS)] == [True]


def test_a_folder_of_persons_that_is_not_there_names_its_setting(
    tmp_path: Path, manifest: LoadManifest, project: Project
) -> None:
    with pytest.raises(PermanentError, match="UAM_POSTHOG_PERSONS_URL"):
        land_all(manifest, FakeVendor(project), of=source(tmp_path / "absent"))


def recorded() -> list[dict[str, Any]]:
    """Every person of the recordings."""
    found = []
    for name in ("persons", "list-persons", "get-person", "update-person", "identify-person"):
        for each in interactions(f"posthog/nango/{name}.json"):
            if "/persons/" in each["path"] and each["status"] == 200 and each["method"] == "get":
                found += each["response"].get("results", [each["response"]])
    for line in (Path(FOLDER) / "posthog/airbyte/expected_records.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        found += [one["data"]] if one["stream"] == "persons" else []
    return [each for each in found if "distinct_ids" in each]


@needs_samples
@pytest.mark.proves("PostHog", "recorded answers")
def test_every_recorded_person_gives_a_record_of_each_of_its_ids() -> None:
    persons = recorded()
    assert len(persons) >= 15
    found = list(records(persons))
    assert [one[1] for one in found] == [each for one in persons for each in one["distinct_ids"]]
    assert all(json.loads(one[3])["person_id"] for one in found)
    made_up = {one[1] for one in found if is_device(str(one[1]))}
    assert made_up, "anonymous visitors are among them"
    assert not [each for each in made_up if each.startswith(("nango", "test"))]
