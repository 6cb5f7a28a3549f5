"""Mixpanel's entry point for a load: profiles once a day through the query API, events through the raw export.

Here: the order of both, and the paging of profiles. Not here: events (`mixpanel`), landing of records (`api_records`), what a profile
means (`uam_platform.staging`). https://developer.mixpanel.com/reference/engage-query
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from uam_platform.connectors.api_records import Pages, Record, land_records
from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.http_json import JsonClient, Object, Wire, shown
from uam_platform.connectors.mixpanel import NAME, THROTTLED_SECONDS, MixpanelSource, explain, land_events
from uam_platform.lake.loads import Load, LoadManifest

PROFILE: Final = "profile"
_EVERY: Final = timedelta(days=1)  # the export has no "changed since", so all profiles are read


class _NotIncludedError(PermanentError):
    """The project's plan has no access to profiles."""


def land(
    source: MixpanelSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    *,
    wire: Wire | None = None,
) -> Load | None:
    """Land profiles that changed, once a day, else the events since the last complete load.

    Args:
        source: where and as whom.
        manifest: complete loads; the last one's state says where to go on.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every page, window and wait.
        wire: transport and patience; the network when absent.

    Returns:
        The committed load, or None when neither has anything new.

    Raises:
        TransientError: Mixpanel could not be reached, throttles longer than we wait, or cut its answers.
        PermanentError: credentials, rights or settings are wrong.
    """
    last = manifest.last(NAME)
    state: dict[str, Any] = dict(last.state) if last else {}
    used = wire or Wire()
    read = state.get("profiles_at")
    if "day" in state and (read is None or now - datetime.fromisoformat(read) >= _EVERY):
        state["profiles_at"] = now.isoformat()
        load = _land_profiles(source, manifest, load_id, now, progress, state, used)
        if load is not None:
            return load
    return land_events(source, manifest, load_id, now, progress, state, used)


def _land_profiles(
    source: MixpanelSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    state: dict[str, Any],
    wire: Wire,
) -> Load | None:
    client = JsonClient(wire, progress, _explained, THROTTLED_SECONDS)
    client.headers.update(source.headers)
    try:
        pages = _pages(source, client, progress)
        return land_records(NAME, {PROFILE: pages}, state, client.counts, manifest, load_id, now)
    except _NotIncludedError as error:
        progress(f"{error} Events are read all the same.")
        return None
    finally:
        client.close()


def _pages(source: MixpanelSource, client: JsonClient, progress: Callable[[str], None]) -> Pages:
    url, where = f"{source.query_url}/api/query/engage", f"{NAME} profiles"
    read, page, session = 0, 0, ""
    while True:
        form = {"session_id": session, "page": str(page)} if session else {}
        body = client.send("POST", url, where, needs="results", params=source.project, form=form)
        items: Sequence[Object] = body["results"]
        read += len(items)
        progress(f"{where}: {read:,} of {body.get('total', read):,}")
        yield list(records(items))
        if not items or len(items) < int(body.get("page_size") or len(items)):
            return
        session, page = str(body.get("session_id") or ""), page + 1
        if not session:
            raise TransientError(where, f"page {page - 1} was full and named no session to go on with")


def records(items: Sequence[Object]) -> Iterator[Record]:
    """Landed form of the profiles of one page."""
    for item in items:
        seen = (item.get("$properties") or {}).get("$last_seen")
        key = item.get("$distinct_id")
        yield PROFILE, None if key is None else str(key), None if seen is None else str(seen), _text(item)


def _text(item: Object) -> str:
    return json.dumps(item, sort_keys=True)


def _explained(status: int, body: Any, where: str) -> ConnectorError | None:
    said = shown(json.dumps(body)) if body is not None else "no text"
    if isinstance(body, dict) and status == 200 and "error" in body:
        return TransientError(where, f"status 200 with an error inside: {said}")
    if status == 402:
        return _NotIncludedError(
            where, f"the project's plan does not include profiles ({said})", "Ask Mixpanel to enable it."
        )
    if status == 400:
        action = "Check the credentials (UAM_MIXPANEL_…) and UAM_MIXPANEL_PROJECT_ID."
        return PermanentError(where, f"Mixpanel refuses the request ({said})", action)
    return explain(status, said, where)
