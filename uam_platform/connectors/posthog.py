"""PostHog: event deliveries from its batch exports or through its query API, and its persons; the settings decide which.

Here: the choice and the order. Not here: files of the batch exports (`posthog_export`, `posthog_person_files`), queries
(`posthog_query`), the list of persons (`posthog_persons`), credentials and refusals (`posthog_api`), one event (`posthog_lines`),
deduplication (`uam_platform.staging`).

Both ways land the same deliveries under the same source and event ids (`uuid`), and the same records of persons, so that a project can
change from one to the other. Persons are read after the first events: files as they come, the list once a day.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from uam_platform.connectors import posthog_export, posthog_person_files, posthog_persons, posthog_query
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.posthog_api import NAME, PostHogSource
from uam_platform.lake.loads import Load, LoadManifest


def land(
    source: PostHogSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    *,
    wire: Wire | None = None,
) -> Load | None:
    """Land what no complete load has landed: of persons, else of events.

    Args:
        source: where and as whom.
        manifest: complete loads; the last one's state says where to go on.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every file or page and every wait.
        wire: transport and patience; the network when absent.

    Returns:
        The committed load, or None when nothing is new.

    Raises:
        TransientError: PostHog or the store could not be reached, or throttles longer than we wait.
        PermanentError: credentials, rights or settings are wrong, or a file is damaged.
    """
    given, last = wire or Wire(), manifest.last(NAME)
    state: dict[str, Any] = dict(last.state) if last else {}
    if last is not None:
        found = _land_persons(source, manifest, load_id, now, progress, state, given)
        if found is not None:
            return found
    if source.archive is not None:
        return posthog_export.land(source, manifest, load_id, now.isoformat(), progress, given.retry, state)
    if not source.api_key:
        action = "Set UAM_POSTHOG_ARCHIVE_URL (batch exports) or UAM_POSTHOG_API_KEY (query API)."
        raise PermanentError(NAME, "neither an archive nor a key is set", action)
    return posthog_query.land(source, manifest, load_id, now.isoformat(), progress, given, state)


def _land_persons(
    source: PostHogSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    state: dict[str, Any],
    wire: Wire,
) -> Load | None:
    """Persons from files where they have a folder, else from the list where there is a key."""
    if source.persons is not None:
        return posthog_person_files.land(source.persons, manifest, load_id, now, progress, state, wire.retry)
    if source.api_key and posthog_persons.is_due(state, now):
        return posthog_persons.land(source, manifest, load_id, now, progress, state, wire)
    return None
