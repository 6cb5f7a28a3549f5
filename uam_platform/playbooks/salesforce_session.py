"""One Salesforce session over HTTP: log in, call, log in once more when the token ran out.

Here: the client credentials flow and sending. Not here: what an answer means for an action (`salesforce`). A call is repeated only after
`INVALID_SESSION_ID`, which refuses it before anything is done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    import httpx

API_VERSION: Final = "v60.0"
_TIMEOUT_SECONDS: Final = 15.0
EXPIRED: Final = "INVALID_SESSION_ID"


@dataclass(frozen=True)
class SalesforceLogin:
    """Where and as which connected app to write.

    Attributes:
        base_url: https://<domain>.my.salesforce.com
        client_id: consumer key (client credentials flow).
        client_secret: consumer secret.
    """

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)


class LoginError(Exception):
    """No session: nothing was sent.

    Attributes:
        is_refused: the credentials were refused, rather than the service being out of reach.
    """

    def __init__(self, text: str, *, is_refused: bool) -> None:
        super().__init__(text)
        self.is_refused = is_refused


class SalesforceSession:
    """A session that is opened at its first call.

    Args:
        login: where and as whom.
        transport: httpx transport; the network when absent.
        timeout_seconds: for connecting and for each read.
    """

    def __init__(
        self,
        login: SalesforceLogin,
        transport: "httpx.BaseTransport | None" = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        import httpx

        self._login = login
        self._client = httpx.Client(transport=transport, timeout=timeout_seconds, follow_redirects=False)
        self._instance = ""
        self._token = ""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(
        self,
        method: str,
        path: tuple[str, ...],
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> "httpx.Response":
        """The answer to one call below `sobjects`.

        Args:
            method: GET or PATCH.
            path: parts of the path; each is escaped.
            params: query parameters.
            body: fields to write.

        Raises:
            LoginError: no session; nothing was sent.
            httpx.TransportError: the call failed on its way.
        """
        if not self._token:
            self._log_in()
        answer = self._once(method, path, params, body)
        if answer.status_code == 401 and error_code(answer) == EXPIRED:
            self._log_in()
            answer = self._once(method, path, params, body)
        return answer

    def _once(
        self, method: str, path: tuple[str, ...], params: Mapping[str, str] | None, body: Mapping[str, Any] | None
    ) -> "httpx.Response":
        parts = "/".join(quote(part, safe="") for part in path)
        url = f"{self._instance}/services/data/{API_VERSION}/sobjects/{parts}"
        headers = {"authorization": f"Bearer {self._token}"}
        return self._client.request(method, url, params=params, json=body, headers=headers)

    def _log_in(self) -> None:
        import httpx

        self._token = ""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._login.client_id,
            "client_secret": self._login.client_secret,
        }
        url = f"{self._login.base_url.rstrip('/')}/services/oauth2/token"
        try:
            answer = self._client.post(url, data=form)
            body = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise LoginError(f"log-in failed: {type(error).__name__}: {error}"[:300], is_refused=False) from None
        if not isinstance(body, dict) or not body.get("access_token"):
            word = str(body.get("error")) if isinstance(body, dict) else f"HTTP {answer.status_code}"
            raise LoginError(f"log-in refused: {word}", is_refused=400 <= answer.status_code < 500)
        self._token = str(body["access_token"])
        self._instance = str(body.get("instance_url") or self._login.base_url).rstrip("/")


def error_code(answer: "httpx.Response") -> str:
    """The first error's code; empty where the answer is no error array."""
    return _first_error(answer).get("errorCode", "")


def error_text(answer: "httpx.Response") -> str:
    """The first error in one line: code, message and fields."""
    found = _first_error(answer)
    words = f"{found.get('errorCode', '')}: {found.get('message', '')}"
    return " ".join(words.split())[:300]


def _first_error(answer: "httpx.Response") -> dict[str, str]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    if isinstance(body, list) and body and isinstance(body[0], dict) and "errorCode" in body[0]:
        return {"errorCode": str(body[0]["errorCode"]), "message": str(body[0].get("message", ""))}
    return {}
