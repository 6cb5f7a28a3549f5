"""PostHog's persons: their addresses and the distinct ids that it holds to be one person; once a day through the API, or from files.

Here: the landed form of a person, and the list of persons page by page. Not here: files of batch exports (`posthog_person_files`), events
(`posthog_query`, `posthog_export`), what a person means (`uam_platform.staging`). https://posthog.com/docs/api/persons

The list has no "changed since", so all persons are read; a record that is landed already is left out. A person gives one record per
distinct id, the same from the API as from an export. Of its properties only the address is kept.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from uam_platform.connectors.api_records import Pages, Record, land_records
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.http_json import JsonClient, Object, Wire
from uam_platform.connectors.posthog_api import NAME, PERSONS, PostHogSource, opened, persons_url
from uam_platform.lake.loads import Load, LoadManifest

PERSON: Final = "person"
READ_AT: Final = "persons_at"
_NEXT: Final = "persons_next"
_EVERY: Final = timedelta(days=1)
_PAGE: Final = "200"


def is_due(state: Mapping[str, Any], now: datetime) -> bool:
    """Whether the list of persons is to be read, or read further."""
    read = state.get(READ_AT)
    return _NEXT in state or read is None or now - datetime.fromisoformat(read) >= _EVERY


def land(
    source: PostHogSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    state: dict[str, Any],
    wire: Wire,
) -> Load | None:
    """Land what is new about the persons.

    Args:
        source: has a base URL and a key.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told after every page and about every wait.
        state: cursors of the source; those of persons are changed in it.
        wire: transport and patience.

    Returns:
        The committed load, or None when nothing is new or the key may not read persons.

    Raises:
        TransientError: PostHog could not be reached, or throttles longer than we wait, before a page was read.
        PermanentError: the key or the settings are wrong.
    """
    client = opened(source, progress, wire)
    listing = _Listing(source, client, state, now, progress)
    try:
        return land_records(
            NAME, {PERSON: listing.pages()}, state, client.counts, manifest, load_id, now, is_partial=lambda: _NEXT in state
        )  # fmt: skip
    except PermanentError as error:
        if "person:read" not in error.action:
            raise
        state[READ_AT] = now.isoformat()
        progress(f"{error} Events are read all the same.")
        return None
    finally:
        client.close()


class _Listing:
    """Pages of the list; notes in `state` when it was read whole, or where to go on."""

    def __init__(
        self,
        source: PostHogSource,
        client: JsonClient,
        state: dict[str, Any],
        now: datetime,
        progress: Callable[[str], None],
    ) -> None:
        self._source, self._client, self._state = source, client, state
        self._now, self._progress = now, progress

    def pages(self) -> Pages:
        """Records of each page; after the first one, trouble ends the reading where it is."""
        given: dict[str, str] = self._state.pop(_NEXT, None) or {"limit": _PAGE}
        read = 0
        while True:
            try:
                body = self._client.get(persons_url(self._source), PERSONS, given, needs="results")
            except TransientError as error:
                if not read:
                    raise
                self._state[_NEXT] = given
                self._progress(f"{error.where}: {error.what}; the {read:,} persons read so far are landed")
                return
            read += len(body["results"])
            self._progress(f"{PERSONS}: {read:,}")
            yield list(records(body["results"]))
            following = body.get("next")
            if not following:
                self._state[READ_AT] = self._now.isoformat()
                return
            given = _parameters(following, given)


def _parameters(following: Any, given: Mapping[str, str]) -> dict[str, str]:
    """Parameters of the next page: its address is asked at our own origin, so that the key goes nowhere else."""
    found = dict(parse_qsl(urlsplit(str(following)).query))
    if not found:
        raise TransientError(PERSONS, f"the next page has no position ({str(following)[:100]})")
    return {**given, **found}


def records(persons: Sequence[Object]) -> Iterator[Record]:
    """Landed form of the persons of one page: a record per distinct id."""
    for person in persons:
        properties = person.get("properties")
        for distinct_id in person.get("distinct_ids") or ():
            yield record(
                distinct_id,
                person.get("uuid") or person.get("id"),
                properties,
                person.get("created_at"),
                is_deleted=False,
            )


def record(distinct_id: Any, person_id: Any, properties: Any, created_at: Any, *, is_deleted: bool) -> Record:
    """Landed form of one distinct id of a person.

    Args:
        distinct_id: as PostHog has it.
        person_id: PostHog's own id of the person.
        properties: of the person, as an object or its text; what is no object has no address.
        created_at: when PostHog first saw the person.
        is_deleted: the person was deleted, or the id taken from it.
    """
    found = _object(properties)
    email = found.get("email") or found.get("$email")
    identifier = None if distinct_id is None else str(distinct_id)
    told = {
        "person_id": None if person_id is None else str(person_id),
        "distinct_id": identifier,
        "email": email if isinstance(email, str) else None,
        **({"is_deleted": True} if is_deleted else {}),
    }
    created = None if created_at is None else str(created_at)
    return PERSON, identifier, created, json.dumps(told, sort_keys=True)


def _object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, Mapping) else {}
