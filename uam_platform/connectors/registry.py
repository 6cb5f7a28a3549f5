"""Which connectors are switched on: plain data, so that one asset per connector can be built from it.

Here: settings -> connectors, what a partly configured one lacks, and the shape of what they land. Adding a connector: one
module with a `land` of the same signature, its settings, and one entry in `_KNOWN`. Not here: Dagster (`assets`).
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from uam_platform.connectors import (
    analytics_tools,
    collector,
    files,
    folder_sources,
    gong,
    ledger,
    posthog,
    posthog_api,
    salesforce,
    salesforce_session,
    segment,
    zendesk,
    zendesk_session,
)
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.object_store import StoreAddress
from uam_platform.connectors.retry import Retry
from uam_platform.contracts.landing import DELIVERY_COLUMNS, RECORD_COLUMNS
from uam_platform.contracts.model import Column, Contract, Pii, Type
from uam_platform.lake.loads import DELIVERIES, RECORDS, Load, LoadManifest
from uam_platform.policy.company import rulebook_for
from uam_platform.settings import Settings

Land = Callable[[LoadManifest, str, datetime, Callable[[str], None]], Load | None]
"""(manifest, load id, now, progress) -> the committed load, or None when there is nothing new."""

_LOOK: Final = Wire(retry=Retry(attempts=1), timeout_seconds=10)  # for `uam doctor`: a person waits
_COLUMNS: Final = {DELIVERIES: DELIVERY_COLUMNS, RECORDS: RECORD_COLUMNS}


@dataclass(frozen=True)
class Connector:
    """One connected source.

    Attributes:
        name: source name in the load manifest.
        description: what it reads.
        required: environment variables it needs.
        lands: landed tables (deliveries, records).
        land: lands what is new; call it until it returns None.
    """

    name: str
    description: str
    required: tuple[str, ...]
    lands: tuple[str, ...]
    land: Land

    @property
    def contract(self) -> Contract:
        """What is landed, as a contract: all text, beside the position in the load."""
        described = {name: meaning for table in self.lands for name, meaning in _COLUMNS[table]}
        columns = [Column(name, Type.STRING, meaning, pii=Pii.PERSONAL) for name, meaning in described.items()]
        position = Column("row_no", Type.INT64, "position in the load, from 0")
        return Contract(
            stage="raw",
            name=self.name,
            grain="one record as the source delivered it",
            description=self.description,
            columns=(*columns, position),
            key=("row_no",),
            nullable=frozenset(described),
        )

    def column_schema(self) -> Any:
        """Dagster table schema of what is landed."""
        from uam_platform.orchestration.assets import column_schema

        return column_schema(self.contract)


@dataclass(frozen=True)
class _Kind:
    """What is known of a connector before it is configured."""

    description: str
    required: tuple[str, ...]
    lands: tuple[str, ...]
    bind: Callable[[Settings, Mapping[str, str]], Land]
    probe: Callable[[Settings], str] | None = None
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variables that another one replaces."""


def probes(settings: Settings) -> dict[str, Callable[[], str]]:
    """Cheap authenticated looks at the sources that are switched on and have one: what they say, or a `ConnectorError`."""
    found = {name: kind.probe for name, kind in _KNOWN.items() if name in source_names(settings)}
    return {name: functools.partial(probe, settings) for name, probe in found.items() if probe is not None}


def configured(settings: Settings, variables: Mapping[str, str] | None = None) -> list[Connector]:
    """Connectors whose settings are complete, in the order they are loaded; the ledger's goes with any other.

    Args:
        settings: the environment.
        variables: values for `${NAME}` in a mapping's paths.
    """
    return [
        Connector(name, kind.description, kind.required, kind.lands, kind.bind(settings, variables or {}))
        for name, kind in ((name, _KNOWN[name]) for name in source_names(settings))
    ]


def source_names(settings: Settings) -> list[str]:
    """Names of the connectors that are switched on."""
    connected = [name for name, kind in _KNOWN.items() if kind.required and not _absent(kind, settings)]
    return [*connected, ledger.SOURCE] if connected else []


def missing(settings: Settings) -> dict[str, list[str]]:
    """Environment variables that each connector which is not switched on still needs, by connector name."""
    return {name: absent for name, kind in _KNOWN.items() if (absent := _absent(kind, settings))}


