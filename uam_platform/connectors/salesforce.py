"""Salesforce: accounts, contacts, contracts, opportunities, users and their history by SOQL, deleted ones included.

Here: reading all pages of each object and landing them, and the look of `uam doctor`. Not here: objects, fields and queries
(`salesforce_objects`), the session and Salesforce's error words (`salesforce_session`), landing (`api_records`), what a deletion
means (`uam_platform.staging`).

`queryAll` also gives deleted rows (IsDeleted) until they are purged from the recycle bin, 15 days after; a record that was purged
between two loads is never seen as deleted.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from uam_platform.connectors.api_records import Pages, Record, land_records
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.field_drift import FieldProfile
from uam_platform.connectors.http_json import JsonClient, Object, Wire
from uam_platform.connectors.salesforce_objects import Reading, our_fields, readings
from uam_platform.connectors.salesforce_session import (
    API_VERSION,
    NAME,
    LocatorExpiredError,
    MissingFieldError,
    MissingObjectError,
    SalesforceSource,
    Session,
    explain,
)
from uam_platform.lake.loads import Load, LoadManifest

_OVERLAP: Final = timedelta(minutes=10)
_LONGEST_STALL: Final = 5
_RESTARTS: Final = 3
_EMPTY: Final[Object] = {"records": [], "done": True}


def land(
    source: SalesforceSource,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
    *,
    wire: Wire | None = None,
) -> Load | None:
    """Land what changed since the last complete load.

    Args:
        source: where and as which app.
        manifest: complete loads; the last one's state says where to go on.
        load_id: id of the new load.
        now: naive UTC.
        progress: told after every page and about every wait.
        wire: transport and patience; the network when absent.

    Returns:
        The committed load, or None when nothing changed.

    Raises:
        TransientError: Salesforce could not be reached or failed.
        PermanentError: credentials, rights, a missing field, or the daily request limit.
    """
    last = manifest.last(NAME)
    state: dict[str, Any] = dict(last.state) if last else {}
    wanted = readings(source.names)
    profile = FieldProfile(last.fields if last else {})
    client = JsonClient(wire or Wire(), progress, explain)
    try:
        session = Session(source, client)
        positions = (Position(r, state, progress, profile) for r in wanted)
        streams = {p.reading.name: _pages(p, session, wanted) for p in positions}
        return land_records(NAME, streams, state, client.counts, manifest, load_id, now, profile)
    finally:
        client.close()


def probe(source: SalesforceSource, wire: Wire) -> str:
    """One cheap authenticated call: what of the daily quota is left.

    Raises:
        ConnectorError: Salesforce cannot be reached or refuses; the message says what to do.
    """
    wanted = readings(source.names)
    client = JsonClient(wire, lambda _: None, explain)
    try:
        session = Session(source, client)
        path = f"/services/data/{API_VERSION}/limits"
        answer = session.get(path, f"{NAME} limits", needs="DailyApiRequests")
        daily = answer["DailyApiRequests"]
    finally:
        client.close()
    left = f"{daily.get('Remaining', 0):,} of {daily.get('Max', 0):,} calls of the day left"
    return f"log-in accepted; {left}; reads {', '.join(r.object_name for r in wanted)}"


@dataclass
class Position:
    """How far one reading is.

    Attributes:
        reading: what is read.
        state: last cursor value seen by object name; moved on when the reading is complete.
        progress: told about pages and absent fields.
        profile: takes note of the fields that come.
        absent: optional fields that this organisation does not show.
        reached: newest cursor value of the rows read so far.
        is_ordered: rows have come in order; only then a lost result may be continued in the middle.
    """

    reading: Reading
    state: dict[str, Any]
    progress: Callable[[str], None]
    profile: FieldProfile
    absent: set[str] = field(default_factory=set)
    reached: str = ""
    is_ordered: bool = True

    @property
    def where(self) -> str:
        """Name for messages."""
        return f"{NAME} {self.reading.object_name} query"

    def soql(self) -> str:
        """The query that goes on from here."""
        seen = (self.reached if self.is_ordered else "") or self.state.get(self.reading.name)
        return self.reading.query(overlapped(seen) if seen else None, self.absent)

    def saw(self, rows: Sequence[Object]) -> None:
        """Move on past a page."""
        for row in rows:
            if not row.get(self.reading.cursor):
                action = f"Give the app's user the right to see {self.reading.object_name}.{self.reading.cursor}."
                what = f"a row came without {self.reading.cursor}, by which the next load goes on"
                raise PermanentError(self.where, what, action)
            stamp = str(row[self.reading.cursor])
            self.is_ordered = self.is_ordered and stamp >= self.reached
            self.reached = max(self.reached, stamp)

    def end(self) -> None:
        """All pages are read: the next load goes on from the newest row."""
        name = self.reading.name
        if newest := max(self.state.get(name, ""), self.reached):
            self.state[name] = newest

    def leave_out(self, error: MissingFieldError) -> None:
        """Go on without an optional field; any other missing field ends the read."""
        ours = {theirs: name for name, theirs in self.reading.own_fields.items()}
        name = ours.get(error.field_name, error.field_name)
        if name not in self.reading.optional.split() or name in self.absent:
            raise error
        self.absent.add(name)
        self.profile.lacks(self.reading.name, name)
        self.progress(f"{self.where}: no field {error.field_name}; it stays empty ({error.action})")


def _pages(position: Position, session: Session, wanted: Collection[Reading]) -> Pages:
    read, ours = 0, our_fields(position.reading, wanted)
    for rows in _query(position, session):
        read += len(rows)
        position.progress(f"{NAME} {position.reading.name}: {read:,} records")
        named = [_in_our_words(row, position.reading, ours) for row in rows]
        position.profile.saw(position.reading.name, named)
        yield records(position.reading, named)
    position.end()


def _in_our_words(row: Object, reading: Reading, tracked: Any) -> Object:
    """A row without Salesforce's `attributes`, fields and tracked fields under our names."""
    ours = {theirs: name for name, theirs in reading.own_fields.items()}
    found = {ours.get(key, key): value for key, value in row.items() if key != "attributes"}
    if tracked and found.get("Field") in tracked:
        found["Field"] = tracked[found["Field"]]
    return found


