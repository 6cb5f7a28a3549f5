"""Dagster face of alerts: findings as a pure table, and their life cycle with the actions it plans.

Here: reading frames, deciding whether a run may act. Not here: detection (`candidates`), transitions, catalogue and outbox
(`uam_platform.ledger`), delivery (`uam_platform.playbooks`).
"""

from datetime import date, timedelta

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.alerts.around import flags_seen, known_calendar
from uam_platform.alerts.candidates import candidates as candidates_of
from uam_platform.alerts.detect import as_dates, coverage
from uam_platform.alerts.wording_change import DOLLARS_BEFORE
from uam_platform.contracts import tables
from uam_platform.lake.io_manager import markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.ledger import catalogue
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.inputs import Coverage
from uam_platform.ledger.lifecycle import apply_candidates
from uam_platform.orchestration.assets import report_attributes, table_asset, table_in
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.partitions import range_tags
from uam_platform.orchestration.stale import ALERT_STATE, RESTATEMENT_TAG
from uam_platform.orchestration.wiring import Wiring

_HISTORY = timedelta(weeks=9)
_WORKFLOW_REACH = timedelta(days=180)  # more than any window of the rulebook
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
_STATE_COLUMNS = dg.TableSchema.from_name_type_dict(
    {"fingerprint": "string", "as_of": "date", "transition": "string", "idempotency_key": "string", "state": "string"}
)


