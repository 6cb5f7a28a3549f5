"""Salesforce: accounts, contacts, contracts, opportunities, users and their field history by SOQL.

Here: which objects and fields are read, the query, paging, the session, and Salesforce's error words. Not here: HTTP
(`http_json`), landing (`api_records`), writing tasks (`uam_platform.playbooks`).

Reads are `SystemModstamp >= last seen - overlap`, ordered by SystemModstamp and Id: automated changes move only that field,
a bulk update gives thousands of rows one stamp, and rows commit late with an older one. History objects never change and
have only CreatedDate. `queryAll` also gives deleted rows (IsDeleted). Query reference:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from uam_platform.connectors.api_records import Pages, Record, land_records
from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.http_json import JsonClient, Object, Wire, shown
from uam_platform.lake.loads import Load, LoadManifest

NAME: Final = "salesforce"
API_VERSION: Final = "v60.0"
_OVERLAP: Final = timedelta(minutes=10)
_LONGEST_STALL: Final = 5
_RESTARTS: Final = 3
_COLUMN: Final = re.compile(r"No such column '(\w+)'")


@dataclass(frozen=True)
class SalesforceSource:
    """Where and as which connected app to read.

    Attributes:
        base_url: https://<domain>.my.salesforce.com
        client_id: consumer key of the connected app (client credentials flow).
        client_secret: consumer secret.
    """

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Reading:
    """One object to read.

    Attributes:
        name: object name; also the source_object of its records.
        fields: fields beside Id and the cursor without which a record is of no use.
        optional: fields that an organisation may lack or hide; their absence is reported and leaves them empty.
        cursor: field that the read is ordered and continued by.
    """

    name: str
    fields: str
    optional: str = ""
    cursor: str = "SystemModstamp"

    def query(self, since: str | None, absent: Collection[str] = ()) -> str:
        """SOQL from `since` (ISO 8601 with Z, inclusive) on, or from the beginning, without the `absent` fields."""
        wanted = [name for name in self.optional.split() if name not in absent]
        names = ", ".join(dict.fromkeys(("Id", *self.fields.split(), *wanted, self.cursor)))
        where = f" WHERE {self.cursor} >= {since}" if since else ""
        return f"SELECT {names} FROM {self.name}{where} ORDER BY {self.cursor} ASC, Id ASC"


READINGS: Final = (
    Reading("User", "Name Email IsActive CreatedDate"),
    Reading(
        "Account",
        "Name OwnerId Product_Account_Id__c IsDeleted CreatedDate LastModifiedDate",
        optional="ParentId Type Industry NumberOfEmployees Tier__c Strategic_Fit__c",
    ),
    Reading("Contact", "AccountId Email CreatedDate IsDeleted", optional="FirstName LastName Title"),
    Reading(
        "Opportunity",
        "AccountId StageName CloseDate IsWon CreatedDate",
        optional="Name Type OwnerId Amount IsClosed",
    ),
    Reading(
        "Contract",
        "AccountId Status StartDate EndDate MRR_USD__c CreatedDate",
        optional="ContractNumber ContractTerm LastModifiedDate Billing_Period__c Seats__c Plan__c Renewed_From__c "
        "Notice_Date__c Ended_Date__c End_Reason__c",
    ),
    Reading("AccountHistory", "AccountId Field OldValue NewValue", cursor="CreatedDate"),
    Reading("ContractHistory", "ContractId Field OldValue NewValue", cursor="CreatedDate"),
)


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
    client = JsonClient(wire or Wire(), progress, explain)
    try:
        session = Session(source, client)
        streams = {r.name: _pages(Position(r, state, progress), session) for r in READINGS}
        return land_records(NAME, streams, state, client.counts, manifest, load_id, now)
    finally:
        client.close()


class SessionExpiredError(PermanentError):
    """The access token is no longer valid; a new one may be asked for once."""


class MissingFieldError(PermanentError):
    """The object has no such field, or the app's user may not see it."""

    field_name = ""


class LocatorExpiredError(TransientError):
    """The position inside a result is gone (two days, or a restart); the query can be put again."""


class Session:
    """An access token, asked for at the first call and once more when it expires on the way.

    Args:
        source: where and as which app.
        client: sends the requests; carries the token in its headers.
    """

    def __init__(self, source: SalesforceSource, client: JsonClient) -> None:
        self._source, self._client = source, client
        self._instance = ""

    def get(self, path: str, where: str, params: dict[str, str] | None = None) -> Object:
        """The query result at `path` of the instance."""
        if not self._instance:
            self._log_in()
        try:
            return self._client.get(self._url(path), where, params, needs="records")
        except SessionExpiredError:
            self._log_in()
            return self._client.get(self._url(path), where, params, needs="records")

    def _url(self, path: str) -> str:
        """Absolute address; a base URL with a path of its own (a proxy) keeps it, as nextRecordsUrl comes without."""
        prefix = urlsplit(self._instance).path.rstrip("/")
        return urljoin(self._instance, path if path.startswith(prefix + "/services") else prefix + path)

    def _log_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._source.client_id,
            "client_secret": self._source.client_secret,
        }
        self._client.headers.pop("authorization", None)
        url = f"{self._source.base_url.rstrip('/')}/services/oauth2/token"
        answer = self._client.send("POST", url, f"{NAME} log-in", needs="access_token", form=form)
        self._instance = answer.get("instance_url") or self._source.base_url
        self._client.headers["authorization"] = f"Bearer {answer['access_token']}"
        self._client.headers["sforce-query-options"] = "batchSize=2000"


