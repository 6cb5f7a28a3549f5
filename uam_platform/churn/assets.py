"""Dagster face of churn: labels, model registry, scores with reasons.

Here: reading frames. Not here: labelling (`labels`), training and scoring (`walk`), what changed (`changes`).
"""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.churn.changes import MOST_DAYS
from uam_platform.churn.changes import score_changes as changes_of
from uam_platform.churn.checks import model_card_asset, promotion_check, ranking_check
from uam_platform.churn.labels import labels as labels_of
from uam_platform.churn.walk import extend_registry, score_snapshots
from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import table_asset, table_in, table_out
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.wiring import Wiring

SEED = 20250106
THREADS = 1  # small trees: a second thread gains little alone and costs much beside other work
_KINDS = frozenset({"lightgbm", "scikitlearn", "parquet"})
_GROUP_COLUMNS = ("account_id", "parent_account_id")


def account_groups(accounts: ir.Table) -> pd.DataFrame:
    """account_id, parent_account_id in history order, for the account folds."""
    return accounts.order_by(["account_id", "valid_from_at"]).select(*_GROUP_COLUMNS).to_pandas()


def labels_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Outcomes of all recorded snapshots, as far as their horizon has passed."""
    policy = wiring.rulebook.churn
    is_recorded = policy.label_kind == "recorded_event"

    @table_asset(
        tables.LABELS,
        trigger="snapshot_schedule",
        ins={
            "features": table_in(tables.ACCOUNT_FEATURES),
            "subscriptions": table_in(tables.SUBSCRIPTIONS),
            "accounts": table_in(tables.ACCOUNTS),
            "acts": table_in(tables.EVENTS if is_recorded else tables.ACTOR_DAYS),
            "hierarchy": table_in(tables.HIERARCHY),
        },
        kinds=frozenset({"pandas", "parquet"}),
    )
    def labels(
        features: ir.Table, subscriptions: ir.Table, accounts: ir.Table, acts: ir.Table, hierarchy: ir.Table
    ) -> pd.DataFrame:
        counted = acts.filter(acts.event_name == policy.label_event) if is_recorded else acts
        activity = counted.join(hierarchy, "workspace_key").select("account_id", "event_date").distinct()
        return labels_of(
            features.select("account_id", "as_of", "decision_at", "is_eligible").to_pandas(),
            subscriptions.to_pandas(),
            activity.to_pandas(),
            policy,
            wiring.settings.clock(),
            account_groups(accounts),
        )

    return labels


def models_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """The registry that pins the models of each snapshot, extended by the trainings that are due."""

    @table_asset(
        tables.MODELS,
        trigger="snapshot_schedule",
        ins={"features": table_in(tables.ACCOUNT_FEATURES), "labels": table_in(tables.LABELS)},
        kinds=_KINDS,
    )
    def models(context: dg.AssetExecutionContext, features: ir.Table, labels: ir.Table) -> pd.DataFrame:
        warehouse: Warehouse = context.resources.warehouse
        known = warehouse.lake.read(warehouse.connection, tables.MODELS).to_pandas()
        settings, policy = wiring.settings, wiring.rulebook.churn
        registry = extend_registry(
            features.to_pandas(), labels.to_pandas(), known, policy, settings.models_dir, SEED, THREADS
        )
        context.log.info(f"{len(registry) - len(known)} models trained, {len(registry)} in the registry")
        return registry

    return models


def scores_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Scores and reasons of the snapshots of the run."""

    @dg.multi_asset(
        name="churn_scores",
        outs={
            c.name: table_out(c, trigger="snapshot_schedule", kinds=_KINDS)
            for c in (tables.SCORES, tables.SCORE_REASONS)
        },
        ins={
            "features": table_in(tables.ACCOUNT_FEATURES),
            "models": table_in(tables.MODELS),
            "accounts": table_in(tables.ACCOUNTS),
        },
        partitions_def=wiring.as_of,
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"warehouse"},
    )
    def churn_scores(
        context: dg.AssetExecutionContext, features: ir.Table, models: ir.Table, accounts: ir.Table
    ) -> Iterator[dg.Output]:
        settings = wiring.settings
        scored, reasons = score_snapshots(
            features.to_pandas(),
            models.to_pandas(),
            wiring.rulebook.churn,
            settings.models_dir,
            account_groups(accounts),
            THREADS,
        )
        yield dg.Output(scored, tables.SCORES.name)
        yield dg.Output(reasons, tables.SCORE_REASONS.name)

    return churn_scores


def score_changes_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Scores and reasons of the snapshots of the run beside those of the week before."""

    @table_asset(
        tables.SCORE_CHANGES,
        trigger="snapshot_schedule",
        ins={c.name: table_in(c) for c in (tables.SCORES, tables.SCORE_REASONS)},
        partitions=wiring.as_of,
        kinds=frozenset({"pandas", "parquet"}),
    )
    def score_changes(context: dg.AssetExecutionContext, scores: ir.Table, score_reasons: ir.Table) -> pd.DataFrame:
        days = sorted(date.fromisoformat(key) for key in context.partition_keys)
        warehouse: Warehouse = context.resources.warehouse
        both = ((scores, tables.SCORES), (score_reasons, tables.SCORE_REASONS))
        whole = [pd.concat([_earlier(warehouse, c, days[0]), now.to_pandas()], ignore_index=True) for now, c in both]
        return changes_of(whole[0], whole[1], days, wiring.rulebook.churn)

    return score_changes


def _earlier(warehouse: Warehouse, contract: Contract, first: date) -> pd.DataFrame:
    """Rows of the snapshots before the first of the run that it may be compared with."""
    low = (first - timedelta(days=MOST_DAYS)).isoformat()
    keys = [key for key in warehouse.lake.keys(contract) if low <= key < first.isoformat()]
    return warehouse.lake.read(warehouse.connection, contract, keys).to_pandas()


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of churn."""
    return dg.Definitions(
        assets=[
            labels_asset(wiring),
            models_asset(wiring),
            scores_asset(wiring),
            score_changes_asset(wiring),
            model_card_asset(wiring),
        ],
        asset_checks=[
            contract_check(tables.LABELS, None),
            contract_check(tables.MODELS, None),
            contract_check(tables.SCORES, wiring.as_of),
            contract_check(tables.SCORE_REASONS, wiring.as_of),
            contract_check(tables.SCORE_CHANGES, wiring.as_of),
            ranking_check(),
            promotion_check(),
        ],
    )
