"""Mixpanel: event deliveries through the raw export, one window of event days at a time; profiles are read beside them.

Here: which days are read, what makes an answer whole, Mixpanel's error words. Not here: profiles (`mixpanel_profiles`), downloads
(`http_download`), one line (`mixpanel_lines`), files of a load (`window_load`), deduplication (`uam_platform.staging`).

The window is a filter on event days, so what arrives late lands in days already read: the last days are read again each time. The
export's limit is 60 requests an hour. https://developer.mixpanel.com/reference/raw-event-export
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.http_download import Downloads
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.json_lines import line_batches
from uam_platform.connectors.mixpanel_lines import TERMINATED, line_shape, whole_lines
from uam_platform.connectors.window_load import Piece, Target, WindowLoad, widened
from uam_platform.lake.loads import Load, LoadManifest

NAME: Final = "mixpanel"
_DAY: Final = timedelta(days=1)
_FIRST_WINDOW: Final = timedelta(days=7)
_LONGEST_WINDOW: Final = timedelta(days=56)  # a small project's five years in 35 requests, below the 60 an hour allows
_EMPTY_STRETCH: Final = timedelta(days=7)  # without data, after which the cursor alone is committed
THROTTLED_SECONDS: Final = 60.0  # a 429 often comes without Retry-After
_TAIL_BYTES: Final = 256


@dataclass(frozen=True)
class MixpanelSource:
    """Where and as whom to read.

    Attributes:
        base_url: https://data.mixpanel.com, data-eu or data-in by the project's region.
        secret: of the service account, or the project's legacy secret.
        service_account: user name; absent with the legacy secret.
        project_id: needed with a service account.
        start: first import goes back to this day.
        time_zone: of projects made before 2023, whose days and times are local; UTC for all others.
        look_back_days: days before the last read one that are read again for late arrivals.
        workspace_group: group key whose value is the product's workspace id.
        threads: engine threads.
        memory: engine memory limit.
    """

    base_url: str
    secret: str = field(repr=False)
    service_account: str | None
    project_id: str | None
    start: date
    time_zone: str = "UTC"
    look_back_days: int = 5
    workspace_group: str = "workspace_id"
    threads: int = 2
    memory: str = "2GB"

    @property
    def query_url(self) -> str:
        """Base of the query API: the same region's host without its `data` part."""
        parts = urlsplit(self.base_url.rstrip("/"))
        host = parts.netloc.removeprefix("data.").removeprefix("data-")
        return urlunsplit(parts._replace(netloc=host))

    @property
    def headers(self) -> dict[str, str]:
        """Basic authentication; the legacy secret is a user name without a password."""
        pair = f"{self.service_account}:{self.secret}" if self.service_account else f"{self.secret}:"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    @property
    def project(self) -> dict[str, str]:
        """The query parameter that names the project."""
        return {"project_id": self.project_id} if self.project_id else {}


def land_events(
    source: MixpanelSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    state: dict[str, Any],
    wire: Wire,
) -> Load | None:
    """Land the event days since the last complete load, and what is new in the days just before.

    Args:
        source: where and as whom.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every window and every wait.
        state: of the last complete load.
        wire: transport and patience.

    Returns:
        The committed load, or None when nothing is new. When Mixpanel fails after some windows were read, these are committed.

    Raises:
        TransientError: Mixpanel could not be reached, throttles longer than we wait, or cut its answers.
        PermanentError: credentials, rights or settings are wrong.
    """
    check(source)
    today = now.replace(tzinfo=UTC).astimezone(ZoneInfo(source.time_zone)).date()
    read = date.fromisoformat(state["day"]) if "day" in state else None
    if read is not None and read >= today and state.get("read_at") == now.isoformat():
        return None
    begin = source.start if read is None else min(read, today) - source.look_back_days * _DAY
    # Mixpanel's clock is no later than a day of processing: what these days hold was received after they began.
    since = f"{begin - _DAY:%Y-%m-%dT00:00:00}" if read is not None else None
    shape = line_shape(source.workspace_group, source.time_zone)
    downloads = client(source, wire, progress)
    target = Target(NAME, manifest, load_id, now, progress)
    try:
        with WindowLoad(target, shape, state.get("fields", ()), since, source.threads, source.memory) as load:
            reached = load.read(_pieces(source, downloads, load.spool, begin, read, today), begin - _DAY)
            reached = reached if read is None else max(read, reached)
            position = {**state, "day": reached.isoformat(), "read_at": now.isoformat()}
            return load.finish(position, downloads.counts, is_far=reached - (read or begin) >= _EMPTY_STRETCH)
    finally:
        downloads.close()


