"""Checks rows against their contract by counting broken rules, never by pulling rows.

Here: one aggregate query over freshly written files, counts by partition and reason code; values never leave the engine.
Not here: the rules (`uam_platform.contracts`), what happens to an invalid partition (`store`).
"""

from dataclasses import dataclass

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import pandera_schema


@dataclass(frozen=True)
class Verdict:
    """Outcome for one partition: rows counted, and broken rules by reason code (empty when valid)."""

    rows: int
    violations: dict[str, int]

    @property
    def is_valid(self) -> bool:
        """No rule was broken."""
        return not self.violations


class ContractViolationError(Exception):
    """Data that does not keep its contract; nothing was published for the partitions named."""

    def __init__(self, contract: Contract, verdicts: dict[str, Verdict]) -> None:
        self.contract = contract
        self.verdicts = verdicts
        shown = "; ".join(f"{key or 'table'}: {v.violations}" for key, v in list(verdicts.items())[:5])
        more = f" and {len(verdicts) - 5} more" if len(verdicts) > 5 else ""
        super().__init__(
            f"{contract.stage}/{contract.name}: {len(verdicts)} partition(s) break the contract and keep their old data: {shown}{more}"
        )


def check_schema(table: ir.Table, contract: Contract) -> None:
    """Columns and types of `table` against the contract's Pandera schema, without reading rows.

    Raises:
        TypeError: a column is missing, unexpected or of another type; the message lists them.
    """
    import pandera.ibis  # noqa: F401 - registers the Ibis backend of pandera
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
            pandera_schema(contract).validate(table, lazy=True)
    except SchemaErrors as error:
        raise TypeError(f"{contract.stage}/{contract.name} does not have the contract's columns: {error}") from error


def verdicts(connection: Backend, name: str, contract: Contract) -> dict[str, Verdict]:
    """Counts of broken rules per partition key.

    In SQL of our own: compiling the same expressions took longer than counting in all but the largest partitions.

    Args:
        connection: engine that knows the table.
        name: a table or view with the contract's columns.
        contract: what they must keep.

    Returns:
        One verdict per partition key that has rows ("" for an unpartitioned table).
    """
    rules = _rules(contract)
    partition = f"CAST({_quoted(contract.partition)} AS VARCHAR)" if contract.partition else "''"
    counts = ", ".join(["count(*)", *(f"count(*) FILTER (WHERE {broken})" for broken in rules.values())])
    counted = connection.con.execute(f"SELECT {partition}, {counts} FROM {_quoted(name)} GROUP BY 1").fetchall()
    repeats = _repeated_keys(connection, name, contract, partition)
    result = {}
    for key, rows, *found in counted:
        broken = {reason: count for reason, count in zip(rules, found, strict=True) if count}
        if repeats.get(key):
            broken["key_not_unique"] = repeats[key]
        result[key] = Verdict(rows=rows, violations=broken)
    return result


def _rules(contract: Contract) -> dict[str, str]:
    """Conditions of broken rows by reason code; a null breaks only the rule against nulls."""
    rules: dict[str, str] = {}
    for column in contract.columns:
        value = _quoted(column.name)
        if column.name not in contract.nullable:
            rules[f"{column.name}_is_null"] = f"{value} IS NULL"
        if column.allowed:
            rules[f"{column.name}_not_allowed"] = f"{value} NOT IN ({', '.join(_literal(v) for v in column.allowed)})"
        if column.minimum is not None:
            rules[f"{column.name}_below_{column.minimum:g}"] = f"{value} < {column.minimum!r}"
        if column.maximum is not None:
            rules[f"{column.name}_above_{column.maximum:g}"] = f"{value} > {column.maximum!r}"
    for rule in contract.rules:
        rules[rule.reason] = f"{_quoted(rule.low)} > {_quoted(rule.high)}"
    return rules


def _repeated_keys(connection: Backend, name: str, contract: Contract, partition: str) -> dict[str, int]:
    keys = ", ".join(_quoted(column) for column in contract.key)
    groups = f"SELECT {partition} AS part FROM {_quoted(name)} GROUP BY part, {keys} HAVING count(*) > 1"
    return dict(connection.con.execute(f"SELECT part, count(*) FROM ({groups}) GROUP BY part").fetchall())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object) -> str:
    return repr(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"
