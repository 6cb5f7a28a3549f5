"""Dagster face of the KPIs: dollars behind each score, and the scores that people can challenge.

Here: reading, publishing, what the UI shows. Not here: the arithmetic (`revenue`, `scores`), plots (`plots`).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.kpis.durable_value import STRENGTHENING, WEAKENING, value_changes, value_weeks
from uam_platform.kpis.inputs import score_inputs
from uam_platform.kpis.plots import distribution, dollars_by_direction, ends_of
from uam_platform.kpis.revenue import revenue_at_risk as revenue_of
from uam_platform.kpis.scores import account_scores, score, worksheets
from uam_platform.kpis.stored import stored_facts
from uam_platform.lake.io_manager import as_table, markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key, table_asset, table_in
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.plots import image, top_bars
from uam_platform.orchestration.wiring import Wiring

_SHOWN: Final = 12
_WEEKS_SHOWN: Final = 40  # snapshots: Mondays of half a year, and days of the last fortnight


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
        deps=[asset_key(c) for c in (tables.JOURNEYS, tables.OPPORTUNITIES, tables.TICKET_EVENTS, tables.STATEMENTS)],
        partitions=wiring.as_of,
        kinds=frozenset({"pandas", "parquet"}),
        code_version="3",
    )
    def revenue_at_risk(
        context: dg.AssetExecutionContext,
        scores: ir.Table,
        features: ir.Table,
        accounts: ir.Table,
    ) -> pd.DataFrame:
        warehouse: Warehouse = context.resources.warehouse
        shown = _publish_scores(warehouse, context.partition_keys, wiring)
        known = features.to_pandas()
        moves = value_changes(known, shown, wiring.rulebook.durable_value)
        _publish(warehouse, tables.VALUE_CHANGES, moves, context.partition_keys)
        _publish(warehouse, tables.VALUE_WEEKS, value_weeks(moves), context.partition_keys)
        found = revenue_of(scores.to_pandas(), known, accounts.to_pandas(), wiring.rulebook.kpis)
        if len(context.partition_keys) == 1:  # metadata is repeated for each snapshot of a range
            context.add_output_metadata({**_metadata(found, shown), **_durable_value(warehouse, moves, found)})
        return found

    return dg.Definitions(assets=[revenue_at_risk], asset_checks=[contract_check(tables.REVENUE_AT_RISK, wiring.as_of)])


def _publish_scores(warehouse: Warehouse, keys: Sequence[str], wiring: Wiring) -> pd.DataFrame:
    """Publish scores of the snapshots, and worksheets of those recent enough to be kept; returns the scores."""
    policy = wiring.rulebook.scores
    servers = wiring.rulebook.taxonomy.told_by_servers()
    inputs = score_inputs(stored_facts(warehouse.connection, warehouse.lake, keys, servers), policy)
    made = account_scores(score(inputs, policy))
    _publish(warehouse, tables.ACCOUNT_SCORES, made, keys)
    oldest = wiring.closed_as_of - timedelta(days=policy.worksheets_kept_days - 1)
    kept = [key for key in keys if date.fromisoformat(key) >= oldest]
    if kept:
        recent = inputs.loc[pd.to_datetime(inputs["as_of"]) >= pd.Timestamp(oldest)].reset_index(drop=True)
        _publish(warehouse, tables.WORKSHEETS, worksheets(score(recent, policy)), kept)
    return made


def _publish(warehouse: Warehouse, contract: Contract, rows: pd.DataFrame, keys: Sequence[str]) -> None:
    warehouse.lake.publish(warehouse.connection, contract, as_table(rows, contract), keys)


def _metadata(found: pd.DataFrame, scored: pd.DataFrame) -> dict[str, Any]:
    top = found.nlargest(_SHOWN, "revenue_at_risk_usd_cents")
    names = top["account_name"].fillna(top["account_id"]).astype(str).tolist()
    dollars = (top["revenue_at_risk_usd_cents"] / 100).tolist()
    called = found.set_index("account_id")["account_name"].dropna()
    return {
        "top_accounts": top_bars("Revenue at risk", names, dollars, "USD a year"),
        "scores": image(distribution(scored), "Scores of all accounts"),
        "least_healthy": _table(ends_of(scored, called, "health_score", is_least=True)),
        "healthiest": _table(ends_of(scored, called, "health_score", is_least=False)),
        "most_likely_to_grow": _table(ends_of(scored, called, "expansion_score", is_least=False)),
    }


def _durable_value(warehouse: Warehouse, moves: pd.DataFrame, revenue: pd.DataFrame) -> dict[str, Any]:
    """The last half year as a plot, and who moves most dollars now."""
    keys = [key for key in warehouse.lake.keys(tables.VALUE_WEEKS) if key <= str(moves["as_of"].max())][-_WEEKS_SHOWN:]
    weeks = warehouse.lake.read(warehouse.connection, tables.VALUE_WEEKS, keys).to_pandas()
    moving = moves.loc[moves["value_direction"].isin((STRENGTHENING, WEAKENING))]
    movers = moving.sort_values(["revenue_weight_usd_cents", "account_id"], ascending=[False, True]).head(_SHOWN)
    names = movers["account_id"].map(revenue.set_index("account_id")["account_name"])
    silent = moves.loc[moves["is_losing_depth"].eq(True)].sort_values(["depth_change", "account_id"]).head(_SHOWN)
    shown = movers.assign(account=names.fillna(movers["account_id"]), arr_usd=movers["arr_usd_cents"] // 100)
    return {
        "durable_value": image(dollars_by_direction(weeks), "Dollars where durable value strengthens and weakens"),
        "losing_depth_in_silence": _table(silent[["account_id", "depth_change", "depth_reading"]]),
        "durable_value_movers": _table(shown[["account", "value_direction", "value_change", "arr_usd", "reading"]]),
    }


def _table(rows: pd.DataFrame) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(markdown_table(rows))
