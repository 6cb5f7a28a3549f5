"""Calls to Linear's GraphQL API over HTTP, and what its answers say about errors and limits.

Here: authentication, sending once, reading errors and headers. Not here: what an answer means for an action (`linear`).
Reference: https://linear.app/developers/graphql and https://linear.app/developers/rate-limiting
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx

_PERSONAL: Final = "lin_api_"
_TIMEOUT_SECONDS: Final = 15.0
_BUDGETS: Final = ("requests", "complexity")


@dataclass(frozen=True)
class LinearLogin:
    """Where and as whom to write.

    Attributes:
        url: https://api.linear.app/graphql
        token: a personal API key (lin_api_…), or an OAuth token.
    """

    url: str
    token: str = field(repr=False)


class LinearSession:
    """Sends each call once.

    Args:
        login: where and as whom.
        transport: httpx transport; the network when absent.
        timeout_seconds: for connecting and for each read.
    """

    def __init__(
        self,
        login: LinearLogin,
        transport: "httpx.BaseTransport | None" = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        import httpx

        self._url = login.url
        word = login.token if login.token.startswith(_PERSONAL) else f"Bearer {login.token}"
        self._client = httpx.Client(
            headers={"authorization": word}, transport=transport, timeout=timeout_seconds, follow_redirects=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, document: str, variables: Mapping[str, Any]) -> "httpx.Response":
        """The answer to one query or mutation.

        Raises:
            httpx.TransportError: the call failed on its way.
        """
        return self._client.post(self._url, json={"query": document, "variables": dict(variables)})


def body_of(answer: "httpx.Response") -> dict[str, Any] | None:
    """The answer's object; None where it is none of Linear's."""
    try:
        body = answer.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) and ("data" in body or "errors" in body) else None


def error_codes(body: Mapping[str, Any]) -> frozenset[str]:
    """Codes and types of all errors, in capitals, with an underscore for each blank."""
    said = [error.get("extensions") or {} for error in body.get("errors") or []]
    words = [str(one.get(name, "")) for one in said for name in ("code", "type")]
    return frozenset(word.upper().replace(" ", "_") for word in words if word)


def is_users_error(body: Mapping[str, Any]) -> bool:
    """Whether Linear says of every error that what was asked for is wrong."""
    errors = body.get("errors") or []
    return bool(errors) and all((error.get("extensions") or {}).get("userError") for error in errors)


def error_text(answer: "httpx.Response") -> str:
    """The errors' words in one line, with the status."""
    body = body_of(answer) or {}
    said = []
    for error in body.get("errors") or []:
        extra = error.get("extensions") or {}
        said.append(str(extra.get("userPresentableMessage") or error.get("message") or extra.get("code") or "error"))
    return " ".join(f"HTTP {answer.status_code}: {'; '.join(said) or 'unreadable answer'}".split())[:300]


def pause_seconds(answer: "httpx.Response") -> float | None:
    """Seconds until Linear takes calls again: Retry-After, else when the used-up budget is refilled, by the answer's own date."""
    heads = answer.headers
    stated = str(heads.get("retry-after", ""))
    if stated.isdigit():
        return float(stated)
    used_up = [name for name in _BUDGETS if heads.get(f"x-ratelimit-{name}-remaining") == "0"]
    try:
        resets = [int(heads[f"x-ratelimit-{name}-reset"]) / 1000 for name in used_up]
        sent = parsedate_to_datetime(str(heads["date"])).timestamp()
    except (KeyError, ValueError):
        return None
    return max(max(resets) - sent, 1.0) if resets else None
