"""The Segment archive, read with a real S3 client."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow.fs as pafs
import pytest

from uam_platform.simulation.sandbox import segment_archive
from uam_platform.simulation.sandbox.company import Company
from uam_platform.simulation.sandbox.server import Running
from uam_platform_tests.sandbox.tiny_company import DEFECTS, write_company

ROOT = "acme-segment/segment-logs"


def s3(sandbox: Running, key: str | None = None) -> pafs.S3FileSystem:
    env = sandbox.credentials
    return pafs.S3FileSystem(
        endpoint_override=env["UAM_SEGMENT_S3_ENDPOINT"].removeprefix("http://"),
        scheme="http",
        access_key=env["UAM_SEGMENT_S3_ACCESS_KEY"],
        secret_key=key or env["UAM_SEGMENT_S3_SECRET_KEY"],
        region=env["UAM_SEGMENT_S3_REGION"],
        retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=1),
    )


def files(fs: pafs.S3FileSystem) -> list[pafs.FileInfo]:
    found = fs.get_file_info(pafs.FileSelector(ROOT, recursive=True))
    return sorted((item for item in found if item.is_file), key=lambda item: item.path)


def lines(fs: pafs.S3FileSystem, source: str, day: int) -> list[str]:
    chosen = [f for f in files(fs) if f"/{source}/{1736121600000 + day * 86_400_000}/" in f.path]
    data = b"".join(gzip.decompress(fs.open_input_file(f.path).read()) for f in chosen)
    return data.decode().split("\n")[:-1]


def events(fs: pafs.S3FileSystem, source: str = "web_src1", day: int = 0) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(fs, source, day)]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_every_delivery_is_in_exactly_one_file_of_its_source_and_day(sandbox: Running) -> None:
    fs = s3(sandbox)
    assert len(files(fs)) == 6
    ids = [item["messageId"] for day in (0, 1) for src in ("web_src1", "srv_src2") for item in events(fs, src, day)]
    assert sorted(ids) == sorted(f"m-{day}-{n}" for day in (0, 1) for n in range(67))
    assert {item["channel"] for item in events(fs, "srv_src2")} == {"server"}


def test_folders_are_found_one_level_at_a_time(sandbox: Running) -> None:
    found = s3(sandbox).get_file_info(pafs.FileSelector(ROOT))
    assert sorted(item.base_name for item in found) == ["srv_src2", "web_src1"]


def test_a_range_of_an_object_is_the_same_bytes_as_the_whole(sandbox: Running) -> None:
    fs = s3(sandbox)
    path = files(fs)[0].path
    whole = fs.open_input_stream(path, compression=None).read()
    with fs.open_input_file(path) as file:
        assert file.size() == len(whole)
        assert file.read_at(50, 10) == whole[10:60]


def test_a_wrong_secret_is_refused(sandbox: Running) -> None:
    with pytest.raises(OSError, match=r"(?i)signature|ACCESS_DENIED|403"):
        files(s3(sandbox, key="wrong"))


def test_an_unsigned_request_gets_an_s3_error_document(sandbox: Running, client: httpx.Client) -> None:
    answer = client.get(f"{sandbox.url}/acme-segment?list-type=2")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/xml")
    assert "<Code>AccessDenied</Code>" in answer.text


def test_a_missing_object_is_not_found(sandbox: Running) -> None:
    with pytest.raises(FileNotFoundError):
        s3(sandbox).open_input_file(f"{ROOT}/web_src1/nothing.gz")


def test_a_track_line_holds_the_common_fields_and_no_null_property(sandbox: Running) -> None:
    track = next(item for item in events(s3(sandbox)) if item["messageId"] == "m-0-4")
    assert track["properties"] == {"feature": "pivot", "duration_ms": 1200, "workspace_id": "ws_1"}
    assert (track["type"], track["event"], track["version"]) == ("track", 'Report "Generated"', 2)
    assert track["context"]["library"] == {"name": "analytics.js", "version": "2.1.0"}
    assert (track["context"]["groupId"], track["context"]["device"]) == ("ws_1", {"type": "desktop"})
    assert (track["userId"], track["anonymousId"], track["integrations"]) == ("u_4", "anon-4", {})


def test_a_server_line_says_null_for_the_anonymous_id(sandbox: Running) -> None:
    line = events(s3(sandbox), "srv_src2")[1]
    assert "anonymousId" in line
    assert line["anonymousId"] is None


def test_timestamp_is_receipt_less_the_time_the_event_waited_on_the_device(sandbox: Running) -> None:
    for item in events(s3(sandbox)):
        waited = moment(item["sentAt"]) - moment(item["originalTimestamp"])
        assert moment(item["timestamp"]) == moment(item["receivedAt"]) - waited


def test_only_the_original_timestamp_carries_the_devices_offset(sandbox: Running) -> None:
    item = next(item for item in events(s3(sandbox)) if item["messageId"] == "m-0-7")
    assert item["originalTimestamp"].endswith("-05:30")
    assert moment(item["originalTimestamp"]) == datetime(2025, 1, 6, 1, 4, 40, tzinfo=UTC)
    assert item["sentAt"].endswith("Z")
    assert item["receivedAt"] == "2025-01-06T00:04:43.250Z"


def test_identify_group_alias_and_page_have_their_own_fields(sandbox: Running) -> None:
    by_type = {item["type"]: item for src in ("web_src1", "srv_src2") for item in events(s3(sandbox), src)}
    assert by_type["identify"]["traits"]["email"] == "ann@acme.example"
    assert (by_type["group"]["groupId"], by_type["group"]["traits"]["account_id"]) == ("ws_1", "acc_00001")
    assert "groupId" not in by_type["group"]["context"]
    assert by_type["alias"]["previousId"] == "anon-0"
    assert (by_type["page"]["name"], by_type["page"]["properties"]["feature"]) == ("Reports", "pivot")


def test_each_defect_spoils_its_line_in_its_own_way(sandbox: Running) -> None:
    fs = s3(sandbox)
    everything = lines(fs, "web_src1", 2) + lines(fs, "srv_src2", 2)
    found = {name: next(x for x in everything if f'm-2-{20 + 2 * n}"' in x) for n, name in enumerate(DEFECTS[1:6], 1)}
    parsed = {name: json.loads(line) for name, line in found.items()}
    assert "event" not in parsed["missing_event"]
    assert (parsed["missing_ids"]["userId"], parsed["missing_ids"]["anonymousId"]) == (None, None)
    assert isinstance(parsed["user_id_number"]["userId"], int)
    assert parsed["bad_timestamp"]["timestamp"] == "not-a-date"
    assert moment(parsed["far_future"]["timestamp"]).year == 2099
    broken = [line for line in everything if not _is_json(line)]
    assert sorted(line[0] == "{" for line in broken) == [False, True]


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return False
    return True


def test_the_same_deliveries_give_the_same_bytes_and_a_prepared_day_is_not_built_again(tmp_path: Path) -> None:
    company = Company(write_company(tmp_path / "company"))
    calls: list[int] = []
    first = segment_archive.prepare(company, tmp_path / "a", lambda *_: calls.append(1))
    second = segment_archive.prepare(company, tmp_path / "b", lambda *_: None)
    again = segment_archive.prepare(company, tmp_path / "a", lambda *_: calls.append(1))
    etags = [[item.etag for item in archive.from_key("")] for archive in (first, second, again)]
    assert etags[0] == etags[1] == etags[2]
    assert len(calls) == 3


def test_a_busy_day_is_split_into_several_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_archive, "LINES_PER_FILE", 10)
    archive = segment_archive.prepare(Company(write_company(tmp_path / "company")), tmp_path / "s", lambda *_: None)
    items = [item for item in archive.from_key("") if "/web_src1/1736121600000/" in item.key]
    assert sorted(item.line_count for item in items) == [5, 10, 10, 10, 10]
    seen = [
        json.loads(x)["messageId"]
        for i in items
        for x in gzip.decompress(archive.path(i.key).read_bytes()).splitlines()
    ]
    assert len(set(seen)) == 45


def test_keys_can_be_listed_in_small_pages(sandbox: Running) -> None:
    import botocore.session
    from botocore.config import Config

    env = sandbox.credentials
    session = botocore.session.Session()
    session.set_credentials(env["UAM_SEGMENT_S3_ACCESS_KEY"], env["UAM_SEGMENT_S3_SECRET_KEY"])
    style = Config(s3={"addressing_style": "path"})
    boto = session.create_client("s3", region_name="us-east-1", endpoint_url=sandbox.url, config=style)
    pages = boto.get_paginator("list_objects_v2").paginate(
        Bucket="acme-segment", Prefix="segment-logs/", PaginationConfig={"PageSize": 4}
    )
    sizes = [len(page["Contents"]) for page in pages]
    assert sizes == [4, 2]
    folders = boto.list_objects_v2(Bucket="acme-segment", Prefix="segment-logs/", Delimiter="/", MaxKeys=1)
    assert [item["Prefix"] for item in folders["CommonPrefixes"]] == ["segment-logs/srv_src2/"]
    rest = boto.list_objects_v2(
        Bucket="acme-segment", Prefix="segment-logs/", Delimiter="/", ContinuationToken=folders["NextContinuationToken"]
    )
    assert [item["Prefix"] for item in rest["CommonPrefixes"]] == ["segment-logs/web_src1/"]
    assert not rest["IsTruncated"]


def test_files_are_dated_at_the_end_of_their_day(sandbox: Running) -> None:
    assert {item.mtime for item in files(s3(sandbox))} == {
        datetime(2025, 1, 7, tzinfo=UTC) + timedelta(d) for d in range(3)
    }
