"""Dagster face of the serving catalogue: one DuckDB file of views over the lake, for the DuckDB CLI and BI tools.

Here: building it anew and swapping it in. Not here: the tables. It is a convenience, not access control, and the pipeline
never reads it.
"""

import os
import uuid
from pathlib import Path

import dagster as dg
from dagster_duckdb import DuckDBResource

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract, Pii
from uam_platform.lake.resource import Warehouse
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import asset_key, report_attributes
from uam_platform.orchestration.wiring import Wiring

CATALOGUE = dg.AssetKey(["serving", "catalogue"])
_VIEWS = dg.TableSchema.from_name_type_dict({"view": "string", "rows": "bigint"})


def view_sql(lake: Lake, contract: Contract) -> str | None:
    """SQL of the view of a table, without columns that hold personal text; None while nothing is published."""
    files = lake.files(contract)
    if not files:
        return None
    names = ", ".join(f'"{c.name}"' for c in contract.columns if c.pii is not Pii.PERSONAL)
    quoted = ", ".join("'" + str(Path(f).absolute()).replace("'", "''") + "'" for f in files)
    return f"CREATE VIEW {contract.stage}.{contract.name} AS SELECT {names} FROM read_parquet([{quoted}])"


def build_catalogue(lake: Lake, target: Path) -> int:
    """Write the catalogue beside `target` and swap it in; returns the number of views."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    statements = [sql for contract in tables.CONTRACTS if (sql := view_sql(lake, contract))]
    with DuckDBResource(database=str(temporary)).get_connection() as connection:
        for stage in sorted({c.stage for c in tables.CONTRACTS}):
            connection.execute(f"CREATE SCHEMA {stage}")
        for sql in statements:
            connection.execute(sql)
    os.replace(temporary, target)
    return len(statements)


def definitions(wiring: Wiring) -> dg.Definitions:
    """The serving catalogue."""
    target = wiring.settings.data_dir / "uam.duckdb"

    @dg.asset(
        key=CATALOGUE,
        deps=[dg.AssetDep(asset_key(tables.CANDIDATES), partition_mapping=dg.AllPartitionMapping())],
        group_name="serving",
        **report_attributes(
            "data/uam.duckdb: a view per table of the lake, built anew and swapped, for the DuckDB CLI and BI tools. Personal text is "
            "left out; it is a convenience, not access control.",
            "one view",
            _VIEWS,
            layer="serving",
            pii="pseudonym",
            trigger="snapshot_schedule",
            kinds={"duckdb"},
        ),
    )
    def catalogue(warehouse: Warehouse) -> dg.MaterializeResult:
        count = build_catalogue(warehouse.lake, target)
        return dg.MaterializeResult(metadata={"views": count, "file": dg.MetadataValue.path(str(target.absolute()))})

    return dg.Definitions(assets=[catalogue])
