"""Checks rows against their contract by counting broken rules, never by pulling rows.

Here: one aggregate query over freshly written files, counts by partition and reason code; values never leave the engine.
Not here: the rules (`uam_platform.contracts`), what happens to an invalid partition (`store`).
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

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


def verdicts(table: ir.Table, contract: Contract) -> dict[str, Verdict]:
    """Counts of broken rules per partition key.

    Args:
        table: rows with the contract's columns.
        contract: what they must keep.

    Returns:
        One verdict per partition key that has rows ("" for an unpartitioned table).
    """
    rules = _rules(table, contract)
    partition = table[contract.partition].cast("string") if contract.partition else ibis.literal("")
    counted = table.group_by(partition_key=partition).aggregate(
        rows=table.count(), **{name: broken.fill_null(False).cast("int64").sum() for name, broken in rules.items()}
    )
    frame = counted.to_pyarrow().to_pylist()
    repeats = _repeated_keys(table, contract, partition)
    result = {}
    for row in frame:
        key = row["partition_key"]
        broken = {name: int(row[name]) for name in rules if row[name]}
        if repeats.get(key):
            broken["key_not_unique"] = repeats[key]
        result[key] = Verdict(rows=int(row["rows"]), violations=broken)
    return result


def _rules(table: ir.Table, contract: Contract) -> dict[str, ir.BooleanValue]:
    rules: dict[str, ir.BooleanValue] = {}
    for column in contract.columns:
        value = table[column.name]
        if column.name not in contract.nullable:
            rules[f"{column.name}_is_null"] = value.isnull()
        if column.allowed:
            rules[f"{column.name}_not_allowed"] = ~value.isin(column.allowed)
        if column.minimum is not None:
            rules[f"{column.name}_below_{column.minimum:g}"] = value < column.minimum
        if column.maximum is not None:
            rules[f"{column.name}_above_{column.maximum:g}"] = value > column.maximum
    for rule in contract.rules:
        rules[rule.reason] = table[rule.low] > table[rule.high]
    return rules


def _repeated_keys(table: ir.Table, contract: Contract, partition: ir.Value) -> dict[str, int]:
    keyed = table.mutate(partition_key=partition)
    groups = keyed.group_by(["partition_key", *contract.key]).aggregate(copies=keyed.count())
    repeated = groups.filter(groups.copies > 1)
    counted = repeated.group_by("partition_key").aggregate(keys=repeated.count())
    return {r["partition_key"]: int(r["keys"]) for r in counted.to_pyarrow().to_pylist()}
