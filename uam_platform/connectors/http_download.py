"""Bulk answers over HTTP, spooled to disk whole before anything is read from them.

Here: one GET to a file with retries, cut bodies, unpacking of gzip, and the classes of failure. Not here: JSON answers (`http_json`),
what is inside a file (one module per vendor).
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.http_json import Wire, retry_after, shown

if TYPE_CHECKING:
    import httpx

Explain = Callable[[int, str, str], ConnectorError | None]
"""A vendor's own reading of a refusal: status, text, where -> an error, or None to leave it to the general rules."""

Check = Callable[[Path, str], None]
"""Looks at a spooled file and raises TransientError when the answer was not whole."""

_BLOCK_BYTES: Final = 1 << 20
_SAID_BYTES: Final = 4096  # of a refusal, read for the message


class Downloads:
    """Downloads of one connector run; counts what it did.

    Args:
        wire: transport and patience.
        progress: told about every wait.
        explain: the vendor's own error words, asked before the general rules.
        headers: sent with every request; no message shows them.
        throttled_seconds: wait after a 429 without Retry-After.
    """

    def __init__(
        self,
        wire: Wire,
        progress: Callable[[str], None],
        explain: Explain,
        headers: Mapping[str, str],
        throttled_seconds: float | None = None,
    ) -> None:
        import httpx

        self._client = httpx.Client(transport=wire.transport, timeout=wire.timeout_seconds, follow_redirects=False)
        self._wire, self._progress, self._explain = wire, progress, explain
        self._headers, self._throttled_seconds = dict(headers), throttled_seconds
        self.counts: dict[str, int] = {"requests": 0, "retries": 0, "bytes": 0}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def fetch(self, url: str, where: str, params: Mapping[str, str], target: Path, check: Check) -> Path:
        """The body of an answer with status 200, unpacked where it came as gzip, in `target`.

        Args:
            url: absolute address.
            where: what is being read, for messages.
            params: query parameters.
            target: file to write; absent until the answer is whole.
            check: looks at the file; a failure counts as a cut answer.

        Raises:
            TransientError: throttled, unreachable, 5xx or cut, also after all retries.
            ConnectorError: what `explain` made of a refusal.
        """
        first = self.counts["requests"]
        try:
            return self._wire.retry.call(lambda: self._once(url, where, params, target, check), self._progress)
        finally:
            self.counts["retries"] += max(0, self.counts["requests"] - first - 1)

    def _once(self, url: str, where: str, params: Mapping[str, str], target: Path, check: Check) -> Path:
        import httpx

        self.counts["requests"] += 1
        partial = target.with_name(target.name + ".partial")
        try:
            with self._client.stream("GET", url, params=dict(params), headers=self._headers) as answer:
                self._refuse(answer, where)
                self._spool(answer, where, partial)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise PermanentError(where, f"{url!r} is no usable address ({error})", "Correct the base URL.") from None
        except httpx.TransportError as error:
            raise TransientError(where, f"connection failed ({error or type(error).__name__})") from None
        check(partial, where)
        return partial.replace(target)

    def _refuse(self, answer: "httpx.Response", where: str) -> None:
        if answer.status_code == 200:
            return
        answer.read()
        text = shown(answer.text[:_SAID_BYTES])
        status = answer.status_code
        if status == 429 or status >= 500:
            asked = retry_after(answer.headers.get("retry-after"), answer.headers.get("date"))
            wait = self._throttled_seconds if status == 429 and asked is None else asked
            failure: ConnectorError = TransientError(where, f"status {status}: {text}", retry_after_seconds=wait)
        else:
            action = "Check the base URL, the credentials and the rights of their user."
            failure = PermanentError(where, f"refused with status {status}: {text}", action)
        raise self._explain(status, text, where) or failure

    def _spool(self, answer: "httpx.Response", where: str, partial: Path) -> None:
        packed = answer.headers.get("content-encoding", "") == "gzip"
        with partial.open("wb") as out:
            for block in _unpacked(self._counted(answer), where) if packed else self._counted(answer):
                out.write(block)

    def _counted(self, answer: "httpx.Response") -> Iterator[bytes]:
        for block in answer.iter_raw(_BLOCK_BYTES):
            self.counts["bytes"] += len(block)
            yield block


def _unpacked(blocks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Unpacked blocks; httpx itself would take a cut gzip stream for a whole one."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for block in blocks:
            yield unpacker.decompress(block)
    except zlib.error as error:
        raise TransientError(where, f"the packed answer is damaged ({error})") from None
    if not unpacker.eof:
        raise TransientError(where, "the packed answer was cut")
