"""Sources that come as files in a folder or bucket: from settings to what lands them and what looks at them.

Here: where each folder lies. Not here: which sources are switched on (`registry`), reading files (`dropped_files`), what a file means (the
connectors). Folders on s3:// share the settings UAM_DROP_S3_*.
"""

from collections.abc import Mapping
from typing import Final

from uam_platform.connectors import backend_logs, documents, exchange, releases
from uam_platform.connectors.dropped_files import RECORD_SUFFIXES, DropFolder
from uam_platform.connectors.object_store import StoreAddress
from uam_platform.connectors.source_settings import Land, secret_text
from uam_platform.lake.loads import DELIVERIES, RECORDS
from uam_platform.policy.documents import DocumentPolicy
from uam_platform.policy.load import load_section
from uam_platform.policy.logs import LogPolicy
from uam_platform.settings import Settings


def folder(settings: Settings, source: str, setting: str) -> DropFolder:
    """The folder of a source, which the environment variable `setting` names."""
    address = StoreAddress(
        url=getattr(settings, setting.removeprefix("UAM_").lower()) or "",
        endpoint=settings.drop_s3_endpoint,
        access_key=settings.drop_s3_access_key,
        secret_key=secret_text(settings.drop_s3_secret_key) or None,
        region=settings.drop_s3_region,
        setting="UAM_DROP_S3",
        url_setting=setting,
    )
    return DropFolder(source, address)


def land_logs(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands backend and API logs by the rules of the rulebook."""
    rules = load_section(LogPolicy, "logs", settings.policy_dir)
    source = backend_logs.LogSource(folder(settings, backend_logs.NAME, "UAM_LOGS_URL"), rules)
    return lambda manifest, load_id, now, progress: backend_logs.land(source, manifest, load_id, now, progress)


def look_at_logs(settings: Settings) -> str:
    """What lies in the folder of logs."""
    return folder(settings, backend_logs.NAME, "UAM_LOGS_URL").look(backend_logs.SUFFIXES)


def land_releases(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands releases, flags and the calendar."""
    found = folder(settings, releases.NAME, "UAM_RELEASES_URL")
    return lambda manifest, load_id, now, progress: releases.land(found, manifest, load_id, now, progress)


def look_at_releases(settings: Settings) -> str:
    """What lies in the folder of releases."""
    return folder(settings, releases.NAME, "UAM_RELEASES_URL").look(RECORD_SUFFIXES)


def land_documents(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands documents by the rules of the rulebook."""
    rules = load_section(DocumentPolicy, "documents", settings.policy_dir)
    source = documents.DocumentSource(folder(settings, documents.NAME, "UAM_DOCUMENTS_URL"), rules)
    return lambda manifest, load_id, now, progress: documents.land(source, manifest, load_id, now, progress)


def look_at_documents(settings: Settings) -> str:
    """What lies in the folder of documents."""
    return documents.look(folder(settings, documents.NAME, "UAM_DOCUMENTS_URL"))


def inbox(settings: Settings) -> exchange.Inbox:
    """Where other tools drop signals, and their secrets."""
    secrets = exchange.secrets_by_sender(secret_text(settings.exchange_inbox_secrets))
    return exchange.Inbox(folder(settings, exchange.NAME, "UAM_EXCHANGE_INBOX_URL"), secrets)


def land_signals(settings: Settings, _: Mapping[str, str]) -> Land:
    """Lands signals of other tools."""
    return lambda manifest, load_id, now, progress: exchange.land(inbox(settings), manifest, load_id, now, progress)


def look_at_signals(settings: Settings) -> str:
    """What lies in the folder of signals, and who may drop there."""
    return exchange.look(inbox(settings))


EXCHANGE: Final = (
    "Signals of other tools about accounts, as signed files in a folder or bucket.",
    ("UAM_EXCHANGE_INBOX_URL", "UAM_EXCHANGE_INBOX_SECRETS"),
    (RECORDS,),
    land_signals,
    look_at_signals,
)
"""What the registry knows of the source before it is configured."""
DOCUMENTS: Final = (
    "Research, transcripts and notes on customers, as PDF, Markdown or text in a folder or bucket.",
    ("UAM_DOCUMENTS_URL",),
    (RECORDS,),
    land_documents,
    look_at_documents,
)
RELEASES: Final = (
    "Releases, feature flags with their exposures, and the company's calendar, from files in a folder or bucket.",
    ("UAM_RELEASES_URL",),
    (RECORDS,),
    land_releases,
    look_at_releases,
)
BACKEND_LOGS: Final = (
    "Job runs, calls, failed synchronisations and refused rights, from backend and API logs in a folder or bucket.",
    ("UAM_LOGS_URL",),
    (DELIVERIES,),
    land_logs,
    look_at_logs,
)
