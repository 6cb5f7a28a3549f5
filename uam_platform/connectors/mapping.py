"""From a mapping to SQL: one table of own exports as event deliveries or records; pure.

Here: the expressions of columns, local times and money, and the check that the mapping fits a file. Not here: the model of the
mapping (`uam_platform.policy.mapping`), finding and reading files (`files`).

Records are landed with a payload whose keys are the canonical names of `uam_platform.policy.mapping.FIELDS` (money only as
`*_usd_cents`, times as ISO 8601 in UTC) and `source_object` the target's name.
"""

from collections.abc import Sequence
from typing import Final

import duckdb

from uam_platform.connectors.api_records import quoted
from uam_platform.contracts.landing import DELIVERY_COLUMNS
from uam_platform.policy.load import PolicyError
from uam_platform.policy.mapping import FIELDS, MONEY, ColumnRule, Currency, TableMapping, TimeRule, nearest

LINE: Final = "_line"
"""Column of a file's relation: position of the row in the file, from 1."""

_SAMPLED: Final = 1000
_ISO: Final = "'%Y-%m-%dT%H:%M:%S.%fZ'"
_IDS: Final = {
    "accounts": "account_id",
    "subscriptions": "subscription_id",
    "tickets": "ticket_id",
    "users": "user_id",
}
_CHANGE_TIMES: Final = ("updated_at", "valid_from_at", "ended_at", "created_at", "started_at")


def deliveries_sql(
    table: TableMapping, currency: Currency, relation: str, columns: Sequence[str], file_name: str
) -> str:
    """Envelope rows of one file; columns `DELIVERY_COLUMNS` and the file's line.

    Args:
        table: an events table.
        currency: of all amounts.
        relation: name of the file's relation.
        columns: the file's columns.
        file_name: stands in event ids when each line is its own event.
    """
    values = _values(table, currency)
    values.setdefault("kind", "'track'")
    values["occurred_text"] = utc_text(identifier(table.time.column or ""), table.time)
    if table.knowledge.column:
        values["received_text"] = utc_text(identifier(table.knowledge.column), table.time)
    if table.row_id == "line":
        values["message_id"] = f"{quoted(f'{table.name}:{file_name}:')} || {LINE}"
    elif table.row_id == "content" and "message_id" not in values:
        values["message_id"] = _content_id(table, columns)
    selected = ", ".join(f"({values.get(name, 'NULL')})::VARCHAR AS {name}" for name, _ in DELIVERY_COLUMNS)
    return _filtered(table, f"SELECT {selected}, {LINE} FROM {relation}", "occurred_text")


def _content_id(table: TableMapping, columns: Sequence[str]) -> str:
    """Hash of the whole line, mapped or not; absent and empty values differ."""
    parts = ", ".join(f"coalesce('v' || {identifier(name)}, 'n')" for name in sorted(columns))
    return f"{quoted(table.name + ':')} || md5(concat_ws(chr(31), {parts}))"


def records_sql(table: TableMapping, currency: Currency, relation: str) -> str:
    """Record rows of one file; columns `RECORD_COLUMNS` and the file's line."""
    values = _values(table, currency)
    names = [name for name in FIELDS[table.target] if name in values]
    columns = ", ".join(f"({values[name]})::VARCHAR AS {name}" for name in names)
    rows = _filtered(table, f"SELECT {columns}, {LINE} FROM {relation}", _changed(values))
    payload = ", ".join(f"{quoted(name)}, {name}" for name in sorted(names))
    return f"""SELECT {quoted(table.target)} AS source_object, {_IDS[table.target]} AS record_id,
        {_changed(values)} AS modified_text, json_object({payload})::VARCHAR AS payload, {LINE} FROM ({rows})"""


def _changed(values: dict[str, str]) -> str:
    times = [name for name in _CHANGE_TIMES if name in values]
    return f"coalesce({', '.join(times)})" if times else "NULL::VARCHAR"


def _filtered(table: TableMapping, select: str, moment: str) -> str:
    where = f" WHERE ({table.where})" if table.where else ""
    rows = select + where
    if not table.first_by:
        return rows
    keys = ", ".join(table.first_by)
    return f"SELECT * FROM ({rows}) QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {moment}, {LINE}) = 1"


def _values(table: TableMapping, currency: Currency) -> dict[str, str]:
    """SQL of each mapped canonical column, text."""
    values: dict[str, str] = {}
    for name, rule in table.columns.items():
        value = value_sql(rule, lookup_name(name))
        if name in MONEY:
            digits = currency.minor_digits if rule.unit == "minor" else 0
            values[MONEY[name]] = cents(value, currency, digits)
        elif name.endswith("_at"):
            values[name] = utc_text(value, table.time)
        else:
            values[name] = value
    return values


def lookup_name(name: str) -> str:
    """Name of the relation (key, value) with which a canonical column is looked up."""
    return f"lookup_{name}"


def value_sql(rule: ColumnRule, lookup: str) -> str:
    """SQL of one column rule, text.

    Args:
        rule: where the value comes from.
        lookup: relation (key, value) of a rule with a lookup; each key once.
    """
    if rule.const is not None:
        text = str(rule.const).lower() if isinstance(rule.const, bool) else str(rule.const)
        return quoted(text)
    value = f"({rule.expr})::VARCHAR" if rule.expr is not None else inside(identifier(rule.column or ""), rule.at)
    if rule.map is not None:
        cases = " ".join(f"WHEN {quoted(old)} THEN {quoted(new)}" for old, new in sorted(rule.map.items()))
        other = value if rule.default is None else quoted(rule.default)
        return f"CASE {value} {cases} ELSE {other} END"
    if rule.lookup is not None:
        other = value if rule.default is None else quoted(rule.default)
        return f"coalesce((SELECT found.value FROM {lookup} AS found WHERE found.key = {value}), {other})"
    return value if rule.default is None else f"coalesce({value}, {quoted(rule.default)})"


