"""Dagster face of alerts: findings as a pure table.

Here: reading frames. Not here: detection (`candidates`), life cycle and actions (`uam_platform.playbooks`).
"""

from datetime import date, timedelta

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.alerts.candidates import candidates as candidates_of
from uam_platform.contracts import tables
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import table_asset, table_in
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.wiring import Wiring

_HISTORY = timedelta(weeks=9)


def candidates_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Findings of all detectors on the snapshots of the run."""

    @table_asset(
        tables.CANDIDATES,
        trigger="snapshot_schedule",
        ins={
            c.name: table_in(c)
            for c in (tables.ACCOUNT_FEATURES, tables.SCORES, tables.SCORE_REASONS, tables.REVENUE_AT_RISK)
        },
        partitions=wiring.as_of,
        kinds=frozenset({"pandas", "parquet"}),
    )
    def candidates(
        context: dg.AssetExecutionContext,
        account_features: ir.Table,
        scores: ir.Table,
        score_reasons: ir.Table,
        revenue_at_risk: ir.Table,
    ) -> pd.DataFrame:
        frames = [t.to_pandas() for t in (account_features, scores, score_reasons, revenue_at_risk)]
        first = min(context.partition_keys)
        history = _earlier(context.resources.warehouse, date.fromisoformat(first))
        return candidates_of(*frames, policy=wiring.rulebook.alerts, history=history)

    return candidates


def _earlier(warehouse: Warehouse, first: date) -> pd.DataFrame:
    low = (first - _HISTORY).isoformat()
    keys = [k for k in warehouse.lake.keys(tables.CANDIDATES) if low <= k < first.isoformat()]
    return warehouse.lake.read(warehouse.connection, tables.CANDIDATES, keys).to_pandas()


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of alerts."""
    return dg.Definitions(
        assets=[candidates_asset(wiring)], asset_checks=[contract_check(tables.CANDIDATES, wiring.as_of)]
    )
