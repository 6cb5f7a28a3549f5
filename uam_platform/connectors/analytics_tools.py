"""Mixpanel and Amplitude from the settings: what lands them, and one cheap authenticated call for `uam doctor`.

Here: settings -> sources, the call and what it says. Not here: reading events (`mixpanel`, `amplitude`), which connectors there are
(`registry`), what doctor prints (`uam_platform.doctor`).
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from uam_platform.connectors import amplitude as amplitude_export
from uam_platform.connectors import mixpanel as mixpanel_export
from uam_platform.connectors import mixpanel_profiles
from uam_platform.connectors.amplitude import AmplitudeSource
from uam_platform.connectors.errors import ConnectorError, PermanentError
from uam_platform.connectors.http_json import JsonClient, Wire, shown
from uam_platform.connectors.mixpanel import MixpanelSource
from uam_platform.connectors.source_settings import LOOK, Land, secret_text
from uam_platform.lake.loads import DELIVERIES, RECORDS
from uam_platform.settings import Settings


def mixpanel_source(settings: Settings) -> MixpanelSource:
    """Where and as whom Mixpanel is read."""
    return MixpanelSource(
        base_url=settings.mixpanel_base_url or "",
        secret=secret_text(settings.mixpanel_secret),
        service_account=settings.mixpanel_service_account,
        project_id=settings.mixpanel_project_id,
        start=settings.first_day,
        time_zone=settings.mixpanel_time_zone,
        look_back_days=settings.mixpanel_look_back_days,
        workspace_group=settings.mixpanel_workspace_group,
        threads=settings.engine_threads,
        memory=settings.engine_memory,
    )


def land_mixpanel(settings: Settings, _: Mapping[str, str]) -> Land:
    """What lands Mixpanel's events and profiles."""
    source = mixpanel_source(settings)
    return lambda manifest, load_id, now, progress: mixpanel_profiles.land(source, manifest, load_id, now, progress)


def amplitude_source(settings: Settings) -> AmplitudeSource:
    """Where and as whom Amplitude is read."""
    return AmplitudeSource(
        base_url=settings.amplitude_base_url or "",
        api_key=secret_text(settings.amplitude_api_key),
        secret_key=secret_text(settings.amplitude_secret_key),
        start=settings.first_day,
        workspace_group=settings.amplitude_workspace_group,
        threads=settings.engine_threads,
        memory=settings.engine_memory,
    )


def land_amplitude(settings: Settings, _: Mapping[str, str]) -> Land:
    """What lands Amplitude's events."""
    source = amplitude_source(settings)
    return lambda manifest, load_id, now, progress: amplitude_export.land(source, manifest, load_id, now, progress)


def probe_mixpanel(settings: Settings) -> str:
    """See `ask_mixpanel`."""
    return ask_mixpanel(mixpanel_source(settings), LOOK)


def probe_amplitude(settings: Settings) -> str:
    """See `ask_amplitude`."""
    return ask_amplitude(amplitude_source(settings), LOOK)


def ask_mixpanel(source: MixpanelSource, wire: Wire) -> str:
    """Ask for one event of the first day; one of the 60 exports an hour allows.

    Raises:
        ConnectorError: the credentials are refused or Mixpanel does not answer.
    """
    mixpanel_export.check(source)
    day = source.start.isoformat()
    params = {"from_date": day, "to_date": day, "limit": "1", **source.project}
    url, where = f"{source.base_url.rstrip('/')}/api/2.0/export", "mixpanel export"
    downloads = mixpanel_export.client(source, wire, _unheard)
    try:
        with TemporaryDirectory() as folder:
            downloads.fetch(url, where, params, Path(folder) / "probe", mixpanel_export.whole)
    finally:
        downloads.close()
    return f"credentials accepted by {source.base_url}"


def ask_amplitude(source: AmplitudeSource, wire: Wire) -> str:
    """Ask for the list of event types.

    Raises:
        ConnectorError: the keys are refused or Amplitude does not answer.
    """
    client = JsonClient(wire, _unheard, _explained)
    client.headers.update(amplitude_export.credentials(source))
    try:
        body = client.get(
            f"{source.base_url.rstrip('/')}/api/2/events/list", "amplitude event types", None, needs="data"
        )
    finally:
        client.close()
    return f"keys accepted by {source.base_url}; {len(body['data'])} event types"


def _explained(status: int, body: Any, where: str) -> ConnectorError | None:
    said = shown(str(body)) if body is not None else f"status {status}"
    if status in (400, 401, 403):
        return amplitude_export.explain(401, said, where)
    if status == 404:
        action = "Check UAM_AMPLITUDE_BASE_URL, e.g. https://amplitude.com or https://analytics.eu.amplitude.com."
        return PermanentError(where, "there is no such address", action)
    return None


def _unheard(_: str) -> None:
    """Nobody waits for the progress of a probe."""


MIXPANEL: Final = (
    "Event deliveries and user profiles of Mixpanel.",
    ("UAM_MIXPANEL_BASE_URL", "UAM_MIXPANEL_SECRET"),
    (DELIVERIES, RECORDS),
    land_mixpanel,
    probe_mixpanel,
)
"""What the registry knows of the source before it is configured."""
AMPLITUDE: Final = (
    "Event deliveries of Amplitude, from its export.",
    ("UAM_AMPLITUDE_BASE_URL", "UAM_AMPLITUDE_API_KEY", "UAM_AMPLITUDE_SECRET_KEY"),
    (DELIVERIES,),
    land_amplitude,
    probe_amplitude,
)