def inside(column: str, at: str | None) -> str:
    """SQL of a place inside the nested values (JSON text) of a column, text; the column itself without a place."""
    if at is None:
        return column
    steps = "".join(f"{_quoted_step(step)}" for step in at.split("."))
    return f"json_extract_string(CASE WHEN json_valid({column}) THEN {column} END, {quoted('$' + steps)})"


def _quoted_step(step: str) -> str:
    name, bracket, positions = step.partition("[")
    return f'."{name}"{bracket}{positions}'


def cents(value: str, currency: Currency, minor_digits: int = 0) -> str:
    """US cents of an amount in whole units, or in minor ones; what is no number stays as it is, so that staging sees it."""
    number = f"(TRY_CAST({value} AS DOUBLE) / {10**minor_digits})"
    return f"CASE WHEN {number} IS NULL THEN {value} ELSE round({number} * {100 * currency.usd_rate!r})::BIGINT::VARCHAR END"


def utc_text(value: str, rule: TimeRule) -> str:
    """ISO 8601 in UTC of a time; a time that cannot be read stays as it is, so that staging sees it.

    A local time that exists twice (clocks set back) is the first of the two; one that does not exist (clocks set forward)
    lies as far after the gap as it says.
    """
    if rule.format.startswith("epoch"):
        factor = 1_000_000 if rule.format == "epoch_seconds" else 1000
        moment = f"make_timestamp((TRY_CAST({value} AS DOUBLE) * {factor})::BIGINT)"
    elif rule.format == "auto":
        has_offset = f"regexp_matches({value}, '[0-9](Z|z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$') AND contains({value}, ':')"
        aware = f"timezone('UTC', TRY_CAST({value} AS TIMESTAMPTZ))"
        moment = (
            f"CASE WHEN {has_offset} THEN {aware} ELSE {_from_local(f'TRY_CAST({value} AS TIMESTAMP)', rule.zone)} END"
        )
    elif "%z" in rule.format:
        moment = f"try_strptime({value}, {quoted(rule.format)})::TIMESTAMP"
    else:
        moment = _from_local(f"try_strptime({value}, {quoted(rule.format)})", rule.zone)
    return f"coalesce(strftime({moment}, {_ISO}), {value})"


def _from_local(local: str, zone: str) -> str:
    if zone == "UTC":
        return local
    name = quoted(zone)
    latest = f"timezone({name}, {local})"  # DuckDB takes the second of two equal local times
    earlier = [f"{latest} - INTERVAL {minutes} MINUTE" for minutes in (60, 30)]
    cases = " ".join(f"WHEN timezone({name}, {moment}) = {local} THEN {moment}" for moment in earlier)
    return f"timezone('UTC', CASE {cases} ELSE {latest} END)"


def identifier(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def check_fit(
    table: TableMapping, available: Sequence[str], connection: duckdb.DuckDBPyConnection, relation: str, origin: str
) -> None:
    """Check that the columns and expressions of a table exist in a file.

    Args:
        table: the mapping of the table.
        available: columns of the file.
        connection: where `relation` lives.
        relation: name of the file's relation.
        origin: mapping file and data file, for messages.

    Raises:
        PolicyError: the first thing that does not fit, with the file's columns, the most similar ones first.
    """
    where = f"{origin}: tables.{table.name}"
    rules = {f"columns.{name}": rule.column for name, rule in table.columns.items()}
    named = {**rules, "time.column": table.time.column, "knowledge.column": table.knowledge.column}
    for key, column in named.items():
        if column is not None and column not in available:
            columns = ", ".join(nearest(column, available))
            raise PolicyError(f"{where}.{key}: the file has no column {column!r}; its columns are: {columns}")
    for name, rule in table.columns.items():
        if rule.at is not None:
            _check_nested(identifier(rule.column or ""), connection, relation, f"{where}.columns.{name}.at")
    expressions = {f"columns.{name}": rule.expr for name, rule in table.columns.items()}
    for key, sql in {**expressions, "where": table.where}.items():
        if sql is not None:
            _check_sql(sql, available, connection, relation, f"{where}.{key}")


def _check_nested(column: str, connection: duckdb.DuckDBPyConnection, relation: str, where: str) -> None:
    sample = f"SELECT {column} AS value FROM {relation} WHERE {column} IS NOT NULL LIMIT {_SAMPLED}"
    nested = "json_valid(value) AND json_type(CASE WHEN json_valid(value) THEN value END) IN ('OBJECT', 'ARRAY')"
    counts = f"SELECT count(*), count(*) FILTER (WHERE {nested}) FROM ({sample})"
    (seen, found) = connection.execute(counts).fetchall()[0]
    if seen and not found:
        raise PolicyError(f"{where}: the values of column {column} are not nested; drop at")


def _check_sql(
    sql: str, available: Sequence[str], connection: duckdb.DuckDBPyConnection, relation: str, where: str
) -> None:
    try:
        connection.execute(f"SELECT ({sql}) FROM {relation} LIMIT 0")
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0]
        advice = f"all columns of the file are text: {', '.join(available)}"
        raise PolicyError(f"{where}: not usable as SQL ({first}); {advice}") from None
