"""Gong: users, calls and transcripts through windows over the start of a call.

Here: which windows are read, cursor paging, Gong's error words. Not here: HTTP (`http_json`), landing (`api_records`), what was
said and by whom (`uam_platform.staging.calls`).

A call can be read only after it was recorded and processed, and windows filter on its start, so every load looks back some days;
a transcript that was not there yet is asked for again for a month. An empty window is a 404. Fields about single people's performance
and Gong's own summaries are not asked for. Endpoints: https://gong.app.gong.io/settings/api/documentation
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from uam_platform.connectors.api_records import Pages, Record, land_records
from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.field_drift import FieldProfile
from uam_platform.connectors.http_json import JsonClient, Object, Wire, shown
from uam_platform.lake.loads import Load, LoadManifest

NAME: Final = "gong"
_WINDOW: Final = timedelta(days=180)  # one load of a first import: some thousand calls, then it can be resumed
_TRANSCRIPT_DUE: Final = timedelta(days=30)
_IDS_PER_REQUEST: Final = 100
_LONGEST_PAUSE_SECONDS: Final = 600.0  # limits per second ask for seconds, a used-up day for hours
_LONGEST_STALL: Final = 5  # answers with a cursor that was given before
_SELECTED: Final[Object] = {
    "context": "Basic",
    "exposedFields": {"parties": True, "content": {"topics": True, "trackers": True, "callOutcome": True}},
}


@dataclass(frozen=True)
class GongSource:
    """Where and as whom to read.

    Attributes:
        base_url: the customer's own, e.g. https://us-12345.api.gong.io
        access_key: access key.
        access_key_secret: its secret.
        start: first import goes back to here (UTC).
        look_back_days: a call that can be read later than this after its start is missed.
    """

    base_url: str
    access_key: str
    access_key_secret: str = field(repr=False)
    start: datetime
    look_back_days: int = 14


class NothingFoundError(ConnectorError):
    """Gong's 404 for a window or ids without calls; no failure."""


def land(
    source: GongSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    *,
    wire: Wire | None = None,
) -> Load | None:
    """Land the next window with anything new in it.

    Args:
        source: where and as whom.
        manifest: complete loads; the last one's state says where to go on.
        load_id: id of the new load.
        now: naive UTC.
        progress: told after every page and about every wait.
        wire: transport and patience; the network when absent.

    Returns:
        The committed load, or None when there is nothing new up to now.

    Raises:
        TransientError: Gong could not be reached, throttles longer than we wait, or the day's quota is used up.
        PermanentError: credentials, rights or settings are wrong.
    """
    last = manifest.last(NAME)
    before: Mapping[str, Any] = last.state if last else {}
    client = opened(source, progress, wire)
    try:
        for number, window in enumerate(windows(source, before, now)):
            state: dict[str, Any] = dict(before)
            profile = FieldProfile(last.fields if last else {})
            streams = {"call": _calls(source, client, window, state, now, progress, profile)}
            if number == 0:
                streams["user"] = _users(source, client, profile)
            if load := land_records(NAME, streams, state, client.counts, manifest, load_id, now, profile):
                return load
        return None
    finally:
        client.close()


def opened(source: GongSource, progress: Callable[[str], None], wire: Wire | None = None) -> JsonClient:
    """A client with the credentials of `source`; the caller closes it."""
    given = wire or Wire()
    patient = replace(given, retry=replace(given.retry, give_up_seconds=_LONGEST_PAUSE_SECONDS))
    client = JsonClient(patient, progress, explain)
    pair = base64.b64encode(f"{source.access_key}:{source.access_key_secret}".encode()).decode()
    client.headers["authorization"] = f"Basic {pair}"
    return client


def probe(source: GongSource, now: datetime, wire: Wire) -> str:
    """One cheap call that needs the key and its right to calls.

    Args:
        source: where and as whom.
        now: naive UTC; the calls of the minute before are asked for.
        wire: transport and patience.

    Raises:
        ConnectorError: Gong refuses the key, or cannot be reached.
    """
    client = opened(source, lambda _: None, wire)
    try:
        next(_paged(source, client, "calls/extensive", "calls", _filtered(now - timedelta(minutes=1), now)), None)
    finally:
        client.close()
    return "access key accepted; it may read calls"


