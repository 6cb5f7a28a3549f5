"""Parses and applies the part of SOQL that an incremental reader needs.

Belongs here: `SELECT fields | COUNT() FROM object [WHERE field op literal [AND ...]] [ORDER BY ...] [LIMIT n]`.
Does not belong here: records and paging (`salesforce_query.py`) and HTTP (`salesforce.py`). OR, sub-queries and
relationship fields are refused as malformed.
Source: SOQL and SOSL Reference, "SOQL SELECT syntax".
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from uam_platform.simulation.sandbox.company import Row

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>'(?:\\.|[^'\\])*')|(?P<datetime>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w.]*)|(?P<sign><=|>=|!=|<>|[=<>(),]))"
)
_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class SoqlError(ValueError):
    """A query that Salesforce would refuse; `code` is its errorCode."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Condition:
    """One comparison of a field with a literal; `kind` is the literal's kind."""

    field: str
    sign: str
    value: Any
    kind: str


@dataclass(frozen=True)
class Query:
    """A parsed query; no fields mean COUNT()."""

    fields: tuple[str, ...]
    object_name: str
    conditions: tuple[Condition, ...]
    order: tuple[tuple[str, bool], ...]
    limit: int | None


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        SoqlError: With code MALFORMED_QUERY when the text is outside the supported grammar.
    """
    return _Parser(_tokens(text)).query()


def check(query: Query, kinds: Mapping[str, str]) -> Query:
    """Return the query with its field names spelt as the object has them.

    Args:
        query: The parsed query.
        kinds: Kind of each field of the object: datetime, date, number, boolean or string.

    Raises:
        SoqlError: INVALID_FIELD for a field the object does not have or a literal of the wrong kind.
    """
    names = {name.lower(): name for name in kinds}

    def spelt(field: str) -> str:
        if field.lower() not in names:
            message = f"No such column '{field}' on entity '{query.object_name}'. If you are attempting to use a custom"
            raise SoqlError(
                "INVALID_FIELD", f"{message} field, be sure to append the '__c' after the custom field name."
            )
        return names[field.lower()]

    conditions = tuple(Condition(spelt(c.field), c.sign, c.value, c.kind) for c in query.conditions)
    for condition in conditions:
        if condition.kind not in ("null", kinds[condition.field]):
            message = (
                f"value of filter criterion for field '{condition.field}' must be of type {kinds[condition.field]}"
            )
            raise SoqlError("INVALID_FIELD", f"{message} and should not be enclosed in quotes")
    fields = tuple(dict.fromkeys(spelt(field) for field in query.fields))
    order = tuple((spelt(field), is_descending) for field, is_descending in query.order)
    return Query(fields, query.object_name, conditions, order, query.limit)


def select(query: Query, rows: Sequence[Row]) -> list[Row]:
    """Apply WHERE, ORDER BY and LIMIT of a checked query; nulls sort first as in Salesforce."""
    found = [row for row in rows if all(_holds(condition, row[condition.field]) for condition in query.conditions)]
    for field, is_descending in reversed(query.order):
        found.sort(key=lambda row: (row[field] is not None, row[field]), reverse=is_descending)
    return found[: query.limit]


def _holds(condition: Condition, value: Any) -> bool:
    compare = _OPERATORS[condition.sign]
    if value is None or condition.value is None:
        return condition.sign in ("=", "!=", "<>") and compare(value, condition.value)
    return compare(value, condition.value)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None or match.lastgroup is None:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{stripped[position : position + 20].strip()}'")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens, one method per clause."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        self._expect("SELECT")
        fields = self._fields()
        self._expect("FROM")
        object_name = self._word()
        conditions = self._conditions() if self._accept("WHERE") else ()
        order = self._order() if self._accept("ORDER") else ()
        limit = int(self._take("number")) if self._accept("LIMIT") else None
        if self._at < len(self._tokens):
            raise self._unexpected()
        return Query(fields, object_name, conditions, order, limit)

    def _fields(self) -> tuple[str, ...]:
        first = self._word()
        if first.upper() == "COUNT" and self._accept("("):
            self._expect(")")
            return ()
        fields = [first]
        while self._accept(","):
            fields.append(self._word())
        return tuple(fields)

    def _conditions(self) -> tuple[Condition, ...]:
        conditions = [self._condition()]
        while self._accept("AND"):
            conditions.append(self._condition())
        return tuple(conditions)

    def _condition(self) -> Condition:
        field, sign = self._word(), self._take("sign")
        if sign not in _OPERATORS:
            raise self._unexpected()
        kind, text = self._next()
        if kind == "sign":
            raise self._unexpected()
        return Condition(field, sign, *_literal(kind, text))

    def _order(self) -> tuple[tuple[str, bool], ...]:
        self._expect("BY")
        order = [self._order_field()]
        while self._accept(","):
            order.append(self._order_field())
        return tuple(order)

    def _order_field(self) -> tuple[str, bool]:
        field = self._word()
        is_descending = self._accept("DESC") or (self._accept("ASC") and False)
        return field, is_descending

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise SoqlError("MALFORMED_QUERY", "unexpected token: '<EOF>'")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise self._unexpected()
        return text

    def _word(self) -> str:
        return self._take("word")

    def _accept(self, text: str) -> bool:
        is_there = self._at < len(self._tokens) and self._tokens[self._at][1].upper() == text
        self._at += is_there
        return is_there

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            self._next()
            raise self._unexpected()

    def _unexpected(self) -> SoqlError:
        return SoqlError("MALFORMED_QUERY", f"unexpected token: '{self._tokens[max(0, self._at - 1)][1]}'")


def _literal(kind: str, text: str) -> tuple[Any, str]:
    """Return the value of a literal and its kind."""
    if kind == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1]), "string"
    if kind == "number":
        return float(text), "number"
    try:
        if kind == "date":
            return date.fromisoformat(text), "date"
        if kind == "datetime":
            return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC), "datetime"
    except ValueError as problem:
        raise SoqlError("MALFORMED_QUERY", f"line 1: no viable alternative at '{text}'") from problem
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE", "boolean"
    if text.upper() == "NULL":
        return None, "null"
    raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{text}'")
