"""What may run unattended: a declared table of environment x trigger. Off means not registered at all.

Here: the table and its look-up. Not here: what a trigger does (`schedules` below, the stages' sensors).
"""

from typing import Final

import dagster as dg

from uam_platform.policy.load import PolicyError

LOADS: Final = "hourly_loads"
SNAPSHOT_SCHEDULE: Final = "daily_snapshots"
TOUCHED_DAYS: Final = "touched_days"
OUTBOX: Final = "outbox"
RUN_FAILURES: Final = "run_failures_to_slack"

_UNATTENDED: Final[dict[str, frozenset[str]]] = {
    # a developer's machine: nothing happens by itself but what the UI shows as a stopped trigger
    "local": frozenset({LOADS, SNAPSHOT_SCHEDULE, TOUCHED_DAYS, OUTBOX}),
    # the demo: its sensor fires the playbooks into the sandbox
    "demo": frozenset({LOADS, SNAPSHOT_SCHEDULE, TOUCHED_DAYS, OUTBOX, RUN_FAILURES}),
    "production": frozenset({LOADS, SNAPSHOT_SCHEDULE, TOUCHED_DAYS, OUTBOX, RUN_FAILURES}),
}
_RUNNING: Final[dict[str, frozenset[str]]] = {
    "local": frozenset(),
    "demo": frozenset({OUTBOX, TOUCHED_DAYS, RUN_FAILURES}),
    "production": frozenset({LOADS, SNAPSHOT_SCHEDULE, TOUCHED_DAYS, OUTBOX, RUN_FAILURES}),
}


def is_registered(environment: str, trigger: str) -> bool:
    """Whether a trigger exists in an environment.

    Raises:
        PolicyError: the environment is unknown.
    """
    if environment not in _UNATTENDED:
        raise PolicyError(f"UAM_ENVIRONMENT={environment!r} is unknown; write one of {', '.join(_UNATTENDED)}")
    return trigger in _UNATTENDED[environment]


def is_running(environment: str, trigger: str) -> bool:
    """Whether a registered trigger starts switched on."""
    return trigger in _RUNNING.get(environment, frozenset())


def sensor_status(environment: str, trigger: str) -> dg.DefaultSensorStatus:
    """Default status of a sensor."""
    return dg.DefaultSensorStatus.RUNNING if is_running(environment, trigger) else dg.DefaultSensorStatus.STOPPED


def schedule_status(environment: str, trigger: str) -> dg.DefaultScheduleStatus:
    """Default status of a schedule."""
    return dg.DefaultScheduleStatus.RUNNING if is_running(environment, trigger) else dg.DefaultScheduleStatus.STOPPED