def _absent(kind: _Kind, settings: Settings) -> list[str]:
    replaced = {name for other, names in kind.instead.items() if _is_set(other, settings) for name in names}
    return [name for name in kind.required if name not in replaced and not _is_set(name, settings)]


def _is_set(name: str, settings: Settings) -> bool:
    return getattr(settings, name.removeprefix("UAM_").lower()) not in (None, "")


def _segment(settings: Settings, _: Mapping[str, str]) -> Land:
    archive = StoreAddress(
        url=settings.segment_archive_url or "",
        endpoint=settings.segment_s3_endpoint,
        access_key=settings.segment_s3_access_key,
        secret_key=_secret(settings.segment_s3_secret_key) or None,
        region=settings.segment_s3_region,
    )
    source = segment.SegmentSource(archive, settings.engine_threads, settings.engine_memory)
    return lambda manifest, load_id, now, progress: segment.land(source, manifest, load_id, now, progress)


def _collector(settings: Settings, _: Mapping[str, str]) -> Land:
    def land(manifest: LoadManifest, load_id: str, now: datetime, progress: Callable[[str], None]) -> Load | None:
        source = collector.CollectorSource(
            settings.collector_folder,
            settings.collector_keep_days,
            settings.engine_threads,
            settings.engine_memory,
            server_only=collector.server_only(rulebook_for(settings).taxonomy),
        )
        return collector.land(source, manifest, load_id, now, progress)

    return land


def _zendesk(settings: Settings, _: Mapping[str, str]) -> Land:
    source = _zendesk_source(settings)
    return lambda manifest, load_id, now, progress: zendesk.land(source, manifest, load_id, now, progress)


def _zendesk_source(settings: Settings) -> zendesk_session.ZendeskSource:
    return zendesk_session.ZendeskSource(
        base_url=settings.zendesk_base_url or "",
        start=settings.zendesk_start,
        email=settings.zendesk_email or "",
        api_token=_secret(settings.zendesk_api_token),
        oauth_token=_secret(settings.zendesk_oauth_token),
        chat_token=_secret(settings.zendesk_chat_token),
    )


def _salesforce(settings: Settings, _: Mapping[str, str]) -> Land:
    source = _salesforce_source(settings)
    return lambda manifest, load_id, now, progress: salesforce.land(source, manifest, load_id, now, progress)


def _salesforce_source(settings: Settings) -> salesforce_session.SalesforceSource:
    return salesforce_session.SalesforceSource(
        base_url=settings.salesforce_base_url or "",
        client_id=settings.salesforce_client_id or "",
        client_secret=_secret(settings.salesforce_client_secret),
        names=settings.salesforce_names,
    )


def _posthog_source(settings: Settings) -> posthog_api.PostHogSource:
    archive = StoreAddress(
        url=settings.posthog_archive_url or "",
        endpoint=settings.posthog_s3_endpoint,
        access_key=settings.posthog_s3_access_key,
        secret_key=_secret(settings.posthog_s3_secret_key) or None,
        region=settings.posthog_s3_region,
        setting="UAM_POSTHOG",
    )
    return posthog_api.PostHogSource(
        project_id=settings.posthog_project_id or "",
        archive=archive if settings.posthog_archive_url else None,
        base_url=settings.posthog_base_url,
        api_key=_secret(settings.posthog_api_key),
        start=settings.posthog_start,
        page_rows=settings.posthog_page_rows,
        workspace_group=settings.posthog_workspace_group,
        account_group=settings.posthog_account_group,
        threads=settings.engine_threads,
        memory=settings.engine_memory,
    )


def _posthog(settings: Settings, _: Mapping[str, str]) -> Land:
    source = _posthog_source(settings)
    return lambda manifest, load_id, now, progress: posthog.land(source, manifest, load_id, now, progress)


def _posthog_probe(settings: Settings) -> str:
    return posthog_api.probe(_posthog_source(settings), _LOOK)


def _gong_source(settings: Settings) -> gong.GongSource:
    return gong.GongSource(
        base_url=settings.gong_base_url or "",
        access_key=settings.gong_access_key or "",
        access_key_secret=_secret(settings.gong_access_key_secret),
        start=settings.gong_start,
        look_back_days=settings.gong_look_back_days,
    )


def _gong(settings: Settings, _: Mapping[str, str]) -> Land:
    source = _gong_source(settings)
    return lambda manifest, load_id, now, progress: gong.land(source, manifest, load_id, now, progress)


