"""A session with Salesforce: the token, one call, and Salesforce's error words.

Here: logging in, renewing an expired session once, what each refusal means and what to do. Not here: HTTP (`http_json`), what is
read (`salesforce_objects`), paging (`salesforce`), writing tasks (`uam_platform.playbooks`).

The daily quota is the organisation's: every answer tells how much of it is used (`Sforce-Limit-Info`), and at its end Salesforce
answers 403 REQUEST_LIMIT_EXCEEDED without a time to wait. https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_api.htm
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.http_json import JsonClient, Object, shown

NAME: Final = "salesforce"
API_VERSION: Final = "v60.0"
_COLUMN: Final = re.compile(r"No such column '(\w+)'")
_USAGE: Final = re.compile(r"api-usage=(\d+)/(\d+)")


@dataclass(frozen=True)
class SalesforceSource:
    """Where and as which connected app to read.

    Attributes:
        base_url: https://<domain>.my.salesforce.com
        client_id: consumer key of the connected app (client credentials flow).
        client_secret: consumer secret.
        names: own names of objects and fields (`salesforce_objects.readings`).
    """

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    names: str = ""


class SessionExpiredError(PermanentError):
    """The access token is no longer valid; a new one may be asked for once."""


class MissingFieldError(PermanentError):
    """The object has no such field, or the app's user may not see it."""

    field_name = ""


class MissingObjectError(PermanentError):
    """The organisation has no such object, or the app's user may not see it."""


class LocatorExpiredError(ConnectorError):
    """The position inside a result is gone (two days, or a restart); the query can be put again, the same page cannot."""


class Session:
    """An access token, asked for at the first call and once more when it expires on the way.

    Args:
        source: where and as which app.
        client: sends the requests; carries the token in its headers, and takes the use of the quota into its counts.
    """

    def __init__(self, source: SalesforceSource, client: JsonClient) -> None:
        self._source, self._client = source, client
        self._instance = ""

    def get(self, path: str, where: str, params: dict[str, str] | None = None, needs: str = "records") -> Object:
        """The answer at `path` of the instance; `needs` is the key without which it is none."""
        if not self._instance:
            self._log_in()
        try:
            answer = self._client.get(self._url(path), where, params, needs=needs)
        except SessionExpiredError:
            self._log_in()
            answer = self._client.get(self._url(path), where, params, needs=needs)
        self._note_quota()
        return answer

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

    def _note_quota(self) -> None:
        if told := _USAGE.search(self._client.last_headers.get("sforce-limit-info", "")):
            self._client.counts |= {"daily_calls_used": int(told[1]), "daily_calls_allowed": int(told[2])}


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
    if code == "INVALID_TYPE":
        return MissingObjectError(where, said, _ACTIONS[code])
    if code == "REQUEST_LIMIT_EXCEEDED":
        action = "The daily API limit of the organisation is used up; the next run goes on from the last complete load "
        return PermanentError(
            where, said, f"{action}once calls of the last 24 hours expire, or ask for a higher limit."
        )
    if code == "INVALID_QUERY_LOCATOR":
        return LocatorExpiredError(where, said, "The next run reads the result from its beginning.")
    if code in ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE") or status >= 500 or status == 429:
        return TransientError(where, f"{code}: {said}")
    return PermanentError(where, f"{code}: {said}", _ACTIONS.get(code, _ACTIONS[""]))


_ACTIONS: Final = {
    "": "Check the connector's settings and the rights of the connected app's user.",
    "INVALID_FIELD": "Create the field in Salesforce, give the connected app's user the right to read it, or name your own in "
    "UAM_SALESFORCE_NAMES.",
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
