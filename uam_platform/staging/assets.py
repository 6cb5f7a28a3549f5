"""Dagster face of staging: loads become canonical tables.

Here: which asset reads what and when. Not here: the transformations (`intake`, `events`, `records`, `reconcile`).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts import tables
from uam_platform.contracts.tables import DELIVERIES, EVENTS, LOAD_RECONCILIATION
from uam_platform.lake import loads
from uam_platform.lake.io_manager import as_table, markdown_table
from uam_platform.lake.resource import Warehouse
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import OWNER, asset_key, table_asset, table_attributes, table_out
from uam_platform.orchestration.checks import contract_check
from uam_platform.orchestration.plots import day_series
from uam_platform.orchestration.wiring import Wiring
from uam_platform.staging.balance import publish_record_books, reconcile_open_loads
from uam_platform.staging.capabilities import READS as INPUTS
from uam_platform.staging.capabilities import capabilities, input_facts
from uam_platform.staging.checks import contradiction_checks, day_check, load_check, record_check
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import pending, take_in, taken_in, touched_days
from uam_platform.staging.records import canonical_records
from uam_platform.staging.set_aside import refused_fields

_SHOWN = 40
RECORD_TABLES = (
    tables.TICKETS,
    tables.TICKET_EVENTS,
    tables.ACCOUNTS,
    tables.SUBSCRIPTIONS,
    tables.OPPORTUNITIES,
    tables.USERS_DIRECTORY,
    tables.SILENCES,
    tables.VERDICTS,
    tables.SATISFACTION_RATINGS,
    tables.ACCEPTED_THRESHOLDS,
    tables.IDENTITY_RETRACTIONS,
)

_SIDE_TABLES = (
    tables.UTTERANCES,
    tables.CALLS,
    tables.DOCUMENTS,
    tables.EXTERNAL_SIGNALS,
    tables.RELEASES,
    tables.FLAG_EXPOSURES,
    tables.ANNOUNCEMENTS,
)


def deliveries_asset(wiring: Wiring, raw_keys: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Each complete load, split once by event day."""

    @dg.asset(
        key=asset_key(DELIVERIES),
        deps=raw_keys,
        **table_attributes(
            DELIVERIES, trigger="load_schedule", kinds={"duckdb", "parquet"}, owners=[OWNER], code_version="1"
        ),
    )
    def deliveries(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        lake, manifest = warehouse.lake, warehouse.manifest
        for load in pending(lake, manifest):
            intake = take_in(warehouse.connection, lake, manifest, load, wiring.intake_time, wiring.rulebook.sources)
            context.log.info(f"{load.load_id}: {intake.rows_in:,} records, {intake.quarantined:,} set aside")
        return dg.MaterializeResult(metadata=touched_since(lake, recorded_through(context.instance)))

    return deliveries


def recorded_through(instance: dg.DagsterInstance) -> str:
    """Last load whose touched days were recorded: a killed run may have taken loads in without saying so."""
    event = instance.get_latest_materialization_event(asset_key(DELIVERIES))
    value = event.asset_materialization.metadata.get("through_load") if event and event.asset_materialization else None
    return str(value.value) if value is not None else ""


def touched_since(lake: Lake, through_load: str) -> dict[str, Any]:
    """Metadata: event days touched by the loads taken in after `through_load`."""
    days: dict[str, list[str]] = {load: touched_days(lake, load) for load in taken_in(lake) if load > through_load}
    return {
        "touched_days": dg.MetadataValue.json(sorted({day for touched in days.values() for day in touched})),
        "loads": len(days),
        "through_load": max(days, default=through_load),
    }


def events_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """Canonical events of the days of the run, and what was set aside on the way."""

    @table_asset(EVENTS, trigger="touched_days_sensor", deps=[asset_key(DELIVERIES)], partitions=wiring.days)
    def events(context: dg.AssetExecutionContext) -> ir.Table:
        warehouse: Warehouse = context.resources.warehouse
        lake, connection, rules = warehouse.lake, warehouse.connection, wiring.rulebook
        days = list(context.partition_keys)
        return publish_around_events(connection, lake, days, rules.taxonomy, rules.time, rules.logs.twins)

    return events


def records_asset(wiring: Wiring, raw_keys: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Tickets, accounts, subscriptions and directory from the small records of all loads."""

    @dg.multi_asset(
        name="records",
        outs={
            c.name: table_out(c, trigger="load_schedule", kinds=frozenset({"pandas", "parquet"})) for c in RECORD_TABLES
        },
        deps=raw_keys,
        required_resource_keys={"warehouse"},
    )
    def records(context: dg.AssetExecutionContext) -> Iterator[dg.Output]:
        warehouse: Warehouse = context.resources.warehouse
        manifest = warehouse.manifest
        landed = [
            (load, pd.concat([pd.read_parquet(p) for p in manifest.paths(load, loads.RECORDS)], ignore_index=True))
            for load in manifest.loads()
            if load.files.get(loads.RECORDS)
        ]
        rules = wiring.rulebook
        found = canonical_records(landed, rules.time, rules.changes, rules.documents, rules.sources)
        if len(found.documents):
            context.log.info(documents_told(found.documents))
        load_ids = [load.load_id for load, _ in landed]
        publish_record_books(
            warehouse.connection, warehouse.lake, found.quarantine, found.counts, found.refused_fields, load_ids
        )
        for contract in _SIDE_TABLES:
            rows = as_table(getattr(found, contract.name), contract)
            warehouse.lake.publish(warehouse.connection, contract, rows)
        for contract in RECORD_TABLES:
            yield dg.Output(getattr(found, contract.name), contract.name)

    return records


def documents_told(documents: pd.DataFrame) -> str:
    """How many documents there are and what led them to accounts; those that nothing led to one are counted too."""
    by = ", ".join(f"{count:,} by {name}" for name, count in documents["attached_by"].value_counts().items())
    return f"{len(documents):,} documents attached: {by}".replace("by nothing", "to no account")


def reconciliation_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """What became of every row of the loads whose days were computed since."""

    @dg.asset(
        key=asset_key(LOAD_RECONCILIATION),
        deps=[asset_key(EVENTS), *(asset_key(c) for c in RECORD_TABLES)],
        **table_attributes(
            LOAD_RECONCILIATION,
            trigger="snapshot_schedule",
            kinds={"duckdb", "parquet"},
            owners=[OWNER],
            code_version="1",
        ),
    )
    def load_reconciliation(warehouse: Warehouse) -> dg.MaterializeResult:
        frame = reconcile_open_loads(warehouse.connection, warehouse.lake, warehouse.manifest)
        books = warehouse.lake.read(warehouse.connection, LOAD_RECONCILIATION).to_pandas()
        counts = [name for name in LOAD_RECONCILIATION.column_names if name.endswith("_count")]
        totals = books.groupby(["source", "source_object"])[counts].sum().reset_index()
        volume = daily_volume(warehouse.lake)
        inputs = {c.name: warehouse.lake.read(warehouse.connection, c) for c in INPUTS}
        missing = [c.said for c in capabilities(input_facts(inputs)) if not c.applies]
        return dg.MaterializeResult(
            metadata={
                "loads_reconciled_now": int(frame["load_id"].nunique()),
                "totals": dg.MetadataValue.md(markdown_table(totals)),
                "what_this_input_lacks": dg.MetadataValue.md("\n".join(f"- {said}" for said in missing) or "nothing"),
                "fields_without_purpose": dg.MetadataValue.md(_kept_out(warehouse, wiring)),
                "volume": day_series("Events and what was set aside, by event day", *volume, "events"),
            }
        )

    return load_reconciliation


def _kept_out(warehouse: Warehouse, wiring: Wiring) -> str:
    """Fields that were kept out so far, with what has to be added to sources.yaml."""
    found = refused_fields(warehouse.connection, warehouse.lake)[:_SHOWN]
    lines = [
        f"- {one.source} {one.kind} `{one.name}`: {one.rows:,} records; "
        f"{wiring.rulebook.sources.refusal(one.source, one.kind, one.name) or 'has a purpose now: uam quarantine replay'}"
        for one in found
    ]
    return "\n".join(lines) or "none"


def daily_volume(lake: Lake) -> tuple[list[date], dict[str, list[int]]]:
    """Event days with accepted, repeated and unknown events, from the published pointers."""
    days = lake.keys(EVENTS)
    series = {"accepted": EVENTS, "repeated": tables.DUPLICATES_LOG, "unknown name": tables.UNKNOWN_EVENTS}
    return [date.fromisoformat(d) for d in days], {
        name: [(lake.pointer(contract, day) or {"rows": 0})["rows"] for day in days]
        for name, contract in series.items()
    }


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets and checks of staging."""
    sources = [dg.AssetKey(["raw", c]) for c in wiring.sources]
    return dg.Definitions(
        assets=[
            deliveries_asset(wiring, sources),
            events_asset(wiring),
            records_asset(wiring, sources),
            reconciliation_asset(wiring),
        ],
        asset_checks=[
            contract_check(DELIVERIES, None),
            contract_check(EVENTS, wiring.days),
            contract_check(LOAD_RECONCILIATION, None),
            *(contract_check(c, None) for c in RECORD_TABLES),
            day_check(wiring),
            load_check(),
            record_check(wiring),
            contradiction_checks(wiring),
        ],
    )
