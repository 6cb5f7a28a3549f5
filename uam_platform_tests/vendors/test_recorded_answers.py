"""Whatever a vendor has ever been recorded to answer, to whatever we ask: sources land it or say what to do, destinations classify it.

Every recorded exchange of a vendor, of calls that we make and of those that we do not, is given as the answer to all of our requests.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError

from uam_platform.connectors import amplitude, gong, mixpanel, mixpanel_profiles, posthog, salesforce, zendesk
from uam_platform.connectors.amplitude import AmplitudeSource
from uam_platform.connectors.errors import ConnectorError
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.mixpanel import MixpanelSource
from uam_platform.connectors.posthog_api import PostHogSource
from uam_platform.connectors.retry import Retry
from uam_platform.connectors.salesforce_session import SalesforceSource
from uam_platform.connectors.zendesk_session import ZendeskSource
from uam_platform.lake.loads import LoadManifest
from uam_platform.playbooks import slack
from uam_platform.playbooks.destination import Outcome, Result
from uam_platform_tests.connectors.fakes import NOW, quiet
from uam_platform_tests.connectors.vendor_samples import FOLDER, interactions, needs_samples
from uam_platform_tests.playbooks import test_jira, test_linear, test_salesforce, test_slack
from uam_platform_tests.playbooks.fake_slack import Answer, FakeSlack

pytestmark = needs_samples
START = datetime(2025, 1, 30, tzinfo=UTC)
HIDDEN = "kept-out-of-every-message"
TOKEN = {"access_token": HIDDEN, "instance_url": "https://acme.example"}
FEWEST = {"mixpanel": 6, "amplitude": 10, "posthog": 12, "zendesk": 14, "gong": 11, "salesforce": 24} | {
    "jira": 14,
    "linear": 14,
    "slack": 15,
}


def mixpanel_source() -> MixpanelSource:
    return MixpanelSource("https://data.mixpanel.example", HIDDEN, None, None, date(2025, 1, 30))


LANDS: dict[str, Callable[[LoadManifest, str, Wire], Any]] = {
    "mixpanel": lambda m, i, wire: mixpanel.land_events(mixpanel_source(), m, i, NOW, quiet, {}, wire),
    "mixpanel profiles": lambda m, i, wire: mixpanel_profiles._land_profiles(
        mixpanel_source(), m, i, NOW, quiet, {}, wire
    ),
    "amplitude": lambda m, i, wire: amplitude.land(
        AmplitudeSource("https://amplitude.example", "k", HIDDEN, date(2025, 1, 31)), m, i, NOW, quiet, wire=wire
    ),
    "posthog": lambda m, i, wire: posthog.land(
        PostHogSource("17", None, "https://us.posthog.example", HIDDEN, START), m, i, NOW, quiet, wire=wire
    ),
    "zendesk": lambda m, i, wire: zendesk.land(
        ZendeskSource("https://acme.example", START, "a@b.example", HIDDEN), m, i, NOW, quiet, wire=wire
    ),
    "gong": lambda m, i, wire: gong.land(
        gong.GongSource("https://api.gong.example", "key", HIDDEN, START), m, i, NOW, quiet, wire=wire
    ),
    "salesforce": lambda m, i, wire: salesforce.land(
        SalesforceSource("https://acme.example", "id", HIDDEN), m, i, NOW, quiet, wire=wire
    ),
}


def recorded(vendor: str) -> Iterator[tuple[str, httpx.Response]]:
    """All recorded answers of a vendor, each with the name of its file."""
    for path in sorted((Path(FOLDER) / vendor / "nango").glob("*.json")):
        for one in interactions(f"{vendor}/nango/{path.name}"):
            said = one.get("response")
            text = said if isinstance(said, str) else json.dumps(said)
            headers = {k: str(v) for k, v in (one.get("response_headers") or {}).items() if k != "content-encoding"}
            headers = {k: v for k, v in headers.items() if k.lower() not in ("content-length", "transfer-encoding")}
            yield path.stem, httpx.Response(one["status"], text=text, headers=headers)


def given(answer: httpx.Response) -> httpx.Response:
    """The answer as the network gives it: new each time, its body unread."""
    return httpx.Response(answer.status_code, stream=httpx.ByteStream(answer.content), headers=answer.headers)


@pytest.mark.parametrize("name", LANDS)
@pytest.mark.proves("Zendesk", "recorded answers")
@pytest.mark.proves("Gong", "recorded answers")
@pytest.mark.proves("Salesforce", "recorded answers")
@pytest.mark.proves("PostHog", "recorded answers")
@pytest.mark.proves("Mixpanel", "recorded answers")
@pytest.mark.proves("Amplitude", "recorded answers")
def test_a_source_lands_any_recorded_answer_or_says_what_to_do(name: str, tmp_path: Path) -> None:
    vendor = name.split()[0]
    answers = list(recorded(vendor))
    assert len(answers) >= FEWEST[vendor]
    for number, (file, answer) in enumerate(answers):
        manifest = LoadManifest(tmp_path / str(number))

        def reply(request: httpx.Request, answer: httpx.Response = answer) -> httpx.Response:
            return httpx.Response(200, json=TOKEN) if "oauth2/token" in request.url.path else given(answer)

        wire = Wire(httpx.MockTransport(reply), Retry(attempts=2, sleep=lambda _: None))
        error = failure(lambda wire=wire, manifest=manifest: LANDS[name](manifest, manifest.next_id(vendor, NOW), wire))
        if error is not None:
            assert error.where.startswith(vendor), file
            assert len(error.action) > 10, file
            assert HIDDEN not in str(error), file
            assert manifest.loads() == [], file


def failure(act: Callable[[], Any]) -> ConnectorError | None:
    """How an act of a connector fails; None where it does not."""
    try:
        act()
    except ConnectorError as error:
        return error
    return None


DESTINATIONS: dict[str, Callable[[httpx.Response], Callable[[str], Outcome]]] = {
    "jira": lambda answer: (
        lambda kind: (
            test_jira.Site(**dict.fromkeys(test_jira.Site().answers, given(answer)))
            .destination()
            .deliver(test_jira.action(kind, "open" if kind == "post" else "resolved"), test_jira.NOW)
        )
    ),
    "linear": lambda answer: (
        lambda kind: (
            test_linear.Workspace(**dict.fromkeys(test_linear.Workspace().answers, given(answer)))
            .destination()
            .deliver(test_linear.action(kind, "open" if kind == "post" else "resolved"), test_linear.NOW)
        )
    ),
    "salesforce": lambda answer: (
        lambda kind: (
            test_salesforce.Org(*[given(answer) for _ in range(6)])
            .destination()
            .deliver(test_salesforce.action(kind, message_ref=None if kind == "post" else "Task/00T1/a"), NOW)
        )
    ),
}
"""A destination whose every call gets one answer; kind of action -> what became of it."""


@pytest.mark.parametrize("vendor", DESTINATIONS)
@pytest.mark.proves("Salesforce as destination", "recorded answers")
@pytest.mark.proves("Jira", "recorded answers")
@pytest.mark.proves("Linear", "recorded answers")
def test_a_destination_classifies_any_recorded_answer(vendor: str) -> None:
    answers = list(recorded(vendor))
    assert len(answers) >= FEWEST[vendor]
    for file, answer in answers:
        for kind in ("post", "update"):
            outcome = DESTINATIONS[vendor](answer)(kind)
            assert outcome.result in Result, (file, kind)
            assert outcome.result is Result.SENT or outcome.error, (file, kind)


class Recorded(FakeSlack):
    """A Slack whose every call gives one recorded answer, as slack_sdk hands it over."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer

    def _call(self, name: str, arguments: dict[str, Any], act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        said = self.answer.json()
        if self.answer.status_code != 200 or not said.get("ok"):
            raise SlackApiError("refused", Answer(self.answer.status_code, said))
        return {"channel": arguments["channel"], **said}


@pytest.mark.proves("Slack", "recorded answers")
def test_slack_classifies_any_recorded_answer() -> None:
    answers = list(recorded("slack"))
    assert len(answers) >= FEWEST["slack"]
    for file, answer in answers:
        outcome = slack.deliver(Recorded(answer), test_slack.action(), NOW)  # type: ignore[arg-type]
        assert outcome.result in Result, file
        if file in ("post-message", "send-message"):
            assert outcome.result is Result.SENT
            assert str(answer.json()["ts"]) in str(outcome.external_ref)
