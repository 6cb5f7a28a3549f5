"""A wired code location over a folder, with all sources configured and nobody behind them.

Here: settings, wiring and made-up records of the instance. Not here: any test.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from uam_platform.connectors.registry import source_names
from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables import ACTOR_DAYS, DELIVERIES, EVENTS, SESSIONS
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.wiring import Wiring, wire
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.scratch import settings_of
from uam_platform.simulation.sandbox.credentials import environment

NOBODY = "http://127.0.0.1:9"
START, NOW = "2025-01-06", "2025-03-07T08:00:00"


def wired(folder: Path, **options: Any) -> Wiring:
    """The wiring of a code location whose data lie in `folder`; by default 60 days from a Monday have passed."""
    chosen = {"data_dir": folder, "first_day": START, "now": NOW, "environment": "production", **options}
    settings = settings_of(environment(NOBODY), **chosen)
    return wire(settings, load_rulebook(settings.policy_dir), source_names(settings))


def record(
    instance: dg.DagsterInstance, key: dg.AssetKey, metadata: Mapping[str, Any], partition: str | None = None
) -> None:
    """Record a materialisation, as a run would."""
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key=key, metadata=dict(metadata), partition=partition)
    )


def touch(instance: dg.DagsterInstance, *days: str) -> None:
    """Record a load that touched some event days."""
    record(instance, asset_key(DELIVERIES), {"touched_days": dg.MetadataValue.json(list(days))})


def build_days(
    instance: dg.DagsterInstance, *days: str, tables: tuple[Contract, ...] = (EVENTS, SESSIONS, ACTOR_DAYS)
) -> None:
    """Record that the daily tables of some days were computed."""
    for table in tables:
        for day in days:
            record(instance, asset_key(table), {}, day)


def complete(instance: dg.DagsterInstance, wiring: Wiring, until: datetime) -> None:
    """Record that all sources were read up to a moment."""
    for source in wiring.sources:
        record(instance, dg.AssetKey(["raw", source]), {"complete_until": until.isoformat()})
