"""PostHog's batch exports: files of events on S3 or in a folder, Parquet or JSON lines, in the order of their keys.

Here: which files are new and what is in them. Not here: the store (`object_store`), one event (`posthog_lines`), the API
(`posthog_query`).

An export run covers a stretch of insertion time and may be written again, so files repeat rows; the same `uuid` is one event
(`uam_platform.staging`). A load takes files up to about a gigabyte, so that an interrupted first import goes on. In Parquet `properties` is
JSON text, in JSON lines an object; columns that an export does not have are null.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from uam_platform.connectors.api_records import quoted
from uam_platform.connectors.delivery_files import BATCH_LINES, DeliveryFiles, ahead, batched, commit_files
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.json_lines import line_batches
from uam_platform.connectors.object_store import ObjectStore, StoredObject
from uam_platform.connectors.posthog_api import NAME, PostHogSource
from uam_platform.connectors.posthog_lines import SKIPPED_EVENTS
from uam_platform.connectors.posthog_rows import line_query
from uam_platform.connectors.retry import Retry
from uam_platform.lake.engine import parser_engine
from uam_platform.lake.loads import Load, LoadManifest

_LOAD_BYTES: Final = 1 << 30
PACKED: Final = {".gz": "gzip", ".br": "brotli", ".zst": "zstd", ".lz4": "lz4", "": None}
"""Compression by the end of a file of JSON lines."""


def land(
    source: PostHogSource,
    manifest: LoadManifest,
    load_id: str,
    now_text: str,
    progress: Callable[[str], None],
    retry: Retry,
    state: Mapping[str, Any],
) -> Load | None:
    """Land the export files that no complete load has read, up to about a gigabyte of them.

    Args:
        source: has an archive.
        manifest: complete loads.
        load_id: id of the new load.
        now_text: loaded_at of the load.
        progress: told about every file.
        retry: patience with the store.
        state: cursors of the source, kept as they are.

    Returns:
        The committed load, or None when there is no new file.

    Raises:
        TransientError: the store could not be reached or a file not be read whole.
        PermanentError: access is refused, there is no such archive, or a file is damaged.
    """
    if source.archive is None:
        raise ValueError("a batch export needs an archive")
    store = ObjectStore(source.archive, f"{NAME} archive", retry, progress)
    taken = manifest.objects(NAME)
    fresh = list(bounded([o for o in store.list("") if packing(o.key) is not None and o.key not in taken]))
    if not fresh:
        return None

    def landed(folder: Path, spool: Path) -> int:
        return _land_files(source, store, fresh, folder, spool, progress)

    return commit_files(manifest, load_id, NAME, now_text, fresh, landed, state)


def bounded(files: Sequence[StoredObject]) -> Iterator[StoredObject]:
    """The first of `files`, up to about a gigabyte of them; at least one."""
    total = 0
    for item in files:
        if total and total + item.size > _LOAD_BYTES:
            return
        total += item.size
        yield item


def packing(key: str) -> str | None:
    """`parquet`, or the compression of a file of JSON lines ('' for none); None for what is no export file."""
    name = Path(key).name
    if ".parquet" in name:
        return "parquet"
    stem, found, rest = name.rpartition(".jsonl")
    return rest if stem and found and rest in PACKED else None


def _land_files(
    source: PostHogSource,
    store: ObjectStore,
    fresh: Sequence[StoredObject],
    folder: Path,
    spool: Path,
    progress: Callable[[str], None],
) -> int:
    rows, shape = 0, source.shape
    engine = parser_engine(source.threads, source.memory)
    with ThreadPoolExecutor(1) as fetcher, ThreadPoolExecutor(1) as writer, engine:
        landing = DeliveryFiles(folder, writer)
        fetched = ahead(((item, _fetch(store, item, spool)) for item in fresh), fetcher)
        for number, (item, path) in enumerate(fetched, 1):
            for lines in batched(_lines(engine, item, path)):
                landing.add(shape.decode(engine, lines, rows))
                rows += len(lines)
            path.unlink()
            progress(f"{NAME}: file {number} of {len(fresh)}, {rows:,} events")
        landing.close()
    return rows


def _fetch(store: ObjectStore, item: StoredObject, spool: Path) -> Path:
    path = spool / item.key.replace("/", "__")
    store.fetch(item, path)
    return path


def _lines(engine: duckdb.DuckDBPyConnection, item: StoredObject, path: Path) -> Iterator[pa.Array]:
    kind = packing(item.key) or ""
    try:
        if kind == "parquet":
            yield from _of_parquet(engine, path)
            return
        with pa.input_stream(str(path), compression=PACKED[kind]) as stream:
            for lines in line_batches(stream):
                yield _without_recordings(engine, lines)
    except (OSError, duckdb.Error) as error:
        advice = "The file itself is damaged: have PostHog export that stretch again, or remove the file."
        raise PermanentError(f"{NAME} archive {item.key}", f"cannot be read ({error})", advice) from None


def _without_recordings(engine: duckdb.DuckDBPyConnection, lines: pa.Array) -> pa.Array:
    """Lines without those of screen recordings; what is no JSON stays, for staging to set aside."""
    engine.register("arrived", pa.table({"line": lines}))
    name = "CASE WHEN json_valid(line) THEN line->>'$.event' END"
    kept = engine.execute(
        f"SELECT line FROM arrived WHERE coalesce({name}, '') NOT IN {SKIPPED_EVENTS}"
    ).to_arrow_table()
    engine.unregister("arrived")
    return kept.column("line").combine_chunks()


def _of_parquet(engine: duckdb.DuckDBPyConnection, path: Path) -> Iterator[pa.Array]:
    """Rows of a Parquet file as the lines that the same export writes as JSON."""
    relation = engine.from_parquet(str(path))
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    found = engine.execute(line_query(types, f"read_parquet({quoted(str(path))})"))
    for batch in found.to_arrow_reader(BATCH_LINES):
        yield batch.column(0)
