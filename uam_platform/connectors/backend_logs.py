"""Backend and API logs: JSON lines and OpenTelemetry's JSON export, from files in a folder or bucket, as event deliveries.

Here: which files are read, in loads of bounded size, and their rows as Parquet. Not here: one line (`log_lines`), which lines are which
event (`rulebook/logs.yaml`), names and repeats (`uam_platform.staging`).

A file that grows is read again whole: its lines are recognised by their own ids, else by their content. What no rule wants is counted
and not landed.
"""

import gzip
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.connectors.dropped_files import DropFolder, object_key
from uam_platform.connectors.field_drift import FieldProfile
from uam_platform.connectors.log_lines import LEFT_OUT, BrokenLine, Delivery, broken, deliveries_of, flat_lines
from uam_platform.connectors.object_store import StoredObject
from uam_platform.contracts.landing import DELIVERY_COLUMNS
from uam_platform.lake.loads import DELIVERIES, Load, LoadManifest
from uam_platform.policy.logs import LogPolicy

NAME: Final = "backend_logs"
SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".log", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".log.gz")
_LOAD_BYTES: Final = 256 << 20
_LINE_BYTES: Final = 16 << 20
_BATCH_ROWS: Final = 50_000
_PROFILED: Final = 500  # lines of a file whose attributes are noted: logs have millions, their shapes are few
_SCHEMA: Final = pa.schema([*((name, pa.string()) for name, _ in DELIVERY_COLUMNS), ("row_no", pa.int64())])


@dataclass(frozen=True)
class LogSource:
    """Where logs lie and how they are read.

    Attributes:
        folder: what is read.
        policy: rules of the rulebook.
        load_bytes: size of the files of one load, as stored; at least one file is read.
    """

    folder: DropFolder
    policy: LogPolicy
    load_bytes: int = _LOAD_BYTES


def land(
    source: LogSource, manifest: LoadManifest, load_id: str, now: datetime, progress: Callable[[str], None]
) -> Load | None:
    """Land the next new files.

    Args:
        source: folder and rules.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every file.

    Returns:
        The committed load, also when no line of its files is wanted, or None when there is no new file.

    Raises:
        TransientError: the store could not be reached or a file not be read whole.
        PermanentError: no such folder, or access is refused.
    """
    fresh = _bounded(source.folder.fresh(manifest, SUFFIXES, progress), source.load_bytes)
    if not fresh:
        return None
    last = manifest.last(NAME)
    profile, counts = (
        FieldProfile(last.fields if last else {}),
        Counter(files=len(fresh), bytes=sum(i.size for i in fresh)),
    )
    folder, spool = manifest.folder(load_id), manifest.root / "_spool" / load_id
    for path in (folder, spool):
        shutil.rmtree(path, ignore_errors=True)  # left by a killed run
        path.mkdir(parents=True)
    try:
        files, rows = _write(_rows(source, fresh, spool, profile, counts, progress), folder)
    finally:
        shutil.rmtree(spool, ignore_errors=True)
    names = [str(path.relative_to(manifest.root)) for path in files]
    load = Load(
        load_id, NAME, now.isoformat(), {DELIVERIES: names} if names else {}, {DELIVERIES: rows}, {},
        [object_key(item) for item in fresh], dict(counts), fields=profile.fields, drift=profile.drift,
    )  # fmt: skip
    manifest.commit(load)
    return load


def _bounded(items: Sequence[StoredObject], most: int) -> list[StoredObject]:
    chosen: list[StoredObject] = []
    total = 0
    for item in items:
        total += item.size
        if chosen and total > most:
            break
        chosen.append(item)
    return chosen


def _rows(
    source: LogSource,
    fresh: Sequence[StoredObject],
    spool: Path,
    profile: FieldProfile,
    counts: Counter[str],
    progress: Callable[[str], None],
) -> Iterator[Delivery]:
    store = source.folder.store(progress)
    for item in fresh:
        path = spool / "file"
        store.fetch(item, path)
        before = counts["lines"]
        lines = flat_lines(_raw_lines(path, item.key))
        seen: list[Mapping[str, Any]] = []
        for line in lines:
            counts["lines"] += 1
            if not isinstance(line, BrokenLine) and len(seen) < _PROFILED:
                seen.append(line)
            found = deliveries_of(line, source.policy)
            if found is LEFT_OUT:
                counts["left_out"] += 1
            else:
                yield found
        profile.saw("line", seen)
        path.unlink()
        progress(f"{NAME}: {item.key}, {counts['lines'] - before:,} lines")


def _raw_lines(path: Path, key: str) -> Iterator[bytes | BrokenLine]:
    """Lines of a file; where it is cut or damaged, what could be read and then one broken line that says so."""
    with gzip.open(path, "rb") if key.endswith(".gz") else path.open("rb") as stream:
        while True:
            try:
                line = stream.readline(_LINE_BYTES)
            except (EOFError, OSError, zlib.error) as error:
                yield broken("truncated", f"{key}: {type(error).__name__}")
                return
            if not line:
                return
            if line.strip():
                yield line


def _write(rows: Iterator[Delivery], folder: Path) -> tuple[list[Path], int]:
    path, total = folder / "deliveries-0000.parquet", 0
    writer: pq.ParquetWriter | None = None
    while batch := list(islice(rows, _BATCH_ROWS)):
        columns = {name: [row.get(name) for row in batch] for name, _ in DELIVERY_COLUMNS}
        numbers = list(range(total, total + len(batch)))
        table = pa.table({**columns, "row_no": numbers}, schema=_SCHEMA)
        writer = writer or pq.ParquetWriter(path, _SCHEMA, compression="zstd")
        writer.write_table(table)
        total += len(batch)
    if writer is None:
        return [], 0
    writer.close()
    return [path], total
