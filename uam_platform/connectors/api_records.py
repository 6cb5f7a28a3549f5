"""Lands small API records: through dlt into Parquet, then sorted, numbered and committed as one load.

Belongs here: what all API connectors share after they have read a page. Not here: paging and authentication (`zendesk`,
`salesforce`), own exports (`files`).

dlt carries the pages (extract, normalise, load package), in Arrow tables because row dictionaries reach a seventieth of the
speed. Cursors are kept in our load manifest and not in dlt's state: a load that was not committed must leave no trace, so
dlt's folders are removed with every run.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from uam_platform.connectors.errors import ConnectorError
from uam_platform.connectors.field_drift import FieldProfile
from uam_platform.contracts.landing import RECORD_COLUMNS
from uam_platform.lake.loads import RECORDS, Load, LoadManifest

Record = tuple[str, str | None, str | None, str]
"""source_object, record_id, modified_text, payload."""
Pages = Iterator[Sequence[Record]]

_NAMES: Final = tuple(name for name, _ in RECORD_COLUMNS)
_SCHEMA: Final = pa.schema([(name, pa.string()) for name in _NAMES])


def land_records(
    source: str,
    streams: Mapping[str, Pages],
    state: Mapping[str, Any],
    counts: Mapping[str, int],
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    profile: FieldProfile | None = None,
    is_partial: Callable[[], bool] = lambda: False,
    objects: Sequence[str] = (),
) -> Load | None:
    """Read all pages of `streams` and commit what earlier loads have not landed.

    Rows that are equal in every column to a row of this or an earlier load are left out: incremental reads overlap on
    purpose. The landed file is sorted by (source_object, modified_text, record_id, payload), so equal input gives equal
    bytes.

    Args:
        source: connector name.
        streams: pages by stream name; read lazily, in turn.
        state: cursors; filled by the streams while they are read, stored with the load.
        counts: request counts; filled like `state`.
        manifest: where complete loads are listed.
        load_id: id of the new load.
        now: naive UTC.
        profile: fields of the records; filled like `state`. What changed about them is told in the load.
        is_partial: whether the streams stopped before their end, asked after they were read. Such a load is committed even
            without new rows, so that the next one goes on from where it stopped.
        objects: files that the streams read, so that the manifest remembers them.

    Returns:
        The committed load, or None when nothing is new and all streams were read to their end.

    Raises:
        ConnectorError: what a stream raised; nothing is committed then.
    """
    arrived = manifest.root / "dlt" / load_id
    try:
        begun = _from_first_page(streams)
        files = _through_dlt(source, begun, manifest.root / "_dlt", arrived) if begun else []
        folder = manifest.folder(load_id)
        rows = _rewrite(files, _earlier(manifest, source), folder) if files else 0
    finally:
        shutil.rmtree(arrived, ignore_errors=True)
        shutil.rmtree(manifest.root / "_dlt" / source, ignore_errors=True)
    if rows == 0:
        shutil.rmtree(folder, ignore_errors=True)
        if not is_partial():
            return None
    landed = [str((folder / "records-0000.parquet").relative_to(manifest.root))] if rows else []
    seen = profile or FieldProfile({})
    load = Load(
        load_id, source, now.isoformat(), {RECORDS: landed}, {RECORDS: rows}, dict(state), objects, dict(counts),
        fields=seen.fields, drift=seen.drift,
    )  # fmt: skip
    manifest.commit(load)
    return load


def _from_first_page(streams: Mapping[str, Pages]) -> dict[str, Pages]:
    """The streams from the first one that has a page with rows; empty where none has: a pipeline for nothing takes its time."""
    waiting = dict(streams)
    for name, pages in streams.items():
        page = next((page for page in pages if page), None)
        if page is not None:
            return waiting | {name: itertools.chain([page], pages)}
        del waiting[name]
    return {}


def _through_dlt(source: str, streams: Mapping[str, Pages], work: Path, arrived: Path) -> list[str]:
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    for folder in (work / source, arrived):
        shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    arrived.mkdir(parents=True)
    dlt.config["load.delete_completed_jobs"] = True
    dlt.config["runtime.dlthub_telemetry"] = False
    destination = dlt.destinations.filesystem(bucket_url=str(arrived.absolute()))
    pipeline = dlt.pipeline(source, pipelines_dir=str(work.absolute()), destination=destination, dataset_name="raw")
    pipeline.config.restore_from_destination = False
    resources = [dlt.resource(_tables(pages), name=name, table_name=RECORDS) for name, pages in streams.items()]
    try:
        pipeline.run(resources, loader_file_format="parquet")
    except PipelineStepFailed as failure:
        raise _own_error(failure) from None
    return sorted(str(path) for path in (arrived / "raw" / RECORDS).glob("*.parquet"))


def _tables(pages: Pages) -> Iterator[pa.Table]:
    for page in pages:
        if page:
            yield pa.table([pa.array(column, pa.string()) for column in zip(*page, strict=True)], schema=_SCHEMA)


def _own_error(failure: BaseException) -> BaseException:
    """The connector's error inside dlt's wrapping; dlt's own where there is none."""
    inner: BaseException | None = failure
    while inner is not None:
        if isinstance(inner, ConnectorError):
            return inner
        inner = inner.__cause__ or inner.__context__
    return failure


def _earlier(manifest: LoadManifest, source: str) -> list[str]:
    return [path for load in manifest.loads(source) for path in manifest.paths(load, RECORDS)]


def _rewrite(files: Sequence[str], earlier: Sequence[str], folder: Path) -> int:
    """Write the new rows of `files`, sorted and numbered; the number of rows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    order = "source_object, modified_text, record_id, payload"
    target = str(folder / "records-0000.parquet")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.from_parquet(list(files)).create_view("arrived")
        _create_landed(connection, earlier)
        connection.execute(f"""CREATE TEMP TABLE fresh AS
            SELECT DISTINCT {", ".join(_NAMES)} FROM arrived
            ANTI JOIN landed ON landed.source_object = arrived.source_object
                AND landed.record_id IS NOT DISTINCT FROM arrived.record_id AND landed.digest = md5(arrived.payload)""")
        connection.execute(
            f"COPY (SELECT *, row_number() OVER (ORDER BY {order}) - 1 AS row_no FROM fresh ORDER BY row_no) "
            f"TO {quoted(target)} (FORMAT parquet, COMPRESSION zstd)"
        )
        return int(connection.execute("SELECT count(*) FROM fresh").fetchall()[0][0])


def _create_landed(connection: duckdb.DuckDBPyConnection, earlier: Sequence[str]) -> None:
    """View `landed`: keys of earlier rows that can reappear, i.e. not older than the oldest row that arrived now."""
    if not earlier:
        connection.execute("CREATE VIEW landed AS SELECT '' AS source_object, '' AS record_id, '' AS digest LIMIT 0")
        return
    oldest = connection.execute("SELECT coalesce(min(modified_text), '') FROM arrived").fetchall()[0][0]
    connection.from_parquet(list(earlier)).create_view("earlier")
    connection.execute(f"""CREATE VIEW landed AS SELECT source_object, record_id, md5(payload) AS digest
        FROM earlier WHERE modified_text >= {quoted(oldest)} OR modified_text IS NULL""")


def quoted(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
