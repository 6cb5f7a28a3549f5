"""PostHog's batch exports of persons: files on S3 or in a folder, Parquet or JSON lines, a row per distinct id that changed.

Here: which files are new and the rows in them. Not here: the landed form of a row (`posthog_persons`), files of events
(`posthog_export`), landing (`api_records`). https://posthog.com/docs/cdp/batch-exports

A run covers a stretch of time and may be written again; a record that is landed already is left out. In Parquet `properties` is JSON text,
in JSON lines an object.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.connectors.api_records import Pages, Record, land_records
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.json_lines import line_batches
from uam_platform.connectors.object_store import ObjectStore, StoreAddress, StoredObject
from uam_platform.connectors.posthog_api import NAME
from uam_platform.connectors.posthog_export import PACKED, bounded, packing
from uam_platform.connectors.posthog_persons import PERSON, record
from uam_platform.connectors.retry import Retry
from uam_platform.lake.loads import Load, LoadManifest

_COLUMNS: Final = ("distinct_id", "person_id", "properties", "created_at", "is_deleted")
_KEY: Final = "persons/"
"""Stands before the names of these files in the manifest, which lists those of events beside them."""


def land(
    address: StoreAddress,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    state: Mapping[str, Any],
    retry: Retry,
) -> Load | None:
    """Land the files of persons that no complete load has read, up to about a gigabyte of them.

    Args:
        address: where they lie.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every file.
        state: cursors of the source, kept as they are.
        retry: patience with the store.

    Returns:
        The committed load, or None when there is no new file.

    Raises:
        TransientError: the store could not be reached or a file not be read whole.
        PermanentError: access is refused, there is no such folder, or a file is damaged.
    """
    store = ObjectStore(address, f"{NAME} persons archive", retry, progress)
    taken = manifest.objects(NAME)
    fresh = list(bounded([o for o in store.list("") if packing(o.key) is not None and _KEY + o.key not in taken]))
    if not fresh:
        return None
    counts = {"files": len(fresh), "bytes": sum(item.size for item in fresh)}
    pages = _pages(store, fresh, progress)
    names = [_KEY + item.key for item in fresh]
    return land_records(
        NAME, {PERSON: pages}, state, counts, manifest, load_id, now, is_partial=lambda: True, objects=names
    )  # fmt: skip


def _pages(store: ObjectStore, fresh: Sequence[StoredObject], progress: Callable[[str], None]) -> Pages:
    rows = 0
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for number, item in enumerate(fresh, 1):
            store.fetch(item, path)
            try:
                for page in _of_file(item, path):
                    rows += len(page)
                    yield page
            except (OSError, pa.ArrowException) as error:
                advice = "The file itself is damaged: have PostHog export that stretch again, or remove the file."
                raise PermanentError(
                    f"{NAME} persons archive {item.key}", f"cannot be read ({error})", advice
                ) from None
            progress(f"{NAME} persons: file {number} of {len(fresh)}, {rows:,} rows")


def _of_file(item: StoredObject, path: Path) -> Iterator[list[Record]]:
    kind = packing(item.key) or ""
    if kind == "parquet":
        with pq.ParquetFile(path) as file:
            present = [name for name in _COLUMNS if name in file.schema_arrow.names]
            for batch in file.iter_batches(columns=present):
                yield [_record(row) for row in batch.to_pylist()]
        return
    with pa.input_stream(str(path), compression=PACKED[kind]) as stream:
        for lines in line_batches(stream):
            yield [_of_line(line) for line in lines.to_pylist()]


def _of_line(line: str) -> Record:
    """The record of a line; what is no JSON object is landed as it is, for staging to set aside."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = None
    return _record(found) if isinstance(found, dict) else (PERSON, None, None, line)


def _record(row: Mapping[str, Any]) -> Record:
    created = row.get("created_at")
    moment = created.isoformat() if isinstance(created, datetime) else created
    gone = row.get("is_deleted") in (True, 1, "true", "1")
    return record(row.get("distinct_id"), row.get("person_id"), row.get("properties"), moment, is_deleted=gone)
