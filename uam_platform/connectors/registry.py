"""Which connectors are switched on: plain data, so that one asset per connector can be built from it.

Here: which connectors there are, what a partly configured one lacks, and the shape of what they land. Adding a connector: one
module with a `land` of the same signature, its settings, and one entry in `_KNOWN`. Not here: Dagster (`assets`), from settings to
one source (`vendor_sources`, `analytics_tools`, `folder_sources`).
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from uam_platform.connectors import analytics_tools, collector, files, folder_sources, ledger, vendor_sources
from uam_platform.connectors.source_settings import Land
from uam_platform.contracts.landing import DELIVERY_COLUMNS, RECORD_COLUMNS
from uam_platform.contracts.model import Column, Contract, Pii, Type
from uam_platform.lake.loads import DELIVERIES, RECORDS, Load, LoadManifest
from uam_platform.policy.company import rulebook_for
from uam_platform.settings import Settings

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


def _files(settings: Settings, variables: Mapping[str, str]) -> Land:
    if settings.mapping is None:
        raise ValueError("the files connector needs UAM_MAPPING")
    source = files.FilesSource(settings.mapping, variables, settings.engine_threads, settings.engine_memory)
    return lambda manifest, load_id, now, progress: files.land(source, manifest, load_id, now, progress)


def _ledger(settings: Settings, _: Mapping[str, str]) -> Land:
    return lambda manifest, load_id, now, _progress: ledger.land(settings.ledger_address, manifest, load_id, now)


_KNOWN: Final[dict[str, _Kind]] = {
    "salesforce": _Kind(*vendor_sources.SALESFORCE),
    "zendesk": _Kind(
        *vendor_sources.ZENDESK,
        instead={"UAM_ZENDESK_OAUTH_TOKEN": ("UAM_ZENDESK_EMAIL", "UAM_ZENDESK_API_TOKEN")},
    ),
    "gong": _Kind(*vendor_sources.GONG),
    "segment": _Kind(*vendor_sources.SEGMENT),
    "posthog": _Kind(*vendor_sources.POSTHOG),
    "mixpanel": _Kind(*analytics_tools.MIXPANEL),
    "amplitude": _Kind(*analytics_tools.AMPLITUDE),
    "backend_logs": _Kind(*folder_sources.BACKEND_LOGS),
    "releases": _Kind(*folder_sources.RELEASES),
    "documents": _Kind(*folder_sources.DOCUMENTS),
    "exchange": _Kind(*folder_sources.EXCHANGE),
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
