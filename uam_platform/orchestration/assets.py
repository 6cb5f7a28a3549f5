"""The asset factory: everything an asset must carry, derived from its contract in one place.

Here: the decorator that turns a function into the asset of a table, and the attributes the convention test asks for. Not
here: what the tables contain (the stages), how values are stored (`uam_platform.lake.io_manager`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from uam_platform.contracts.model import Contract, Pii, Type

OWNER = "team:data-platform"
_DAGSTER_TYPES = {
    Type.STRING: "string",
    Type.BOOL: "boolean",
    Type.INT16: "smallint",
    Type.INT32: "integer",
    Type.INT64: "bigint",
    Type.FLOAT64: "double",
    Type.DATE: "date",
    Type.TIMESTAMP: "timestamp",
}
_LAYERS = {
    "staging": "canonical",
    "quality": "canonical",
    "identity": "identity",
    "behavior": "features",
    "evidence": "features",
    "churn": "model",
    "kpis": "score",
    "alerts": "alert",
    "reviews": "review",
    "governance": "review",
}
FRESH_DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26))


def column_schema(contract: Contract) -> dg.TableSchema:
    """Dagster's column schema of a contract: type, unit and meaning, nullability, PII class."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=c.name,
                type=_DAGSTER_TYPES[c.type],
                description=f"{c.meaning}{f' [{c.unit}]' if c.unit else ''}",
                constraints=dg.TableColumnConstraints(nullable=c.name in contract.nullable),
                tags={"pii": c.pii.value},
            )
            for c in contract.columns
        ]
    )


def pii_class(contract: Contract) -> str:
    """The closest PII class among a table's columns."""
    order = [Pii.NONE, Pii.PSEUDONYM, Pii.PERSONAL]
    return max((c.pii for c in contract.columns), key=order.index).value


def table_attributes(
    contract: Contract, *, trigger: str, kinds: set[str], owners: Sequence[str], code_version: str
) -> dict[str, Any]:
    """Attributes shared by single assets and by outputs of multi-assets."""
    return {
        "group_name": contract.stage,
        "description": f"{contract.description}\n\nGrain: {contract.grain}.",
        "owners": list(owners),
        "kinds": kinds,
        "tags": {"layer": _LAYERS[contract.stage], "pii": pii_class(contract), "trigger": trigger},
        "metadata": {
            "dagster/column_schema": column_schema(contract),
            "grain": contract.grain,
            "key": ", ".join(contract.key),
            "contract_version": contract.version,
        },
        "code_version": f"{contract.version}.{code_version}",
        "freshness_policy": FRESH_DAILY,
    }


def report_attributes(
    description: str, grain: str, columns: dg.TableSchema, *, layer: str, pii: str, trigger: str, kinds: set[str]
) -> dict[str, Any]:
    """Attributes of an asset that is no table of the lake: a report, a state in the ledger, a file beside it."""
    return {
        "description": f"{description}\n\nGrain: {grain}.",
        "owners": [OWNER],
        "kinds": kinds,
        "tags": {"layer": layer, "pii": pii, "trigger": trigger},
        "metadata": {"grain": grain, "dagster/column_schema": columns},
        "code_version": "1",
        "freshness_policy": FRESH_DAILY,
    }


def table_asset(
    contract: Contract,
    *,
    trigger: str,
    ins: Mapping[str, dg.AssetIn] | None = None,
    deps: Sequence[Any] = (),
    partitions: dg.PartitionsDefinition | None = None,
    kinds: frozenset[str] = frozenset({"duckdb", "parquet"}),
    owners: Sequence[str] = (OWNER,),
    code_version: str = "1",
    resources: frozenset[str] = frozenset(),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Decorator: the asset that computes the table of `contract`.

    Args:
        contract: the table; gives key, group, description, schema, tags.
        trigger: what requests it: `load_schedule`, `touched_days_sensor`, `snapshot_schedule`, or `manual`.
        ins: input tables by parameter name.
        deps: upstream assets the body reads by itself.
        partitions: partitions definition; a range is computed in one run.
        kinds: technology badges in the UI.
        owners: who answers for the table.
        code_version: raised when the same inputs give another result.
        resources: resource keys the body uses through the context.
    """
    attributes = table_attributes(contract, trigger=trigger, kinds=set(kinds), owners=owners, code_version=code_version)
    return dg.asset(
        key=list(contract.path),
        ins=dict(ins or {}),
        deps=list(deps),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions else None,
        io_manager_key="lake_io",
        required_resource_keys=set(resources) | {"warehouse"},
        **attributes,
    )


def table_out(contract: Contract, *, trigger: str, kinds: frozenset[str], code_version: str = "1") -> dg.AssetOut:
    """One output of a multi-asset, with the attributes of `table_asset`."""
    attributes = table_attributes(
        contract, trigger=trigger, kinds=set(kinds), owners=(OWNER,), code_version=code_version
    )
    return dg.AssetOut(key=list(contract.path), io_manager_key="lake_io", **attributes)


def table_in(contract: Contract, mapping: dg.PartitionMapping | None = None) -> dg.AssetIn:
    """Input that reads the table of `contract`."""
    return dg.AssetIn(key=list(contract.path), partition_mapping=mapping)


def asset_key(contract: Contract) -> dg.AssetKey:
    """Asset key of a table."""
    return dg.AssetKey(list(contract.path))
