"""Own exports: CSV, Parquet and JSON-lines files (plain or gzip) that a mapping describes.

Here: which files are new, reading them as text, and landing them. Not here: the mapping's model (`uam_platform.policy.mapping`)
and its SQL (`mapping`), which files a path names (`file_paths`), side tables (`lookups`).

A file is known by its path and content; size and modification time only spare the hashing. A changed file is landed whole
again: staging finds the repeated events by their id or content. A mapping that changes does not land known files again.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from uam_platform.connectors.api_records import quoted
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.file_formats import SOURCE, OpenFile, connect, open_file, unreadable, unroll
from uam_platform.connectors.file_paths import matches
from uam_platform.connectors.lookups import attach_lookups
from uam_platform.connectors.mapping import LINE, check_fit, deliveries_sql, records_sql
from uam_platform.contracts.landing import DELIVERY_COLUMNS, RECORD_COLUMNS
from uam_platform.lake.loads import DELIVERIES, RECORDS, Load, LoadManifest
from uam_platform.policy.load import PolicyError
from uam_platform.policy.mapping import ExportMapping, TableMapping, load_mapping

NAME: Final = "files"
_BLOCK_BYTES: Final = 16 << 20


@dataclass(frozen=True)
class FilesSource:
    """Which mapping to follow.

    Attributes:
        mapping: the YAML file.
        variables: values for `${NAME}` in its paths.
        threads: engine threads.
        memory: engine memory limit.
    """

    mapping: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    threads: int = 2
    memory: str = "2GB"


@dataclass(frozen=True)
class Export:
    """One file of one table.

    Attributes:
        table: its mapping.
        path: absolute path.
        key: path as the mapping sees it.
        digest: SHA-256 of the content.
    """

    table: TableMapping
    path: Path
    key: str
    digest: str

    @property
    def is_event(self) -> bool:
        """Whether its rows are event deliveries; else they are records."""
        return self.table.target == "events"

    @property
    def object_key(self) -> str:
        """What the load manifest remembers."""
        return f"{self.table.name}:{self.key}:{self.digest}"


def land(
    source: FilesSource, manifest: LoadManifest, load_id: str, now: datetime, progress: Callable[[str], None]
) -> Load | None:
    """Land the files of the mapping that no complete load has read.

    Args:
        source: the mapping.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every file.

    Returns:
        The committed load, or None when there is no new file. Its state carries id_space, basis and lag_hours of the events.

    Raises:
        PermanentError: the mapping or a file is wrong; the message gives file, key and what to write instead.
    """
    try:
        mapping = load_mapping(source.mapping)
        known = _known(manifest)
        exports = list(_exports(mapping, source, known, progress))
        fresh = [export for export in exports if export.object_key not in manifest.objects(NAME)]
        _note_changed_tables(mapping, known, exports, fresh, progress)
        return _land_fresh(mapping, source, exports, fresh, manifest, load_id, now, progress) if fresh else None
    except PolicyError as error:
        raise PermanentError(
            f"{NAME} connector", f"the mapping does not fit: {error}", "Correct the mapping."
        ) from None


def check(source: FilesSource) -> list[str]:
    """What the mapping would read, one line per file, without landing anything.

    Raises:
        PolicyError: the mapping is wrong or does not fit a file.
    """
    mapping = load_mapping(source.mapping)
    lines: list[str] = []
    for table in mapping.tables:
        for path, key in _matches(table, source):
            with connect(source.threads, source.memory) as connection:
                opened = _open(connection, source, table, path)
                check_fit(table, opened.columns, connection, SOURCE, f"{source.mapping} ({key})")
            lines.append(f"{table.name}: {key} -> {table.target}, {len(opened.columns)} columns")
    return lines


def _known(manifest: LoadManifest) -> dict[str, Any]:
    """State of the last load: what the files looked like then."""
    last = manifest.last(NAME)
    return dict(last.state) if last else {}


def _land_fresh(
    mapping: ExportMapping,
    source: FilesSource,
    exports: Sequence[Export],
    fresh: Sequence[Export],
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
) -> Load:
    folder = manifest.folder(load_id)
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    folder.mkdir(parents=True)
    rows = {DELIVERIES: 0, RECORDS: 0}
    files: dict[str, list[str]] = {DELIVERIES: [], RECORDS: []}
    for export in fresh:
        kind = DELIVERIES if export.is_event else RECORDS
        landed = _land_file(mapping, source, export, folder / f"{kind}-{len(files[kind]):04d}", rows[kind])
        files[kind] += [str(path.relative_to(manifest.root)) for path, _ in landed]
        rows[kind] += sum(count for _, count in landed)
        progress(f"{NAME} {export.table.name}: {export.key}, {sum(count for _, count in landed):,} rows")
    knowledge = mapping.event_knowledge
    state = {
        "id_space": mapping.id_space,
        "basis": str(knowledge.basis),
        "lag_hours": knowledge.lag_hours,
        "files": {e.key: [*_stamp(e.path), e.digest] for e in exports},
        "tables": {t.name: _digest(t) for t in mapping.tables},
    }
    counts = {"files": len(fresh), "bytes": sum(e.path.stat().st_size for e in fresh)}
    load = Load(load_id, NAME, now.isoformat(), files, rows, state, [e.object_key for e in fresh], counts)
    manifest.commit(load)
    return load


def _land_file(
    mapping: ExportMapping, source: FilesSource, export: Export, stem: Path, first_row: int
) -> list[tuple[Path, int]]:
    """Write one file's rows, and where there are any, its broken lines; paths and rows."""
    with connect(source.threads, source.memory) as connection:
        opened = _open(connection, source, export.table, export.path)
        check_fit(export.table, opened.columns, connection, SOURCE, f"{source.mapping} ({export.key})")
        try:
            rows = _copy(connection, _rows_sql(mapping, export, opened), f"{stem}.parquet", export, first_row)
            landed = [(Path(f"{stem}.parquet"), rows)]
            broken = _broken_sql(export, opened)
            if broken and connection.execute(f"SELECT count(*) FROM ({broken})").fetchall() != [(0,)]:
                path = Path(f"{stem}-broken.parquet")
                landed.append((path, _copy(connection, broken, str(path), export, first_row + rows)))
        except duckdb.Error as error:
            raise unreadable(export.key, error) from None
    return landed


