"""Asset values as lake tables: what an asset returns is validated and published, what it names as input is read.

Here: the translation between Dagster's partition keys and the lake's, and the metadata people see in the UI. Not here: the
write itself (`store`).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from uam_platform.contracts.model import Contract, Pii
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.contracts.tables import CONTRACTS
from uam_platform.lake.resource import Warehouse
from uam_platform.lake.store import Published

_BY_KEY = {c.path: c for c in CONTRACTS}
_SQL_PARTITIONS = 3  # the compiled SQL is repeated in each partition's record, so long ranges leave it out
_PREVIEW_ROWS = 5


def contract_of(key: dg.AssetKey) -> Contract:
    """The contract of the table behind an asset key.

    Raises:
        KeyError: the asset has no contract.
    """
    return _BY_KEY[(key.path[0], key.path[-1])]


def as_table(value: ir.Table | pd.DataFrame | pa.Table, contract: Contract) -> ir.Table:
    """An asset's value as an Ibis table; frames are converted with the contract's Arrow types."""
    if isinstance(value, ir.Table):
        return value
    if isinstance(value, pd.DataFrame):
        schema = arrow_schema(contract)
        chosen = value[list(schema.names)]  # a frame without rows says nothing of types
        value = (
            schema.empty_table() if chosen.empty else pa.Table.from_pandas(chosen, schema=schema, preserve_index=False)
        )
    return ibis.memtable(value)


class LakeIOManager(dg.IOManager):
    """Publishes returned tables to the lake and reads inputs from it, over the run's one engine."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def handle_output(self, context: dg.OutputContext, obj: ir.Table | pd.DataFrame | pa.Table) -> None:
        """Validate and publish; partitions that break the contract keep their old data."""
        contract = contract_of(context.asset_key)
        keys = list(context.asset_partition_keys) if context.has_asset_partitions else None
        table = as_table(obj, contract)
        published = self.warehouse.lake.publish(self.warehouse.connection, contract, table, keys, on_invalid="report")
        for key, verdict in published.refused.items():
            context.log.error(f"{contract.stage}/{contract.name} {key}: refused, old data kept: {verdict.violations}")
        context.add_output_metadata(self._metadata(contract, published, keys))

    def load_input(self, context: dg.InputContext) -> ir.Table:
        """The upstream table: the mapped partitions, or all of it."""
        contract = contract_of(context.asset_key)
        keys = context.asset_partition_keys if context.has_asset_partitions else None
        return self.warehouse.lake.read(self.warehouse.connection, contract, keys)

    def _metadata(self, contract: Contract, published: Published, keys: Sequence[str] | None) -> dict[str, Any]:
        shown = {
            "rows": sum(published.rows.values()),
            "partitions_changed": len(published.changed),
            "partitions_refused": len(published.refused),
            "folder": dg.MetadataValue.path(str(self.warehouse.lake.table_folder(contract))),
        }
        if keys:
            shown["data_window"] = f"{min(keys)} … {max(keys)}"
        if keys is None or len(keys) <= _SQL_PARTITIONS:
            shown["sql"] = dg.MetadataValue.md(f"```sql\n{published.sql}\n```")
            shown["preview"] = dg.MetadataValue.md(self._preview(contract, keys))
        return shown

    def _preview(self, contract: Contract, keys: Sequence[str] | None) -> str:
        public = [c.name for c in contract.columns if c.pii is not Pii.PERSONAL]
        table = self.warehouse.lake.read(self.warehouse.connection, contract, keys)
        return markdown_table(table.select(*public).limit(_PREVIEW_ROWS).to_pandas())


@dg.io_manager(required_resource_keys={"warehouse"}, description="Lake tables, published after validation.")
def lake_io_manager(context: dg.InitResourceContext) -> LakeIOManager:
    """The IO manager of all tables; it shares the engine of the `warehouse` resource."""
    return LakeIOManager(context.resources.warehouse)


def markdown_table(frame: pd.DataFrame) -> str:
    """A small frame as a Markdown table; long values are cut at 60 characters."""
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + " --- |" * len(frame.columns)]
    for row in frame.astype(object).itertuples(index=False):
        cells = [str(v).replace("|", "\\|").replace("\n", " ")[:60] for v in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
