"""Amplitude: event deliveries through the Export API, a zip of gzip JSON lines per window of server upload hours.

Here: which hours are read, halving windows that are refused, unpacking, Amplitude's error words. Not here: downloads
(`http_download`), one line (`amplitude_lines`), files of a load (`window_load`), deduplication (`uam_platform.staging`).

The window is a filter on the hour of upload, never on event time, so an event that comes days late lies in a new hour. An hour is
complete two hours after it ended; a few hours before the cursor are read again all the same. "No data" is a 404.
https://amplitude.com/docs/apis/analytics/export
"""

import base64
import gzip
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from uam_platform.connectors.amplitude_lines import line_shape
from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.http_download import Downloads
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.json_lines import line_batches
from uam_platform.connectors.window_load import Piece, Target, WindowLoad, widened
from uam_platform.lake.loads import Load, LoadManifest

NAME: Final = "amplitude"
HOUR: Final = timedelta(hours=1)
_COMPLETE_AFTER: Final = timedelta(hours=2)  # documented: an hour is whole two hours after it ended
_LOOK_BACK: Final = timedelta(hours=3)
_FIRST_WINDOW: Final = timedelta(days=1)
_LONGEST_WINDOW: Final = timedelta(days=28)  # 365 days are allowed
_UPLOAD_LAG: Final = timedelta(days=1)  # an event is uploaded seconds after its receipt, at most this long
_EMPTY_STRETCH: Final = timedelta(days=1)  # without data, after which the cursor alone is committed
_THROTTLED_SECONDS: Final = 30.0


@dataclass(frozen=True)
class AmplitudeSource:
    """Where and as whom to read.

    Attributes:
        base_url: https://amplitude.com, or https://analytics.eu.amplitude.com for data kept in Europe.
        api_key: of the project.
        secret_key: of the project.
        start: first import goes back to this UTC day.
        workspace_group: group type whose value is the product's workspace id.
        threads: engine threads.
        memory: engine memory limit.
    """

    base_url: str
    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    start: date
    workspace_group: str = "workspace"
    threads: int = 2
    memory: str = "2GB"


@dataclass(frozen=True)
class Window:
    """Upload hours from `start` until before `end`, naive UTC."""

    start: datetime
    end: datetime

    @property
    def params(self) -> dict[str, str]:
        """Query of the export; both hours are inclusive there."""
        return {"start": f"{self.start:%Y%m%dT%H}", "end": f"{self.end - HOUR:%Y%m%dT%H}"}

    @property
    def halves(self) -> tuple["Window", "Window"] | None:
        """The two halves on whole hours; None for a single hour."""
        hours = (self.end - self.start) // HOUR
        middle = self.start + hours // 2 * HOUR
        return (Window(self.start, middle), Window(middle, self.end)) if hours > 1 else None

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H} to {self.end - HOUR:%Y-%m-%dT%H}"


class _TooLargeError(ConnectorError):
    """The answer would be too large, or the vendor says so: a smaller window may pass."""


class _NoDataError(ConnectorError):
    """No file of the window exists: an empty answer."""


def land(
    source: AmplitudeSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    *,
    wire: Wire | None = None,
) -> Load | None:
    """Land the upload hours that are complete and no load has read, and what is new in the hours just before.

    Args:
        source: where and as whom.
        manifest: complete loads; the last one's state says where to go on.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every window and every wait.
        wire: transport and patience; the network when absent.

    Returns:
        The committed load, or None when nothing is new. When Amplitude fails after some windows were read, these are committed.

    Raises:
        TransientError: Amplitude could not be reached, throttles longer than we wait, or cut its answers.
        PermanentError: credentials, rights or settings are wrong.
    """
    last = manifest.last(NAME)
    state: dict[str, Any] = dict(last.state) if last else {}
    cursor = datetime.fromisoformat(state["hour"]) if state else datetime.combine(source.start, time())
    ended = _hour(now - _COMPLETE_AFTER)
    begin = cursor - _LOOK_BACK if state else cursor
    if (state.get("read_at") == now.isoformat() and cursor >= ended) or begin >= ended:
        return None
    downloads = client(source, wire or Wire(), progress)
    target = Target(NAME, manifest, load_id, now, progress)
    since = (begin - _UPLOAD_LAG).isoformat(sep=" ") if state else None
    known = state.get("fields", ())
    try:
        with WindowLoad(
            target, line_shape(source.workspace_group), known, since, source.threads, source.memory
        ) as load:
            pieces = _pieces(source, downloads, load.spool, begin, cursor, ended)
            reached = max(cursor, load.read(pieces, begin))
            position = {"hour": reached.isoformat(), "read_at": now.isoformat()}
            return load.finish(position, downloads.counts, is_far=reached - cursor >= _EMPTY_STRETCH)
    finally:
        downloads.close()


