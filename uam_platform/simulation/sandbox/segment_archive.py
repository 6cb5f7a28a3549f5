"""Prepares Segment's S3 archive on disk: gzip files per source and received day, and the index of their keys.

Belongs here: file layout, caching and compression. Does not belong here: what a line looks like (`segment_lines.py`)
and the S3 protocol (`s3.py`). A prepared day is reused as long as its deliveries and the layout version are the same,
and the same deliveries always give the same bytes.
"""

import gzip
import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from uam_platform.simulation.sandbox.company import Company, DeliveryDay
from uam_platform.simulation.sandbox.credentials import SEGMENT_PREFIX
from uam_platform.simulation.sandbox.segment_lines import Side, lines_query

LINES_PER_FILE: Final = 50_000
LAYOUT_VERSION: Final = 1
SOURCES: Final[dict[str, Side]] = {"web_src1": "client", "srv_src2": "server"}

Progress = Callable[[int, int, int], None]
"""Told (days done, days in all, lines written) after each prepared day."""


@dataclass(frozen=True)
class ArchivedObject:
    """One object of the bucket: key, size in bytes, MD5 in hex, lines, and when it was last written (UTC)."""

    key: str
    size: int
    etag: str
    line_count: int
    modified_at: datetime


class SegmentArchive:
    """Sorted index of the archive's objects, grain: one gzip file."""

    def __init__(self, folder: Path, objects: list[ArchivedObject]) -> None:
        self._folder = folder
        self._objects = {item.key: item for item in objects}
        self._keys = sorted(self._objects)

    def find(self, key: str) -> ArchivedObject | None:
        """Return the object with exactly this key."""
        return self._objects.get(key)

    def path(self, key: str) -> Path:
        """Return where the bytes of an object lie; the key must be one of the archive's own."""
        return _object_path(self._folder, self._objects[key].key)

    def from_key(self, first: str) -> Iterator[ArchivedObject]:
        """Walk the objects whose key is not less than `first`, in key order."""
        for key in self._keys[bisect_left(self._keys, first) :]:
            yield self._objects[key]


def prepare(company: Company, state: Path, progress: Progress, now: datetime | None = None) -> SegmentArchive:
    """Build the files of every day that is not yet there and return the whole index.

    Args:
        company: Whose deliveries to archive.
        state: Folder to keep the files in.
        progress: Told about each day that is built.
        now: Clock of the sandbox; days that have not closed by then are left out.

    Raises:
        duckdb.Error: When a delivery file does not have the agreed columns.
    """
    folder = state / "segment"
    days = [day for day in company.delivery_days() if now is None or _modified_at(day) <= now]
    objects: list[ArchivedObject] = []
    missing: list[DeliveryDay] = []
    for day in days:
        cached = _read_manifest(folder, day)
        objects += cached or []
        missing += [day] if cached is None else []
    objects += _build_all(missing, folder, progress)
    return SegmentArchive(folder, objects)


def _build_all(days: list[DeliveryDay], folder: Path, progress: Progress) -> list[ArchivedObject]:
    import duckdb

    if not days:
        return []
    objects: list[ArchivedObject] = []
    connection = duckdb.connect(config={"threads": 2, "arrow_large_buffer_size": True})
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            for done, day in enumerate(days, start=1):
                objects += _build_day(day, folder, connection, pool)
                progress(done, len(days), sum(item.line_count for item in objects))
    finally:
        connection.close()
    return objects


def _build_day(day: DeliveryDay, folder: Path, connection: Any, pool: ThreadPoolExecutor) -> list[ArchivedObject]:
    """Write the files of both sources; the manifest comes last, so a killed build leaves the day unprepared."""
    futures = [
        pool.submit(_write_object, folder, _key(day, source, part), content, lines, day)
        for source, side in SOURCES.items()
        for part, (content, lines) in enumerate(_contents(lines_query(day.path, side), connection))
    ]
    objects = [future.result() for future in futures]
    _write_manifest(folder, day, objects)
    return objects


def _contents(query: str, connection: Any) -> Iterator[tuple[memoryview, int]]:
    """Yield the raw text of each file: the Arrow string buffer already is the concatenated lines."""
    import pyarrow as pa

    column = connection.execute(query).to_arrow_table().column("line")
    for start in range(0, len(column), LINES_PER_FILE):
        lines = pa.concat_arrays(column.slice(start, LINES_PER_FILE).cast(pa.large_string()).chunks)
        offsets = memoryview(lines.buffers()[1]).cast("q")
        first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
        yield memoryview(lines.buffers()[2])[first:last], len(lines)


def _key(day: DeliveryDay, source: str, part: int) -> str:
    """Name a file as Segment does: day as epoch milliseconds, and a name whose order says nothing about arrival."""
    midnight_ms = int(datetime.combine(day.received_on, time(), UTC).timestamp()) * 1000
    name = hashlib.sha256(f"{source}/{midnight_ms}/{part}".encode()).hexdigest()[:20]
    return f"{SEGMENT_PREFIX}/{source}/{midnight_ms}/{name}.gz"


def _write_object(folder: Path, key: str, content: memoryview, lines: int, day: DeliveryDay) -> ArchivedObject:
    data = gzip.compress(content, compresslevel=1, mtime=0)
    path = _object_path(folder, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return ArchivedObject(key, len(data), digest, lines, _modified_at(day))


def _modified_at(day: DeliveryDay) -> datetime:
    return datetime.combine(day.received_on + timedelta(days=1), time(), UTC)


def _object_path(folder: Path, key: str) -> Path:
    return folder / "objects" / key


def _manifest_path(folder: Path, day: DeliveryDay) -> Path:
    return folder / "days" / f"{day.received_on.isoformat()}.json"


def _fingerprint(day: DeliveryDay) -> list[int]:
    stat = day.path.stat()
    return [LAYOUT_VERSION, LINES_PER_FILE, stat.st_size, stat.st_mtime_ns]


def _read_manifest(folder: Path, day: DeliveryDay) -> list[ArchivedObject] | None:
    path = _manifest_path(folder, day)
    if not path.is_file():
        return None
    manifest = json.loads(path.read_text(encoding="utf-8"))
    if manifest["fingerprint"] != _fingerprint(day):
        return None
    return [ArchivedObject(**item, modified_at=_modified_at(day)) for item in manifest["objects"]]


def _write_manifest(folder: Path, day: DeliveryDay, objects: list[ArchivedObject]) -> None:
    listed = [{"key": o.key, "size": o.size, "etag": o.etag, "line_count": o.line_count} for o in objects]
    path = _manifest_path(folder, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"fingerprint": _fingerprint(day), "objects": listed}), encoding="utf-8")
    partial.replace(path)
