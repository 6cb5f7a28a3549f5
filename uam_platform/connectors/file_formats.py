"""Reads one exported file (CSV, Parquet or JSON lines) as a DuckDB relation of text columns.

Here: the SQL per format, lines that are no record, and the errors of unreadable files. Not here: which files (`files`), what
their columns mean (`mapping`).
"""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from uam_platform.connectors.api_records import quoted
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.mapping import LINE, identifier, inside
from uam_platform.lake.engine import parser_engine
from uam_platform.policy.load import PolicyError
from uam_platform.policy.mapping import EACH, FileOptions, nearest

SOURCE: Final = "source"
"""Name of the relation: the file's columns as text and `LINE`, the position of the row."""

_BROKEN_CSV: Final = """SELECT line, any_value(csv_line) AS raw_line,
    CASE WHEN bool_or(error_type = 'MISSING COLUMNS') THEN 'truncated' ELSE 'not_csv' END AS parse_error
    FROM reject_errors GROUP BY line"""
_SUFFIXES: Final = {
    **dict.fromkeys(("csv", "tsv", "txt"), "csv"),
    **dict.fromkeys(("jsonl", "ndjson", "json"), "jsonl"),
    "parquet": "parquet",
}
_LINE_BYTES: Final = 32 << 20
_SAMPLED_LINES: Final = 20_000


@dataclass(frozen=True)
class OpenFile:
    """A file as relation `SOURCE` of a connection.

    Attributes:
        columns: the file's columns.
        broken: query of the lines that are no record (line, raw_line, parse_error); valid once the relation was read whole.
    """

    columns: list[str]
    broken: str | None


def connect(threads: int, memory: str) -> duckdb.DuckDBPyConnection:
    """A connection for one file; one file per connection."""
    connection = parser_engine(threads, memory)
    connection.execute("SET TimeZone='UTC'")
    return connection


def open_file(
    connection: duckdb.DuckDBPyConnection, path: Path, kind: str | None, options: FileOptions, where: str
) -> OpenFile:
    """Create the relation of a file.

    Args:
        connection: from `connect`.
        path: the file; a name ending in .gz is unpacked.
        kind: csv, parquet or jsonl; by the file's name when absent.
        options: how it is written.
        where: mapping file and key that name the format, for messages.

    Raises:
        PolicyError: the format cannot be told from the name.
        PermanentError: the file cannot be read.
    """
    kind = kind or _kind(path, where)
    try:
        if kind == "csv":
            return _open_csv(connection, path, options)
        return _open_parquet(connection, path) if kind == "parquet" else _open_lines(connection, path)
    except (duckdb.Error, OSError, UnicodeError, EOFError) as error:
        raise unreadable(path.name, error) from None


def unroll(connection: duckdb.DuckDBPyConnection, opened: OpenFile, each: str, where: str) -> OpenFile:
    """Replace the relation of a file by one with a row for every element of a list inside its rows, in order.

    Args:
        connection: where the file is open.
        opened: the file.
        each: column and way to the list; the element stands in the column `each`.
        where: mapping file and key, for messages.

    Raises:
        PolicyError: there is no such column, or no list there in any row.
    """
    column, _, way = each.partition(".")
    if column not in opened.columns:
        columns = ", ".join(nearest(column, opened.columns))
        raise PolicyError(f"{where}: the file has no column {column!r}; its columns are: {columns}")
    whole, found = f"{SOURCE}_whole", inside(identifier(column), way or None)
    is_list = f"json_valid({found}) AND json_type(CASE WHEN json_valid({found}) THEN {found} END) = 'ARRAY'"
    seen = connection.execute(f"SELECT count(*), count(*) FILTER (WHERE {is_list}) FROM {SOURCE}").fetchall()[0]
    if seen[0] and not seen[1]:
        raise PolicyError(f"{where}: {each} is a list in no row; write the way to the list, e.g. items.data")
    connection.execute(f"ALTER VIEW {SOURCE} RENAME TO {whole}")
    kept = ", ".join(identifier(name) for name in opened.columns if name != EACH)
    lists = (
        f"SELECT {kept}, {LINE}, json_extract(CASE WHEN {is_list} THEN {found} END, '$[*]') AS elements FROM {whole}"
    )
    rows = (
        f"SELECT {kept}, {LINE}, unnest(elements) AS {EACH}, generate_subscripts(elements, 1) AS place FROM ({lists})"
    )
    numbered = f"row_number() OVER (ORDER BY {LINE}, place) AS {LINE}"
    connection.execute(
        f"CREATE TEMP VIEW {SOURCE} AS SELECT {kept}, {EACH}::VARCHAR AS {EACH}, {numbered} FROM ({rows})"
    )
    return OpenFile([*(name for name in opened.columns if name != EACH), EACH], opened.broken)