def records(reading: Reading, rows: Sequence[Object]) -> list[Record]:
    """Landed form of the rows of one page."""
    return [
        (reading.name, row.get("Id"), row.get(reading.cursor), json.dumps(_plain(row), sort_keys=True)) for row in rows
    ]


def _plain(row: Object) -> Object:
    return {key: value for key, value in row.items() if key != "attributes"}


def _query(position: Position, session: Session) -> Iterator[Sequence[Object]]:
    """Pages from a position on; the query is put again from there when its locator expires."""
    for attempt in range(1, _RESTARTS + 1):
        try:
            yield from _result(position, session)
            return
        except LocatorExpiredError as error:
            if attempt == _RESTARTS:
                raise TransientError(error.where, error.what, error.action) from None


def _result(position: Position, session: Session) -> Iterator[Sequence[Object]]:
    body = _first_page(position, session)
    path, stalled = "", 0
    while True:
        position.saw(body["records"])
        yield body["records"]
        following = body.get("nextRecordsUrl")
        if body.get("done") or not following:
            return
        stalled = stalled + 1 if following == path else 0  # a page that names itself as the next one
        if stalled >= _LONGEST_STALL:
            what = f"{stalled} answers in a row did not move on and did not end the result"
            raise TransientError(position.where, what)
        path = following
        body = session.get(path, position.where)


def _first_page(position: Position, session: Session) -> Object:
    while True:
        try:
            path = f"/services/data/{API_VERSION}/queryAll"
            return session.get(path, position.where, {"q": position.soql()})
        except MissingFieldError as error:
            position.leave_out(error)
        except MissingObjectError as error:
            if not position.reading.is_optional:
                raise
            position.profile.lacks(position.reading.name)
            position.progress(f"{position.where}: no such object; it is left out ({error.action})")
            return _EMPTY


def overlapped(seen: str) -> str:
    """SOQL literal a little before the last stamp seen."""
    moment = datetime.fromisoformat(seen.replace("Z", "+0000")).astimezone(UTC) - _OVERLAP
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