def _open(connection: duckdb.DuckDBPyConnection, source: FilesSource, table: TableMapping, path: Path) -> OpenFile:
    opened = open_file(connection, path, table.format, table.options, f"{source.mapping}: tables.{table.name}.format")
    attach_lookups(connection, table, source.mapping, source.variables)
    return (
        unroll(connection, opened, table.each, f"{source.mapping}: tables.{table.name}.each") if table.each else opened
    )


def _matches(table: TableMapping, source: FilesSource) -> list[tuple[Path, str]]:
    return matches(table.path, source.mapping, source.variables, f"{source.mapping}: tables.{table.name}.path")


def _rows_sql(mapping: ExportMapping, export: Export, opened: OpenFile) -> str:
    currency = mapping.company.currency
    if export.is_event:
        return deliveries_sql(export.table, currency, SOURCE, opened.columns, export.path.name)
    return records_sql(export.table, currency, SOURCE)


def _broken_sql(export: Export, opened: OpenFile) -> str | None:
    """Lines that are no record: deliveries with their reason, or records without id and with the line as payload."""
    if opened.broken is None:
        return None
    if export.is_event:
        columns = ", ".join(
            name if name in ("parse_error", "raw_line") else f"NULL::VARCHAR AS {name}" for name, _ in DELIVERY_COLUMNS
        )
        return f"SELECT {columns}, line AS {LINE} FROM ({opened.broken})"
    return f"""SELECT {quoted(export.table.target)} AS source_object, NULL::VARCHAR AS record_id,
        NULL::VARCHAR AS modified_text, json_object('unreadable_line', raw_line)::VARCHAR AS payload, line AS {LINE}
        FROM ({opened.broken})"""


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, target: str, export: Export, first_row: int) -> int:
    names = DELIVERY_COLUMNS if export.is_event else RECORD_COLUMNS
    listed = ", ".join(name for name, _ in names)
    numbered = f"SELECT {listed}, row_number() OVER (ORDER BY {LINE}) - 1 + {first_row} AS row_no FROM ({sql})"
    done = connection.execute(
        f"COPY ({numbered} ORDER BY row_no) TO {quoted(target)} (FORMAT parquet, COMPRESSION zstd)"
    )
    return int(done.fetchall()[0][0])


def _exports(
    mapping: ExportMapping, source: FilesSource, known: Mapping[str, Any], progress: Callable[[str], None]
) -> Iterator[Export]:
    digests: dict[Path, str] = {}
    for table in mapping.tables:
        for path, key in _matches(table, source):
            if path not in digests:
                digests[path] = _content(path, known.get("files", {}).get(key), progress)
            yield Export(table, path, key, digests[path])


def _content(path: Path, known: Sequence[Any] | None, progress: Callable[[str], None]) -> str:
    size, modified = _stamp(path)
    if known is not None and [size, modified] == list(known[:2]):
        return str(known[2])
    progress(f"{NAME}: reading {path.name}, {size / 1e6:,.1f} MB")
    _check_whole(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_whole(path: Path) -> None:
    """Unpack a gzip file once: the engine reads a cut one up to the cut without a word.

    Raises:
        PermanentError: it is cut or damaged.
    """
    if not path.name.endswith(".gz"):
        return
    try:
        with pa.input_stream(str(path), compression="gzip") as stream:
            while stream.read(_BLOCK_BYTES):
                pass
    except OSError as error:
        raise unreadable(path.name, error) from None


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _digest(table: TableMapping) -> str:
    return hashlib.sha256(table.model_dump_json().encode()).hexdigest()[:16]


def _note_changed_tables(
    mapping: ExportMapping,
    known: Mapping[str, Any],
    exports: Sequence[Export],
    fresh: Sequence[Export],
    progress: Callable[[str], None],
) -> None:
    """Say so when a table's mapping changed while its files were landed under the old one."""
    old = known.get("tables", {})
    landed = {e.table.name for e in exports} - {e.table.name for e in fresh}
    for table in mapping.tables:
        if table.name in landed and old.get(table.name) not in (None, _digest(table)):
            progress(
                f"{NAME} {table.name}: the mapping changed; its files stay as landed. Land into a fresh data folder to redo them."
            )