def _gong_probe(settings: Settings) -> str:
    return gong.probe(_gong_source(settings), settings.clock(), _LOOK)


def _files(settings: Settings, variables: Mapping[str, str]) -> Land:
    if settings.mapping is None:
        raise ValueError("the files connector needs UAM_MAPPING")
    source = files.FilesSource(settings.mapping, variables, settings.engine_threads, settings.engine_memory)
    return lambda manifest, load_id, now, progress: files.land(source, manifest, load_id, now, progress)


def _ledger(settings: Settings, _: Mapping[str, str]) -> Land:
    return lambda manifest, load_id, now, _progress: ledger.land(settings.ledger_address, manifest, load_id, now)


def _secret(value: Any) -> str:
    return value.get_secret_value() if value is not None else ""


_KNOWN: Final[dict[str, _Kind]] = {
    "salesforce": _Kind(
        "Accounts, contacts, contracts, opportunities, users and their history in Salesforce, deleted ones included.",
        ("UAM_SALESFORCE_BASE_URL", "UAM_SALESFORCE_CLIENT_ID", "UAM_SALESFORCE_CLIENT_SECRET"),
        (RECORDS,),
        _salesforce,
        lambda settings: salesforce.probe(_salesforce_source(settings), _LOOK),
    ),
    "zendesk": _Kind(
        "Tickets and what happened to them, metric events, satisfaction, chats, users and organisations of Zendesk.",
        ("UAM_ZENDESK_BASE_URL", "UAM_ZENDESK_EMAIL", "UAM_ZENDESK_API_TOKEN"),
        (RECORDS,),
        _zendesk,
        lambda settings: zendesk.probe(_zendesk_source(settings), _LOOK),
        instead={"UAM_ZENDESK_OAUTH_TOKEN": ("UAM_ZENDESK_EMAIL", "UAM_ZENDESK_API_TOKEN")},
    ),
    "gong": _Kind(
        "Recorded calls, their participants and transcripts of Gong.",
        ("UAM_GONG_BASE_URL", "UAM_GONG_ACCESS_KEY", "UAM_GONG_ACCESS_KEY_SECRET"),
        (RECORDS,),
        _gong,
        _gong_probe,
    ),
    "segment": _Kind(
        "Event deliveries of web and backend, from Segment's archive.",
        ("UAM_SEGMENT_ARCHIVE_URL",),
        (DELIVERIES,),
        _segment,
    ),
    "posthog": _Kind(
        "Event deliveries of PostHog, from its batch exports or through its query API.",
        ("UAM_POSTHOG_PROJECT_ID",),
        (DELIVERIES,),
        _posthog,
        _posthog_probe,
    ),
    "mixpanel": _Kind(
        "Event deliveries and user profiles of Mixpanel.",
        ("UAM_MIXPANEL_BASE_URL", "UAM_MIXPANEL_SECRET"),
        (DELIVERIES, RECORDS),
        analytics_tools.land_mixpanel,
        lambda settings: analytics_tools.probe_mixpanel(settings, _LOOK),
    ),
    "amplitude": _Kind(
        "Event deliveries of Amplitude, from its export.",
        ("UAM_AMPLITUDE_BASE_URL", "UAM_AMPLITUDE_API_KEY", "UAM_AMPLITUDE_SECRET_KEY"),
        (DELIVERIES,),
        analytics_tools.land_amplitude,
        lambda settings: analytics_tools.probe_amplitude(settings, _LOOK),
    ),
    "backend_logs": _Kind(*folder_sources.BACKEND_LOGS),
    "releases": _Kind(*folder_sources.RELEASES),
    "files": _Kind(
        "Own exports (CSV, Parquet, JSON lines) described by a mapping.",
        ("UAM_MAPPING",),
        (DELIVERIES, RECORDS),
        _files,
    ),
    collector.NAME: _Kind(
        "Events and webhooks that clients send directly to `uam serve`.",
        ("UAM_COLLECTOR_KEYS",),
        (DELIVERIES, RECORDS),
        _collector,
    ),
    ledger.SOURCE: _Kind(
        "Silences and verdicts that people gave the platform, from its own ledger; read whenever another source is.",
        (),
        (RECORDS,),
        _ledger,
    ),
}
