"""Dagster face of the connectors: one asset per connected source, and the schedule that loads them.

Here: calling a connector and recording its watermark. Not here: vendor protocols (one module each), the registry.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import dagster as dg

from uam_platform.connectors.checks import PROFILED, fields_check
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.registry import Connector, configured
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration import triggers
from uam_platform.orchestration.assets import OWNER
from uam_platform.orchestration.jobs import INGEST
from uam_platform.orchestration.wiring import Wiring
from uam_platform.settings import variables

_RETRY = dg.RetryPolicy(max_retries=3, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

_KINDS: Final = {
    "files": {"file", "dlt"},
    "ledger": {"sqlalchemy"},
    "collector": {"http", "duckdb"},
    "releases": {"file", "dlt"},
    "backend_logs": {"file", "parquet"},
}


def raw_key(name: str) -> dg.AssetKey:
    """Asset key of a source's landed loads."""
    return dg.AssetKey(["raw", name])


def connector_asset(connector: Connector, wiring: Wiring, connected: Sequence[str]) -> dg.AssetsDefinition:
    """The landed loads of one source; one that passes on another's records is loaded after it, whose record says more.

    Args:
        connector: the source.
        wiring: settings and rulebook.
        connected: names of all sources that are switched on.
    """
    told_by = wiring.rulebook.time.source(connector.name).message_ids_of

    @dg.asset(
        key=raw_key(connector.name),
        deps=[raw_key(told_by)] if told_by and told_by in connected else [],
        group_name="connectors",
        description=connector.description,
        owners=[OWNER],
        kinds=_KINDS.get(connector.name, {connector.name, "dlt"}),
        tags={"layer": "raw", "pii": "personal", "trigger": "load_schedule"},
        metadata={"dagster/column_schema": connector.column_schema()},
        code_version="1",
        retry_policy=_RETRY,
        freshness_policy=dg.FreshnessPolicy.time_window(
            fail_window=timedelta(hours=26), warn_window=timedelta(hours=6)
        ),
    )
    def landed(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        manifest = warehouse.manifest
        now = wiring.settings.clock()
        loads = []
        try:
            while load := connector.land(manifest, manifest.next_id(connector.name, now), now, context.log.info):
                loads.append(load)
        except PermanentError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        rows = sum(sum(load.rows.values()) for load in loads)
        counts: dict[str, Any] = {"loads": len(loads), "rows": rows, "complete_until": now.isoformat()}
        if drift := [said for load in loads for said in load.drift]:
            counts["changed_fields"] = dg.MetadataValue.md("\n".join(f"- {said}" for said in drift))
        return dg.MaterializeResult(metadata=counts)

    return landed


def definitions(wiring: Wiring) -> dg.Definitions:
    """Assets of the connected sources and the load schedule."""
    environment = wiring.settings.environment
    connectors = configured(wiring.settings, variables())
    assets = [connector_asset(c, wiring, [other.name for other in connectors]) for c in connectors]
    schedules = []
    if assets and triggers.is_registered(environment, triggers.LOADS):
        schedules.append(
            dg.ScheduleDefinition(
                name=triggers.LOADS,
                job_name=INGEST,
                cron_schedule="7 * * * *",
                execution_timezone="UTC",
                default_status=triggers.schedule_status(environment, triggers.LOADS),
                description="Fetch new records of all sources, seven minutes past each hour.",
            )
        )
    checks = [fields_check(raw_key(c.name)) for c in configured(wiring.settings, variables()) if c.name in PROFILED]
    return dg.Definitions(assets=assets, asset_checks=checks, schedules=schedules)
