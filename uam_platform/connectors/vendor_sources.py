"""Salesforce, Zendesk, Gong, Segment and PostHog from the settings: what lands them, and one cheap call for `uam doctor`.

Here: settings -> sources. Not here: reading them (the module of each vendor), which connectors there are (`registry`), other analytics
tools (`analytics_tools`), folders (`folder_sources`).
"""

from collections.abc import Mapping
from typing import Final

from uam_platform.connectors import (
    gong,
    posthog,
    posthog_api,
    salesforce,
    salesforce_session,
    segment,
    zendesk,
    zendesk_session,
)
from uam_platform.connectors.object_store import StoreAddress
from uam_platform.connectors.source_settings import LOOK, Land, secret_text
from uam_platform.lake.loads import DELIVERIES, RECORDS
from uam_platform.settings import Settings


def land_segment(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands Segment's archive."""
    source = segment.SegmentSource(_segment_archive(settings), settings.engine_threads, settings.engine_memory)
    return lambda manifest, load_id, now, progress: segment.land(source, manifest, load_id, now, progress)


def probe_segment(settings: Settings) -> str:
    """One listing of the archive."""
    return segment.probe(_segment_archive(settings), LOOK.retry)


def _segment_archive(settings: Settings) -> StoreAddress:
    return StoreAddress(
        url=settings.segment_archive_url or "",
        endpoint=settings.segment_s3_endpoint,
        access_key=settings.segment_s3_access_key,
        secret_key=secret_text(settings.segment_s3_secret_key) or None,
        region=settings.segment_s3_region,
    )


def land_zendesk(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands Zendesk."""
    source = zendesk_source(settings)
    return lambda manifest, load_id, now, progress: zendesk.land(source, manifest, load_id, now, progress)


def zendesk_source(settings: Settings) -> zendesk_session.ZendeskSource:
    """Where and as whom Zendesk is read."""
    return zendesk_session.ZendeskSource(
        base_url=settings.zendesk_base_url or "",
        start=settings.zendesk_start,
        email=settings.zendesk_email or "",
        api_token=secret_text(settings.zendesk_api_token),
        oauth_token=secret_text(settings.zendesk_oauth_token),
        chat_token=secret_text(settings.zendesk_chat_token),
    )


def land_salesforce(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands Salesforce."""
    source = salesforce_source(settings)
    return lambda manifest, load_id, now, progress: salesforce.land(source, manifest, load_id, now, progress)


def salesforce_source(settings: Settings) -> salesforce_session.SalesforceSource:
    """Where and as which app Salesforce is read."""
    return salesforce_session.SalesforceSource(
        base_url=settings.salesforce_base_url or "",
        client_id=settings.salesforce_client_id or "",
        client_secret=secret_text(settings.salesforce_client_secret),
        names=settings.salesforce_names,
    )


def posthog_source(settings: Settings) -> posthog_api.PostHogSource:
    """Where and as whom PostHog is read."""
    return posthog_api.PostHogSource(
        project_id=settings.posthog_project_id or "",
        archive=_posthog_files(settings, settings.posthog_archive_url, "UAM_POSTHOG_ARCHIVE_URL"),
        persons=_posthog_files(settings, settings.posthog_persons_url, "UAM_POSTHOG_PERSONS_URL"),
        base_url=settings.posthog_base_url,
        api_key=secret_text(settings.posthog_api_key),
        start=settings.posthog_start,
        page_rows=settings.posthog_page_rows,
        workspace_group=settings.posthog_workspace_group,
        account_group=settings.posthog_account_group,
        threads=settings.engine_threads,
        memory=settings.engine_memory,
    )


def _posthog_files(settings: Settings, url: str | None, setting: str) -> StoreAddress | None:
    """A bucket or folder of batch exports; None without an address."""
    return (
        None
        if not url
        else StoreAddress(
            url=url,
            endpoint=settings.posthog_s3_endpoint,
            access_key=settings.posthog_s3_access_key,
            secret_key=secret_text(settings.posthog_s3_secret_key) or None,
            region=settings.posthog_s3_region,
            setting="UAM_POSTHOG",
            url_setting=setting,
        )
    )


def land_posthog(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands PostHog's batch exports or answers."""
    source = posthog_source(settings)
    return lambda manifest, load_id, now, progress: posthog.land(source, manifest, load_id, now, progress)


def probe_posthog(settings: Settings) -> str:
    """One cheap authenticated look."""
    return posthog_api.probe(posthog_source(settings), LOOK)


def gong_source(settings: Settings) -> gong.GongSource:
    """Where and as whom Gong is read."""
    return gong.GongSource(
        base_url=settings.gong_base_url or "",
        access_key=settings.gong_access_key or "",
        access_key_secret=secret_text(settings.gong_access_key_secret),
        start=settings.gong_start,
        look_back_days=settings.gong_look_back_days,
    )


def land_gong(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands Gong."""
    source = gong_source(settings)
    return lambda manifest, load_id, now, progress: gong.land(source, manifest, load_id, now, progress)


def probe_gong(settings: Settings) -> str:
    """One cheap authenticated look."""
    return gong.probe(gong_source(settings), settings.clock(), LOOK)


def probe_zendesk(settings: Settings) -> str:
    """One cheap authenticated look."""
    return zendesk.probe(zendesk_source(settings), LOOK)


def probe_salesforce(settings: Settings) -> str:
    """One cheap authenticated look."""
    return salesforce.probe(salesforce_source(settings), LOOK)


SALESFORCE: Final = (
    "Accounts, contacts, contracts, opportunities, users and their history in Salesforce, deleted ones included.",
    ("UAM_SALESFORCE_BASE_URL", "UAM_SALESFORCE_CLIENT_ID", "UAM_SALESFORCE_CLIENT_SECRET"),
    (RECORDS,),
    land_salesforce,
    probe_salesforce,
)
"""What the registry knows of the source before it is configured."""
ZENDESK: Final = (
    "Tickets and what happened to them, metric events, satisfaction, chats, users and organisations of Zendesk.",
    ("UAM_ZENDESK_BASE_URL", "UAM_ZENDESK_EMAIL", "UAM_ZENDESK_API_TOKEN"),
    (RECORDS,),
    land_zendesk,
    probe_zendesk,
)
GONG: Final = (
    "Recorded calls, their participants and transcripts of Gong.",
    ("UAM_GONG_BASE_URL", "UAM_GONG_ACCESS_KEY", "UAM_GONG_ACCESS_KEY_SECRET"),
    (RECORDS,),
    land_gong,
    probe_gong,
)
SEGMENT: Final = (
    "Event deliveries of web and backend, from Segment's archive.",
    ("UAM_SEGMENT_ARCHIVE_URL",),
    (DELIVERIES,),
    land_segment,
    probe_segment,
)
POSTHOG: Final = (
    "Event deliveries and persons of PostHog, from its batch exports or through its API.",
    ("UAM_POSTHOG_PROJECT_ID",),
    (DELIVERIES, RECORDS),
    land_posthog,
    probe_posthog,
)
