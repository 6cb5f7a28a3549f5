"""Laws of the load manifest: an incomplete load is invisible, ids sort in load order, nothing is read twice."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.lake.loads import Load, LoadManifest

NOON = datetime.fromisoformat("2025-03-07T12:00:00")


def landed(manifest: LoadManifest, load_id: str, **facts: object) -> Load:
    folder = manifest.folder(load_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "part-0.parquet").write_bytes(b"rows")
    name = str((folder / "part-0.parquet").relative_to(manifest.root))
    given_facts = {"files": {"deliveries": [name]}, "rows": {"deliveries": 1}, "objects": [], **facts}
    return Load(load_id=load_id, source=load_id.rsplit("-", 1)[1], loaded_at=NOON.isoformat(), **given_facts)  # type: ignore[arg-type]


def test_a_load_is_invisible_until_it_is_committed(tmp_path: Path) -> None:
    manifest = LoadManifest(tmp_path)
    load = landed(manifest, manifest.next_id("segment", NOON))
    assert manifest.loads() == []
    manifest.commit(load)
    assert manifest.loads() == [load]
    assert [Path(p).read_bytes() for p in manifest.paths(load, "deliveries")] == [b"rows"]


def test_a_manifest_that_was_half_written_is_not_listed(tmp_path: Path) -> None:
    manifest = LoadManifest(tmp_path)
    manifest.commit(landed(manifest, manifest.next_id("segment", NOON)))
    (tmp_path / "_loads" / ".20250307T120000-0001-segment.json.f00").write_text('{"load_id": "2025', encoding="utf-8")
    assert len(manifest.loads()) == 1
    assert manifest.next_id("segment", NOON) == "20250307T120000-0001-segment"


def test_a_load_that_names_a_missing_file_cannot_be_committed(tmp_path: Path) -> None:
    manifest = LoadManifest(tmp_path)
    load = landed(manifest, manifest.next_id("segment", NOON))
    Path(manifest.paths(load, "deliveries")[0]).unlink()
    with pytest.raises(FileNotFoundError, match=r"part-0\.parquet"):
        manifest.commit(load)
    assert manifest.loads() == []


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["segment", "zendesk"]), st.integers(-3, 3)), min_size=1, max_size=20))
def test_ids_sort_in_the_order_of_their_commits_even_when_the_clock_stands_still_or_goes_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    manifest, now, ids = LoadManifest(tmp_path_factory.mktemp("raw")), NOON, []
    for source, seconds in steps:
        now += timedelta(seconds=seconds)
        ids.append(manifest.next_id(source, now))
        manifest.commit(landed(manifest, ids[-1]))
    assert ids == sorted(set(ids))
    assert [load.load_id for load in manifest.loads()] == ids


def test_state_and_objects_are_kept_per_source(tmp_path: Path) -> None:
    manifest = LoadManifest(tmp_path)
    for source, objects in (("segment", ["a.gz"]), ("zendesk", []), ("segment", ["b.gz"])):
        load_id = manifest.next_id(source, NOON)
        manifest.commit(landed(manifest, load_id, objects=objects, state={"cursor": load_id}))
    assert manifest.objects("segment") == {"a.gz", "b.gz"}
    last = manifest.last("segment")
    assert last is not None
    assert last.state["cursor"].endswith("0002-segment")
    assert manifest.last("salesforce") is None
