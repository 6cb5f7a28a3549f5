"""Calls to one Jira Cloud site over HTTP, and what its answers say about errors and limits.

Here: authentication, sending once, reading error bodies and headers. Not here: what an answer means for an action (`jira`).
Reference: https://developer.atlassian.com/cloud/jira/platform/rate-limiting/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    import httpx

_API: Final = "rest/api/3"
_TIMEOUT_SECONDS: Final = 15.0
_QUOTA: Final = "jira-quota"


@dataclass(frozen=True)
class JiraLogin:
    """Where and as whom to write.

    Attributes:
        base_url: https://<site>.atlassian.net, or https://api.atlassian.com/ex/jira/<cloud id> for OAuth and scoped tokens.
        email: with an API token of this person; None for an OAuth token.
        token: the token.
    """

    base_url: str
    email: str | None
    token: str = field(repr=False)


class JiraSession:
    """Sends each call once.

    Args:
        login: where and as whom.
        transport: httpx transport; the network when absent.
        timeout_seconds: for connecting and for each read.
    """

    def __init__(
        self,
        login: JiraLogin,
        transport: "httpx.BaseTransport | None" = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        import httpx

        bearer = {"authorization": f"Bearer {login.token}"}
        self._client = httpx.Client(
            base_url=f"{login.base_url.rstrip('/')}/{_API}/",
            auth=(login.email, login.token) if login.email else None,
            headers={"accept": "application/json", **({} if login.email else bearer)},
            transport=transport,
            timeout=timeout_seconds,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(
        self,
        method: str,
        *path: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> "httpx.Response":
        """The answer to one call.

        Args:
            method: GET, POST or PUT.
            path: parts of the path below the API; each is escaped.
            params: query parameters.
            body: what is sent as JSON.

        Raises:
            httpx.TransportError: the call failed on its way.
        """
        return self._client.request(method, "/".join(quote(p, safe="") for p in path), params=params, json=body)


def error_text(answer: "httpx.Response") -> str:
    """Jira's messages in one line, with the status; the status alone where the answer has none."""
    body = _body(answer)
    said = [str(text) for text in body.get("errorMessages") or []]
    said += [f"{name}: {text}" for name, text in (body.get("errors") or {}).items()]
    words = "; ".join(said) or str(body.get("message") or "unreadable answer")
    return " ".join(f"HTTP {answer.status_code}: {words}".split())[:300]


def refused_fields(answer: "httpx.Response") -> frozenset[str]:
    """Fields that Jira names in an error."""
    return frozenset(_body(answer).get("errors") or {})


def is_quota(answer: "httpx.Response") -> bool:
    """Whether a 429 is about the hourly quota of points, which every call counts into."""
    return str(answer.headers.get("ratelimit-reason", "")).startswith(_QUOTA)


def pause_seconds(answer: "httpx.Response") -> float | None:
    """Seconds until Jira takes calls again: Retry-After, else the reset time against the answer's own date."""
    stated = str(answer.headers.get("retry-after", ""))
    if stated.isdigit():
        return float(stated)
    try:
        reset = datetime.fromisoformat(str(answer.headers["x-ratelimit-reset"]).replace("Z", "+00:00"))
        sent = parsedate_to_datetime(str(answer.headers["date"]))
    except (KeyError, ValueError):
        return None
    reset = reset if reset.tzinfo else reset.replace(tzinfo=UTC)
    return max((reset - sent).total_seconds(), 1.0)


def _body(answer: "httpx.Response") -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
