"""What the sensors and schedules request: touched days, snapshots, deliveries; nothing when nothing is due."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.test_utils import create_run_for_test

from uam_platform.contracts.tables import ACTOR_DAYS, EVENTS
from uam_platform.definitions import build
from uam_platform.instances import scratch_instance
from uam_platform.ledger import outbox
from uam_platform.orchestration import triggers
from uam_platform.orchestration.jobs import DAILY_TABLES, DELIVER, SNAPSHOTS
from uam_platform.orchestration.resources import LedgerResource
from uam_platform.orchestration.sensors import daily_snapshots_schedule, touched_days_sensor
from uam_platform.orchestration.stale import (
    ALERT_STATE,
    RESTATEMENT_TAG,
    refuse_unasked_restatement,
    stale_days,
    touched_days,
)
from uam_platform.orchestration.wiring import Wiring
from uam_platform.playbooks.sensors import outbox_sensor
from uam_platform.policy.load import PolicyError
from uam_platform_tests.orchestration.wired import NOW, build_days, complete, record, touch, wired

START_TAG, END_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
GRID = ["2025-02-03", "2025-02-10", "2025-02-17"]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with files, as schedules ask for."""
    with scratch_instance(tmp_path) as found:
        yield found


@pytest.fixture
def wiring(tmp_path: Path) -> Wiring:
    return wired(tmp_path)


def tick(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None, **resources: Any
) -> SensorExecutionData:
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources or None) as context:
        return sensor.evaluate_tick(context)


def ranges(wiring: Wiring, instance: dg.DagsterInstance) -> list[tuple[str, str]]:
    found = tick(touched_days_sensor(wiring), instance)
    return [(r.tags[START_TAG], r.tags[END_TAG]) for r in found.run_requests or ()]


# touched days


def test_nothing_is_requested_before_the_first_load(wiring: Wiring, instance: dg.DagsterInstance) -> None:
    found = tick(touched_days_sensor(wiring), instance)
    assert not found.run_requests
    assert "no touched day" in (found.skip_message or "")


def test_touched_days_are_requested_with_a_day_either_side_and_gaps_of_two_bridged(
    wiring: Wiring, instance: dg.DagsterInstance
) -> None:
    touch(instance, "2025-01-10", "2025-01-13", "2025-02-01")
    assert ranges(wiring, instance) == [("2025-01-09", "2025-01-14"), ("2025-01-31", "2025-02-02")]


def test_days_that_were_computed_since_are_not_requested_again(wiring: Wiring, instance: dg.DagsterInstance) -> None:
    touch(instance, "2025-01-10", "2025-02-01")
    build_days(instance, "2025-01-10")
    assert ranges(wiring, instance) == [("2025-01-31", "2025-02-02")]
    build_days(instance, "2025-02-01")
    assert ranges(wiring, instance) == []
    touch(instance, "2025-01-10")
    assert ranges(wiring, instance) == [("2025-01-09", "2025-01-11")], "a later load makes it stale again"


def test_a_day_is_stale_while_any_of_its_tables_is(wiring: Wiring, instance: dg.DagsterInstance) -> None:
    touch(instance, "2025-01-10")
    build_days(instance, "2025-01-10", tables=(ACTOR_DAYS,))
    assert stale_days(instance, wiring) == [date(2025, 1, 10)]
    build_days(instance, "2025-01-10", tables=(EVENTS,))
    assert stale_days(instance, wiring) == [date(2025, 1, 10)], "sessions are still missing"


def test_days_outside_the_partitions_are_not_requested(wiring: Wiring, instance: dg.DagsterInstance) -> None:
    touch(instance, "2019-12-31", "2025-03-07", "2025-03-08")
    assert ranges(wiring, instance) == []


def test_skipped_ticks_lose_nothing_because_the_stale_set_is_compared(
    wiring: Wiring, instance: dg.DagsterInstance
) -> None:
    for day in ("2025-01-08", "2025-01-20"):
        touch(instance, day)
    for _ in range(600):
        touch(instance)  # more loads than one page of records
    assert set(touched_days(instance)) == {"2025-01-08", "2025-01-20"}
    assert ranges(wiring, instance) == [("2025-01-07", "2025-01-09"), ("2025-01-19", "2025-01-21")]


