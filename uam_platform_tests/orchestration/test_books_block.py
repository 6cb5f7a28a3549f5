"""What is lost between delivery and table stops whatever would be computed from it."""

from typing import Any

import dagster as dg
import pytest

from uam_platform.contracts.tables import EVENTS, LOAD_RECONCILIATION, PEOPLE, SESSIONS
from uam_platform.orchestration.assets import asset_key
from uam_platform.orchestration.jobs import DAILY_TABLES, SNAPSHOTS
from uam_platform.orchestration.partitions import range_tags
from uam_platform.runner import Runner, failure_message
from uam_platform.staging import assets
from uam_platform.staging.table_books import TableBook
from uam_platform_tests.orchestration.small_lake import at_noon, delivered, run, runner_over

DAYS = ("2025-01-06", "2025-01-07")


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A lake with four deliveries of two days."""
    made = runner_over(tmp_path_factory.mktemp("small"), dg.DagsterInstance.ephemeral())
    delivered(made, [at_noon(day, f"{day}{one}", "report_generated") for day in DAYS for one in "ab"])
    return made


def daily(runner: Runner) -> dg.ExecuteInProcessResult:
    return run(runner, DAILY_TABLES, EVENTS, SESSIONS, tags=range_tags(*DAYS))


def computed(result: dg.ExecuteInProcessResult) -> set[dg.AssetKey]:
    return {event.asset_key for event in result.get_asset_materialization_events() if event.asset_key}


def test_days_that_add_up_are_computed_to_the_end_under_one_record_of_the_check(runner: Runner) -> None:
    result = daily(runner)
    assert result.success
    assert asset_key(SESSIONS) in computed(result)
    checks = [check for check in result.get_asset_check_evaluations() if check.check_name == "deliveries_add_up"]
    assert [(check.passed, check.metadata["delivered_count"].value) for check in checks] == [(True, 4)]


def test_events_that_lost_a_row_stop_the_sessions_and_the_day_is_named(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = assets.publish_around_events

    def losing(*arguments: Any) -> Any:
        events = publish(*arguments)
        return events.filter((events.event_date.cast("string") != DAYS[1]) | (events.row_no % 2 == 0))

    monkeypatch.setattr(assets, "publish_around_events", losing)
    result = daily(runner)
    assert not result.success
    assert asset_key(EVENTS) in computed(result)
    assert asset_key(SESSIONS) not in computed(result)
    said = failure_message(result, DAILY_TABLES)
    assert "segment on 2025-01-07: 1 deliveries are in no table (2 delivered; 1 in events" in said


def test_a_record_that_reached_no_table_stops_everybody_who_reads_people(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = TableBook("staging/tickets", "zendesk ticket", 5, 0, "", 4, 1, ("zendesk:2",))
    monkeypatch.setattr("uam_platform.staging.checks.table_books", lambda *_: [lost])
    tables = (LOAD_RECONCILIATION, PEOPLE)
    keys = {asset_key(table) for table in tables}
    graph = runner.definitions.resolve_asset_graph()
    chosen = dg.AssetSelection.keys(*keys).required_multi_asset_neighbors().resolve(graph)
    result = runner.definitions.resolve_job_def(SNAPSHOTS).execute_in_process(
        instance=runner.instance, raise_on_error=False, asset_selection=sorted(chosen)
    )
    assert not result.success
    assert computed(result) == {asset_key(LOAD_RECONCILIATION)}
    assert "staging/tickets: 1 of 5 records of zendesk ticket have no row (zendesk:2)" in failure_message(
        result, SNAPSHOTS
    )
