"""Dagster face of playbooks: the life cycle of alerts with the actions they plan, and the delivery of those actions.

Here: deciding whether a run may act. Not here: transitions and outbox (`uam_platform.ledger`), which action follows (`catalogue`),
one delivery run (`deliver`).
"""

import time
from datetime import date
from typing import Any

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts import tables
from uam_platform.lake.io_manager import markdown_table
from uam_platform.ledger import outbox
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.lifecycle import apply_candidates
from uam_platform.orchestration.assets import FRESH_DAILY, OWNER, table_in
from uam_platform.orchestration.partitions import range_tags
from uam_platform.orchestration.wiring import Wiring
from uam_platform.playbooks import catalogue
from uam_platform.playbooks.deliver import deliver_outbox
from uam_platform.playbooks.slack import SlackDestination

PLANNED = dg.AssetKey(["playbooks", "planned_actions"])
DELIVERED = dg.AssetKey(["playbooks", "delivered_actions"])
_SHOWN = [
    "account_id",
    "account_name",
    "owner_name",
    "expected_saved_usd_cents",
    "decision",
    "reason",
    "title",
    "summary",
]
_PLANNED_COLUMNS = dg.TableSchema.from_name_type_dict(
    {"fingerprint": "string", "as_of": "date", "transition": "string", "idempotency_key": "string", "state": "string"}
)
_DELIVERED_COLUMNS = dg.TableSchema.from_name_type_dict(
    {
        "idempotency_key": "string",
        "destination": "string",
        "target": "string",
        "state": "string",
        "external_ref": "string",
    }
)


def may_act(run_tags: dict[str, str], keys: list[str], wiring: Wiring) -> bool:
    """Whether a run may put actions into the outbox: the latest closed snapshot alone, no backfill, no range."""
    is_backfill = any(tag in run_tags for tag in ("dagster/backfill", *range_tags("", "")))
    return not is_backfill and keys == [wiring.closed_as_of.isoformat()]


def apply_snapshots(ledger: Ledger, found: pd.DataFrame, keys: list[str], act: bool, wiring: Wiring) -> dict[str, int]:
    """Apply the candidates of some snapshots in order.

    Returns:
        Counts of transitions by name (`alerts_opened`, …) and `actions_planned`.
    """
    rows = found.to_dict("records")
    totals: dict[str, int] = {"actions_planned": 0}
    for key in sorted(keys):
        mine = [row for row in rows if str(row["as_of"])[:10] == key]
        actions = catalogue.plan_all(mine, wiring.rulebook.playbooks) if act else {}
        life_cycle = wiring.rulebook.alerts.life_cycle
        done = apply_candidates(
            ledger, date.fromisoformat(key), mine, actions, wiring.settings.clock(), act, life_cycle
        )
        totals["actions_planned"] += done.planned
        for name, count in done.transitions.items():
            totals[f"alerts_{name}"] = totals.get(f"alerts_{name}", 0) + count
    return totals


def planned_actions_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Life cycle of alerts after the snapshots of the run, and the actions they plan."""

    @dg.asset(
        key=PLANNED,
        ins={"candidates": table_in(tables.CANDIDATES)},
        group_name="playbooks",
        partitions_def=wiring.as_of,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=(
            "Alerts opened, updated in place and resolved in the ledger; actions planned for the latest closed snapshot only: a "
            "backfill records and never acts.\n\nGrain: one transition per alert and snapshot."
        ),
        owners=[OWNER],
        kinds={"sqlalchemy"},
        tags={"layer": "action", "pii": "personal", "trigger": "snapshot_schedule"},
        metadata={"grain": "one transition per alert and snapshot", "dagster/column_schema": _PLANNED_COLUMNS},
        code_version="1",
        freshness_policy=FRESH_DAILY,
        required_resource_keys={"ledger"},
    )
    def planned_actions(context: dg.AssetExecutionContext, candidates: ir.Table) -> dg.MaterializeResult:
        keys = sorted(context.partition_keys)
        act = may_act(dict(context.run.tags), keys, wiring)
        found = candidates.to_pandas()
        totals = apply_snapshots(context.resources.ledger.open(), found, keys, act, wiring)
        last = found[found["as_of"].astype(str).str[:10] == keys[-1]]
        shown = last.sort_values("expected_saved_usd_cents", ascending=False)[_SHOWN].head(10)
        return dg.MaterializeResult(
            metadata={"acted": act, **totals, "latest_candidates": dg.MetadataValue.md(markdown_table(shown))}
        )

    return planned_actions


def delivered_actions_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """What the outbox holds, delivered effectively once."""

    @dg.asset(
        key=DELIVERED,
        deps=[PLANNED],
        group_name="playbooks",
        description=(
            "One delivery run over the outbox: unclear outcomes are looked up first, then due actions are sent. A dry run unless "
            "UAM_ACTIONS_ENABLED is set.\n\nGrain: one action at one destination."
        ),
        owners=[OWNER],
        kinds={"slack"},
        tags={"layer": "action", "pii": "personal", "trigger": "outbox_sensor"},
        metadata={"grain": "one action at one destination", "dagster/column_schema": _DELIVERED_COLUMNS},
        code_version="1",
        freshness_policy=FRESH_DAILY,
        required_resource_keys={"ledger", "slack"},
    )
    def delivered_actions(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        policy = wiring.rulebook.playbooks.delivery
        report = deliver_outbox(
            context.resources.ledger.open(),
            {"slack": SlackDestination(context.resources.slack.get_client())},
            wiring.settings.clock,
            policy.max_sent_per_run,
            dry_run=not wiring.settings.actions_enabled,
            sleep=time.sleep,
            policy=policy,
        )
        for problem in report.problems:
            context.log.warning(problem)
        return dg.MaterializeResult(metadata=_shown(report))

    return delivered_actions


def _shown(report: Any) -> dict[str, Any]:
    return {
        "dry_run": report.is_dry_run,
        "sent": len(report.sent),
        "would_send": len(report.would_send),
        "rejected_attempts": report.rejected,
        "unclear_attempts": report.unclear,
        "failed": len(report.failed),
        "parked": len(report.parked),
        "problems": dg.MetadataValue.json(report.problems),
        "outbox": dg.MetadataValue.json(report.states),
    }


def no_action_lost_check() -> dg.AssetChecksDefinition:
    """Every planned action is sent, waiting, or named with its reason."""

    @dg.asset_check(
        asset=DELIVERED,
        name="no_action_stuck",
        description="No action was refused for good or parked: a person has to look at those (R160).",
        required_resource_keys={"ledger"},
    )
    def no_action_stuck(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        counts = outbox.counts(context.resources.ledger.open())
        stuck = sum(counts.get(state, 0) for state in ("failed", "parked"))
        return dg.AssetCheckResult(
            passed=stuck == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"stuck": stuck, **counts}
        )

    return no_action_stuck


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of playbooks."""
    return dg.Definitions(
        assets=[planned_actions_asset(wiring), delivered_actions_asset(wiring)], asset_checks=[no_action_lost_check()]
    )
