"""Lands what the collector has written: closed journal files become loads, each file once.

Here: which files are new, decoding them, committing the load, keeping and removing files afterwards. Not here: writing the journal
(`uam_platform.collector`), its format (`uam_platform.lake.journal`), vendors' shapes (`collected_events`).

A file is read when the load manifest does not name it. It is moved to `landed/` only after the manifest does, so a kill at any point
leaves it unread, or read and named; it is never read twice and never lost.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.connectors.collected_events import in_segments_shape
from uam_platform.connectors.segment_lines import decode
from uam_platform.contracts import collected
from uam_platform.contracts.landing import RECORD_COLUMNS
from uam_platform.lake import journal
from uam_platform.lake.engine import parser_engine
from uam_platform.lake.loads import DELIVERIES, RECORDS, Load, LoadManifest
from uam_platform.policy.event_names import normalise
from uam_platform.policy.taxonomy import Taxonomy

NAME: Final = "collector"
LANDED: Final = "landed"
_LOAD_BYTES: Final = 1 << 30
_BATCH_LINES: Final = 50_000
_RECORD_SCHEMA: Final = pa.schema([*((name, pa.string()) for name, _ in RECORD_COLUMNS), ("row_no", pa.int64())])


@dataclass(frozen=True)
class CollectorSource:
    """Where the collector writes and what decoding may use.

    Attributes:
        folder: its journal.
        keep_days: how long files stay in `landed/` after they were loaded.
        threads: engine threads.
        memory: engine memory limit.
        load_bytes: journal bytes of one load.
        wait_seconds: how long a running collector may take to close its file.
        server_only: spellings (`normalise`) of events that only a server may report; from a client's key they are set aside,
            for that key is public and anybody could send them (R54, R58).
    """

    folder: Path
    keep_days: int = 7
    threads: int = 2
    memory: str = "2GB"
    load_bytes: int = _LOAD_BYTES
    wait_seconds: float = 10.0
    server_only: frozenset[str] = frozenset()


def server_only(taxonomy: Taxonomy) -> frozenset[str]:
    """Spellings of the events that the taxonomy gives to the server."""
    spellings = taxonomy.canonical_names().items()
    return frozenset(spelling for spelling, name in spellings if taxonomy.events[name].side == "server")


def land(
    source: CollectorSource, manifest: LoadManifest, load_id: str, now: datetime, progress: Callable[[str], None]
) -> Load | None:
    """Land the closed journal files that no complete load has read.

    Args:
        source: the journal.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every load.

    Returns:
        The committed load, or None when there is no new file.

    Raises:
        JournalInUseError: another load of the same folder is running.
    """
    if not source.folder.is_dir():
        return None  # the collector has not run yet
    with journal.held(source.folder, "reader"):
        _close_open_files(source, progress)
        _put_away(source, manifest, now)
        fresh = _fresh(source, manifest)
        if not fresh:
            return None
        load = _landed(source, fresh, manifest, load_id, now)
        manifest.commit(load)
        _put_away(source, manifest, now)
    counts = " and ".join(f"{rows:,} {table}" for table, rows in load.rows.items())
    progress(f"{NAME}: {len(fresh):,} files, {counts}")
    return load


def _close_open_files(source: CollectorSource, progress: Callable[[str], None]) -> None:
    """A running collector is asked, so that the load holds all that came before it; what a killed one left is closed here."""
    try:
        with journal.held(source.folder, "writer"):
            for path in journal.recover(source.folder):
                progress(f"{NAME}: closed {path.name}, which a stopped collector had left open")
    except journal.JournalInUseError:
        if not journal.ask_to_close(source.folder, source.wait_seconds):
            progress(f"{NAME}: the collector did not close its file in time; what came last is in the next load")


def _put_away(source: CollectorSource, manifest: LoadManifest, now: datetime) -> None:
    """Move read files out of the way and remove those kept long enough."""
    taken = manifest.objects(NAME)
    kept = source.folder / LANDED
    kept.mkdir(exist_ok=True)
    for path in journal.closed_files(source.folder):
        if path.name in taken:
            os.replace(path, kept / path.name)
    oldest = f"{now - timedelta(days=source.keep_days):%Y%m%dT%H%M%S}"
    for path in journal.closed_files(kept):
        if path.name < oldest:
            path.unlink()


def _fresh(source: CollectorSource, manifest: LoadManifest) -> list[Path]:
    taken = manifest.objects(NAME)
    chosen: list[Path] = []
    size = 0
    for path in journal.closed_files(source.folder):
        if path.name not in taken and size < source.load_bytes:
            chosen.append(path)
            size += path.stat().st_size
    return chosen


def _landed(
    source: CollectorSource, files: Sequence[Path], manifest: LoadManifest, load_id: str, now: datetime
) -> Load:
    folder = manifest.folder(load_id)
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    folder.mkdir(parents=True)
    with parser_engine(source.threads, source.memory) as engine:
        landing = _Landing(engine, folder, source.server_only)
        for path in files:
            for line in journal.lines(path):
                landing.add(line)
        names = landing.close()
    rows = {table: count for table, count in landing.rows.items() if count}
    paths = {table: [str(path.relative_to(manifest.root))] for table, path in names.items()}
    size = sum(path.stat().st_size for path in files)
    counts = {"files": len(files), "bytes": size, "damaged_lines": landing.damaged}
    return Load(load_id, NAME, now.isoformat(), paths, rows, {}, [path.name for path in files], counts)


@dataclass
class _Batch:
    """Lines of deliveries, and by position those that nobody can read: reason and text."""

    lines: list[bytes] = field(default_factory=list)
    unread: dict[int, tuple[str, str]] = field(default_factory=dict)


class _Landing:
    """Writes journal lines as deliveries and records, one Parquet file each.

    Args:
        engine: decodes.
        folder: of the load.
        server_only: see `CollectorSource`.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection, folder: Path, server_only: frozenset[str]) -> None:
        self._engine, self._folder, self._server_only = engine, folder, server_only
        self._batch = _Batch()
        self._records: list[dict[str, Any]] = []
        self._writers: dict[str, pq.ParquetWriter] = {}
        self.rows = {DELIVERIES: 0, RECORDS: 0}
        self.damaged = 0

    def add(self, line: journal.Line) -> None:
        """Take one line."""
        if not line.is_whole:
            self.damaged += 1
            return self._set_aside("truncated", _text(line.text))
        try:
            found = orjson.loads(line.text)
            kind = found["kind"]
            if kind == collected.EVENT:
                return self._event(found)
        except (ValueError, TypeError, KeyError):  # written by something else than this version's collector
            return self._set_aside("not_json", _text(line.text))
        if kind == collected.RECORD:
            return self._record(found)
        return self._set_aside(found["reason"], found["text"])

    def close(self) -> dict[str, Path]:
        """Finish; the files by table."""
        self._flush()
        self._flush_records()
        for writer in self._writers.values():
            writer.close()
        return {table: self._path(table) for table in self._writers}

    def _event(self, found: dict[str, Any]) -> None:
        event = in_segments_shape(found)
        text = orjson.dumps(event)
        if self._server_only and found["side"] == "client" and isinstance(event, dict):
            name = event.get("event")
            if isinstance(name, str) and normalise(name) in self._server_only:
                return self._set_aside("wrong_side", text.decode())
        self._batch.lines.append(text)
        return self._flush_when_full()

    def _record(self, found: dict[str, Any]) -> None:
        values = (
            found["object"],
            f"{found['source']}/{found['id']}",
            found["modified_at"] or found["received_at"],
            orjson.dumps(found["body"]).decode(),
        )
        row = dict(zip((name for name, _ in RECORD_COLUMNS), values, strict=True))
        self._records.append({**row, "row_no": self.rows[RECORDS] + len(self._records)})
        if len(self._records) >= _BATCH_LINES:
            self._flush_records()

    def _set_aside(self, reason: str, text: str) -> None:
        self._batch.unread[len(self._batch.lines)] = (reason, text)
        self._batch.lines.append(b"-")  # decoded as no object; what it was is written over it
        self._flush_when_full()

    def _flush_when_full(self) -> None:
        if len(self._batch.lines) >= _BATCH_LINES:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch = self._batch, _Batch()
        if not batch.lines:
            return
        lines = pa.array(batch.lines, pa.large_binary()).cast(pa.large_string())
        table = decode(self._engine, lines, self.rows[DELIVERIES])
        self._write(DELIVERIES, _with_unread(table, batch.unread))
        self.rows[DELIVERIES] += len(batch.lines)

    def _flush_records(self) -> None:
        if self._records:
            self._write(RECORDS, pa.Table.from_pylist(self._records, schema=_RECORD_SCHEMA))
            self.rows[RECORDS] += len(self._records)
            self._records = []

    def _write(self, name: str, table: pa.Table) -> None:
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self._path(name), table.schema, compression="zstd")
        self._writers[name].write_table(table)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}-0000.parquet"


def _with_unread(table: pa.Table, unread: dict[int, tuple[str, str]]) -> pa.Table:
    """The decoded batch with reason and text of lines that are no events."""
    if not unread:
        return table
    for place, name in enumerate(("parse_error", "raw_line")):
        values = table.column(name).to_pylist()
        for row, found in unread.items():
            values[row] = found[place]
        index = table.schema.get_field_index(name)
        table = table.set_column(index, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    return table


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
