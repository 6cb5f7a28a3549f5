"""What people see of identity where no truth is known: the check with its history, and the list of risky merges."""

from dataclasses import fields
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from uam_platform.cli import app
from uam_platform.contracts.tables import IDENTITY_EVIDENCE, PEOPLE
from uam_platform.contracts.tables_identity import CONTRACTS_IDENTITY
from uam_platform.definitions import build
from uam_platform.identity.checks import CHECK
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import asset_key
from uam_platform_tests.identity.product import Seen, evidence, resolved, user
from uam_platform_tests.orchestration.wired import wired


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Ann and Bob, wrongly one person by an alias, and Cat who is nobody else."""
    days = [Seen(day, who, workspace=f"w_{who}") for who in ("ann", "bob", "cat") for day in range(9)]
    seen = [*days, Seen(3, "bob", kind="alias", previous_user="ann")]
    lake, connection, tables = Lake(tmp_path / "lake"), connect(), resolved(seen)
    for contract in CONTRACTS_IDENTITY:
        if contract.name in {field.name for field in fields(tables)}:
            lake.publish(connection, contract, as_table(getattr(tables, contract.name), contract))
    rows = evidence(seen)
    keys = sorted({str(s.row()["event_date"]) for s in seen})
    lake.publish(connection, IDENTITY_EVIDENCE, as_table(rows.to_pyarrow(), IDENTITY_EVIDENCE), keys)
    return tmp_path


def test_the_check_warns_of_a_risky_merge_and_keeps_its_history(published: Path) -> None:
    location = build(wired(published))
    chosen = dg.AssetSelection.checks(dg.AssetCheckKey(asset_key(PEOPLE), CHECK))
    job = dg.define_asset_job("check", selection=chosen).resolve(asset_graph=location.resolve_asset_graph())
    with dg.DagsterInstance.ephemeral() as instance:
        runs = [job.execute_in_process(instance=instance, resources=location.resources) for _ in range(2)]
    first, second = (run.get_asset_check_evaluations()[0] for run in runs)
    assert not first.passed
    assert first.severity is dg.AssetCheckSeverity.WARN
    assert first.metadata["risky_merge_count"].value == 1
    assert f"{user('ann'):x}" in str(first.metadata["riskiest_merges"].value)
    rows = [len(str(run.metadata["history"].value).splitlines()) - 2 for run in (first, second)]
    assert rows == [1, 2]
    assert str(second.metadata["history_plot"].value).startswith("![")


def test_the_command_lists_the_risky_merge_with_what_retracts_it(published: Path) -> None:
    told = CliRunner().invoke(app, ["identity", "audit", "--run", str(published)])
    assert told.exit_code == 0, told.output
    assert "merged_user_count: 2" in told.output
    assert f"uam identity retract user:#{user('ann'):016x} user:#{user('bob'):016x}" in told.output


def test_before_anything_ran_the_command_says_what_to_do(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["identity", "audit", "--run", str(tmp_path)])
    assert "run the identity asset first" in str(told.exception)
