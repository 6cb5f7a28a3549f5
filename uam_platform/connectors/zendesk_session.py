"""A session with Zendesk: as whom to read, one call, and Zendesk's error words.

Here: the two ways to sign in (API token, OAuth), the token of Zendesk Chat, what each refusal means and what to do. Not here: HTTP
(`http_json`), which streams there are (`zendesk_streams`), paging (`zendesk_pages`).
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from uam_platform.connectors.errors import ConnectorError, PermanentError
from uam_platform.connectors.http_json import JsonClient, Object, shown

NAME: Final = "zendesk"
_CHAT: Final = "chat/"


@dataclass(frozen=True)
class ZendeskSource:
    """Where and as whom to read.

    Attributes:
        base_url: https://<subdomain>.zendesk.com
        start: first import goes back to here (UTC).
        email: of the administrator the API token belongs to (incremental exports need one).
        api_token: API token.
        oauth_token: OAuth access token with the scope `read`; goes before the API token.
        chat_token: OAuth access token of Zendesk Chat with the scope `read`; without it no chats are read.
        pages_per_load: pages of incremental exports after which a load is committed, so that a first import that is cut off
            goes on from there; Zendesk allows ten a minute.
    """

    base_url: str
    start: datetime
    email: str = ""
    api_token: str = field(default="", repr=False)
    oauth_token: str = field(default="", repr=False)
    chat_token: str = field(default="", repr=False)
    pages_per_load: int = 50

    def authorization(self, path: str) -> str:
        """Header of a call; Zendesk Chat has a token of its own."""
        if path.startswith(_CHAT):
            return f"Bearer {self.chat_token}"
        if self.oauth_token:
            return f"Bearer {self.oauth_token}"
        return "Basic " + base64.b64encode(f"{self.email}/token:{self.api_token}".encode()).decode()


class RefusedError(PermanentError):
    """Zendesk refuses: credentials, rights, address or request."""

    status = 0


class Session:
    """Calls of one connector run.

    Args:
        source: where and as whom.
        client: sends the requests.
    """

    def __init__(self, source: ZendeskSource, client: JsonClient) -> None:
        self.source, self._client = source, client

    def get(self, path: str, where: str, params: Mapping[str, str], needs: str) -> Object:
        """The answer at `path` below /api/v2/; `needs` is the key without which it is none.

        Raises:
            TransientError: throttled, unreachable, 5xx or cut, also after all retries.
            RefusedError: credentials, rights or settings are wrong.
        """
        self._client.headers["authorization"] = self.source.authorization(path)
        return self._client.get(f"{self.source.base_url.rstrip('/')}/api/v2/{path}", where, params, needs=needs)


def explain(status: int, body: Any, where: str) -> ConnectorError | None:
    """Zendesk's own refusals in plain words; None leaves the answer to the general rules."""
    if status not in _REFUSALS:
        return None
    what, action = _REFUSALS[status]
    said = shown(json.dumps(body)) if body is not None else "no text"
    is_chat = where.startswith(f"{NAME} chat ")
    refused = RefusedError(where, f"{what} ({said})", _CHAT_ACTION if is_chat and status in (401, 403) else action)
    refused.status = status
    return refused


_REQUEST: Final = (
    "Zendesk does not accept the request",
    "Check that UAM_ZENDESK_START lies in the past; otherwise a stored cursor is no longer valid.",
)
_CHAT_ACTION: Final = (
    "Check UAM_ZENDESK_CHAT_TOKEN: an access token of an API client of Zendesk Chat with the scope read."
)
_REFUSALS: Final = {
    400: _REQUEST,
    401: (
        "Zendesk does not accept the credentials",
        "Check UAM_ZENDESK_OAUTH_TOKEN, or UAM_ZENDESK_EMAIL and UAM_ZENDESK_API_TOKEN, and that token access is switched on.",
    ),
    403: (
        "Zendesk refuses access",
        "Give the token's user the administrator role; incremental exports need it.",
    ),
    404: ("there is no such address", "Check UAM_ZENDESK_BASE_URL, e.g. https://acme.zendesk.com."),
    422: _REQUEST,
}
