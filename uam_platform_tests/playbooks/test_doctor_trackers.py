"""What `uam doctor` says about issue trackers, asked of the sandbox's."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from uam_platform import doctor_trackers
from uam_platform.playbooks import jira_session, linear_session
from uam_platform.scratch import settings_of
from uam_platform.simulation.sandbox import credentials
from uam_platform.simulation.sandbox.jira import JiraSurface
from uam_platform.simulation.sandbox.linear import LinearSurface
from uam_platform.simulation.sandbox.received import Journal
from uam_platform_tests.ledger.findings import MONDAY, morning
from uam_platform_tests.playbooks.trackers import Wire

LOOKS = {"jira": doctor_trackers.jira, "linear": doctor_trackers.linear}


@pytest.fixture
def wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sessions that talk to a sandbox in this process."""
    surfaces = {
        "jira": JiraSurface(Journal(tmp_path, "jira"), lambda: 1.0, lambda: 1.0),
        "linear": LinearSurface(Journal(tmp_path, "linear"), lambda: 1.0, lambda: 1.0),
    }
    for name, module in (("jira", jira_session), ("linear", linear_session)):
        wire = Wire(Starlette(routes=surfaces[name].routes()), name, [], lambda: morning(MONDAY))
        kind = f"{name.capitalize()}Session"
        original = getattr(module, kind)

        def opened(login: Any, timeout_seconds: float, original: Any = original, wire: Any = wire) -> Any:
            return original(login, wire, timeout_seconds)

        monkeypatch.setattr(module, kind, opened)
    with contextlib.suppress(httpx.HTTPError):
        yield


def environment(**changed: str) -> dict[str, str]:
    return {**credentials.environment("http://127.0.0.1"), **changed}


@pytest.mark.parametrize("name", sorted(LOOKS))
def test_a_tracker_that_is_not_connected_says_what_to_set(name: str) -> None:
    assert f"UAM_{name.upper()}" in LOOKS[name](settings_of({}))


@pytest.mark.usefixtures("wired")
def test_a_connected_tracker_is_named_with_the_rulebooks_targets() -> None:
    settings = settings_of(environment())
    assert "projects OPS; dry run" in doctor_trackers.jira(settings)
    assert "at Acme accepted; teams PROD, PRODOPS; dry run" in doctor_trackers.linear(settings)


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize(("name", "setting"), [("jira", "UAM_JIRA_API_TOKEN"), ("linear", "UAM_LINEAR_API_KEY")])
def test_a_refused_token_names_the_variable(name: str, setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        LOOKS[name](settings_of(environment(**{setting: "lin_api_wrong"})))


@pytest.mark.usefixtures("wired")
@pytest.mark.parametrize(("name", "key"), [("jira", "OPS"), ("linear", "PRODOPS")])
def test_a_target_that_does_not_exist_is_named(name: str, key: str, tmp_path: Path) -> None:
    shipped = Path(doctor_trackers.__file__).parent / "policy/rulebook/playbooks.yaml"
    (tmp_path / "playbooks.yaml").write_text(shipped.read_text().replace(f"target: {key}}}", "target: GONE}"))
    with pytest.raises(ValueError, match="GONE"):
        LOOKS[name](settings_of(environment(), policy_dir=tmp_path))
