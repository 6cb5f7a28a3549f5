"""A runner over a lake of a few made-up deliveries, for what must be shown through Dagster.

Here: landing, taking in and computing days as the jobs do. Not here: any test.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables import DELIVERIES
from uam_platform.lake.resource import Warehouse
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.jobs import INGEST
from uam_platform.runner import Runner
from uam_platform_tests.orchestration.wired import wired
from uam_platform_tests.staging.landed import delivery, land, manifest_in

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def at_noon(day: str, message_id: str, name: str, **fields: Any) -> dict[str, Any]:
    """A delivery of an event at noon of a day."""
    moment = {"original_text": None, "occurred_text": f"{day}T12:00:00Z", "received_text": f"{day}T12:00:01Z"}
    return delivery(message_id=message_id, event_name=name, **moment, **fields)


def runner_over(folder: Path, instance: dg.DagsterInstance, policy_dir: Path | None = None) -> Runner:
    """A runner whose data lie in `folder`."""
    return Runner(wired(folder, policy_dir=policy_dir), instance, lambda line: None)


def warehouse_of(runner: Runner) -> Warehouse:
    """Its lake, with an engine of its own."""
    return Warehouse(data_dir=str(runner.wiring.settings.data_dir), memory="1GB", threads=1)


def delivered(runner: Runner, *loads: Sequence[dict[str, Any]]) -> None:
    """Land loads and take them in."""
    for rows in loads:
        land(manifest_in(runner.wiring.settings.data_dir), list(rows))
    assert run(runner, INGEST, DELIVERIES).success


def run(runner: Runner, job: str, *only: Contract, **options: Any) -> dg.ExecuteInProcessResult:
    """A job, or some of its tables, in this process."""
    return runner.definitions.resolve_job_def(job).execute_in_process(
        instance=runner.instance,
        run_config=QUIET,
        raise_on_error=False,
        asset_selection=[asset_key(contract) for contract in only] or None,
        **options,
    )
