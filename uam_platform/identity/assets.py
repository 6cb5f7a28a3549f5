"""Dagster face of identity: evidence becomes people, memberships and hierarchy.

Here: reading and publishing. Not here: resolution (`resolve`), how much of it is done anew (`daily`), its quality counts (`quality`). The
log of merges, the list of what stayed ambiguous and who is kept out are published with what they tell of.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from uam_platform.contracts import tables
from uam_platform.identity.checks import exclusion_check, identity_check
from uam_platform.identity.daily import Resolution, Sources
from uam_platform.identity.quality import ambiguous_counts
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key, table_in, table_out
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.wiring import Wiring

OUTPUTS = (tables.PEOPLE, tables.MEMBERSHIPS, tables.HIERARCHY)
BESIDE = (tables.MERGE_LOG, tables.AMBIGUOUS_IDENTIFIERS, tables.EXCLUDED_PEOPLE, tables.EXCLUDED_ACCOUNTS)


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of identity."""

    @dg.multi_asset(
        name="identity",
        outs={
            c.name: table_out(c, trigger="snapshot_schedule", kinds=frozenset({"scipy", "parquet"})) for c in OUTPUTS
        },
        ins={
            "directory": table_in(tables.USERS_DIRECTORY),
            "accounts": table_in(tables.ACCOUNTS),
            "retractions": table_in(tables.IDENTITY_RETRACTIONS),
        },
        deps=[asset_key(tables.EVENTS), asset_key(tables.LOAD_RECONCILIATION)],  # whose checks hold back what lost rows
        required_resource_keys={"warehouse"},
    )
    def identity(
        context: dg.AssetExecutionContext, directory: ir.Table, accounts: ir.Table, retractions: ir.Table
    ) -> Iterator[dg.Output]:
        warehouse: Warehouse = context.resources.warehouse
        rules, time = wiring.rulebook.identity, wiring.rulebook.time
        spaces = time.id_spaces(load.state for load in warehouse.manifest.loads())
        people, companies, said = (table.to_pandas() for table in (directory, accounts, retractions))
        out = wiring.rulebook.identity_exclusions
        sources = Sources(people, companies, said, rules, time.grace, spaces, out)
        resolution = Resolution(warehouse.lake, warehouse.connection, sources)
        found = resolution.resolve()
        for contract in BESIDE:
            rows = as_table(getattr(found.tables, contract.name), contract)
            warehouse.lake.publish(warehouse.connection, contract, rows)
        owner = ", ".join(wiring.rulebook.duties.duties["identity"].owners)
        told: dict[str, Any] = {"owner": owner, "ambiguous": dg.MetadataValue.json(ambiguous_counts(found.tables))}
        told |= {"resolved": found.way, "identifier_count": found.identifier_count}
        for contract in OUTPUTS:
            yield dg.Output(getattr(found.tables, contract.name), contract.name, metadata=told)
        resolution.save(found)

    return dg.Definitions(
        assets=[identity],
        asset_checks=[*(contract_check(c, None) for c in OUTPUTS), identity_check(wiring), exclusion_check(wiring)],
    )
