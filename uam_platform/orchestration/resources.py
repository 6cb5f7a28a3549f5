"""The resources of a code location, built from settings.

Here: lake, IO manager, ledger and destinations. Not here: what uses them (the stages).
"""

from typing import Any

import dagster as dg
from dagster_slack import SlackResource
from slack_sdk.web.client import WebClient

from uam_platform.lake.io_manager import lake_io_manager
from uam_platform.lake.resource import Warehouse
from uam_platform.ledger.engine import Ledger, open_ledger
from uam_platform.settings import Settings


class SlackDestination(SlackResource):
    """Slack through dagster-slack's resource; the address can point at a test double on loopback."""

    base_url: str = WebClient.BASE_URL

    def get_client(self) -> WebClient:
        """A Slack client without automatic retries: retrying a post is the outbox's decision."""
        return WebClient(self.token, base_url=self.base_url, timeout=15, retry_handlers=[])


class LedgerResource(dg.ConfigurableResource):
    """The operational ledger; migrated to the newest schema when opened."""

    url: str

    def open(self) -> Ledger:
        """An open ledger."""
        return open_ledger(self.url)


def resources(settings: Settings) -> dict[str, Any]:
    """Resources by key."""
    warehouse = Warehouse(
        data_dir=str(settings.data_dir), memory=settings.engine_memory, threads=settings.engine_threads
    )
    token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else "not-configured"
    return {
        "warehouse": warehouse,
        "lake_io": lake_io_manager,
        "ledger": LedgerResource(url=settings.ledger_address),
        "slack": SlackDestination(token=token, base_url=settings.slack_base_url),
    }
