"""Dagster face of the KPIs: dollars behind each score.

Here: reading and publishing. Not here: the arithmetic (`revenue`).
"""

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts import tables
from uam_platform.kpis.revenue import revenue_at_risk as revenue_of
from uam_platform.orchestration.assets import table_asset, table_in
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.plots import top_bars
from uam_platform.orchestration.wiring import Wiring

_SHOWN = 12


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of the KPIs."""

    @table_asset(
        tables.REVENUE_AT_RISK,
        trigger="snapshot_schedule",
        ins={
            "scores": table_in(tables.SCORES),
            "features": table_in(tables.ACCOUNT_FEATURES),
            "accounts": table_in(tables.ACCOUNTS),
        },
        partitions=wiring.as_of,
        kinds=frozenset({"pandas", "parquet"}),
    )
    def revenue_at_risk(
        context: dg.AssetExecutionContext, scores: ir.Table, features: ir.Table, accounts: ir.Table
    ) -> pd.DataFrame:
        found = revenue_of(scores.to_pandas(), features.to_pandas(), accounts.to_pandas(), wiring.rulebook.kpis)
        if len(context.partition_keys) == 1:  # metadata is repeated for each snapshot of a range
            top = found.nlargest(_SHOWN, "revenue_at_risk_usd_cents")
            names = top["account_name"].fillna(top["account_id"]).astype(str).tolist()
            dollars = (top["revenue_at_risk_usd_cents"] / 100).tolist()
            context.add_output_metadata({"top_accounts": top_bars("Revenue at risk", names, dollars, "USD a year")})
        return found

    return dg.Definitions(assets=[revenue_at_risk], asset_checks=[contract_check(tables.REVENUE_AT_RISK, wiring.as_of)])
