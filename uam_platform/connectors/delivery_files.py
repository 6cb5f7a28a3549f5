"""Writes the Parquet files of a load of event deliveries, and lets reading, decoding and writing run side by side.

Here: what connectors of bulk events share: batches of lines across small files, one item made ahead, files of about a million rows, the
load of a vendor's files. Not here: lines (`json_lines`), which files or windows are read (one module per vendor).
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.connectors.json_lines import joined
from uam_platform.connectors.object_store import StoredObject
from uam_platform.lake.loads import DELIVERIES, Load, LoadManifest

BATCH_LINES: Final = 120_000  # one Parquet row group; at 32 kB, Segment's longest line, still bounded by _BATCH_BYTES
FILE_ROWS: Final = 1_000_000
_BATCH_BYTES: Final = 256 << 20

ItemT = TypeVar("ItemT")


def batched(arrays: Iterable[pa.Array], batch_lines: int = BATCH_LINES) -> Iterator[pa.Array]:
    """`arrays` of lines joined to batches of about one row group."""
    held: list[pa.Array] = []
    for lines in arrays:
        held.append(lines)
        if sum(map(len, held)) >= batch_lines or sum(a.nbytes for a in held) >= _BATCH_BYTES:
            yield joined(held)
            held = []
    if held:
        yield joined(held)


def ahead(items: Iterator[ItemT], pool: ThreadPoolExecutor) -> Iterator[ItemT]:
    """`items`, each made in `pool` while its forerunner is being used; at most one is waiting."""
    end = object()
    following: Future[ItemT | object] = pool.submit(next, items, end)
    while (item := following.result()) is not end:
        following = pool.submit(next, items, end)
        yield item  # type: ignore[misc]  # the sentinel never gets here


def commit_files(
    manifest: LoadManifest,
    load_id: str,
    source: str,
    now_text: str,
    fresh: Sequence[StoredObject],
    land: Callable[[Path, Path], int],
    state: Mapping[str, Any],
) -> Load:
    """Land a vendor's files as one load and commit it.

    Args:
        manifest: where loads go.
        load_id: id of the new load; what a killed run of the same id left is removed.
        source: connector name.
        now_text: loaded_at of the load.
        fresh: the files, none of which a complete load has read.
        land: writes the load's Parquet files into the first folder, may fetch to the second, and returns the landed rows.
        state: the cursor after this load.
    """
    folder, spool = manifest.folder(load_id), manifest.root / "_spool" / load_id
    for path in (folder, spool):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    try:
        rows = land(folder, spool)
    finally:
        shutil.rmtree(spool, ignore_errors=True)
    names = [str(path.relative_to(manifest.root)) for path in sorted(folder.glob("*.parquet"))]
    counts = {"files": len(fresh), "bytes": sum(o.size for o in fresh)}
    keys = [o.key for o in fresh]
    load = Load(load_id, source, now_text, {DELIVERIES: names}, {DELIVERIES: rows}, state, keys, counts)
    manifest.commit(load)
    return load


class DeliveryFiles:
    """Parquet files of a load, about a million rows each, written by another thread one batch behind.

    Args:
        folder: where the files go.
        pool: one thread.
        file_rows: rows after which a new file begins.
    """

    def __init__(self, folder: Path, pool: ThreadPoolExecutor, file_rows: int = FILE_ROWS) -> None:
        self._folder, self._pool, self._file_rows = folder, pool, file_rows
        self._writer: pq.ParquetWriter | None = None
        self._files = self._rows = 0
        self._pending: Future[None] | None = None

    def add(self, table: pa.Table) -> None:
        """Append a batch."""
        self._wait()
        self._pending = self._pool.submit(self._write, table)

    def close(self) -> None:
        """Finish the last file."""
        self._wait()
        self._roll()

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()

    def _write(self, table: pa.Table) -> None:
        if self._writer is None:
            path = self._folder / f"deliveries-{self._files:04d}.parquet"
            self._writer = pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
        self._writer.write_table(table)
        self._rows += table.num_rows
        if self._rows >= self._file_rows:
            self._roll()

    def _roll(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer, self._rows, self._files = None, 0, self._files + 1
