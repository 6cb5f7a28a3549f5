"""One trigger per layer: touched days by sensor, snapshots by schedule; and run failures told in Slack.

Here: planning runs from what is stale or missing. Not here: what that is (`stale`), which triggers an environment has
(`triggers`), loads (`uam_platform.connectors.assets`), playbooks (`uam_platform.playbooks.sensors`).
"""

from datetime import date

import dagster as dg

from uam_platform.contracts.tables import DELIVERIES
from uam_platform.lake.store import Lake
from uam_platform.orchestration import triggers
from uam_platform.orchestration.jobs import DAILY_TABLES, SNAPSHOTS
from uam_platform.orchestration.partitions import computed_ranges, range_tags, runs_of_keys
from uam_platform.orchestration.resources import SlackDestination
from uam_platform.orchestration.stale import (
    add_snapshots,
    first_event_day,
    late_sources,
    missing_snapshots,
    stale_days,
    touched_days,
)
from uam_platform.orchestration.wiring import Wiring

_MAX_REQUESTS = 10
_MAX_ATTEMPTS = 3
_VERSION_TAG = "uam/touched_version"
_UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def touched_days_sensor(wiring: Wiring) -> dg.SensorDefinition:
    """Recomputes exactly the days that late data touched, and stops there: recorded snapshots are never requested."""
    environment = wiring.settings.environment

    @dg.sensor(
        name=triggers.TOUCHED_DAYS,
        job_name=DAILY_TABLES,
        minimum_interval_seconds=30,
        default_status=triggers.sensor_status(environment, triggers.TOUCHED_DAYS),
        description="Late data: one run per contiguous range of touched days for events, sessions and daily activity.",
    )
    def recompute_touched_days(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        stale = stale_days(context.instance, wiring)
        if not stale:
            return dg.SkipReason("no touched day is out of date")
        if context.instance.get_runs_count(dg.RunsFilter(job_name=DAILY_TABLES, statuses=_UNDER_WAY)):
            return dg.SkipReason("touched days are being recomputed")
        version = max(touched_days(context.instance).values(), default=0)
        requests = _range_requests(context.instance, wiring, stale, version)
        if not requests:
            return dg.SkipReason(
                f"{len(stale)} touched days failed {_MAX_ATTEMPTS} times: repair the cause, then run them by hand"
            )
        return dg.SensorResult(run_requests=requests[:_MAX_REQUESTS], cursor=str(version))

    return recompute_touched_days


def _range_requests(
    instance: dg.DagsterInstance, wiring: Wiring, stale: list[date], version: int
) -> list[dg.RunRequest]:
    """One request per range, again after a failure, but not for ever: a permanent failure must not start a run each tick."""
    gap, chunk = wiring.rulebook.time.late_gap_days, wiring.settings.chunk_days
    requests = []
    for low, high in computed_ranges(stale, gap, chunk, wiring.days.get_partition_keys()):
        tags = {**range_tags(low, high), _VERSION_TAG: str(version)}
        attempts = instance.get_runs_count(dg.RunsFilter(job_name=DAILY_TABLES, tags=tags))
        if attempts < _MAX_ATTEMPTS:
            requests.append(dg.RunRequest(run_key=f"{low}:{high}:{version}:{attempts}", tags=tags))
    return requests


def daily_snapshots_schedule(wiring: Wiring) -> dg.ScheduleDefinition:
    """Requests the snapshots that are missing, once all sources are complete up to the decision time."""
    environment = wiring.settings.environment

    @dg.schedule(
        name=triggers.SNAPSHOT_SCHEDULE,
        job_name=SNAPSHOTS,
        cron_schedule="20 6-23 * * *",
        execution_timezone="UTC",
        default_status=triggers.schedule_status(environment, triggers.SNAPSHOT_SCHEDULE),
        description="Missing snapshots: features, scores, alerts. Waits for the sources' watermarks and for touched days.",
    )
    def request_snapshots(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        instance = context.instance
        late = late_sources(instance, wiring)
        if late:
            return dg.SkipReason(f"not complete up to the decision time yet: {', '.join(late)}")
        if stale_days(instance, wiring):
            return dg.SkipReason("touched days are not recomputed yet")
        first = first_event_day(Lake(wiring.settings.lake_dir).keys(DELIVERIES), wiring)
        missing = missing_snapshots(instance, wiring, first)
        if not missing:
            return dg.SkipReason("no snapshot is missing")
        if instance.get_runs_count(dg.RunsFilter(job_name=SNAPSHOTS, statuses=_UNDER_WAY)):
            return dg.SkipReason("snapshots are being computed")
        latest = wiring.closed_as_of.isoformat()
        earlier = [key for key in missing if key != latest]
        ordered = add_snapshots(instance, missing)
        if earlier:  # history first, and alone: life cycles are applied in order
            keys = runs_of_keys(earlier, ordered)[0]
            return [dg.RunRequest(run_key=f"{keys[0]}:{keys[-1]}", tags=range_tags(keys[0], keys[-1]))]
        return [dg.RunRequest(run_key=latest, partition_key=latest)]

    return request_snapshots


def run_failure_sensor(wiring: Wiring) -> dg.SensorDefinition:
    """Tells failed runs in Slack, with the step and a link to nothing but the run id."""

    @dg.run_failure_sensor(
        name=triggers.RUN_FAILURES,
        default_status=triggers.sensor_status(wiring.settings.environment, triggers.RUN_FAILURES),
        description="Posts each failed run to Slack: job, failed step, error, run id.",
        minimum_interval_seconds=30,
    )
    def tell_run_failure(context: dg.RunFailureSensorContext, slack: SlackDestination) -> None:
        steps = [f"`{e.step_key}`" for e in context.get_step_failure_events()] or ["before any step"]
        message = (context.failure_event.message or "no message").splitlines()[0][:300]
        text = f"Run of `{context.dagster_run.job_name}` failed at {', '.join(steps[:5])}: {message}\nrun {context.dagster_run.run_id}"
        slack.get_client().chat_postMessage(channel=wiring.settings.slack_failure_channel, text=text)

    return tell_run_failure


def definitions(wiring: Wiring) -> dg.Definitions:
    """Sensors and schedules of the layers that this environment registers."""
    environment = wiring.settings.environment
    sensors, schedules = [], []
    if triggers.is_registered(environment, triggers.TOUCHED_DAYS):
        sensors.append(touched_days_sensor(wiring))
    if triggers.is_registered(environment, triggers.RUN_FAILURES) and wiring.settings.slack_bot_token:
        sensors.append(run_failure_sensor(wiring))
    if triggers.is_registered(environment, triggers.SNAPSHOT_SCHEDULE):
        schedules.append(daily_snapshots_schedule(wiring))
    return dg.Definitions(sensors=sensors, schedules=schedules)
