"""`uam doctor`: what is configured, what is missing, and what to write to mend it.

Here: read-only looks at settings, rulebook, folders, ledger and Slack. Not here: repairing anything, issue trackers (`doctor_trackers`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from uam_platform import doctor_trackers
from uam_platform.connectors.errors import ConnectorError
from uam_platform.connectors.registry import configured, missing, probes
from uam_platform.lake.journal import JournalInUseError
from uam_platform.ledger.engine import open_ledger
from uam_platform.policy.load import PolicyError
from uam_platform.settings import Settings, mistakes, variables


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    subject: str
    is_ok: bool
    detail: str


def diagnose() -> list[Finding]:
    """Everything the platform needs, looked at once."""
    try:
        settings = Settings()
    except ValidationError as error:
        return [Finding(name, False, what) for name, what in mistakes(error)]
    return list(_findings(settings))


def _findings(settings: Settings) -> Iterator[Finding]:
    yield _tried("rulebook", lambda: _rulebook(settings))
    yield _tried("data folder", lambda: _folder(settings))
    yield _tried("ledger", lambda: f"{open_ledger(settings.ledger_address).engine.dialect.name}, migrated to head")
    sources = configured(settings)
    if not sources:
        yield Finding("sources", False, "none is connected; set those of one source below, or try `uam demo`")
    looks = {**probes(settings), "collector": lambda: _collector(settings)}
    for connector in sources:
        yield _tried(f"source {connector.name}", looks.get(connector.name, lambda: "configured"))
    for name, absent in missing(settings).items():
        yield Finding(f"source {name}", True, f"off; to switch it on set {', '.join(absent)}")
    yield _tried("slack", lambda: _slack(settings))
    yield _tried("jira", lambda: doctor_trackers.jira(settings))
    yield _tried("linear", lambda: doctor_trackers.linear(settings))
    yield _tried("exchange", lambda: doctor_trackers.exchange(settings))


def _tried(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, True, look())
    except (PolicyError, ConnectorError, OSError, ValueError) as error:
        return Finding(subject, False, str(error))


def _rulebook(settings: Settings) -> str:
    from uam_platform.policy.company import rulebook_for

    rulebook = rulebook_for(settings)
    return f"{len(rulebook.taxonomy.events)} events, {len(rulebook.alerts.detectors)} detectors, all consistent"


def _folder(settings: Settings) -> str:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    probe = settings.data_dir / ".doctor"
    probe.write_text("writable", encoding="utf-8")
    probe.unlink()
    return f"{settings.data_dir.absolute()} is writable"


def _collector(settings: Settings) -> str:
    from uam_platform.collector.command import check_folder
    from uam_platform.collector.keys import read_senders

    senders = read_senders(settings.collector_keys or Path(), variables())
    folder = settings.collector_folder
    try:
        check_folder(folder)
    except JournalInUseError:
        return f"{senders!r}; a collector is running on {folder}"
    return f"{senders!r}; {folder} is writable; no collector is running, start it with `uam serve`"


def _slack(settings: Settings) -> str:
    if settings.slack_bot_token is None:
        return "off; to deliver alerts set UAM_SLACK_BOT_TOKEN and UAM_ACTIONS_ENABLED=true"
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

    client = WebClient(settings.slack_bot_token.get_secret_value(), base_url=settings.slack_base_url, timeout=10)
    try:
        answer = client.auth_test()
    except SlackApiError as error:
        raise ValueError(f"Slack refuses the token: {error.response['error']}; check UAM_SLACK_BOT_TOKEN") from error
    mode = "delivers" if settings.actions_enabled else "dry run until UAM_ACTIONS_ENABLED=true"
    return f"token of {answer.get('team', 'workspace')} accepted; {mode}"
