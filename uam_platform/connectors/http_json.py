"""JSON over HTTP for API connectors: one request at a time, failures classified, transient ones retried.

Here: sending, Retry-After, cut bodies, and turning an answer into an object or an error. Not here: authentication and paging
of one vendor (`zendesk`, `salesforce`, `gong`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.retry import Retry

if TYPE_CHECKING:
    import httpx

Object = dict[str, Any]
Explain = Callable[[int, Any, str], ConnectorError | None]
"""A vendor's own reading of an answer: status, parsed body (None if it is no JSON), where -> an error, or None if it is fine."""


@dataclass(frozen=True)
class Wire:
    """How requests leave the machine; tests put their own transport and a patience without waiting here.

    Attributes:
        transport: httpx transport; the network when absent.
        retry: patience with transient failures.
        timeout_seconds: for connecting and for each read.
    """

    transport: "httpx.BaseTransport | None" = None
    retry: Retry = field(default_factory=Retry)
    timeout_seconds: float = 60.0


class JsonClient:
    """Requests of one connector run; counts what it did, and keeps the headers of the last answer.

    Args:
        wire: transport and patience.
        progress: told about every wait.
        explain: the vendor's own error words, asked before the general rules.
        throttled_seconds: wait after a 429 without Retry-After; the usual patience when absent.
    """

    def __init__(
        self, wire: Wire, progress: Callable[[str], None], explain: Explain, throttled_seconds: float | None = None
    ) -> None:
        import httpx

        self._client = httpx.Client(transport=wire.transport, timeout=wire.timeout_seconds, follow_redirects=False)
        self._wire, self._progress, self._explain = wire, progress, explain
        self._throttled_seconds = throttled_seconds
        self.headers: dict[str, str] = {"accept": "application/json"}
        self.counts: dict[str, int] = {"requests": 0, "retries": 0, "bytes": 0}
        self.last_headers: Mapping[str, str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, url: str, where: str, params: Mapping[str, str] | None = None, needs: str = "") -> Object:
        """The JSON object at `url`.

        Args:
            url: absolute address.
            where: what is being read, for messages.
            params: query parameters.
            needs: key without which the answer is an error under status 200.

        Raises:
            TransientError: throttled, unreachable, 5xx or cut, also after all retries.
            PermanentError: refused: credentials, rights, a wrong request.
        """
        return self.send("GET", url, where, needs=needs, params=params)

    def send(
        self,
        method: str,
        url: str,
        where: str,
        *,
        needs: str = "",
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: Object | None = None,
    ) -> Object:
        """As `get`, with any method and an optional form or JSON body."""
        first = self.counts["requests"]
        content = {"params": params, "data": form, "json": body}
        try:
            return self._wire.retry.call(lambda: self._once(method, url, where, needs, content), self._progress)
        finally:
            self.counts["retries"] += max(0, self.counts["requests"] - first - 1)

    def _once(self, method: str, url: str, where: str, needs: str, content: Mapping[str, Any]) -> Object:
        import httpx

        self.counts["requests"] += 1
        try:
            answer = self._client.request(method, url, headers=self.headers, **content)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise PermanentError(where, f"{url!r} is no usable address ({error})", "Correct the base URL.") from None
        except httpx.TransportError as error:
            raise TransientError(where, f"connection failed ({error or type(error).__name__})") from None
        self.counts["bytes"] += len(answer.content)
        self.last_headers = answer.headers
        return self._judged(answer, where, needs)

    def _judged(self, answer: "httpx.Response", where: str, needs: str) -> Object:
        body = _parsed(answer.content)
        problem = self._explain(answer.status_code, body, where) or _general(answer, where)
        if answer.status_code == 429 and isinstance(problem, TransientError) and problem.retry_after_seconds is None:
            problem.retry_after_seconds = self._throttled_seconds
        if problem is not None:
            raise problem
        if not isinstance(body, dict) or (needs and needs not in body):
            raise TransientError(where, f"status 200 without {needs or 'a JSON object'}: {shown(answer.text)}")
        return body


def shown(text: str, limit: int = 200) -> str:
    """One line of vendor text, short enough for a message."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def retry_after(value: str | None, server_time: str | None) -> float | None:
    """Seconds a Retry-After header asks for; None if it is absent or unreadable.

    Args:
        value: the header: a number of seconds or an HTTP date.
        server_time: the answer's Date header, so that a date needs no clock of ours.
    """
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - parsedate_to_datetime(server_time or "")).total_seconds())
    except (TypeError, ValueError):
        return None


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _general(answer: "httpx.Response", where: str) -> ConnectorError | None:
    status, text = answer.status_code, shown(answer.text)
    if status == 429 or status >= 500:
        wait = retry_after(answer.headers.get("retry-after"), answer.headers.get("date"))
        return TransientError(where, f"status {status}: {text}", retry_after_seconds=wait)
    if status in (401, 403):
        action = "Check the credentials and the rights of their user."
        return PermanentError(where, f"refused with status {status}: {text}", action)
    if status >= 300:
        action = "Check the base URL and the connector's settings."
        return PermanentError(where, f"refused with status {status}: {text}", action)
    return None
