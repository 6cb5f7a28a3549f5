"""The blocking contract check of every table.

Here: one check per table that reports, by reason code and partition, what the last write refused. Not here: the validation
itself, which runs before publication (`uam_platform.lake.validation`); checks of meaning (each stage's `checks.py`).
"""

import dagster as dg

from uam_platform.contracts.model import Contract
from uam_platform.lake.resource import Warehouse
from uam_platform.lake.store import WHOLE
from uam_platform.orchestration.assets import asset_key


def contract_check(contract: Contract, partitions: dg.PartitionsDefinition | None) -> dg.AssetChecksDefinition:
    """Blocking check that the partitions of this run were published under their contract."""

    @dg.asset_check(
        asset=asset_key(contract),
        name="keeps_contract",
        description=f"{contract.stage}/{contract.name} keeps its contract: columns, types, nulls, bounds and unique key.",
        blocking=True,
        partitions_def=partitions,
    )
    def keeps_contract(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        lake = warehouse.lake
        keys = _keys(context, contract, partitions)
        rejected = lake.rejections(contract, keys or None)
        pointers = {key: lake.pointer(contract, key) for key in keys}
        missing = [key for key, pointer in pointers.items() if pointer is None]
        return dg.AssetCheckResult(
            passed=not rejected and not missing,
            metadata={
                "contract_version": contract.version,
                "rows": sum(p["rows"] for p in pointers.values() if p),
                "partitions_checked": len(pointers),
                "partitions_without_data": len(missing),
                "broken_rules": dg.MetadataValue.json(rejected),
            },
        )

    return keeps_contract


def _keys(
    context: dg.AssetCheckExecutionContext, contract: Contract, partitions: dg.PartitionsDefinition | None
) -> list[str]:
    """Partition keys looked at; none for an asset that publishes partitions by itself, of which only refusals are looked at."""
    if partitions:
        return list(context.op_execution_context.partition_keys)
    return [] if contract.partition else [WHOLE]