def windows(source: GongSource, state: Mapping[str, Any], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Half-open windows over the start of calls, naive UTC, from where the last load ended (less the look-back) up to now."""
    start = _naive(source.start)
    if until := state.get("calls_until"):
        start = max(start, _naive(datetime.fromisoformat(until)) - timedelta(days=source.look_back_days))
    while start < now:
        end = min(now, start + _WINDOW)
        yield start, end
        start = end


def _users(source: GongSource, client: JsonClient, profile: FieldProfile) -> Pages:
    for users in _paged(source, client, "users", "users", None):
        profile.saw("user", users)
        yield records("user", users, "id", lambda _: None)


def _calls(
    source: GongSource,
    client: JsonClient,
    window: tuple[datetime, datetime],
    state: dict[str, Any],
    now: datetime,
    progress: Callable[[str], None],
    profile: FieldProfile,
) -> Pages:
    """Calls of a window, each page followed by its transcripts, then transcripts that were missing before."""
    due: dict[str, str] = dict(state.get("transcripts_due", {}))
    awaited: dict[str, str] = {}
    read = 0
    for calls in _paged(
        source, client, "calls/extensive", "calls", {**_filtered(*window), "contentSelector": _SELECTED}
    ):
        profile.saw("call", calls)
        profile.saw("call metaData", [_basics(call) for call in calls])
        started = {_call_id(call): started_text(call) or "" for call in calls}
        yield [("call", _call_id(call), started_text(call), json.dumps(call, sort_keys=True)) for call in calls]
        yield from _transcripts(source, client, started, awaited, profile)
        due = {key: at for key, at in due.items() if key not in started}
        read += len(calls)
        progress(f"{NAME} calls from {window[0]:%Y-%m-%d} to {window[1]:%Y-%m-%d}: {read:,}")
    yield from _transcripts(source, client, due, awaited, profile)
    oldest = f"{now - _TRANSCRIPT_DUE:%Y-%m-%dT%H:%M:%SZ}"
    state["transcripts_due"] = {key: at for key, at in sorted(awaited.items()) if at >= oldest}
    state["calls_until"] = f"{window[1]:%Y-%m-%dT%H:%M:%SZ}"


def _transcripts(
    source: GongSource,
    client: JsonClient,
    started: Mapping[str, str],
    awaited: dict[str, str],
    profile: FieldProfile,
) -> Iterator[Sequence[Record]]:
    """Transcripts of these calls; those without one are noted as awaited."""
    ids = sorted(filter(None, started))
    awaited |= {key: started[key] for key in ids}
    for first in range(0, len(ids), _IDS_PER_REQUEST):
        wanted = {"filter": {"callIds": ids[first : first + _IDS_PER_REQUEST]}}
        for found in _paged(source, client, "calls/transcript", "callTranscripts", wanted):
            spoken = [item for item in found if item.get("transcript")]
            profile.saw("transcript", spoken)
            yield records("transcript", spoken, "callId", lambda item: started.get(str(item.get("callId"))))
            for item in spoken:
                awaited.pop(str(item.get("callId")), None)


def _paged(
    source: GongSource, client: JsonClient, path: str, items: str, body: Object | None
) -> Iterator[Sequence[Object]]:
    """Pages of one endpoint. The cursor of a GET goes into its address, that of a POST into its body."""
    where, url = f"{NAME} {path}", f"{source.base_url.rstrip('/')}/v2/{path}"
    cursor, given = "", list[str]()
    while True:
        page = {"cursor": cursor} if cursor else {}
        try:
            if body is None:
                answer = client.get(url, where, page, needs=items)
            else:
                answer = client.send("POST", url, where, needs=items, body={**body, **page})
        except NothingFoundError:
            return
        yield [item for item in answer[items] if isinstance(item, dict)]
        cursor = str((answer.get("records") or {}).get("cursor") or "")
        if not cursor:
            return
        given.append(cursor)
        if given.count(cursor) > _LONGEST_STALL:
            raise TransientError(where, f"the same page was given {_LONGEST_STALL} times; the list did not end")


def _filtered(start: datetime, end: datetime) -> Object:
    return {"filter": {"fromDateTime": f"{start:%Y-%m-%dT%H:%M:%SZ}", "toDateTime": f"{end:%Y-%m-%dT%H:%M:%SZ}"}}


def records(
    source_object: str, items: Sequence[Object], key: str, modified: Callable[[Object], str | None]
) -> list[Record]:
    """Landed form of the items of one page; ids stay text, for they are longer than a float holds."""
    return [
        (source_object, str(item.get(key) or ""), modified(item), json.dumps(item, sort_keys=True)) for item in items
    ]


def _call_id(call: Object) -> str:
    return str(_basics(call).get("id") or "")


def _basics(call: Object) -> Object:
    found = call.get("metaData")
    return found if isinstance(found, dict) else {}


def started_text(call: Object) -> str | None:
    """Start of a call in UTC, so that it sorts as text; as delivered where it cannot be read."""
    value = _basics(call).get("started")
    try:
        return f"{_naive(datetime.fromisoformat(str(value))):%Y-%m-%dT%H:%M:%SZ}" if value else None
    except ValueError:
        return str(value)


def explain(status: int, body: Any, where: str) -> ConnectorError | None:
    """Gong's own refusals in plain words; None leaves the answer to the general rules."""
    errors = body.get("errors") if isinstance(body, dict) else None
    said = shown("; ".join(map(str, errors))) if isinstance(errors, list) else "no text"
    if status == 404 and errors:
        return NothingFoundError(where, f"Gong found nothing ({said})", "Nothing to do.")
    if status == 404:
        return PermanentError(where, "there is no such address", "Check UAM_GONG_BASE_URL; Gong's API page shows it.")
    if status in (401, 403) and "permission" in said:
        action = "Give the key api:calls:read:extensive, api:calls:read:transcript and api:users:read."
        return PermanentError(where, f"the key lacks a right ({said})", action)
    if status in (401, 403):
        action = "Check UAM_GONG_ACCESS_KEY and UAM_GONG_ACCESS_KEY_SECRET, and that the key is still active."
        return PermanentError(where, f"Gong does not accept the credentials ({said})", action)
    if status == 400:
        action = "Check that UAM_GONG_START lies in the past; otherwise this is an error of this connector."
        return PermanentError(where, f"Gong does not accept the request ({said})", action)
    return None


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
