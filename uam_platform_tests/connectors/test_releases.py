"""Releases and flags from dropped files: every form is told by its fields, and no file stops the others."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from uam_platform.connectors import releases
from uam_platform.connectors.dropped_files import UNREADABLE, DropFolder
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.record_files import UNRECOGNISED
from uam_platform.lake.loads import RECORDS, Load, LoadManifest
from uam_platform_tests.connectors.dropped import drop, folder_of
from uam_platform_tests.connectors.fakes import NOW, contents, quiet, rows

EXPOSURES = (
    "flag_key,account_id,exposed_at,variant\nwave,acc_1,2025-01-02T10:00:00Z,on\nwave,acc_2,2025-01-03T10:00:00Z,on\n"
)
GITHUB = {
    "id": 7, "tag_name": "v1.2.0", "name": "Search", "body": "New search", "draft": False, "author": {"login": "ann"},
    "html_url": "https://code.example/r/7", "published_at": "2025-01-01T10:00:00Z",
}  # fmt: skip
FLAG = {
    "id": 708,
    "key": "wave",
    "name": "Rollout",
    "active": True,
    "filters": {"groups": []},
    "created_by": {"email": "a@b.example"},
}
CALLED = {
    "event": "$feature_flag_called", "uuid": "e-1", "distinct_id": "u_1", "timestamp": "2025-01-04T10:00:00Z",
    "properties": {"$feature_flag": "wave", "$feature_flag_response": "test", "$groups": {"company": "acc_3"}, "$current_url": "/x"},
}  # fmt: skip


@pytest.fixture
def manifest(tmp_path: Path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    (tmp_path / "drop").mkdir()
    return folder_of(releases.NAME, tmp_path / "drop")


def land(folder: DropFolder, manifest: LoadManifest) -> Load | None:
    return releases.land(folder, manifest, manifest.next_id(releases.NAME, NOW), NOW, quiet)


def landed(folder: DropFolder, manifest: LoadManifest) -> list[dict[str, Any]]:
    load = land(folder, manifest)
    return rows(manifest, load, RECORDS) if load else []


@pytest.mark.parametrize(
    ("record", "form", "record_id"),
    [
        (GITHUB, "github_release", "7"),
        ({"action": "published", "release": GITHUB, "repository": {"full_name": "acme/app"}}, "github_release", "7"),
        (FLAG, "posthog_flag", "wave"),
        (CALLED, "flag_call", "e-1"),
        ({"flag_key": "wave", "exposed_at": "2025-01-01"}, "flag_exposure", None),
        ({"release_id": "r1", "released_at": "2025-01-01"}, "release", "r1"),
        ({"version": "1.0", "released_at": "2025-01-01"}, "release", "1.0"),
        ({"kind": "shutdown", "starts_on": "2025-12-24"}, "announcement", None),
    ],
)
def test_a_record_is_told_by_its_fields(record: dict[str, Any], form: str, record_id: str | None) -> None:
    formed = releases.form_of(record)
    assert formed
    assert (formed.form, formed.record_id) == (form, record_id)


@pytest.mark.parametrize(
    "record", [{}, {"a": 1}, {"event": "$feature_flag_called"}, {"kind": "x"}, {"release": "1", "action": "x"}]
)
def test_what_has_no_known_form_is_none(record: dict[str, Any]) -> None:
    assert releases.form_of(record) is None


def test_persons_and_addresses_of_pages_are_not_kept(folder: DropFolder, manifest: LoadManifest) -> None:
    drop(Path(folder.address.url), {"a.json": [GITHUB, FLAG, CALLED]})
    kept = " ".join(row["payload"] for row in landed(folder, manifest))
    assert not [word for word in ("ann", "a@b.example", "code.example", "$current_url") if word in kept]
    assert "New search" in kept


@pytest.mark.proves("Releases", "cursor and look-back")
def test_files_of_every_format_are_read_once_and_a_changed_one_brings_only_what_is_new(
    folder: DropFolder, manifest: LoadManifest
) -> None:
    root = Path(folder.address.url)
    drop(
        root,
        {"old/releases.json": [GITHUB], "exposures.csv.gz": EXPOSURES, "flags.jsonl": json.dumps(FLAG) + "\n"},
        age=50,
    )
    assert Counter(row["source_object"] for row in landed(folder, manifest)) == {
        "github_release": 1,
        "flag_exposure": 2,
        "posthog_flag": 1,
    }
    assert land(folder, manifest) is None
    drop(root, {"exposures.csv.gz": EXPOSURES + "wave,acc_9,2025-01-05T10:00:00Z,on\n"})
    (fresh,) = landed(folder, manifest)
    assert json.loads(fresh["payload"])["account_id"] == "acc_9"
    drop(root, {"flags.jsonl": json.dumps(FLAG) + "\n"})  # touched, nothing new in it
    assert land(folder, manifest) is None


def test_the_same_folder_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    files = {"a.json": [GITHUB, CALLED], "b.csv": EXPOSURES, "c.jsonl": "{broken\n"}
    loads = []
    for name in ("one", "two"):
        folder = folder_of(releases.NAME, drop(tmp_path / name, files, age=len(name) + len(loads)))
        manifest = LoadManifest(tmp_path / f"raw-{name}")
        load = land(folder, manifest)
        assert load
        loads.append(contents(manifest, load))
    assert loads[0] == loads[1]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("cut.csv.gz", gzip.compress(EXPOSURES.encode() * 50, mtime=0)[:60], "cut_file"),
        ("plain.json.gz", b"[]not packed", "not_gzip"),
        ("latin.csv", "flag_key,exposed_at\nGrüße,2025-01-01\n".encode("latin-1"), "wrong_encoding"),
        ("cut.json", json.dumps([GITHUB]).encode()[:40], "not_json"),
    ],
)
def test_a_file_that_cannot_be_read_is_kept_with_its_reason_and_stops_no_other(
    name: str, data: bytes, reason: str, folder: DropFolder, manifest: LoadManifest
) -> None:
    drop(Path(folder.address.url), {name: data, "good.csv": EXPOSURES})
    found = {row["source_object"]: json.loads(row["payload"]) for row in landed(folder, manifest)}
    assert found[UNREADABLE] == {"file": name, "reason": reason}
    assert "flag_exposure" in found


@pytest.mark.proves("Releases", "resume after interruption")
def test_a_file_mended_later_is_read(folder: DropFolder, manifest: LoadManifest) -> None:
    whole = json.dumps([GITHUB]).encode()
    drop(Path(folder.address.url), {"a.json": whole[:30]}, age=10)
    assert [row["source_object"] for row in landed(folder, manifest)] == [UNREADABLE]
    drop(Path(folder.address.url), {"a.json": whole})
    assert [row["source_object"] for row in landed(folder, manifest)] == ["github_release"]


def test_empty_files_broken_lines_and_other_encodings_are_taken_as_they_are(
    folder: DropFolder, manifest: LoadManifest
) -> None:
    files = {
        "empty.json": b"", "empty.csv": b"", "empty.jsonl.gz": gzip.compress(b"", mtime=0), "head.csv": "flag_key,exposed_at\n",
        "wide.csv": EXPOSURES.encode("utf-16"), "lines.jsonl": '{"a": 1}\n{cut\n[1]\n', "short.csv": "flag_key,exposed_at\nonly\n",
        ".hidden.json": [GITHUB], "_partial/a.json": [GITHUB],
    }  # fmt: skip
    drop(Path(folder.address.url), files)
    found = Counter(row["source_object"] for row in landed(folder, manifest))
    assert found == {"flag_exposure": 2, UNRECOGNISED: 4}


@pytest.mark.proves("Releases", "drift")
def test_new_fields_are_kept_and_told(folder: DropFolder, manifest: LoadManifest) -> None:
    drop(Path(folder.address.url), {"a.csv": EXPOSURES})
    land(folder, manifest)
    drop(
        Path(folder.address.url),
        {"b.json": [{"flag_key": "wave", "exposed_at": "2025-01-09", "account_id": "x", "region": "eu"}]},
    )
    load = land(folder, manifest)
    assert load
    assert load.drift == ["flag_exposure: field region is new (text)"]
    assert json.loads(rows(manifest, load, RECORDS)[0]["payload"])["region"] == "eu"


@pytest.mark.proves("Releases", "authentication")
def test_a_folder_that_is_not_there_is_told_with_its_setting(tmp_path: Path, manifest: LoadManifest) -> None:
    absent = folder_of(releases.NAME, tmp_path / "absent")
    with pytest.raises(PermanentError, match="Check UAM_TEST_URL"):
        land(absent, manifest)
    with pytest.raises(PermanentError, match="UAM_TEST_URL"):
        absent.look((".json",))


@pytest.mark.proves("Releases", "doctor")
def test_a_look_counts_files_and_lands_nothing(folder: DropFolder) -> None:
    drop(Path(folder.address.url), {"a.json": [GITHUB], "b.txt": "x"})
    assert folder.look((".json",)).startswith("1 files, ")
