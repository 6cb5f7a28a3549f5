"""Contracts as the schemas of the engines: Ibis, Pandera, PyArrow.

Here: pure translations of one contract. Not here: running them (`uam_platform.lake.validation`), Dagster's column schema
(`uam_platform.orchestration.metadata`).
"""

from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from uam_platform.contracts.model import Column, Contract, Type

if TYPE_CHECKING:  # half a second of a code location's start, and needed only when something is validated
    import pandera.ibis as pandera_ibis

_IBIS: dict[Type, dt.DataType] = {
    Type.STRING: dt.string,
    Type.BOOL: dt.boolean,
    Type.INT16: dt.int16,
    Type.INT32: dt.int32,
    Type.INT64: dt.int64,
    Type.FLOAT64: dt.float64,
    Type.DATE: dt.date,
    Type.TIMESTAMP: dt.Timestamp(scale=6),
}
_ARROW: dict[Type, pa.DataType] = {
    Type.STRING: pa.string(),
    Type.BOOL: pa.bool_(),
    Type.INT16: pa.int16(),
    Type.INT32: pa.int32(),
    Type.INT64: pa.int64(),
    Type.FLOAT64: pa.float64(),
    Type.DATE: pa.date32(),
    Type.TIMESTAMP: pa.timestamp("us"),
}


def ibis_type(column: Column) -> dt.DataType:
    """Ibis data type of a column."""
    return _IBIS[column.type]


def ibis_schema(contract: Contract) -> ibis.Schema:
    """Ibis schema in stored column order."""
    return ibis.schema({c.name: _IBIS[c.type] for c in contract.columns})


def arrow_schema(contract: Contract) -> pa.Schema:
    """Arrow schema in stored column order, nullability from the contract."""
    return pa.schema([pa.field(c.name, _ARROW[c.type], nullable=c.name in contract.nullable) for c in contract.columns])


def pandera_schema(contract: Contract) -> "pandera_ibis.DataFrameSchema":
    """Pandera schema for an Ibis table: strict columns, types, nulls and the vocabulary's bounds; no coercion."""
    import pandera.ibis as pandera_ibis

    return pandera_ibis.DataFrameSchema(
        {
            c.name: pandera_ibis.Column(_IBIS[c.type], checks=_checks(c), nullable=c.name in contract.nullable)
            for c in contract.columns
        },
        strict=True,
        coerce=False,
        name=f"{contract.stage}.{contract.name}",
    )


def _checks(column: Column) -> "list[pandera_ibis.Check]":
    import pandera.ibis as pandera_ibis

    checks = []
    if column.allowed:
        checks.append(pandera_ibis.Check.isin(list(column.allowed)))
    if column.minimum is not None:
        checks.append(pandera_ibis.Check.ge(column.minimum))
    if column.maximum is not None:
        checks.append(pandera_ibis.Check.le(column.maximum))
    return checks
