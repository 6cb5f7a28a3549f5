"""PostHog: event deliveries from its batch exports or through its query API; which of the two, the settings decide.

Here: the choice. Not here: files of the batch exports (`posthog_export`), queries (`posthog_query`), credentials and refusals
(`posthog_api`), one event (`posthog_lines`), deduplication (`uam_platform.staging`).

Both ways land the same deliveries under the same source and event ids (`uuid`), so that a project can change from one to the other.
"""

from collections.abc import Callable
from datetime import datetime

from uam_platform.connectors import posthog_export, posthog_query
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
    """Land what no complete load has landed: export files where an archive is set, else what the query API gives.

    Args:
        source: where and as whom.
        manifest: complete loads.
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
    given = wire or Wire()
    if source.archive is not None:
        return posthog_export.land(source, manifest, load_id, now.isoformat(), progress, given.retry)
    if not source.api_key:
        action = "Set UAM_POSTHOG_ARCHIVE_URL (batch exports) or UAM_POSTHOG_API_KEY (query API)."
        raise PermanentError(NAME, "neither an archive nor a key is set", action)
    return posthog_query.land(source, manifest, load_id, now.isoformat(), progress, given)