def client(source: MixpanelSource, wire: Wire, progress: Callable[[str], None]) -> Downloads:
    """Downloads that carry the credentials."""
    headers = {**source.headers, "accept-encoding": "gzip"}
    return Downloads(wire, progress, explain, headers, THROTTLED_SECONDS)


def check(source: MixpanelSource) -> None:
    """Refuse settings that no request could succeed with.

    Raises:
        PermanentError: a service account without a project, or an unknown time zone.
    """
    if source.service_account and not source.project_id:
        action = "Set UAM_MIXPANEL_PROJECT_ID, or leave UAM_MIXPANEL_SERVICE_ACCOUNT empty to use the project's legacy secret."
        raise PermanentError(f"{NAME} export", "a service account needs the project's number", action)
    try:
        ZoneInfo(source.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        action = "Set UAM_MIXPANEL_TIME_ZONE to a name such as Europe/Berlin, or leave it empty for UTC."
        raise PermanentError(f"{NAME} export", f"there is no time zone {source.time_zone!r}", action) from None


def _pieces(
    source: MixpanelSource, downloads: Downloads, spool: Path, begin: date, read: date | None, today: date
) -> Iterator[Piece[date]]:
    """What the days from `begin` to `today` hold, in order; the end of a piece is its last day."""
    first, width = begin, _FIRST_WINDOW
    while first <= today:  # a later to_date is refused
        last = min(today, first + width - _DAY)
        where = f"{NAME} export of {first} to {last}"
        params = {"from_date": first.isoformat(), "to_date": last.isoformat(), "time_in_ms": "true", **source.project}
        target = spool / f"{first}-{last}.jsonl"
        path = downloads.fetch(f"{source.base_url.rstrip('/')}/api/2.0/export", where, params, target, whole)
        yield Piece(f"event days {first} to {last}", last, _lines(path), read is not None and first <= read)
        size = path.stat().st_size
        path.unlink()
        first, width = last + _DAY, widened(width, size, _LONGEST_WINDOW)


def whole(path: Path, where: str) -> None:
    """The answer ends with a line end and not with Mixpanel's word for an export that failed under status 200."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - _TAIL_BYTES))
        tail = stream.read()
    last = tail.rstrip().rsplit(b"\n", 1)[-1].strip()
    if last == TERMINATED.encode():
        raise TransientError(where, f"Mixpanel ended the export early and said so in its last line ({TERMINATED!r})")
    if size and not tail.endswith(b"\n"):
        raise TransientError(where, "the answer was cut in the middle of a line")
    if last.startswith(b'{"error"'):
        raise TransientError(where, "the answer holds an error instead of events")


def _lines(path: Path) -> Iterator[pa.Array]:
    with path.open("rb") as stream:
        yield from whole_lines(line_batches(stream))


def explain(status: int, text: str, where: str) -> ConnectorError | None:
    """Mixpanel's own refusals in plain words; None leaves the answer to the general rules."""
    credentials = (
        "Check UAM_MIXPANEL_SECRET, UAM_MIXPANEL_SERVICE_ACCOUNT and UAM_MIXPANEL_PROJECT_ID, and UAM_MIXPANEL_BASE_URL for the "
        "project's region."
    )
    if status == 401 or (status == 400 and "authenticate" in text.lower()):
        return PermanentError(where, f"Mixpanel does not accept the credentials ({text})", credentials)
    if status == 403:
        action = "Give the service account the role Consumer or higher in this project. " + credentials
        return PermanentError(where, f"Mixpanel refuses access ({text})", action)
    if status == 402:
        return PermanentError(where, f"the project's plan does not include this ({text})", "Ask Mixpanel to enable it.")
    if status == 400 and "to_date" in text:
        action = "Set UAM_MIXPANEL_TIME_ZONE to the project's zone; the days asked for are counted in it."
        return PermanentError(where, f"Mixpanel says a day lies in the future ({text})", action)
    if status == 404:
        action = "Check UAM_MIXPANEL_BASE_URL, e.g. https://data.mixpanel.com, data-eu or data-in."
        return PermanentError(where, f"there is no such address ({text})", action)
    return None
