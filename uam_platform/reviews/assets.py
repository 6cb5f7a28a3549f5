"""Dagster face of reviews: the weekly product-risk pack and its digest, the monthly audit of alerts.

Here: reading, writing the file, deciding whether the digest may be planned. Not here: the pack (`pack`), the pages (`page`,
`audit_page`), the draw (`audit_sample`), sending the digest (`uam_platform.playbooks`).
"""

from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables_behavior import ISSUES, JOURNEYS, MINED_PATTERNS
from uam_platform.contracts.tables_evidence import COHORT_THEMES, STATEMENTS
from uam_platform.lake.atomic import write_atomically
from uam_platform.lake.resource import Warehouse
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.reviewing import plan_digest
from uam_platform.orchestration.assets import asset_key, report_attributes, table_asset
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.stale import ALERT_STATE, RESTATEMENT_TAG
from uam_platform.orchestration.wiring import Wiring
from uam_platform.reviews.audit_facts import audit_facts, stored_samples
from uam_platform.reviews.audit_page import render_audit
from uam_platform.reviews.audit_sample import audit_samples as samples_of
from uam_platform.reviews.facts import facts
from uam_platform.reviews.pack import Pack, build, digest
from uam_platform.reviews.page import render

PACK = dg.AssetKey(["reviews", "product_risk_pack"])
AUDIT = dg.AssetKey(["reviews", "alert_audit"])
REVIEW = "product_risk_review"
_READ: tuple[Contract, ...] = (
    tables.REVENUE_AT_RISK,
    tables.SCORE_REASONS,
    tables.SCORE_CHANGES,
    tables.CANDIDATES,
)
_COLUMNS = dg.TableSchema.from_name_type_dict({"section": "string", "row": "string"})


