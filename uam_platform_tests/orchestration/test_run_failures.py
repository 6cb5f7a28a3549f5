"""A failed run is told in Slack, and in the words of the command line."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from uam_platform.orchestration.resources import SlackDestination
from uam_platform.orchestration.sensors import run_failure_sensor
from uam_platform.runner import failure_message
from uam_platform_tests.orchestration.wired import wired


@dg.asset
def broken_table() -> None:
    """Fails as an asset fails: with a cause."""
    try:
        raise ValueError("column speed is not in the contract")
    except ValueError as error:
        raise RuntimeError("step stopped") from error


@dg.asset_check(asset=broken_table, blocking=True)
def never_reached() -> dg.AssetCheckResult:
    """Is not evaluated, because the asset failed."""
    return dg.AssetCheckResult(passed=True)


@pytest.fixture(scope="module")
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


@pytest.fixture(scope="module")
def failed(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = dg.Definitions(
        assets=[broken_table], asset_checks=[never_reached], jobs=[dg.define_asset_job("break_it")]
    ).resolve_job_def("break_it")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def test_the_slack_message_names_job_step_and_run(
    failed: dg.ExecuteInProcessResult, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts: list[dict[str, Any]] = []

    class FakeClient:
        def chat_postMessage(self, **message: Any) -> None:
            posts.append(message)

    monkeypatch.setattr(SlackDestination, "get_client", lambda self: FakeClient())
    wiring = wired(tmp_path)
    event = next(e for e in failed.all_events if e.event_type is dg.DagsterEventType.RUN_FAILURE)
    context = dg.build_run_status_sensor_context(
        sensor_name="run_failures",
        dagster_instance=instance,
        dagster_run=failed.dagster_run,
        dagster_event=event,
        resources={"slack": SlackDestination(token="xoxb-none")},
    ).for_run_failure()
    run_failure_sensor(wiring)(context)
    (post,) = posts
    assert post["channel"] == wiring.settings.slack_failure_channel
    for word in ("break_it", "broken_table", failed.run_id):
        assert word in post["text"]


def test_the_command_line_shows_the_innermost_cause_without_a_traceback(failed: dg.ExecuteInProcessResult) -> None:
    text = failure_message(failed, "break_it")
    assert "column speed is not in the contract" in text
    assert "broken_table" in text
    assert "Traceback" not in text
    assert "File " not in text
