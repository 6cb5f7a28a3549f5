"""Another tool as a destination: alerts as signed envelopes, posted to its address.

Here: one attempt, its outcome class, and what takes the place of a look-up. Not here: the envelope (`exchange_envelope`), files instead of
HTTP (`exchange_folder`), pacing and retries (`deliver`).

A receiver cannot be asked what it holds, but it promises to count an id once. So an unclear outcome is cleared by sending the same bytes
under the same id again: a receiver that has them says so, one that has not takes them, and either way they are there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks import exchange_envelope
from uam_platform.playbooks.destination import Lookup, Outcome, Presence, Result, Scope
from uam_platform.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER

if TYPE_CHECKING:
    import httpx

LOOK_AGAIN_SECONDS: Final = 600.0
"""Pause while a receiver does not answer: six looks make an hour before a person is asked."""
_TIMEOUT_SECONDS: Final = 15.0
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_KNOWN_ALREADY: Final = 409


@dataclass(frozen=True)
class Receiver:
    """Where envelopes go, and what signs them.

    Attributes:
        url: https address; http only on this machine.
        secrets: what both sides know; two while the secret is being replaced.
    """

    url: str
    secrets: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError(
                "UAM_EXCHANGE_OUTBOX_URL: write an https address, or a folder; http is for this machine alone"
            )


class ExchangeDestination:
    """A receiver behind the `Destination` protocol.

    Args:
        receiver: where, and what signs.
        epoch_seconds: clock of the signatures.
        transport: httpx transport; the network when absent.
    """

    def __init__(
        self, receiver: Receiver, epoch_seconds: Callable[[], float], transport: "httpx.BaseTransport | None" = None
    ) -> None:
        import httpx

        self._receiver, self._epoch_seconds = receiver, epoch_seconds
        self._client = httpx.Client(transport=transport, timeout=_TIMEOUT_SECONDS, follow_redirects=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def deliver(self, action: OutboxAction, now: datetime) -> Outcome:
        """Post once; `now` is unused, as the receiver's clock decides on signatures."""
        try:
            return _judged(self._posted(action), self._reference(action))
        except Exception as error:
            return _broken(error)

    def reconcile(self, action: OutboxAction) -> Lookup:
        """Post the same again: FOUND when the receiver has it or takes it, ABSENT when it clearly refuses, else UNDECIDED."""
        outcome = self.deliver(action, datetime.min)  # noqa: DTZ901 - not used
        if outcome.result is Result.SENT:
            return Lookup(Presence.FOUND, outcome.external_ref)
        if outcome.result is Result.PERMANENT and outcome.scope is Scope.ACTION:
            return Lookup(Presence.ABSENT)  # the next attempt is refused likewise, and told
        pause = outcome.retry_after_seconds or LOOK_AGAIN_SECONDS
        return Lookup(
            Presence.UNDECIDED, error=outcome.error, retry_after_seconds=pause, is_throttled=outcome.is_throttled
        )

    def _posted(self, action: OutboxAction) -> "httpx.Response":
        body, at = exchange_envelope.content(action), int(self._epoch_seconds())
        headers = {
            "content-type": "application/json",
            "idempotency-key": action.idempotency_key,
            TIMESTAMP_HEADER: str(at),
            SIGNATURE_HEADER: exchange_envelope.signatures(self._receiver.secrets, at, body),
        }
        return self._client.post(self._receiver.url, content=body, headers=headers)

    def _reference(self, action: OutboxAction) -> str:
        return f"{urlsplit(self._receiver.url).hostname}/{action.idempotency_key}"


def _judged(answer: "httpx.Response", reference: str) -> Outcome:
    status, word = answer.status_code, f"HTTP {answer.status_code}"
    if 200 <= status < 300 or status == _KNOWN_ALREADY:
        return Outcome(Result.SENT, external_ref=reference)
    if status == 429:
        return Outcome(Result.TRANSIENT, error=word, retry_after_seconds=_pause(answer), is_throttled=True)
    if status in (401, 403) or 300 <= status < 400:
        return Outcome(Result.PERMANENT, error=word, scope=Scope.DESTINATION)
    if status in (404, 405, 410):
        return Outcome(Result.PERMANENT, error=word, scope=Scope.TARGET)
    if 400 <= status < 500 and status != 408:
        return Outcome(Result.PERMANENT, error=word)
    return Outcome(Result.UNKNOWN, error=word, retry_after_seconds=_pause(answer))


def _broken(error: Exception) -> Outcome:
    import httpx

    word = f"{type(error).__name__}: {error}"[:300]
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return Outcome(Result.TRANSIENT, error=word)
    return Outcome(Result.UNKNOWN, error=word)


def _pause(answer: "httpx.Response") -> float | None:
    stated = str(answer.headers.get("retry-after", ""))
    return float(stated) if stated.isdigit() and len(stated) < 7 else None
