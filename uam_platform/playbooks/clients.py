"""Clients of the connected destinations.

Here: from settings to destinations by name. Not here: which settings connect one (`uam_platform.settings`), the destinations themselves.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from uam_platform.playbooks.destination import Destination
from uam_platform.playbooks.exchange import ExchangeDestination, Receiver
from uam_platform.playbooks.exchange_folder import FolderDestination
from uam_platform.playbooks.jira import JiraDestination
from uam_platform.playbooks.jira_session import JiraLogin, JiraSession
from uam_platform.playbooks.linear import LinearDestination
from uam_platform.playbooks.linear_session import LinearLogin, LinearSession
from uam_platform.playbooks.salesforce import SalesforceDestination
from uam_platform.playbooks.salesforce_session import SalesforceLogin, SalesforceSession
from uam_platform.playbooks.slack import SlackDestination
from uam_platform.policy.playbooks import PlaybookPolicy
from uam_platform.settings import Settings

if TYPE_CHECKING:
    from slack_sdk.web.client import WebClient


@contextmanager
def destinations(settings: Settings, policy: PlaybookPolicy, slack: "WebClient") -> Iterator[dict[str, Destination]]:
    """The connected destinations by name, with their connections open.

    Args:
        settings: which are connected, and as whom.
        policy: fields and types that are written.
        slack: Slack's client.
    """
    clients: dict[str, Destination] = {"slack": SlackDestination(slack)}
    with ExitStack() as connections:
        if "salesforce" in settings.connected_destinations:
            session = SalesforceSession(salesforce_login(settings))
            connections.callback(session.close)
            clients["salesforce"] = SalesforceDestination(session, policy.salesforce)
        if "jira" in settings.connected_destinations:
            site = JiraSession(jira_login(settings))
            connections.callback(site.close)
            clients["jira"] = JiraDestination(site, policy.jira)
        if "linear" in settings.connected_destinations:
            workspace = LinearSession(linear_login(settings))
            connections.callback(workspace.close)
            clients["linear"] = LinearDestination(workspace, policy.linear, settings.dagster_url)
        if "exchange" in settings.connected_destinations:
            clients["exchange"] = _exchange(settings, connections)
        yield clients


def _exchange(settings: Settings, connections: ExitStack) -> Destination:
    """The receiver of alerts: an address, or a folder."""
    if (folder := exchange_folder(settings)) is not None:
        return FolderDestination(folder, exchange_secrets(settings), time.time)
    receiver = Receiver(str(settings.exchange_outbox_url), exchange_secrets(settings))
    client = ExchangeDestination(receiver, time.time)
    connections.callback(client.close)
    return client


def exchange_folder(settings: Settings) -> Path | None:
    """The folder that alerts are written to; None where they are posted."""
    url = str(settings.exchange_outbox_url)
    return None if "://" in url and not url.startswith("file://") else Path(url.removeprefix("file://"))


def exchange_secrets(settings: Settings) -> tuple[str, ...]:
    """What signs alerts: the secret, and the one before it while it is being replaced."""
    given = (settings.exchange_outbox_secret, settings.exchange_outbox_previous_secret)
    return tuple(_revealed(secret) for secret in given if secret)


def salesforce_login(settings: Settings) -> SalesforceLogin:
    """Where and as which app Salesforce is written to."""
    app = str(settings.salesforce_client_id)
    return SalesforceLogin(str(settings.salesforce_base_url), app, _revealed(settings.salesforce_client_secret))


def jira_login(settings: Settings) -> JiraLogin:
    """Where and as whom Jira is written to."""
    return JiraLogin(str(settings.jira_base_url), settings.jira_email, _revealed(settings.jira_api_token))


def linear_login(settings: Settings) -> LinearLogin:
    """Where and as whom Linear is written to."""
    return LinearLogin(settings.linear_api_url, _revealed(settings.linear_api_key))


def _revealed(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
