"""The only reader of the environment: where things lie, what may be used, which vendors are connected.

Every setting is listed in `.env.example`. Here: names, types, defaults. Not here: rules people edit (`uam_platform.policy`).
"""

import os
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """All settings; each is the environment variable `UAM_<NAME>` or a line in `.env`."""

    model_config = SettingsConfigDict(env_prefix="UAM_", env_file=".env", env_file_encoding="utf-8", extra="ignore")

    data_dir: Path = Field(Path("data"), description="raw loads, lake, models, ledger")
    policy_dir: Path | None = Field(None, description="own rulebook; files absent there fall back to the shipped ones")
    mapping: Path | None = Field(None, description="YAML mapping of own exports for the files connector")
    first_day: date = Field(date(2025, 1, 1), description="first UTC day of event tables; earlier events are set aside")
    chunk_days: int = Field(31, ge=1, description="days computed in one run of a long range")
    environment: str = Field("local", description="which schedules and actions are on: local, demo or production")
    now: datetime | None = Field(
        None, description="fixed clock for demo and tests, ISO 8601; the system clock when absent"
    )
    dagster_url: str = Field("http://localhost:3000", description="address of the Dagster UI, for links in issues")
    actions_enabled: bool = Field(False, description="deliver alerts; otherwise every delivery is a dry run")

    engine_memory: str = Field("4GB", description="memory limit of the embedded engine")
    engine_threads: int = Field(2, ge=1, description="threads of the embedded engine")
    ledger_url: str | None = Field(None, description="SQLAlchemy URL of the ledger; SQLite under data_dir when absent")

    segment_archive_url: str | None = Field(None, description="s3://bucket/prefix of the Segment archive, or a folder")
    segment_s3_endpoint: str | None = Field(None, description="endpoint of an S3-compatible store; AWS when absent")
    segment_s3_access_key: str | None = None
    segment_s3_secret_key: SecretStr | None = None
    segment_s3_region: str = "us-east-1"

    posthog_project_id: str | None = Field(None, description="number of the project")
    posthog_archive_url: str | None = Field(None, description="s3://bucket/prefix of its batch exports, or a folder")
    posthog_persons_url: str | None = Field(
        None, description="s3://bucket/prefix or folder of its batch exports of persons, apart from those of events"
    )
    posthog_s3_endpoint: str | None = Field(None, description="endpoint of an S3-compatible store; AWS when absent")
    posthog_s3_access_key: str | None = None
    posthog_s3_secret_key: SecretStr | None = None
    posthog_s3_region: str = "us-east-1"
    posthog_base_url: str = Field("https://us.posthog.com", description="or https://eu.posthog.com, or your own")
    posthog_api_key: SecretStr | None = Field(
        None, description="personal API key; used where there is no archive (of events, of persons)"
    )
    posthog_start: datetime = Field(datetime(2020, 1, 1, tzinfo=UTC), description="first import goes back to here")
    posthog_page_rows: int = Field(20_000, ge=1, le=50_000, description="rows of one query")
    posthog_workspace_group: str = Field("workspace", description="group type whose key is the product's workspace id")
    posthog_account_group: str = Field("account", description="group type whose key is the product's account id")

    zendesk_base_url: str | None = Field(None, description="https://<subdomain>.zendesk.com")
    zendesk_email: str | None = None
    zendesk_api_token: SecretStr | None = None
    zendesk_oauth_token: SecretStr | None = Field(
        None, description="OAuth access token instead of e-mail and API token"
    )
    zendesk_chat_token: SecretStr | None = Field(None, description="OAuth access token of Zendesk Chat; reads chats")
    zendesk_start: datetime = Field(datetime(2020, 1, 1, tzinfo=UTC), description="first import goes back to here")

    gong_base_url: str | None = Field(None, description="your own, e.g. https://us-12345.api.gong.io (Gong's API page)")
    gong_access_key: str | None = None
    gong_access_key_secret: SecretStr | None = None
    gong_start: datetime = Field(datetime(2020, 1, 1, tzinfo=UTC), description="first import goes back to here")
    gong_look_back_days: int = Field(14, ge=1, description="days in which a call becomes readable after its start")

    salesforce_base_url: str | None = Field(None, description="https://<domain>.my.salesforce.com")
    salesforce_client_id: str | None = None
    salesforce_client_secret: SecretStr | None = None
    salesforce_names: str = Field(
        "", description="own names of objects and fields, e.g. Contract=Subscription__c,Contract.MRR_USD__c=MRR__c"
    )

    jira_base_url: str | None = Field(
        None, description="https://<site>.atlassian.net, or https://api.atlassian.com/ex/jira/<cloud id> with OAuth"
    )
    jira_email: str | None = Field(None, description="whose API token it is; absent with an OAuth token")
    jira_api_token: SecretStr | None = None

    linear_api_url: str = "https://api.linear.app/graphql"
    linear_api_key: SecretStr | None = Field(None, description="personal API key (lin_api_...), or an OAuth token")

    collector_keys: Path | None = Field(
        None, description="YAML of who may send events to `uam serve`: write keys, webhooks"
    )
    collector_dir: Path | None = Field(
        None, description="journal of the collector; `collector` under data_dir when absent"
    )
    collector_rotate_seconds: float = Field(60, gt=0, description="after so long what arrived can be loaded")
    collector_keep_days: int = Field(7, ge=0, description="how long journal files stay after they were loaded")
    collector_origins: str = Field("*", description="web origins whose pages may send, comma-separated; * for all")

    mixpanel_base_url: str | None = Field(
        None, description="https://data.mixpanel.com, data-eu or data-in by the project's region"
    )
    mixpanel_secret: SecretStr | None = Field(
        None, description="of the service account, or the project's legacy secret"
    )
    mixpanel_service_account: str | None = Field(None, description="user name; empty with the legacy secret")
    mixpanel_project_id: str | None = Field(None, description="number of the project; needed with a service account")
    mixpanel_time_zone: str = Field(
        "UTC", description="zone of a project made before 2023, e.g. Europe/Berlin; else UTC"
    )
    mixpanel_look_back_days: int = Field(5, ge=1, le=60, description="days that are read again for late arrivals")
    mixpanel_workspace_group: str = Field("workspace_id", description="group key that holds the product's workspace id")

    amplitude_base_url: str | None = Field(
        None, description="https://amplitude.com, or https://analytics.eu.amplitude.com for data kept in Europe"
    )
    amplitude_api_key: SecretStr | None = None
    amplitude_secret_key: SecretStr | None = None
    amplitude_workspace_group: str = Field("workspace", description="group type that holds the product's workspace id")

    drop_s3_endpoint: str | None = Field(None, description="endpoint of an S3-compatible store; AWS when absent")
    drop_s3_access_key: str | None = None
    drop_s3_secret_key: SecretStr | None = None
    drop_s3_region: str = "us-east-1"
    logs_url: str | None = Field(None, description="s3://bucket/prefix or folder with backend and API logs")
    releases_url: str | None = Field(
        None, description="s3://bucket/prefix or folder with releases, flags, flag exposures and the company's calendar"
    )

    documents_url: str | None = Field(
        None, description="s3://bucket/prefix or folder with research, transcripts and notes: PDF, Markdown, text"
    )

    exchange_inbox_url: str | None = Field(
        None, description="s3://bucket/prefix or folder in which other tools drop signed signals, see docs/exchange.md"
    )
    exchange_inbox_secrets: SecretStr | None = Field(
        None, description="sender=secret, comma-separated; a sender twice while its secret is being replaced"
    )

    exchange_outbox_url: str | None = Field(
        None, description="https address or folder that is told of alerts in signed envelopes, see docs/exchange.md"
    )
    exchange_outbox_secret: SecretStr | None = Field(None, description="signs them")
    exchange_outbox_previous_secret: SecretStr | None = Field(
        None, description="signs them too, while the receiver still has it"
    )

    slack_base_url: str = "https://slack.com/api/"
    slack_bot_token: SecretStr | None = None
    slack_failure_channel: str = Field("C0DATAOPS", description="channel that is told of failed runs")

    @property
    def raw_dir(self) -> Path:
        """Landed loads."""
        return self.data_dir / "raw"

    @property
    def lake_dir(self) -> Path:
        """Published tables."""
        return self.data_dir / "lake"

    @property
    def models_dir(self) -> Path:
        """Model artefacts by content hash."""
        return self.data_dir / "models"

    @property
    def reviews_dir(self) -> Path:
        """Review packs."""
        return self.data_dir / "reviews"

    @property
    def collector_folder(self) -> Path:
        """Journal of the collector."""
        return self.collector_dir or self.data_dir / "collector"

    @property
    def ledger_address(self) -> str:
        """SQLAlchemy URL of the ledger."""
        return self.ledger_url or f"sqlite:///{(self.data_dir / 'ledger.db').absolute()}"

    @property
    def connected_destinations(self) -> frozenset[str]:
        """Systems that actions can be delivered to; actions for others stay planned until they are connected."""
        salesforce = (self.salesforce_base_url, self.salesforce_client_id, self.salesforce_client_secret)
        jira = (self.jira_base_url, self.jira_api_token)
        exchange = (self.exchange_outbox_url, self.exchange_outbox_secret)
        needed = {
            "slack": (), "salesforce": salesforce, "jira": jira, "linear": (self.linear_api_key,), "exchange": exchange,
        }  # fmt: skip
        return frozenset(name for name, values in needed.items() if all(values))

    def clock(self) -> datetime:
        """Now as naive UTC: the fixed clock where one is set."""
        if self.now is None:
            return datetime.now(UTC).replace(tzinfo=None)
        return self.now.astimezone(UTC).replace(tzinfo=None) if self.now.tzinfo else self.now

    def delivery_clock(self) -> datetime:
        """Now for retries and leases, naive UTC: the system clock, not before the fixed one, so that a retry comes due."""
        return max(self.clock(), datetime.now(UTC).replace(tzinfo=None))


def mistakes(error: ValidationError) -> list[tuple[str, str]]:
    """Wrong settings as (environment variable, what is wrong and was found)."""
    return [
        (f"UAM_{'.'.join(str(part) for part in e['loc']).upper()}", f"{e['msg']} (found {e.get('input')!r})")
        for e in error.errors(include_url=False)
    ]


def variables() -> dict[str, str]:
    """This process's environment, for `${NAME}` in the paths of a mapping."""
    return dict(os.environ)
