"""Dagster face of identity: evidence becomes people, memberships and hierarchy.

Here: reading and publishing. Not here: resolution (`resolve`), its quality counts (`quality`). The log of merges is for people and
read by no asset; it is published with what it tells of.
"""

from collections.abc import Iterator

import dagster as dg
import ibis.expr.types as ir

from uam_platform.contracts import tables
from uam_platform.identity.checks import identity_check
from uam_platform.identity.resolve import resolve
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key, table_in, table_out
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.wiring import Wiring

OUTPUTS = (tables.PEOPLE, tables.MEMBERSHIPS, tables.HIERARCHY)


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of identity."""

    @dg.multi_asset(
        name="identity",
        outs={
            c.name: table_out(c, trigger="snapshot_schedule", kinds=frozenset({"scipy", "parquet"})) for c in OUTPUTS
        },
        ins={"directory": table_in(tables.USERS_DIRECTORY), "accounts": table_in(tables.ACCOUNTS)},
        deps=[asset_key(tables.EVENTS)],
        required_resource_keys={"warehouse"},
    )
    def identity(context: dg.AssetExecutionContext, directory: ir.Table, accounts: ir.Table) -> Iterator[dg.Output]:
        warehouse: Warehouse = context.resources.warehouse
        evidence = warehouse.lake.read(warehouse.connection, tables.IDENTITY_EVIDENCE)
        found = resolve(
            evidence, directory.to_pandas(), accounts.to_pandas(), wiring.rulebook.identity, wiring.rulebook.time.grace
        )
        log = as_table(found.merge_log, tables.MERGE_LOG)
        warehouse.lake.publish(warehouse.connection, tables.MERGE_LOG, log)
        for contract in OUTPUTS:
            yield dg.Output(getattr(found, contract.name), contract.name)

    return dg.Definitions(
        assets=[identity], asset_checks=[*(contract_check(c, None) for c in OUTPUTS), identity_check(wiring)]
    )