def client(source: AmplitudeSource, wire: Wire, progress: Callable[[str], None]) -> Downloads:
    """Downloads that carry the project's keys."""
    return Downloads(wire, progress, explain, credentials(source), _THROTTLED_SECONDS)


def credentials(source: AmplitudeSource) -> dict[str, str]:
    """The header that carries the project's keys."""
    pair = base64.b64encode(f"{source.api_key}:{source.secret_key}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def _pieces(
    source: AmplitudeSource, downloads: Downloads, spool: Path, begin: datetime, cursor: datetime, ended: datetime
) -> Iterator[Piece[datetime]]:
    """What the hours from `begin` until before `ended` hold, in order; those before `cursor` were read before."""
    start, width = begin, _FIRST_WINDOW
    while start < ended:
        window, before = Window(start, min(ended, start + width)), downloads.counts["bytes"]
        for part, path in _answers(source, downloads, window, spool):
            yield Piece(f"upload hours {part}", part.end, _lines(path) if path else (), part.start < cursor)
            if path:
                path.unlink()
        start, width = window.end, widened(width, downloads.counts["bytes"] - before, _LONGEST_WINDOW)


def _answers(
    source: AmplitudeSource, downloads: Downloads, window: Window, spool: Path
) -> Iterator[tuple[Window, Path | None]]:
    """The zip file of a window, None where it has no data; halves of it where Amplitude refuses the whole, down to one hour."""
    where = f"{NAME} export of upload hours {window}"
    url = f"{source.base_url.rstrip('/')}/api/2/export"
    target = spool / f"{window.params['start']}-{window.params['end']}.zip"
    try:
        yield window, downloads.fetch(url, where, window.params, target, _whole)
    except _NoDataError:
        yield window, None
    except _TooLargeError as error:
        if window.halves is None:
            action = "Check that the keys belong to the project and UAM_AMPLITUDE_BASE_URL to its region; else use Amplitude's S3 export."
            raise PermanentError(where, f"{error.what}, even for one hour", action) from None
        for half in window.halves:
            yield from _answers(source, downloads, half, spool)


def _whole(path: Path, where: str) -> None:
    """The file is a zip whose members have their check sums; an error under status 200 is none."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            head = stream.read(200).decode("utf-8", "replace")
        raise TransientError(where, f"the answer is no whole zip file (it begins with {head[:40]!r})")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise TransientError(where, f"the zip file is damaged ({error})") from None
    if damaged is not None:
        raise TransientError(where, f"member {damaged} of the zip file is damaged")


def _lines(path: Path) -> Iterator[pa.Array]:
    """Lines of all members, by name; a member that is plain JSON is read as well."""
    with zipfile.ZipFile(path) as archive:
        for info in sorted(archive.infolist(), key=lambda member: member.filename):
            if not info.is_dir():
                yield from _member_lines(archive, info)


def _member_lines(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[pa.Array]:
    try:
        with archive.open(info) as member:
            is_packed = info.filename.endswith(".gz")
            yield from line_batches(gzip.GzipFile(fileobj=member) if is_packed else member)
    except (EOFError, gzip.BadGzipFile) as error:
        where, action = f"{NAME} export, member {info.filename}", "Ask Amplitude to write that hour again."
        raise PermanentError(where, f"is no whole gzip file ({error})", action) from None


def explain(status: int, text: str, where: str) -> ConnectorError | None:
    """Amplitude's own refusals in plain words; None leaves the answer to the general rules."""
    if status == 404:
        if "not found" in text.lower() or "http_code" in text:
            return _NoDataError(where, "no data", "")
        action = "Check UAM_AMPLITUDE_BASE_URL, e.g. https://amplitude.com or https://analytics.eu.amplitude.com."
        return PermanentError(where, f"there is no such address ({text})", action)
    if status in (401, 403):
        action = "Check UAM_AMPLITUDE_API_KEY and UAM_AMPLITUDE_SECRET_KEY, and UAM_AMPLITUDE_BASE_URL for the project's region."
        return PermanentError(
            where, f"Amplitude does not accept the credentials ({text or f'status {status}'})", action
        )
    if status in (400, 504):
        return _TooLargeError(where, f"Amplitude refuses the window with status {status} ({text})", "")
    return None


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
