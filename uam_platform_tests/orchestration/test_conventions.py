"""What every asset must carry, and that the code location loads."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from uam_platform.contracts.tables import CONTRACTS
from uam_platform.definitions import build
from uam_platform.orchestration.assets import column_schema
from uam_platform.orchestration.jobs import JOBS
from uam_platform_tests.orchestration.wired import wired

LAYERS = {"raw", "canonical", "identity", "features", "model", "score", "alert", "action", "review", "serving"}
TRIGGERS = {"load_schedule", "touched_days_sensor", "snapshot_schedule", "outbox_sensor", "manual"}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build(wired(tmp_path_factory.mktemp("wired")))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


def wrong(specs: dict[dg.AssetKey, dg.AssetSpec], is_right: object) -> Iterator[str]:
    return (key.to_user_string() for key, spec in specs.items() if not is_right(spec))  # type: ignore[operator]


def test_all_layers_are_there(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    assert len(specs) >= 20
    assert {spec.tags["layer"] for spec in specs.values()} == LAYERS


@pytest.mark.parametrize(
    ("what", "is_right"),
    [
        ("an owner", lambda s: bool(s.owners)),
        (
            "a group named as the first part of its key",
            lambda s: s.group_name == {"raw": "connectors"}.get(s.key.path[0], s.key.path[0]),
        ),
        ("kinds", lambda s: bool(s.kinds)),
        ("a description that says something", lambda s: len(s.description or "") > 40),
        ("a layer", lambda s: s.tags.get("layer") in LAYERS),
        ("a PII class", lambda s: s.tags.get("pii") in {"none", "pseudonym", "personal"}),
        ("a trigger, or manual", lambda s: s.tags.get("trigger") in TRIGGERS),
        ("a column schema", lambda s: isinstance(s.metadata.get("dagster/column_schema"), dg.TableSchema)),
        ("a code version", lambda s: bool(s.code_version)),
        ("a freshness policy", lambda s: s.freshness_policy is not None),
    ],
)
def test_every_asset_has(what: str, is_right: object, specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    assert list(wrong(specs, is_right)) == [], f"without {what}"


def test_tables_carry_the_schema_of_their_contract(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    by_path = {c.path: c for c in CONTRACTS}
    found = [(spec, by_path[tuple(key.path)]) for key, spec in specs.items() if tuple(key.path) in by_path]
    assert len(found) >= 20
    for spec, contract in found:
        assert spec.metadata["dagster/column_schema"] == column_schema(contract)
        assert contract.grain in (spec.description or "")


def test_every_table_has_a_blocking_contract_check(
    definitions: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    checks = {
        check.asset_key
        for checks in definitions.asset_checks or ()
        for check in checks.check_specs  # type: ignore[union-attr]
        if check.name == "keeps_contract" and check.blocking
    }
    tables = {key for key in specs if tuple(key.path) in {c.path for c in CONTRACTS}}
    assert tables == checks


def test_every_asset_belongs_to_exactly_one_job(
    definitions: dg.Definitions, specs: dict[dg.AssetKey, dg.AssetSpec]
) -> None:
    selected = [key for job in JOBS for key in definitions.resolve_job_def(job.name).asset_layer.selected_asset_keys]
    assert sorted(selected) == sorted(specs)


def test_no_asset_has_an_automation_condition_beside_its_trigger(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    assert list(wrong(specs, lambda s: s.automation_condition is None)) == []


def test_the_code_location_loads_in_a_fresh_interpreter_with_nothing_configured(tmp_path: Path) -> None:
    code = (
        "import dagster as dg; import uam_platform.definitions as d; found = d.defs(); "
        "dg.Definitions.validate_loadable(found); print(len(list(found.resolve_all_asset_specs())))"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("UAM_", "DAGSTER_"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20


def test_definitions_are_loadable_in_every_environment(tmp_path: Path) -> None:
    for environment in ("local", "demo", "production"):
        definitions = build(wired(tmp_path, environment=environment))
        dg.Definitions.validate_loadable(definitions)
        running = [s for s in definitions.sensors or () if s.default_status is dg.DefaultSensorStatus.RUNNING]  # type: ignore[union-attr]
        assert bool(running) == (environment != "local"), environment
