"""Segment's archive: which files are read, in what order, and that damage or a kill never lands half."""

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from uam_platform.connectors import segment
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.object_store import ObjectStore, StoreAddress, StoredObject
from uam_platform.connectors.retry import Retry
from uam_platform.lake.loads import DELIVERIES, LoadManifest
from uam_platform_tests.connectors.fakes import NOW, Patience, contents, quiet, rows

DAY = {"2025-01-06": "1736121600000", "2025-01-07": "1736208000000"}


def write(archive: Path, source: str, day: str, name: str, ids: list[str]) -> Path:
    path = archive / source / DAY[day] / f"{name}.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"type": "track", "event": "E", "userId": "u", "messageId": i}) for i in ids]
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
    return path


@pytest.fixture
def archive(tmp_path) -> Path:
    folder = tmp_path / "archive"
    write(folder, "srv", "2025-01-07", "x", ["m5"])
    write(folder, "web", "2025-01-06", "b", ["m3", "m4"])
    write(folder, "web", "2025-01-06", "a", ["m1", "m2"])
    return folder


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def land(archive: Path, manifest: LoadManifest, progress=quiet):
    source = segment.SegmentSource(StoreAddress(str(archive)), threads=1, retry=Patience().retry())
    return segment.land(source, manifest, manifest.next_id(segment.NAME, NOW), NOW, progress)


def ids(manifest, load) -> list[str]:
    return [row["message_id"] for row in rows(manifest, load, DELIVERIES)]


def test_rows_come_by_day_of_receipt_then_file_then_line(archive, manifest):
    load = land(archive, manifest)
    assert ids(manifest, load) == ["m1", "m2", "m3", "m4", "m5"]
    assert [row["row_no"] for row in rows(manifest, load, DELIVERIES)] == [0, 1, 2, 3, 4]
    assert load.rows == {DELIVERIES: 5}


@pytest.mark.proves("Segment", "cursor and look-back")
def test_a_second_load_reads_only_new_files_also_those_whose_key_sorts_before(archive, manifest):
    land(archive, manifest)
    assert land(archive, manifest) is None
    write(archive, "web", "2025-01-06", "0", ["m0"])
    load = land(archive, manifest)
    assert ids(manifest, load) == ["m0"]
    assert load.objects == [f"web/{DAY['2025-01-06']}/0.gz"]


def test_two_loads_of_the_same_files_are_equal_in_every_byte(archive, tmp_path):
    manifests = [LoadManifest(tmp_path / name) for name in ("one", "two")]
    assert contents(manifests[0], land(archive, manifests[0])) == contents(manifests[1], land(archive, manifests[1]))


def test_a_damaged_file_ends_the_load_with_its_name_and_lands_nothing(archive, manifest):
    path = write(archive, "web", "2025-01-07", "y", ["m6"])
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(PermanentError, match=r"web/1736208000000/y\.gz.*no whole gzip file"):
        land(archive, manifest)
    assert manifest.loads() == []
    assert list((manifest.root / "_spool").glob("*/*")) == []


@pytest.mark.proves("Segment", "resume after interruption")
def test_what_a_killed_load_left_is_removed_by_the_next_one(archive, manifest):
    left = manifest.folder(manifest.next_id(segment.NAME, NOW)) / "deliveries-0009.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    load = land(archive, manifest)
    assert not left.exists()
    assert ids(manifest, load) == ["m1", "m2", "m3", "m4", "m5"]


def test_large_loads_are_cut_into_files_with_one_row_numbering(archive, manifest, monkeypatch):
    monkeypatch.setattr(segment, "_BATCH_LINES", 2)
    monkeypatch.setattr(segment, "_FILE_ROWS", 2)
    load = land(archive, manifest)
    assert [pq.read_metadata(path).num_rows for path in manifest.paths(load, DELIVERIES)] == [2, 2, 1]
    assert [row["row_no"] for row in rows(manifest, load, DELIVERIES)] == [0, 1, 2, 3, 4]


def test_every_day_is_reported(archive, manifest):
    told: list[str] = []
    land(archive, manifest, told.append)
    assert [line for line in told if "day " in line] == [
        "segment: day 2025-01-06 (1 of 2), 4 lines",
        "segment: day 2025-01-07 (2 of 2), 5 lines",
    ]


def test_a_missing_folder_is_told_with_the_setting(tmp_path, manifest):
    with pytest.raises(PermanentError, match="UAM_SEGMENT_ARCHIVE_URL"):
        land(tmp_path / "nowhere", manifest)


@pytest.mark.proves("Segment", "doctor")
def test_the_check_lists_the_archive_and_tells_what_is_wrong_with_it(archive, tmp_path):
    once = Retry(attempts=1)
    assert segment.probe(StoreAddress(str(archive)), once) == "archive may be listed; 2 names at its top"
    (tmp_path / "empty").mkdir()
    assert "nothing lies there yet" in segment.probe(StoreAddress(str(tmp_path / "empty")), once)
    with pytest.raises(PermanentError, match="UAM_SEGMENT_ARCHIVE_URL"):
        segment.probe(StoreAddress(str(tmp_path / "nowhere")), once)


def test_an_address_of_another_kind_is_told_with_what_to_write(manifest):
    with pytest.raises(PermanentError, match="s3://bucket/prefix"):
        segment.land(segment.SegmentSource(StoreAddress("gs://bucket/x")), manifest, "load", NOW, quiet)


def test_a_short_copy_is_fetched_again_and_never_left(archive, tmp_path):
    patience = Patience()
    retry = Retry(attempts=3, sleep=patience.waits.append)
    store = ObjectStore(StoreAddress(str(archive)), "segment archive", retry, quiet)
    (item,) = [o for o in store.list(".gz") if o.key.endswith("a.gz")]
    longer = StoredObject(item.key, item.size + 1)
    target = tmp_path / "copy.gz"
    with pytest.raises(TransientError, match=f"cut at {item.size} of {item.size + 1} bytes"):
        store.fetch(longer, target)
    assert patience.waits == [1.0, 2.0]
    assert not target.exists()
    store.fetch(item, target)
    assert target.stat().st_size == item.size
