"""Segment: event deliveries from its archive of hourly gzip JSON lines on S3 or in a folder.

Here: which files are new, fetching them, and landing them as Parquet. Not here: the store (`object_store`), one line
(`segment_lines`), deduplication and clock repair (`uam_platform.staging`).

Keys are `<source id>/<milliseconds of the UTC day of receipt>/<file>.gz`. Key order is not order of arrival, so the state is the
set of files read, never a greatest key. Files are taken day by day; while one day is decoded the next is fetched, and
unpacking, decoding and writing run side by side. https://segment.com/docs/connections/storage/catalog/aws-s3/
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import pyarrow as pa

from uam_platform.connectors.delivery_files import BATCH_LINES, FILE_ROWS, DeliveryFiles, ahead, batched, commit_files
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.json_lines import line_batches
from uam_platform.connectors.object_store import ObjectStore, StoreAddress, StoredObject
from uam_platform.connectors.retry import Retry
from uam_platform.connectors.segment_lines import decode
from uam_platform.lake.engine import parser_engine
from uam_platform.lake.loads import Load, LoadManifest

NAME: Final = "segment"
_BATCH_LINES: Final = BATCH_LINES
_FILE_ROWS: Final = FILE_ROWS


@dataclass(frozen=True)
class SegmentSource:
    """Where the archive lies and what decoding may use.

    Attributes:
        archive: bucket or folder that holds one folder per Segment source.
        threads: engine threads.
        memory: engine memory limit.
        retry: patience with the store.
    """

    archive: StoreAddress
    threads: int = 2
    memory: str = "2GB"
    retry: Retry = field(default_factory=Retry)


def land(
    source: SegmentSource, manifest: LoadManifest, load_id: str, now: datetime, progress: Callable[[str], None]
) -> Load | None:
    """Land the archive files that no complete load has read.

    Args:
        source: the archive.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every day.

    Returns:
        The committed load, or None when there is no new file.

    Raises:
        TransientError: the store could not be reached or a file not be read whole.
        PermanentError: access is refused, there is no such archive, or a file is damaged.
    """
    store = ObjectStore(source.archive, f"{NAME} archive", source.retry, progress)
    taken = manifest.objects(NAME)
    fresh = sorted((o for o in store.list(".gz") if o.key not in taken), key=_order)
    if not fresh:
        return None
    progress(f"{NAME}: {len(fresh):,} new files, {sum(o.size for o in fresh) / 1e6:,.1f} MB")

    def landed(folder: Path, spool: Path) -> int:
        return _land_days(source, store, fresh, folder, spool, progress)

    return commit_files(manifest, load_id, NAME, now.isoformat(), fresh, landed, {})


def probe(archive: StoreAddress, retry: Retry) -> str:
    """One listing of the archive, with its credentials.

    Raises:
        ConnectorError: the archive cannot be reached, does not exist, or may not be listed.
    """
    return ObjectStore(archive, f"{NAME} archive", retry, lambda _: None).look()


def _order(item: StoredObject) -> tuple[str, str]:
    """By day of receipt, then key: the order of the landed rows."""
    return _day(item), item.key


def _day(item: StoredObject) -> str:
    """Day of receipt (ISO) that the key names; a folder that is no day keeps its own name and sorts after all days."""
    name = Path(item.key).parent.name
    if not name.isdigit():
        return name or "undated"
    seconds = int(name) / (
        1000 if len(name) > 11 else 1
    )  # milliseconds in what is known of real keys, seconds in older text
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _land_days(
    source: SegmentSource,
    store: ObjectStore,
    fresh: Sequence[StoredObject],
    folder: Path,
    spool: Path,
    progress: Callable[[str], None],
) -> int:
    days = [(day, list(items)) for day, items in groupby(fresh, key=_day)]
    rows = 0
    with (
        ThreadPoolExecutor(1) as fetcher,
        ThreadPoolExecutor(1) as writer,
        parser_engine(source.threads, source.memory) as engine,
    ):
        landing = DeliveryFiles(folder, writer, _FILE_ROWS)
        fetched = ahead(((day, _fetch(store, items, spool)) for day, items in days), fetcher)
        for number, (day, files) in enumerate(fetched, 1):
            with ThreadPoolExecutor(1) as unpacker:
                for lines in ahead(_batches(files), unpacker):
                    landing.add(decode(engine, lines, rows))
                    rows += len(lines)
            for _, path in files:
                path.unlink()
            progress(f"{NAME}: day {day} ({number} of {len(days)}), {rows:,} lines")
        landing.close()
    return rows


def _fetch(store: ObjectStore, items: Sequence[StoredObject], spool: Path) -> list[tuple[StoredObject, Path]]:
    files = [(item, spool / item.key.replace("/", "__")) for item in items]
    for item, path in files:
        store.fetch(item, path)
    return files


def _batches(files: Sequence[tuple[StoredObject, Path]]) -> Iterator[pa.Array]:
    """Lines of a day in batches of about one row group, across small files."""
    yield from batched((lines for item, path in files for lines in _lines(item, path)), _BATCH_LINES)


def _lines(item: StoredObject, path: Path) -> Iterator[pa.Array]:
    try:
        with pa.input_stream(str(path), compression="gzip") as stream:
            yield from line_batches(stream)
    except OSError as error:
        advice = "The file itself is damaged: have Segment replay that day, or remove the file."
        raise PermanentError(f"{NAME} archive {item.key}", f"is no whole gzip file ({error})", advice) from None
