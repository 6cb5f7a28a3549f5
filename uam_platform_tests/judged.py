"""Rows of any expression judged by their contract, as the lake judges what it publishes."""

import uuid

import ibis.expr.operations as ops
import ibis.expr.types as ir

from uam_platform.contracts.model import Contract
from uam_platform.lake import validation
from uam_platform.lake.engine import connect


def verdicts(table: ir.Table, contract: Contract) -> dict[str, validation.Verdict]:
    """Counts of broken rules per partition key; an expression is stored on its own engine first, data without one on a new engine."""
    stored = table.op().find(ops.DatabaseTable)
    connection = stored[0].source if stored else connect()
    if isinstance(table.op(), ops.DatabaseTable):
        return validation.verdicts(connection, table.op().name, contract)
    name = f"judged_{uuid.uuid4().hex[:12]}"
    connection.create_table(name, table)
    try:
        return validation.verdicts(connection, name, contract)
    finally:
        connection.drop_table(name)
