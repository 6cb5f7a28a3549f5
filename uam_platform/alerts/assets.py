"""Dagster face of alerts: findings as a pure table, their life cycle in the ledger, and the schedule of snapshots.

Here: reading frames, deciding whether a run may act. Not here: detection (`candidates`), transitions (`uam_platform.ledger.lifecycle`).
"""

from datetime import date, timedelta
from typing import Any

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.alerts.candidates import candidates as candidates_of
from uam_platform.alerts.detect import coverage
from uam_platform.contracts import tables
from uam_platform.lake.io_manager import markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.ledger.feedback import silences
from uam_platform.ledger.lifecycle import apply_candidates
from uam_platform.orchestration import triggers
from uam_platform.orchestration.assets import FRESH_DAILY, OWNER, asset_key, table_asset, table_in
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.jobs import SNAPSHOTS
from uam_platform.orchestration.partitions import range_tags, runs_of_keys
from uam_platform.orchestration.resources import LedgerResource
from uam_platform.orchestration.stale import (
    add_snapshots,
    first_event_day,
    missing_snapshots,
    stale_days,
    unwatched_sources,
)
from uam_platform.orchestration.wiring import Wiring

ALERT_STATE = dg.AssetKey(["alerts", "alert_state"])
_HISTORY = timedelta(weeks=9)
_SHOWN = ["detector", "account_id", "account_name", "owner_name", "expected_saved_usd_cents", "decision", "reason", "summary"]


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
        resources=frozenset({"ledger"}),
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


def may_act(run_tags: dict[str, str], keys: list[str], wiring: Wiring) -> bool:
    """Whether a run may put actions into the outbox: the latest closed snapshot alone, no backfill, no range."""
    is_backfill = any(tag in run_tags for tag in ("dagster/backfill", *range_tags("", "")))
    return not is_backfill and keys == [wiring.closed_as_of.isoformat()]


def alert_state_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Life cycle of alerts after the snapshots of the run, and the actions they plan."""

    @dg.asset(
        key=ALERT_STATE,
        ins={"candidates": table_in(tables.CANDIDATES)},
        group_name="alerts",
        partitions_def=wiring.as_of,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=(
            "Life cycle of alerts in the ledger: opened, updated in place, resolved; plans the playbook's actions for the latest "
            "closed snapshot only. A backfill records and never acts.\n\nGrain: one transition per alert and snapshot."
        ),
        owners=[OWNER],
        kinds={"sqlite"},
        tags={"layer": "alert", "pii": "personal", "trigger": "snapshot_schedule"},
        metadata={"grain": "one transition per alert and snapshot", "dagster/column_schema": _STATE_COLUMNS},
        code_version="1",
        freshness_policy=FRESH_DAILY,
        required_resource_keys={"ledger", "warehouse"},
    )
    def alert_state(context: dg.AssetExecutionContext, candidates: ir.Table) -> dg.MaterializeResult:
        keys = sorted(context.partition_keys)
        act = may_act(dict(context.run.tags), keys, wiring)
        found = candidates.to_pandas()
        applied = _apply(context, found, keys, act, wiring)
        last = found[found["as_of"].astype(str) == keys[-1]].sort_values("expected_saved_usd_cents", ascending=False)
        preview = dg.MetadataValue.md(markdown_table(last[_SHOWN].head(10)))
        return dg.MaterializeResult(metadata={"acted": act, **applied, "latest_candidates": preview})

    return alert_state


def _apply(
    context: dg.AssetExecutionContext, found: pd.DataFrame, keys: list[str], act: bool, wiring: Wiring
) -> dict[str, Any]:
    ledger = context.resources.ledger.open()
    rows = found.to_dict("records")
    totals: dict[str, int] = {}
    planned = 0
    for key in keys:
        mine = [r for r in rows if str(r["as_of"])[:10] == key]
        done = apply_candidates(
            ledger,
            date.fromisoformat(key),
            mine,
            wiring.plan_actions(mine) if act else {},
            wiring.settings.clock(),
            act,
            wiring.rulebook.alerts.life_cycle,
        )
        planned += done.planned
        for name, count in done.transitions.items():
            totals[name] = totals.get(name, 0) + count
    return {"actions_planned": planned, **{f"alerts_{name}": count for name, count in sorted(totals.items())}}
