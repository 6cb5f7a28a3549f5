"""PostHog's query API: events in the order in which they were taken in, page by page after the last one read.

Here: the query, its position, and which rows of a page are new. Not here: HTTP (`http_json`), one event (`posthog_lines`), files of batch
exports (`posthog_export`).

The position is (created_at, uuid), for many events share a moment; an offset would skip rows that arrive meanwhile. Ingestion is
eventually consistent, so a finished import starts again an hour before its end, and what earlier loads have landed is left out. PostHog
allows a few hundred queries an hour at worst: when it throttles for longer than we wait, the pages read so far are landed.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from uam_platform.connectors.api_records import quoted
from uam_platform.connectors.delivery_files import DeliveryFiles
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.http_json import JsonClient, Wire
from uam_platform.connectors.posthog_api import NAME, PostHogSource, opened, query
from uam_platform.connectors.posthog_lines import SKIPPED_EVENTS
from uam_platform.connectors.posthog_rows import line_query
from uam_platform.lake.engine import parser_engine
from uam_platform.lake.loads import DELIVERIES, Load, LoadManifest

_LOOK_BACK: Final = timedelta(hours=1)
_LOAD_PAGES: Final = 50
_MOST_ROWS: Final = 50_000
_COLUMNS: Final = ("uuid", "event", "distinct_id", "timestamp", "created_at", "properties")
_WHERE: Final = f"{NAME} query"

Position = tuple[str, str]
"""created_at (ISO 8601 UTC with microseconds) and uuid of the last row read."""


def land(
    source: PostHogSource,
    manifest: LoadManifest,
    load_id: str,
    now_text: str,
    progress: Callable[[str], None],
    wire: Wire,
    before: Mapping[str, Any],
) -> Load | None:
    """Land what was taken in since the last complete load.

    Args:
        source: has a base URL and a key.
        manifest: complete loads.
        load_id: id of the new load.
        now_text: loaded_at of the load.
        progress: told after every page and about every wait.
        wire: transport and patience.
        before: cursors of the source, which say where to go on.

    Returns:
        The committed load, or None when nothing is new.

    Raises:
        TransientError: PostHog could not be reached, or throttles longer than we wait, before a page was read.
        PermanentError: credentials, rights or settings are wrong.
    """
    start, is_continued = _start(source, before)
    client = opened(source, progress, wire)
    reading = _Reading(source, client, start, progress)
    folder = manifest.folder(load_id)
    shutil.rmtree(folder, ignore_errors=True)  # left by a killed run
    folder.mkdir(parents=True)
    try:
        earlier = [] if is_continued else [p for load in manifest.loads(NAME) for p in manifest.paths(load, DELIVERIES)]
        rows = _write(source, reading, folder, earlier, start[0])
    finally:
        client.close()
    if rows == 0:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    names = [str(path.relative_to(manifest.root)) for path in sorted(folder.glob("*.parquet"))]
    position = {"created_at": reading.position[0], "uuid": reading.position[1], "is_at_end": reading.is_at_end}
    state = {**before, **position}
    load = Load(load_id, NAME, now_text, {DELIVERIES: names}, {DELIVERIES: rows}, state, (), client.counts)
    manifest.commit(load)
    return load


def _start(source: PostHogSource, state: Mapping[str, Any]) -> tuple[Position, bool]:
    """Where to go on, and whether that is right behind the last row read."""
    if "created_at" not in state:
        return (iso(source.start), ""), True
    if not state.get("is_at_end"):
        return (state["created_at"], state["uuid"]), True
    return (iso(datetime.fromisoformat(state["created_at"]) - _LOOK_BACK), ""), False


class _Reading:
    """Pages from a position on; keeps the position behind the last whole page.

    Args:
        source: what to read.
        client: with the key.
        start: where to begin.
        progress: told after every page.
    """

    def __init__(
        self, source: PostHogSource, client: JsonClient, start: Position, progress: Callable[[str], None]
    ) -> None:
        self._source, self._client, self._progress = source, client, progress
        self.position, self.is_at_end = start, False

    def pages(self) -> Iterator[pa.Table]:
        """Columns of each page, oldest first."""
        size = min(self._source.page_rows, _MOST_ROWS)
        read = 0
        for number in range(_LOAD_PAGES):
            try:
                answer = query(self._client, self._source, query_text(self.position, size), _WHERE)
                page = columns(answer)
            except TransientError as error:
                if number == 0:
                    raise
                self._progress(f"{error.where}: {error.what}; the {read:,} events read so far are landed")
                return
            self.is_at_end = len(page) < size and not answer.get("hasMore")
            if len(page):
                self._move_on(page, is_full=len(page) >= size)
                read += len(page)
                self._progress(f"{NAME}: {read:,} events, up to {self.position[0]}")
                yield page
            if self.is_at_end:
                return

    def _move_on(self, page: pa.Table, is_full: bool) -> None:
        moments = (iso(datetime.fromisoformat(text)) for text in page["created_at"].to_pylist())
        reached = max(zip(moments, page["uuid"].to_pylist(), strict=True))
        if is_full and reached <= self.position:
            raise PermanentError(
                _WHERE, "a full page did not go beyond the last one", "Use batch exports for this project."
            )
        self.position = max(self.position, reached)


def columns(answer: Mapping[str, Any]) -> pa.Table:
    """A page as text columns; properties come as JSON text or as objects.

    Raises:
        TransientError: the rows lack what the next page is asked by.
    """
    names = [str(name) for name in answer.get("columns") or _COLUMNS]
    values = list(zip(*answer["results"], strict=True)) or [()] * len(names)
    if len(values) != len(names) or not {"uuid", "created_at"} <= set(names):
        raise TransientError(_WHERE, f"expected the columns {', '.join(_COLUMNS)}, found {', '.join(names)}")
    page = pa.table(
        {name: pa.array(map(_text, column), pa.large_string()) for name, column in zip(names, values, strict=True)}
    )
    if page["uuid"].null_count or page["created_at"].null_count:
        raise TransientError(_WHERE, "a row without uuid or created_at, by which the next page is asked for")
    return page


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def query_text(position: Position, rows: int) -> str:
    """HogQL for the page behind a position."""
    at = f"toDateTime64('{position[0].replace('T', ' ').removesuffix('Z')}', 6, 'UTC')"
    skipped = ", ".join(quoted(name) for name in SKIPPED_EVENTS)
    return (
        f"SELECT {', '.join(_COLUMNS)} FROM events WHERE event NOT IN ({skipped}) "
        f"AND (created_at > {at} OR (created_at = {at} AND toString(uuid) > {quoted(position[1])})) "
        f"ORDER BY created_at ASC, toString(uuid) ASC LIMIT {rows}"
    )


def _write(source: PostHogSource, reading: _Reading, folder: Path, earlier: Sequence[str], since: str) -> int:
    rows, shape = 0, source.shape
    engine = parser_engine(source.threads, source.memory)
    with ThreadPoolExecutor(1) as writer, engine:
        engine.execute("SET TimeZone='UTC'")
        _note_landed(engine, earlier, since)
        landing = DeliveryFiles(folder, writer)
        for page in reading.pages():
            fresh = _new_rows(engine, shape.decode(engine, _lines(engine, page), 0), rows)
            if len(fresh):
                landing.add(fresh)
                rows += len(fresh)
        landing.close()
    return rows


def _lines(engine: duckdb.DuckDBPyConnection, page: pa.Table) -> pa.Array:
    engine.register("arrived", page)
    try:
        lines = engine.execute(line_query(dict.fromkeys(page.column_names, "VARCHAR"), "arrived")).to_arrow_table()
    finally:
        engine.unregister("arrived")
    return lines.column(0).combine_chunks()


def _note_landed(engine: duckdb.DuckDBPyConnection, earlier: Sequence[str], since: str) -> None:
    """Table `landed`: ids that the look-back can bring again."""
    engine.execute("CREATE TEMP TABLE landed (message_id VARCHAR)")
    if earlier:
        files = ", ".join(quoted(path) for path in earlier)
        engine.execute(f"""INSERT INTO landed SELECT message_id FROM read_parquet([{files}])
            WHERE try_cast(received_text AS TIMESTAMPTZ) >= {quoted(since)}::TIMESTAMPTZ""")


def _new_rows(engine: duckdb.DuckDBPyConnection, page: pa.Table, first_row: int) -> pa.Table:
    """Rows of a page that are not landed, numbered; they count as landed from now on."""
    engine.register("page", page)
    names = [name for name in page.column_names if name != "row_no"]
    fresh = engine.execute(f"""WITH fresh AS (
            SELECT * FROM page ANTI JOIN landed USING (message_id) QUALIFY row_number() OVER (PARTITION BY message_id ORDER BY row_no) = 1
        ) SELECT {", ".join(names)}, {first_row} + row_number() OVER (ORDER BY row_no) - 1 AS row_no FROM fresh ORDER BY row_no
    """).to_arrow_table()
    engine.unregister("page")
    engine.register("fresh", fresh)
    engine.execute("INSERT INTO landed SELECT message_id FROM fresh")
    engine.unregister("fresh")
    return fresh.combine_chunks()


def iso(moment: datetime) -> str:
    """ISO 8601 UTC with microseconds, which sorts as text."""
    at = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
