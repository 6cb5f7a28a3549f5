"""Fixed, non-secret credentials of the sandbox and the environment a client needs to reach it.

Belongs here: the values each surface accepts and their environment names. Does not belong here: how a surface checks
them (the modules named after the vendors, `s3_signature.py`). They are public on purpose: the sandbox listens on
loopback and holds only a simulated company.
"""

from typing import Final

SEGMENT_BUCKET: Final = "acme-segment"
SEGMENT_PREFIX: Final = "segment-logs"
EXPORTS_BUCKET: Final = "acme-exports"
S3_REGION: Final = "us-east-1"
S3_ACCESS_KEY: Final = "SANDBOXACCESSKEY0001"
S3_SIGNING_KEY: Final = "sandbox-signing-key-not-a-secret"
ZENDESK_EMAIL: Final = "uam-reader@acme.example"
ZENDESK_API_KEY: Final = "sandbox-zendesk-value-not-a-secret"
ZENDESK_OAUTH_KEY: Final = "sandbox-zendesk-oauth-value-not-a-secret"
ZENDESK_CHAT_KEY: Final = "sandbox-zendesk-chat-value-not-a-secret"
SALESFORCE_CLIENT_ID: Final = "sandbox-connected-app"
SALESFORCE_CLIENT_KEY: Final = "sandbox-client-value-not-a-secret"
POSTHOG_PROJECT: Final = "1042"
POSTHOG_API_KEY: Final = "phx_sandbox_value_not_a_secret"
GONG_ACCESS_KEY: Final = "SANDBOXGONGKEY"
GONG_ACCESS_KEY_VALUE: Final = "sandbox-gong-value-not-a-secret"
JIRA_EMAIL: Final = "uam-writer@acme.example"
JIRA_API_KEY: Final = "sandbox-jira-value-not-a-secret"
LINEAR_API_KEY: Final = "lin_api_sandbox-not-a-secret"
MIXPANEL_USER: Final = "sandbox-reader.a1b2c3.mp-service-account"
MIXPANEL_KEY: Final = "sandbox-mixpanel-value-not-a-secret"
MIXPANEL_PROJECT: Final = "4040293"
AMPLITUDE_KEY: Final = "sandbox-amplitude-key-not-a-secret"
AMPLITUDE_SIGNING_KEY: Final = "sandbox-amplitude-value-not-a-secret"
EXCHANGE_SENDER: Final = "sigos"
EXCHANGE_SIGNING_KEY: Final = "sandbox-exchange-value-not-a-secret"
SLACK_BOT_KEY: Final = "xoxb-sandbox-not-a-secret"


def environment(url: str) -> dict[str, str]:
    """Return the environment variables that point every connector and destination at a sandbox.

    Args:
        url: Origin of the sandbox without a trailing slash, for example `http://127.0.0.1:8910`.
    """
    return {
        "UAM_SEGMENT_ARCHIVE_URL": f"s3://{SEGMENT_BUCKET}/{SEGMENT_PREFIX}",
        "UAM_SEGMENT_S3_ENDPOINT": url,
        "UAM_SEGMENT_S3_ACCESS_KEY": S3_ACCESS_KEY,
        "UAM_SEGMENT_S3_SECRET_KEY": S3_SIGNING_KEY,
        "UAM_SEGMENT_S3_REGION": S3_REGION,
        "UAM_ZENDESK_BASE_URL": f"{url}/zendesk",
        "UAM_ZENDESK_EMAIL": ZENDESK_EMAIL,
        "UAM_ZENDESK_API_TOKEN": ZENDESK_API_KEY,
        "UAM_ZENDESK_CHAT_TOKEN": ZENDESK_CHAT_KEY,
        "UAM_GONG_BASE_URL": f"{url}/gong",
        "UAM_GONG_ACCESS_KEY": GONG_ACCESS_KEY,
        "UAM_GONG_ACCESS_KEY_SECRET": GONG_ACCESS_KEY_VALUE,
        "UAM_SALESFORCE_BASE_URL": f"{url}/salesforce",
        "UAM_SALESFORCE_CLIENT_ID": SALESFORCE_CLIENT_ID,
        "UAM_SALESFORCE_CLIENT_SECRET": SALESFORCE_CLIENT_KEY,
        "UAM_JIRA_BASE_URL": f"{url}/jira",
        "UAM_JIRA_EMAIL": JIRA_EMAIL,
        "UAM_JIRA_API_TOKEN": JIRA_API_KEY,
        "UAM_LINEAR_API_URL": f"{url}/linear/graphql",
        "UAM_LINEAR_API_KEY": LINEAR_API_KEY,
        "UAM_MIXPANEL_BASE_URL": f"{url}/mixpanel",
        "UAM_MIXPANEL_SECRET": MIXPANEL_KEY,
        "UAM_MIXPANEL_SERVICE_ACCOUNT": MIXPANEL_USER,
        "UAM_MIXPANEL_PROJECT_ID": MIXPANEL_PROJECT,
        "UAM_AMPLITUDE_BASE_URL": f"{url}/amplitude",
        "UAM_AMPLITUDE_API_KEY": AMPLITUDE_KEY,
        "UAM_AMPLITUDE_SECRET_KEY": AMPLITUDE_SIGNING_KEY,
        "UAM_POSTHOG_PROJECT_ID": POSTHOG_PROJECT,
        "UAM_POSTHOG_BASE_URL": f"{url}/posthog",
        "UAM_POSTHOG_API_KEY": POSTHOG_API_KEY,
        "UAM_DROP_S3_ENDPOINT": url,
        "UAM_DROP_S3_ACCESS_KEY": S3_ACCESS_KEY,
        "UAM_DROP_S3_SECRET_KEY": S3_SIGNING_KEY,
        "UAM_DROP_S3_REGION": S3_REGION,
        "UAM_RELEASES_URL": f"s3://{EXPORTS_BUCKET}/releases",
        "UAM_DOCUMENTS_URL": f"s3://{EXPORTS_BUCKET}/documents",
        "UAM_EXCHANGE_INBOX_URL": f"s3://{EXPORTS_BUCKET}/signals",
        "UAM_EXCHANGE_INBOX_SECRETS": f"{EXCHANGE_SENDER}={EXCHANGE_SIGNING_KEY}",
        "UAM_EXCHANGE_OUTBOX_URL": f"{url}/exchange/alerts",
        "UAM_EXCHANGE_OUTBOX_SECRET": EXCHANGE_SIGNING_KEY,
        "UAM_SLACK_BASE_URL": f"{url}/slack/api/",
        "UAM_SLACK_BOT_TOKEN": SLACK_BOT_KEY,
    }


def logs_environment() -> dict[str, str]:
    """Return the further variable that connects the backend's logs; apart, because a sandbox writes them only where asked to.

    The store's address and keys are those of the releases (`UAM_DROP_S3_*`).
    """
    return {"UAM_LOGS_URL": f"s3://{EXPORTS_BUCKET}/logs"}
