"""Dagster instances of the command line: the project's persistent one, and scratch ones for `uam run`.

Here: where an instance keeps its files. Not here: what runs on it (`runner`), the storages (`orchestration.instance_storage`).
"""

from pathlib import Path

import dagster as dg
import yaml

PROJECT = Path(__file__).parent.parent


def persistent_instance() -> dg.DagsterInstance:
    """The instance of the project's `dagster.yaml`, which `make dev` shows.

    Its storage folders are relative: call it with the project's root as working directory.
    """
    return dg.DagsterInstance.from_config(str(PROJECT))


def scratch_instance(out: Path) -> dg.DagsterInstance:
    """An instance of the same make whose files all lie under `out`/dagster."""
    home = (out / "dagster").absolute()
    home.mkdir(parents=True, exist_ok=True)
    config = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    for block in ("run_storage", "event_log_storage", "schedule_storage", "compute_logs", "local_artifact_storage"):
        relative = Path(config[block]["config"]["base_dir"]).relative_to("data/dagster")
        config[block]["config"]["base_dir"] = str(home / relative)
    config["run_coordinator"] = {
        "module": "dagster._core.run_coordinator",
        "class": "DefaultRunCoordinator",
    }
    config.pop("concurrency", None)
    (home / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return dg.DagsterInstance.from_config(str(home))