def candidates_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Findings of all detectors on the snapshots of the run."""

    @table_asset(
        tables.CANDIDATES,
        trigger="snapshot_schedule",
        ins={
            c.name: table_in(c)
            for c in (
                tables.ACCOUNT_FEATURES,
                tables.SCORES,
                tables.SCORE_REASONS,
                tables.SCORE_CHANGES,
                tables.REVENUE_AT_RISK,
                tables.SILENCES,
                tables.WORKFLOW_DAYS,
                tables.ACCEPTED_THRESHOLDS,
            )
        },
        partitions=wiring.as_of,
        kinds=frozenset({"pandas", "parquet"}),
    )
    def candidates(
        context: dg.AssetExecutionContext,
        account_features: ir.Table,
        scores: ir.Table,
        score_reasons: ir.Table,
        score_changes: ir.Table,
        revenue_at_risk: ir.Table,
        silences: ir.Table,
        workflow_days: ir.Table,
        accepted_thresholds: ir.Table,
    ) -> pd.DataFrame:
        first, last = (date.fromisoformat(one(context.partition_keys)) for one in (min, max))
        warehouse: Warehouse = context.resources.warehouse
        acted = set(warehouse.lake.keys(tables.ACCOUNT_ACTIONS))
        actions_of = [key for key in context.partition_keys if key in acted]
        return candidates_of(
            account_features.to_pandas(),
            scores.to_pandas(),
            score_reasons.to_pandas(),
            revenue_at_risk.to_pandas(),
            wiring.rulebook.alerts,
            history=_earlier(warehouse, first),
            silences=silences.to_pandas(),
            workflow_days=_of_snapshots(workflow_days, first, last).to_pandas(),
            flag_starts=flags_seen(warehouse),
            score_changes=_with_dollars(warehouse, score_changes.to_pandas()),
            accepted=accepted_thresholds.to_pandas(),
            actions=warehouse.lake.read(warehouse.connection, tables.ACCOUNT_ACTIONS, actions_of).to_pandas(),
            earlier=_remembered(warehouse, first, wiring.rulebook.alerts.harm.memory.weeks),
            calendar=known_calendar(warehouse, first, last, wiring.rulebook.alerts.harm.memory.weeks),
        )

    return candidates


def _of_snapshots(workflow_days: ir.Table, first: date, last: date) -> ir.Table:
    """Days that a finding on a workflow of these snapshots can stand on."""
    low, high = first - _WORKFLOW_REACH, last
    return workflow_days.filter((workflow_days.event_date >= low) & (workflow_days.event_date < high))


def _remembered(warehouse: Warehouse, first: date, weeks: int) -> pd.DataFrame:
    """Features of the snapshots that the harm score of the first one still counts."""
    low = (first - timedelta(days=7 * weeks + 6)).isoformat()
    keys = [k for k in warehouse.lake.keys(tables.ACCOUNT_FEATURES) if low <= k < first.isoformat()]
    return warehouse.lake.read(warehouse.connection, tables.ACCOUNT_FEATURES, keys).to_pandas()


def _with_dollars(warehouse: Warehouse, changes: pd.DataFrame) -> pd.DataFrame:
    """Score changes with the dollars at risk of the snapshot they are compared with."""
    before = changes.assign(as_of=as_dates(changes["previous_as_of"]))[["account_id", "as_of"]]
    published = set(warehouse.lake.keys(tables.REVENUE_AT_RISK))
    keys = sorted(published & {day.isoformat() for day in before["as_of"]})
    money = warehouse.lake.read(warehouse.connection, tables.REVENUE_AT_RISK, keys).to_pandas()
    money = money.assign(as_of=as_dates(money["as_of"]))[["account_id", "as_of", "revenue_at_risk_usd_cents"]]
    found = before.merge(money, on=["account_id", "as_of"], how="left", validate="m:1")["revenue_at_risk_usd_cents"]
    return changes.assign(**{DOLLARS_BEFORE: found.to_numpy()})


def _earlier(warehouse: Warehouse, first: date) -> pd.DataFrame:
    low = (first - _HISTORY).isoformat()
    keys = [k for k in warehouse.lake.keys(tables.CANDIDATES) if low <= k < first.isoformat()]
    return warehouse.lake.read(warehouse.connection, tables.CANDIDATES, keys).to_pandas()


def may_act(run_tags: dict[str, str], keys: list[str], wiring: Wiring) -> bool:
    """Whether a run may put actions into the outbox: the latest closed snapshot alone, no backfill, no range."""
    is_backfill = any(tag in run_tags for tag in ("dagster/backfill", RESTATEMENT_TAG, *range_tags("", "")))
    return not is_backfill and keys == [wiring.closed_as_of.isoformat()]


def apply_snapshots(
    ledger: Ledger, found: pd.DataFrame, judged: list[Coverage], keys: list[str], act: bool, wiring: Wiring
) -> dict[str, int]:
    """Apply the candidates of some snapshots in order; `judged` says what the detectors could look at.

    Returns:
        Counts of transitions by name (`alerts_opened`, …) and `actions_planned`.
    """
    rows = found.to_dict("records")
    totals: dict[str, int] = {"actions_planned": 0}
    for key in sorted(keys):
        mine = [row for row in rows if str(row["as_of"])[:10] == key]
        actions = (
            catalogue.plan_all(mine, wiring.rulebook.playbooks, wiring.settings.connected_destinations) if act else {}
        )
        life_cycle = wiring.rulebook.alerts.life_cycle
        as_of = date.fromisoformat(key)
        covered = [one for one in judged if one.as_of == as_of]
        done = apply_candidates(ledger, as_of, mine, actions, wiring.settings.clock(), act, life_cycle, covered)
        totals["actions_planned"] += done.planned
        for name, count in done.transitions.items():
            totals[f"alerts_{name}"] = totals.get(f"alerts_{name}", 0) + count
    return totals


def alert_state_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Life cycle of alerts after the snapshots of the run, and the actions they plan."""

    @dg.asset(
        key=ALERT_STATE,
        ins={
            c.name: table_in(c)
            for c in (tables.CANDIDATES, tables.ACCOUNT_FEATURES, tables.SCORES, tables.REVENUE_AT_RISK)
        },
        group_name="alerts",
        partitions_def=wiring.as_of,
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"ledger"},
        **report_attributes(
            "Alerts opened, updated in place and resolved in the ledger; actions planned for the latest closed snapshot only: a "
            "backfill records and never acts.",
            "one transition per alert and snapshot",
            _STATE_COLUMNS,
            layer="alert",
            pii="personal",
            trigger="snapshot_schedule",
            kinds={"sqlalchemy"},
        ),
    )
    def alert_state(
        context: dg.AssetExecutionContext,
        candidates: ir.Table,
        account_features: ir.Table,
        scores: ir.Table,
        revenue_at_risk: ir.Table,
    ) -> dg.MaterializeResult:
        keys = sorted(context.partition_keys)
        act = may_act(dict(context.run.tags), keys, wiring)
        found = candidates.to_pandas()
        facts = (account_features.to_pandas(), scores.to_pandas(), revenue_at_risk.to_pandas())
        judged = coverage(*facts, wiring.rulebook.alerts)
        totals = apply_snapshots(context.resources.ledger.open(), found, judged, keys, act, wiring)
        last = found[found["as_of"].astype(str).str[:10] == keys[-1]]
        shown = last.sort_values("expected_saved_usd_cents", ascending=False)[_SHOWN].head(10)
        return dg.MaterializeResult(
            metadata={"acted": act, **totals, "latest_candidates": dg.MetadataValue.md(markdown_table(shown))}
        )

    return alert_state


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of alerts."""
    return dg.Definitions(
        assets=[candidates_asset(wiring), alert_state_asset(wiring)],
        asset_checks=[contract_check(tables.CANDIDATES, wiring.as_of)],
    )