@dataclass
class Position:
    """How far one reading is.

    Attributes:
        reading: what is read.
        state: last cursor value seen by object name; updated while reading.
        progress: told about pages and absent fields.
        absent: optional fields that this organisation does not show.
    """

    reading: Reading
    state: dict[str, Any]
    progress: Callable[[str], None]
    absent: set[str] = field(default_factory=set)

    @property
    def where(self) -> str:
        """Name for messages."""
        return f"{NAME} {self.reading.name} query"

    def soql(self) -> str:
        """The query that goes on from here."""
        seen = self.state.get(self.reading.name)
        return self.reading.query(overlapped(seen) if seen else None, self.absent)

    def saw(self, rows: Sequence[Object]) -> None:
        """Move on past a page."""
        if rows:
            name = self.reading.name
            self.state[name] = max(self.state.get(name, ""), rows[-1][self.reading.cursor])

    def leave_out(self, error: MissingFieldError) -> None:
        """Go on without an optional field; any other missing field ends the read."""
        if error.field_name not in self.reading.optional.split() or error.field_name in self.absent:
            raise error
        self.absent.add(error.field_name)
        self.progress(f"{self.where}: no field {error.field_name}; it stays empty ({error.action})")


def _pages(position: Position, session: Session) -> Pages:
    read = 0
    for rows in _query(position, session):
        read += len(rows)
        position.progress(f"{NAME} {position.reading.name}: {read:,} records")
        yield records(position.reading, rows)


def records(reading: Reading, rows: Sequence[Object]) -> list[Record]:
    """Landed form of the rows of one page, without Salesforce's `attributes`."""
    return [
        (
            reading.name,
            row.get("Id"),
            row.get(reading.cursor),
            json.dumps({k: v for k, v in row.items() if k != "attributes"}, sort_keys=True),
        )
        for row in rows
    ]


def _query(position: Position, session: Session) -> Iterator[Sequence[Object]]:
    """Pages from a position on; the query is put again from the last row seen when its locator expires."""
    for attempt in range(1, _RESTARTS + 1):
        try:
            yield from _result(position, session)
            return
        except LocatorExpiredError:
            if attempt == _RESTARTS:
                raise


def _result(position: Position, session: Session) -> Iterator[Sequence[Object]]:
    body = _first_page(position, session)
    path, stalled = "", 0
    while True:
        position.saw(body["records"])
        yield body["records"]
        following = body.get("nextRecordsUrl")
        if body.get("done") or not following:
            return
        stalled = stalled + 1 if following == path and not body["records"] else 0
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


def overlapped(seen: str) -> str:
    """SOQL literal a little before the last stamp seen."""
    moment = datetime.fromisoformat(seen.replace("Z", "+0000")).astimezone(UTC) - _OVERLAP
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def explain(status: int, body: Any, where: str) -> ConnectorError | None:
    """Salesforce's own refusals in plain words; None leaves the answer to the general rules."""
    code, said = _code(body)
    if not code:
        return None
    if code == "INVALID_SESSION_ID":
        return SessionExpiredError(where, said, "Check that the connected app may use the API.")
    if code == "INVALID_FIELD":
        missing = MissingFieldError(where, said, _ACTIONS[code])
        missing.field_name = _COLUMN.findall(said)[0] if _COLUMN.search(said) else ""
        return missing
    if code == "REQUEST_LIMIT_EXCEEDED":
        action = "The daily API limit of the organisation is used up; run again tomorrow or ask for a higher limit."
        return PermanentError(where, said, action)
    if code == "INVALID_QUERY_LOCATOR":
        return LocatorExpiredError(where, said)
    if code in ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE") or status >= 500 or status == 429:
        return TransientError(where, f"{code}: {said}")
    return PermanentError(where, f"{code}: {said}", _ACTIONS.get(code, _ACTIONS[""]))


_ACTIONS: Final = {
    "": "Check the connector's settings and the rights of the connected app's user.",
    "INVALID_FIELD": "Create the field in Salesforce or give the connected app's user the right to read it.",
    "INVALID_TYPE": "Give the connected app's user the right to read the object, and switch on its field history.",
    "invalid_client": "Check UAM_SALESFORCE_CLIENT_ID and UAM_SALESFORCE_CLIENT_SECRET.",
    "invalid_client_id": "Check UAM_SALESFORCE_CLIENT_ID.",
    "unsupported_grant_type": "Switch on the client credentials flow of the connected app.",
    "invalid_grant": "Set a run-as user for the client credentials flow of the connected app.",
}


def _code(body: Any) -> tuple[str, str]:
    """Error code and text of an error array or of the token endpoint's error object; empty when it is no error."""
    if isinstance(body, list) and body and isinstance(body[0], dict) and "errorCode" in body[0]:
        return str(body[0]["errorCode"]), shown(str(body[0].get("message", "")))
    if isinstance(body, dict) and "error" in body:
        return str(body["error"]), shown(str(body.get("error_description", body["error"])))
    return "", ""
