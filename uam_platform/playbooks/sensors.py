"""The sensor that fires playbooks: it looks whether the outbox holds anything due and requests one delivery run.

Here: planning only, in milliseconds. Not here: the delivery (`assets`), what is due (`uam_platform.ledger.outbox`).
"""

from datetime import timedelta

import dagster as dg

from uam_platform.ledger import outbox
from uam_platform.orchestration import triggers
from uam_platform.orchestration.jobs import DELIVER
from uam_platform.orchestration.wiring import Wiring

_INTERVAL_SECONDS = 5
_AHEAD = timedelta(seconds=1)


def outbox_sensor(wiring: Wiring) -> dg.SensorDefinition:
    """Requests a delivery run while actions are due and none is being delivered."""
    environment = wiring.settings.environment

    @dg.sensor(
        name=triggers.OUTBOX,
        job_name=DELIVER,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=triggers.sensor_status(environment, triggers.OUTBOX),
        description="Fires the playbooks: one delivery run while the outbox holds due actions.",
        required_resource_keys={"ledger"},
    )
    def fire_playbooks(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not wiring.settings.actions_enabled:
            return dg.SkipReason("actions are switched off (UAM_ACTIONS_ENABLED)")
        active = [
            dg.DagsterRunStatus.QUEUED,
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
        ]
        if context.instance.get_runs_count(dg.RunsFilter(job_name=DELIVER, statuses=active)):
            return dg.SkipReason("a delivery run is under way")
        ledger = context.resources.ledger.open()
        due_at = outbox.next_due_at(ledger, wiring.settings.connected_destinations)
        if due_at is None or due_at > wiring.settings.delivery_clock() + _AHEAD:
            return dg.SkipReason("nothing is due in the outbox")
        counts = outbox.counts(ledger)
        waiting = sum(counts.get(state, 0) for state in ("pending", "unknown", "sending"))
        number = int(context.cursor or 0) + 1
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=f"outbox-{number}", tags={"uam/actions_due": str(waiting)})],
            cursor=str(number),
        )

    return fire_playbooks


def definitions(wiring: Wiring) -> dg.Definitions:
    """Sensors of playbooks."""
    if not triggers.is_registered(wiring.settings.environment, triggers.OUTBOX):
        return dg.Definitions()
    return dg.Definitions(sensors=[outbox_sensor(wiring)])