def product_risk_pack_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """The pack of the latest recorded snapshot, as a file people read."""

    @dg.asset(
        key=PACK,
        deps=[
            *(dg.AssetDep(asset_key(c), partition_mapping=dg.AllPartitionMapping()) for c in _READ),
            dg.AssetDep(ALERT_STATE, partition_mapping=dg.AllPartitionMapping()),
            *(asset_key(c) for c in (JOURNEYS, ISSUES, MINED_PATTERNS)),
            asset_key(STATEMENTS),
            asset_key(COHORT_THEMES),
        ],
        group_name="reviews",
        required_resource_keys={"ledger", "warehouse"},
        **report_attributes(
            "The weekly product-risk review as one HTML file under data/reviews: what changed, top risks with dollars, owners and reasons, "
            "alerts and verdicts, failures, renewals, growth, open follow-ups. A digest goes to Slack once a week.",
            "one section of one review",
            _COLUMNS,
            layer="review",
            pii="personal",
            trigger="snapshot_schedule",
            kinds={"html", "slack"},
        ),
    )
    def product_risk_pack(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        warehouse: Warehouse = context.resources.warehouse
        recorded = warehouse.lake.keys(tables.CANDIDATES)
        if not recorded:
            return dg.MaterializeResult(metadata={"sections": 0, "note": "no snapshot is recorded yet"})
        as_of = date.fromisoformat(max(recorded))
        ledger: Ledger = context.resources.ledger.open()
        pack, path = write_pack(warehouse, ledger, as_of, wiring)
        is_planned = may_tell(dict(context.run.tags), as_of, wiring) and plan_weekly_digest(ledger, pack, path, wiring)
        return dg.MaterializeResult(metadata=_shown(pack, path, is_planned))

    return product_risk_pack


def write_pack(warehouse: Warehouse, ledger: Ledger, as_of: date, wiring: Wiring) -> tuple[Pack, Path]:
    """Write the pack of a snapshot to data/reviews; returns it and its path."""
    policy = wiring.rulebook.reviews
    found = facts(warehouse, ledger, as_of, wiring.settings.clock(), policy)
    pack = build(found, policy, wiring.rulebook.duties.told(as_of))
    path = wiring.settings.reviews_dir / f"{as_of}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, render(pack, found))
    return pack, path


def may_tell(run_tags: dict[str, str], as_of: date, wiring: Wiring) -> bool:
    """Whether a run may plan the digest: the latest closed snapshot, no backfill and no restatement."""
    is_backfill = "dagster/backfill" in run_tags or RESTATEMENT_TAG in run_tags
    return not is_backfill and as_of == wiring.closed_as_of


def plan_weekly_digest(ledger: Ledger, pack: Pack, path: Path, wiring: Wiring) -> bool:
    """Put the digest of the snapshot's week into the outbox; True the first time."""
    policy, as_of = wiring.rulebook.reviews, date.fromisoformat(pack.as_of)
    week = as_of - timedelta(days=(as_of.weekday() - policy.digest_weekday) % 7)
    payload = digest(pack, f"{path.parent.name}/{path.name} in the data folder, see uam review")
    now = wiring.settings.clock()
    return plan_digest(ledger, REVIEW, week.isoformat(), policy.channel, payload, as_of, now)


def _shown(pack: Pack, path: Path, is_planned: bool) -> dict[str, Any]:
    counts = {name: len(rows) for name, rows in asdict(pack).items() if isinstance(rows, list)}
    lines = [f"| {f['label']} | {f['value']} | {f['note']} |" for f in pack.facts]
    preview = "\n".join(["| | | |", "| --- | --- | --- |", *lines])
    risks = "\n".join(f"- **{r['account']}**: {r['why']}" for r in pack.risks[:5])
    return {
        "pack": dg.MetadataValue.path(str(path.absolute())),
        "as_of": pack.as_of,
        "digest_planned": is_planned,
        "rows": dg.MetadataValue.json(counts),
        "preview": dg.MetadataValue.md(f"{preview}\n\n{risks}"),
    }


def audit_samples_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Accounts drawn for the audit of every month that is over."""
    every = dg.AllPartitionMapping()

    @table_asset(
        tables.AUDIT_SAMPLES,
        trigger="snapshot_schedule",
        deps=[dg.AssetDep(asset_key(c), partition_mapping=every) for c in (tables.REVENUE_AT_RISK, tables.CANDIDATES)],
        kinds=frozenset({"pandas", "parquet"}),
    )
    def audit_samples(context: dg.AssetExecutionContext) -> pd.DataFrame:
        warehouse: Warehouse = context.resources.warehouse
        lake, connection = warehouse.lake, warehouse.connection
        keys = lake.keys(tables.CANDIDATES)
        eligible = lake.read(connection, tables.REVENUE_AT_RISK, keys).select("as_of", "account_id", "owner_id")
        found = lake.read(connection, tables.CANDIDATES, keys).drop("evidence_json", "summary", "threshold")
        return samples_of(eligible.to_pandas(), found.to_pandas(), wiring.rulebook.reviews.audit)

    return audit_samples


def alert_audit_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """The audit of the last month that is over, as a file people read."""

    @dg.asset(
        key=AUDIT,
        deps=[asset_key(tables.AUDIT_SAMPLES), ALERT_STATE],
        group_name="reviews",
        required_resource_keys={"ledger", "warehouse"},
        **report_attributes(
            "The monthly audit of alerts as one HTML file under data/reviews: precision and recall as verdicts on drawn accounts tell "
            "them, what waits for a verdict, decisions, carry-over, proposed and accepted thresholds.",
            "one section of one audit",
            _COLUMNS,
            layer="review",
            pii="personal",
            trigger="snapshot_schedule",
            kinds={"html"},
        ),
    )
    def alert_audit(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        path = write_audit(context.resources.warehouse, context.resources.ledger.open(), wiring)
        if path is None:
            return dg.MaterializeResult(metadata={"note": "no month with snapshots is over yet"})
        return dg.MaterializeResult(metadata={"audit": dg.MetadataValue.path(str(path.absolute()))})

    return alert_audit


def write_audit(warehouse: Warehouse, ledger: Ledger, wiring: Wiring) -> Path | None:
    """Write the audit of the last drawn month to data/reviews; None without one."""
    drawn = stored_samples(warehouse)
    if drawn.empty:
        return None
    month: date = drawn["audit_month_date"].max()
    found = audit_facts(warehouse, ledger, month, wiring.settings.clock(), wiring.rulebook)
    path = wiring.settings.reviews_dir / f"audit-{month:%Y-%m}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, render_audit(found))
    return path


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of reviews."""
    return dg.Definitions(
        assets=[product_risk_pack_asset(wiring), audit_samples_asset(wiring), alert_audit_asset(wiring)],
        asset_checks=[contract_check(tables.AUDIT_SAMPLES, None)],
    )