def test_long_histories_are_chunked_and_capped(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    wiring = wired(tmp_path, first_day="2024-01-01", chunk_days=10)
    touch(instance, *wiring.days.get_partition_keys()[:200])
    found = ranges(wiring, instance)
    assert len(found) == 10
    assert all((date.fromisoformat(b) - date.fromisoformat(a)).days <= 11 for a, b in found)


def test_nothing_is_requested_while_a_run_is_under_way(wiring: Wiring, instance: dg.DagsterInstance) -> None:
    touch(instance, "2025-01-10")
    create_run_for_test(instance, job_name=DAILY_TABLES, status=dg.DagsterRunStatus.STARTED)
    assert ranges(wiring, instance) == []


def test_a_failed_range_is_requested_again_under_a_new_key_but_not_for_ever(
    wiring: Wiring, instance: dg.DagsterInstance
) -> None:
    touch(instance, "2025-01-10")
    keys = []
    for _ in range(3):
        found = tick(touched_days_sensor(wiring), instance)
        (request,) = found.run_requests or ()
        keys.append(request.run_key)
        create_run_for_test(
            instance, job_name=DAILY_TABLES, status=dg.DagsterRunStatus.FAILURE, tags=dict(request.tags)
        )
    assert len(set(keys)) == 3, "Dagster starts a run key only once"
    given_up = tick(touched_days_sensor(wiring), instance)
    assert not given_up.run_requests
    assert "failed 3 times" in (given_up.skip_message or "")
    touch(instance, "2025-01-10")
    assert ranges(wiring, instance) == [("2025-01-09", "2025-01-11")], "a new load is a new reason to try"


def test_one_tick_gives_the_same_keys_as_the_next_while_nothing_changed(
    wiring: Wiring, instance: dg.DagsterInstance
) -> None:
    touch(instance, "2025-01-10", "2025-02-01")
    first, second = (tick(touched_days_sensor(wiring), instance) for _ in range(2))
    assert first.run_requests
    assert [r.run_key for r in first.run_requests or ()] == [r.run_key for r in second.run_requests or ()]


# snapshots


def evaluate(wiring: Wiring, lasting: dg.DagsterInstance) -> list[dg.RunRequest]:
    return list(outcome(wiring, lasting).run_requests or ())


def outcome(wiring: Wiring, lasting: dg.DagsterInstance) -> ScheduleExecutionData:
    at, location = datetime.fromisoformat(NOW), build(wiring).get_repository_def()
    with dg.build_schedule_context(lasting, scheduled_execution_time=at, repository_def=location) as context:
        return daily_snapshots_schedule(wiring).evaluate_tick(context)


def skipped(wiring: Wiring, lasting: dg.DagsterInstance) -> str:
    found = outcome(wiring, lasting)
    assert not found.run_requests
    return found.skip_message or ""


def test_snapshots_wait_for_the_watermarks_of_all_sources(wiring: Wiring, lasting: dg.DagsterInstance) -> None:
    assert "salesforce, zendesk, gong, segment, posthog, mixpanel, amplitude" in skipped(wiring, lasting)
    decision = wiring.rulebook.time.decision_at(wiring.closed_as_of)
    complete(lasting, wiring, decision - timedelta(seconds=1))
    assert "zendesk" in skipped(wiring, lasting), "a second before the decision time is too early"
    complete(lasting, wiring, decision)
    assert evaluate(wiring, lasting)


def test_snapshots_wait_for_touched_days(wiring: Wiring, lasting: dg.DagsterInstance) -> None:
    complete(lasting, wiring, datetime.fromisoformat(NOW))
    touch(lasting, "2025-03-01")
    assert "touched days" in skipped(wiring, lasting)
    build_days(lasting, "2025-03-01")
    assert evaluate(wiring, lasting)


def test_missing_history_is_requested_first_and_as_a_range(wiring: Wiring, lasting: dg.DagsterInstance) -> None:
    complete(lasting, wiring, datetime.fromisoformat(NOW))
    found = evaluate(wiring, lasting)
    assert [(r.tags[START_TAG], r.tags[END_TAG]) for r in found] == [("2025-02-03", "2025-03-06")]


def record_all(wiring: Wiring, lasting: dg.DagsterInstance, but: set[str]) -> None:
    grid = [*GRID, *[(date(2025, 2, 22) + timedelta(days=n)).isoformat() for n in range(14)]]
    lasting.add_dynamic_partitions("as_of", grid)
    for key in set(grid) - but:
        record(lasting, ALERT_STATE, {}, key)


def test_the_latest_snapshot_is_requested_alone_so_that_it_may_act(wiring: Wiring, lasting: dg.DagsterInstance) -> None:
    complete(lasting, wiring, datetime.fromisoformat(NOW))
    record_all(wiring, lasting, {"2025-03-07"})
    found = evaluate(wiring, lasting)
    assert [r.partition_key for r in found] == ["2025-03-07"]
    assert START_TAG not in found[0].tags


def test_a_hole_in_history_is_found_by_the_missing_set(wiring: Wiring, lasting: dg.DagsterInstance) -> None:
    complete(lasting, wiring, datetime.fromisoformat(NOW))
    record_all(wiring, lasting, {"2025-02-10", "2025-03-07"})
    found = evaluate(wiring, lasting)
    assert [(r.tags[START_TAG], r.tags[END_TAG]) for r in found] == [("2025-02-10", "2025-02-10")]


def test_nothing_is_requested_when_all_snapshots_are_recorded_or_being_computed(
    wiring: Wiring, lasting: dg.DagsterInstance
) -> None:
    complete(lasting, wiring, datetime.fromisoformat(NOW))
    create_run_for_test(lasting, job_name=SNAPSHOTS, status=dg.DagsterRunStatus.STARTED)
    assert "being computed" in skipped(wiring, lasting)
    record_all(wiring, lasting, set())
    assert "no snapshot is missing" in skipped(wiring, lasting)


def test_a_recorded_snapshot_is_not_rewritten_unless_asked_for(wiring: Wiring, lasting: dg.DagsterInstance) -> None:
    record_all(wiring, lasting, {"2025-03-07"})
    refuse_unasked_restatement(lasting, ["2025-03-07"], {})
    with pytest.raises(dg.Failure, match=r"2025-02-10.*uam restate"):
        refuse_unasked_restatement(lasting, ["2025-02-10", "2025-03-07"], {})
    refuse_unasked_restatement(lasting, ["2025-02-10"], {RESTATEMENT_TAG: "corrected contract"})


# outbox


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> list[datetime | None]:
    """When the next action is due; a test changes it."""
    answer: list[datetime | None] = [datetime.fromisoformat(NOW)]
    monkeypatch.setattr(outbox, "next_due_at", lambda ledger, destinations: answer[0])
    return answer


def fired(wiring: Wiring, instance: dg.DagsterInstance) -> bool:
    ledger = LedgerResource(url=wiring.settings.ledger_address)
    return bool(tick(outbox_sensor(wiring), instance, ledger=ledger).run_requests)


def test_the_outbox_sensor_fires_while_something_is_due(
    tmp_path: Path, instance: dg.DagsterInstance, due: list[datetime | None]
) -> None:
    wiring = wired(tmp_path, actions_enabled=True)
    assert fired(wiring, instance)
    due[0] = wiring.settings.delivery_clock() + timedelta(minutes=1)
    assert not fired(wiring, instance), "due later"
    due[0] = None
    assert not fired(wiring, instance), "nothing waits"


def test_the_outbox_sensor_skips_while_a_delivery_runs_and_where_actions_are_off(
    tmp_path: Path, instance: dg.DagsterInstance, due: list[datetime | None]
) -> None:
    assert not fired(wired(tmp_path), instance), "actions are off unless switched on"
    create_run_for_test(instance, job_name=DELIVER, status=dg.DagsterRunStatus.STARTING)
    assert not fired(wired(tmp_path, actions_enabled=True), instance)


def test_the_outbox_sensor_asks_with_a_new_key_each_time(
    tmp_path: Path, instance: dg.DagsterInstance, due: list[datetime | None]
) -> None:
    sensor = outbox_sensor(wired(tmp_path, actions_enabled=True))
    ledger = LedgerResource(url=f"sqlite:///{tmp_path / 'ledger.db'}")
    keys, cursor = [], None
    for _ in range(3):
        found = tick(sensor, instance, cursor, ledger=ledger)
        cursor = found.cursor
        keys += [r.run_key for r in found.run_requests or ()]
    assert len(set(keys)) == 3


# the table of triggers


def test_a_developers_machine_starts_nothing_by_itself() -> None:
    names = (triggers.LOADS, triggers.SNAPSHOT_SCHEDULE, triggers.TOUCHED_DAYS, triggers.OUTBOX, triggers.RUN_FAILURES)
    assert not any(triggers.is_running("local", name) for name in names)
    assert all(triggers.is_running("production", name) for name in names)


def test_an_unknown_environment_is_named_with_the_known_ones() -> None:
    with pytest.raises(PolicyError, match=r"UAM_ENVIRONMENT='prod'.*local, demo, production"):
        triggers.is_registered("prod", triggers.LOADS)
