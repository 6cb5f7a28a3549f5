"""`uam doctor` asks every system of the sandbox, and each one answers that it may be read."""

from pathlib import Path

import pytest

from uam_platform import doctor
from uam_platform.simulation.sandbox.server import Running

ASKED = {"zendesk", "salesforce", "gong", "posthog", "mixpanel", "amplitude", "releases"}


def test_doctor_finds_every_system_of_the_sandbox_in_order(
    sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no environment file of this machine
    variables = {**sandbox.credentials, "UAM_DATA_DIR": str(tmp_path), "UAM_FIRST_DAY": "2025-01-06"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = {finding.subject: finding for finding in doctor.diagnose()}
    assert [f"{f.subject}: {f.detail}" for f in found.values() if not f.is_ok] == []
    answered = {name for name in ASKED if not found[f"source {name}"].detail.startswith("off;")}
    assert answered == ASKED
    assert {"slack", "jira", "linear", "source segment"} <= set(found)