def unreadable(name: str, error: Exception) -> PermanentError:
    """A file that cannot be read, with the engine's first words about it."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    advice = "Check format, delimiter, quote and encoding under `options` of the table, or the file itself."
    return PermanentError(f"files {name}", "cannot be read: " + "; ".join(lines[:3]), advice)


def _kind(path: Path, where: str) -> str:
    suffix = path.name.removesuffix(".gz").rpartition(".")[2].lower()
    if suffix not in _SUFFIXES:
        raise PolicyError(f"{where}: cannot tell the format of {path.name}; write csv, parquet or jsonl")
    return _SUFFIXES[suffix]


def _open_csv(connection: duckdb.DuckDBPyConnection, path: Path, options: FileOptions) -> OpenFile:
    """CSV with a header line or named columns; everything is given to the engine, so that nothing depends on its sampling."""
    delimiter, columns = _header(path, options)
    quote = options.quote or '"'
    types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns)
    read = (
        f"read_csv({quoted(str(path))}, header={not options.columns}, auto_detect=false, columns={{{types}}}, "
        f"delim={quoted(delimiter)}, quote={quoted(quote)}, escape={quoted(quote)}, nullstr=['', {quoted(options.null_text)}], "
        f"encoding={quoted(options.encoding)}, store_rejects=true, max_line_size={_LINE_BYTES})"
    )
    connection.execute(f"CREATE TEMP VIEW {SOURCE} AS SELECT *, row_number() OVER () AS {LINE} FROM {read}")
    return OpenFile(columns, _BROKEN_CSV)


def _header(path: Path, options: FileOptions) -> tuple[str, list[str]]:
    """Delimiter and column names: those of the first line, or the given ones of a file without header line."""
    opener = gzip.open if path.name.endswith(".gz") else open
    encoding = "utf-8-sig" if options.encoding == "utf-8" else options.encoding
    with opener(path, "rt", encoding=encoding, newline="") as stream:
        first = stream.readline()
    delimiter = options.delimiter or max(",;\t|", key=first.count)
    names = next(csv.reader([first.strip("\r\n")], delimiter=delimiter, quotechar=options.quote or '"'), [])
    if options.columns:
        if names and len(names) != len(options.columns):
            raise OSError(f"the first line has {len(names)} values, options.columns names {len(options.columns)}")
        return delimiter, list(options.columns)
    if not any(names):
        raise OSError("the first line has no column names")
    return delimiter, [name or f"column_{position}" for position, name in enumerate(names, 1)]


def _open_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> OpenFile:
    read = f"read_parquet({quoted(str(path))}, file_row_number=true)"
    described = connection.execute(f"DESCRIBE SELECT * EXCLUDE file_row_number FROM {read}").fetchall()
    names = [str(row[0]) for row in described]
    columns = ", ".join(f"{identifier(name)}::VARCHAR AS {identifier(name)}" for name in names)
    connection.execute(f"CREATE TEMP VIEW {SOURCE} AS SELECT {columns}, file_row_number + 1 AS {LINE} FROM {read}")
    return OpenFile(names, None)


def _open_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> OpenFile:
    """JSON lines: the top-level keys of the first lines are the columns; nested values stay JSON text."""
    read = (
        f"read_csv({quoted(str(path))}, columns={{'line': 'VARCHAR'}}, header=false, auto_detect=false, delim='\x01', "
        f"quote='', escape='', strict_mode=false, max_line_size={_LINE_BYTES})"
    )
    raw = f"SELECT * FROM (SELECT line, row_number() OVER () AS {LINE} FROM {read}) WHERE trim(line) <> ''"
    connection.execute(f"CREATE TEMP VIEW json_lines AS {raw}")
    is_object = "starts_with(ltrim(line), '{') AND json_valid(line)"
    sample = f"SELECT line FROM json_lines WHERE {is_object} LIMIT {_SAMPLED_LINES}"
    keys = connection.execute(f"SELECT DISTINCT unnest(json_keys(line)) AS key FROM ({sample}) ORDER BY key").fetchall()
    names = [str(row[0]) for row in keys]
    columns = "".join(f"json_extract_string(line, {quoted(_pointer(name))}) AS {identifier(name)}, " for name in names)
    good = f"SELECT CASE WHEN {is_object} THEN line END AS line, {LINE} FROM json_lines WHERE {is_object}"
    connection.execute(f"CREATE TEMP VIEW {SOURCE} AS SELECT {columns}{LINE} FROM ({good})")
    broken = f"""SELECT {LINE} AS line, line AS raw_line,
        CASE WHEN starts_with(ltrim(line), '{{') THEN 'truncated' ELSE 'not_json' END AS parse_error
        FROM json_lines WHERE NOT ({is_object})"""
    return OpenFile(names, broken)


def _pointer(key: str) -> str:
    """JSON pointer of a top-level key."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
