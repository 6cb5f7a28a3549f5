"""Proves record by record that what vendors sent is in the tables: each id that was accepted, and no row without a record.

Here: counting landed records beside table rows, and saying which are missing. Not here: which kind of record leads to which row
(`record_ways`), event deliveries (`day_books`), the books of loads (`reconcile`), failing a run over it (`checks`).

Nothing of the code that builds the tables is used: landed files are counted anew. A record is accepted where some version of it is not in
quarantine. Tables without an id of their own are held to the rows that their publication counted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables import QUARANTINE
from uam_platform.lake.loads import RECORDS, LoadManifest
from uam_platform.lake.store import WHOLE, Lake
from uam_platform.policy.sources import SourceMap
from uam_platform.staging.record_ways import BOOKS, Book, Way

PUBLISHED: Final = "its publication"
_EXAMPLES: Final = 3
_ACCEPTED: Final = "accepted_records"
_STORED: Final = "stored_rows"


@dataclass(frozen=True)
class TableBook:
    """What became of the records of one kind in one table.

    Attributes:
        table: table of the lake.
        told_by: source and kind of record, or `PUBLISHED`; empty for rows that no record explains.
        records: distinct ids that were accepted.
        left_out: of them, those that have no row on purpose.
        why: reason for that, in words.
        stored: those that have a row.
        missing: those that should have one and have none; rows without a record; rows lost, or gained, since the publication.
        examples: a few ids that are missing, or stand for nothing.
    """

    table: str
    told_by: str
    records: int
    left_out: int
    why: str
    stored: int
    missing: int
    examples: tuple[str, ...] = field(default=())

    @property
    def says(self) -> str:
        """What is wrong, in words; empty where nothing is."""
        if not self.missing:
            return ""
        named = f" ({', '.join(self.examples)})" if self.examples else ""
        if self.told_by == PUBLISHED:
            what = f"{self.stored:,} rows are stored of {self.records:,} that were published"
        elif self.told_by:
            what = f"{self.missing:,} of {self.records - self.left_out:,} records of {self.told_by} have no row{named}"
        else:
            what = f"{self.missing:,} rows stand for no accepted record{named}"
        return f"{self.table}: {what}; compute the record tables again"


def table_books(
    connection: Backend, lake: Lake, manifest: LoadManifest, sources: SourceMap, books: Sequence[Book] = BOOKS
) -> list[TableBook]:
    """Landed records beside the rows of their tables.

    Args:
        connection: engine.
        lake: has the tables and the quarantine.
        manifest: knows the landed records.
        sources: fields that have a purpose; others are read as empty, as the tables read them.
        books: which tables, and what leads to their rows.

    Returns:
        One entry per table and kind of record that was landed, and one per table for rows that no record explains.
    """
    files = {
        str(manifest.root / name): (load.load_id, load.source)
        for load in manifest.loads()
        for name in load.files.get(RECORDS, ())
    }
    if not files:
        return []
    connection.raw_sql(_accepted(connection, lake, files))
    try:
        return [found for book in books for found in _book(connection, lake, sources, book)]
    finally:
        connection.raw_sql(f"DROP TABLE IF EXISTS {_ACCEPTED}")


def _accepted(connection: Backend, lake: Lake, files: Mapping[str, tuple[str, str]]) -> str:
    """SQL of the records that were accepted: one row per source, kind and id, or per content of a mapped file, with its last version."""
    named = pd.DataFrame([(name, *load) for name, load in files.items()], columns=["filename", "load_id", "source"])
    connection.create_table("landed_files", named, temp=True, overwrite=True)
    connection.create_view("set_aside_rows", lake.read(connection, QUARANTINE), overwrite=True)
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
    return f"""
        CREATE OR REPLACE TEMP TABLE {_ACCEPTED} AS
        WITH landed AS (
            SELECT source, source_object, coalesce(record_id, '') AS record_id, payload, load_id, row_no,
                coalesce(epoch_us(try_cast(modified_text::VARCHAR AS TIMESTAMPTZ)), 0) AS modified_us
            FROM read_parquet([{listed}], filename = true, union_by_name = true) JOIN landed_files USING (filename)
        ), versions AS (
            SELECT source, source_object, record_id, payload, min(modified_us) AS modified_us, min(place).load_id AS load_id,
                min(place).row_no AS row_no
            FROM (SELECT *, {{'load_id': load_id, 'row_no': row_no}} AS place FROM landed)
            GROUP BY source, source_object, record_id, payload
        ), judged AS (
            SELECT versions.*, aside.load_id IS NOT NULL AS is_aside FROM versions
            LEFT JOIN (SELECT DISTINCT load_id, source_object, row_no FROM set_aside_rows WHERE source_object <> 'delivery') AS aside
            USING (load_id, source_object, row_no)
        )
        SELECT source, source_object, any_value(record_id) AS record_id, bool_or(is_aside) AS is_partly_aside,
            arg_max(payload, (modified_us, load_id, row_no)) FILTER (NOT is_aside) AS payload,
            max(modified_us) FILTER (NOT is_aside) AS modified_us
        FROM judged GROUP BY source, source_object, CASE source WHEN 'files' THEN payload ELSE record_id END
        HAVING bool_or(NOT is_aside)
    """


def _book(connection: Backend, lake: Lake, sources: SourceMap, book: Book) -> Iterator[TableBook]:
    name, pointer = f"{book.table.stage}/{book.table.name}", lake.pointer(book.table, WHOLE)
    if pointer is None:
        return
    rows = lake.read(connection, book.table)
    connection.create_view(_STORED, rows, overwrite=True)
    try:
        held = int(rows.count().execute())
        if held != pointer["rows"] and book is _first_of(book.table):
            yield TableBook(name, PUBLISHED, pointer["rows"], 0, "", held, pointer["rows"] - held)
        ids = [_ids(way, sources) for way in book.ways]
        for way, sql in zip(book.ways, ids, strict=True):
            found = _way(connection, name, book, way, sql)
            if found.records:
                yield found
        if book.is_whole and ids:
            yield _unexplained(connection, name, book, ids)
    finally:
        connection.drop_view(_STORED, force=True)


def _first_of(table: Contract) -> Book:
    return next(book for book in BOOKS if book.table is table)


class _Fields(dict[str, str]):
    """Fields of a payload as SQL text; null for those without a purpose."""

    def __init__(self, collected: frozenset[str]) -> None:
        super().__init__(
            record_id="record_id", modified_us="modified_us", is_partly_aside="is_partly_aside", source="source"
        )
        self._collected = collected

    def __missing__(self, name: str) -> str:
        path = json.dumps(name).replace("'", "''")
        return f"""nullif(trim(json_extract_string(payload, '$.{path}')), '')""" if name in self._collected else "NULL"


def _ids(way: Way, sources: SourceMap) -> str:
    """SQL of row id and whether it is left out on purpose, of all accepted records of a way."""
    fields = _Fields(frozenset(sources.collected(way.source, way.kind)))
    row_id, left_out = way.row_id.format_map(fields), way.left_out.format_map(fields) or "false"
    return f"""SELECT {row_id} AS row_id, coalesce(bool_and({left_out}), false) AS is_left_out FROM {_ACCEPTED}
        WHERE source = '{way.source}' AND source_object = '{way.kind}' GROUP BY 1"""


def _way(connection: Backend, name: str, book: Book, way: Way, ids: str) -> TableBook:
    stored = f"SELECT DISTINCT {book.stored} AS row_id FROM {_STORED}"
    records, left_out, held, missing, examples = connection.raw_sql(f"""
        WITH told AS ({ids}), held AS ({stored}),
        judged AS (SELECT told.*, held.row_id IS NOT NULL AS is_held FROM told LEFT JOIN held USING (row_id))
        SELECT count(*), count(*) FILTER (is_left_out AND NOT is_held), count(*) FILTER (is_held),
            count(*) FILTER (NOT is_held AND NOT is_left_out), list(row_id ORDER BY row_id) FILTER (NOT is_held AND NOT is_left_out)
        FROM judged
    """).fetchone()
    told_by = f"{way.source} {way.kind}"
    return TableBook(
        name, told_by, records, left_out, way.why, held, missing, tuple(map(str, (examples or [])[:_EXAMPLES]))
    )


def _unexplained(connection: Backend, name: str, book: Book, ids: Sequence[str]) -> TableBook:
    """Rows that stand for no accepted record."""
    told = " UNION ALL ".join(f"({sql})" for sql in ids)
    count, examples = connection.raw_sql(f"""
        SELECT count(*), list(row_id ORDER BY row_id) FROM (
            SELECT DISTINCT {book.stored} AS row_id FROM {_STORED} EXCEPT SELECT row_id FROM ({told})
        )
    """).fetchone()
    return TableBook(name, "", 0, 0, "", 0, count, tuple(map(str, (examples or [])[:_EXAMPLES])))


def shown(books: Sequence[TableBook]) -> pd.DataFrame:
    """Counts by table and kind of record, for people."""
    columns = ["table", "told_by", "records", "stored", "left_out", "why", "missing"]
    return pd.DataFrame([{name: getattr(book, name) for name in columns} for book in books], columns=columns)
