"""Side tables with which a mapping translates the values of a column, such as the names of event types.

Here: reading them and putting them beside a file's relation. Not here: the SQL that looks a value up (`mapping`), which files a path
names (`file_paths`).
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from uam_platform.connectors.file_formats import SOURCE, connect, open_file
from uam_platform.connectors.file_paths import matches
from uam_platform.connectors.mapping import identifier, lookup_name
from uam_platform.policy.load import PolicyError
from uam_platform.policy.mapping import FileOptions, Lookup, TableMapping, nearest


def attach_lookups(
    connection: duckdb.DuckDBPyConnection, table: TableMapping, mapping: Path, variables: Mapping[str, str]
) -> None:
    """Create the relation (key, value) of every lookup of a table.

    Args:
        connection: where the table's file is open.
        table: its mapping.
        mapping: the mapping file, for relative paths and messages.
        variables: values for `${NAME}` in paths.

    Raises:
        PolicyError: the side table cannot be found, lacks a column, or has a key twice.
    """
    for name, rule in table.columns.items():
        if rule.lookup is not None:
            where = f"{mapping}: tables.{table.name}.columns.{name}.lookup"
            rows = _rows(rule.lookup, mapping, variables, where)
            connection.execute(f"CREATE TEMP TABLE {lookup_name(name)} (key VARCHAR, value VARCHAR)")
            if rows:
                connection.executemany(f"INSERT INTO {lookup_name(name)} VALUES (?, ?)", rows)


def _rows(lookup: Lookup, mapping: Path, variables: Mapping[str, str], where: str) -> list[tuple[str, str]]:
    found = matches(lookup.path, mapping, variables, f"{where}.path")
    if len(found) > 1:
        raise PolicyError(f"{where}.path: {len(found)} files match; a lookup is one file")
    with connect(threads=1, memory="2GB") as connection:
        opened = open_file(connection, found[0][0], None, FileOptions(), f"{where}.path")
        for column in (lookup.key, lookup.value):
            if column not in opened.columns:
                names = ", ".join(nearest(column, opened.columns))
                raise PolicyError(f"{where}: the file has no column {column!r}; its columns are: {names}")
        key, value = identifier(lookup.key), identifier(lookup.value)
        rows = connection.execute(f"SELECT DISTINCT {key}, {value} FROM {SOURCE} WHERE {key} IS NOT NULL").fetchall()
    keys = [str(row[0]) for row in rows]
    if len(set(keys)) < len(keys):
        twice = next(k for k in sorted(keys) if keys.count(k) > 1)
        raise PolicyError(f"{where}: {lookup.key} {twice!r} stands for more than one {lookup.value}; keys are unique")
    return sorted((str(key), str(value)) for key, value in rows if value is not None)
