"""Takes what vendors' endpoints have read: makes journal lines of it, waits for the disk, counts.

Here: the one way into the journal and what every endpoint shares. Not here: requests and answers of one vendor (`segment`, `posthog`,
`amplitude`, `mixpanel`, `webhooks`), the disk (`group_commit`).
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from uam_platform.collector.bodies import received, written
from uam_platform.collector.group_commit import GroupCommit
from uam_platform.collector.keys import Sender, Senders
from uam_platform.collector.meters import Meters
from uam_platform.collector.refusals import Reason, Refusal
from uam_platform.contracts import collected

MAX_READING_BYTES: Final = 256 << 20
_RETRY_SECONDS: Final = 2

Clock = Callable[[], datetime]
"""Now as naive UTC."""
Answer = Callable[[Request, bytes], Awaitable[Response]]
"""(request, unpacked body) -> what the vendor would say; raises Refusal."""
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Face:
    """How one vendor's endpoint shows itself.

    Attributes:
        dialect: label of metrics and of what is set aside.
        max_bytes: largest body, packed or not.
        refuse: a refusal in the vendor's words.
    """

    dialect: str
    max_bytes: int
    refuse: Callable[[Refusal], Response]


class Reception:
    """What endpoints hand their events to.

    Args:
        senders: who may send.
        commit: the journal.
        clock: naive UTC; stamps what arrives.
    """

    def __init__(self, senders: Senders, commit: GroupCommit, clock: Clock) -> None:
        self.senders, self.clock = senders, clock
        self.meters = Meters()
        self._commit = commit
        self._reading_bytes = 0

    @contextmanager
    def reading(self, size: int) -> Iterator[None]:
        """Count the body of a request while it is in memory.

        Raises:
            Refusal: many large ones are there already.
        """
        if self._reading_bytes and self._reading_bytes + size > MAX_READING_BYTES:
            raise Refusal(Reason.BUSY, "too many large requests are under way", _RETRY_SECONDS)
        self._reading_bytes += size
        try:
            yield
        finally:
            self._reading_bytes -= size

    def received_text(self) -> str:
        """Now, as ISO 8601 with `Z`."""
        return self.clock().isoformat(timespec="microseconds") + "Z"

    def sender(self, candidates: Sequence[object]) -> Sender:
        """The sender of the first known key.

        Raises:
            Refusal: none of them is known.
        """
        found = self.senders.find(candidates)
        if found is None:
            raise Refusal(Reason.UNAUTHORIZED, "the key is not known to this collector")
        return found

    async def land_events(
        self,
        sender: Sender,
        dialect: str,
        events: Sequence[Any],
        sent_at: Any = None,
        max_event_bytes: int | None = None,
    ) -> int:
        """Return the number of events once they are on disk.

        Args:
            sender: from whom.
            dialect: whose shape the events have.
            events: as parsed; one that is no object is kept and set aside later.
            sent_at: sending time by the client's clock, where it says one.
            max_event_bytes: larger ones are set aside, the others of the request are not lost with them.

        Raises:
            Refusal: nothing of it was acknowledged.
        """
        head = {
            "kind": collected.EVENT,
            "source": sender.source,
            "side": sender.side,
            "dialect": dialect,
            "received_at": self.received_text(),
            "sent_at": sent_at if isinstance(sent_at, str) else None,
        }
        texts, large = [], 0
        for event in events:
            try:
                text = written(event)
            except ValueError:
                raise Refusal(Reason.INVALID, "an event is nested too deep") from None
            if max_event_bytes is not None and len(text) > max_event_bytes:
                texts.append(self._refused(sender.source, dialect, "too_large", text))
                large += 1
            else:
                texts.append(orjson.dumps({**head, "body": orjson.Fragment(text)}))
        await self._commit.land(texts)
        self.meters.accepted[sender.source, dialect] += len(texts)
        if large:
            self.meters.set_aside[sender.source, dialect] += large
        return len(texts)

    async def land_record(self, source: str, kind: str, record_id: str, modified_at: str | None, body: Any) -> None:
        """Return once one webhook delivery is on disk.

        Args:
            source: name of the webhook.
            kind: `source_object` of the record.
            record_id: what makes a repeated delivery recognisable.
            modified_at: the sender's own time, ISO 8601.
            body: the delivery as parsed.

        Raises:
            Refusal: it was not acknowledged.
        """
        await self.land_records(source, kind, [(record_id, modified_at, body)])

    async def land_records(self, source: str, kind: str, found: Sequence[tuple[str, str | None, Any]]) -> None:
        """Return once all of them are on disk; see `land_record`.

        Args:
            source: name of the webhook.
            kind: `source_object` of the records.
            found: id, the sender's own time and body of each.

        Raises:
            Refusal: none of them was acknowledged.
        """
        head = {"kind": collected.RECORD, "source": source, "object": kind, "received_at": self.received_text()}
        try:
            bodies = [orjson.Fragment(written(body)) for _, _, body in found]
        except ValueError:
            raise Refusal(Reason.INVALID, "the delivery is nested too deep") from None
        pairs = zip(found, bodies, strict=True)
        lines = [{**head, "id": own_id, "modified_at": at, "body": body} for (own_id, at, _), body in pairs]
        await self._commit.land([orjson.dumps(line) for line in lines])
        self.meters.accepted[source, kind] += len(lines)

    async def keep_unreadable(self, source: str, dialect: str, raw: bytes, reason: str = "not_json") -> None:
        """Keep the bytes of a known sender that nobody can read; the sender is refused all the same."""
        await self._commit.land([self._refused(source, dialect, reason, raw)])
        self.meters.set_aside[source, dialect] += 1

    def _refused(self, source: str, dialect: str, reason: str, raw: bytes) -> bytes:
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = collected.BASE64 + base64.b64encode(raw).decode("ascii")
        line = {
            "kind": collected.REFUSED,
            "source": source,
            "dialect": dialect,
            "reason": reason,
            "received_at": self.received_text(),
            "text": text,
        }
        return orjson.dumps(line)


def endpoint(reception: Reception, face: Face, answer: Answer) -> Endpoint:
    """An endpoint that reads the body, asks `answer`, and refuses in the vendor's words."""

    async def handle(request: Request) -> Response:
        try:
            with reception.reading(_announced(request, face.max_bytes)):
                return await answer(request, await received(request, face.max_bytes))
        except Refusal as refusal:
            reception.meters.rejected[face.dialect, refusal.reason.value] += 1
            await _keep(reception, face, request, refusal)
            return face.refuse(refusal)

    return handle


def _announced(request: Request, max_bytes: int) -> int:
    """Bytes that a body may take in memory; without a length the most it may have."""
    length = request.headers.get("content-length", "")
    return min(int(length), max_bytes) if length.isdecimal() and len(length) < 20 else max_bytes


async def _keep(reception: Reception, face: Face, request: Request, refusal: Refusal) -> None:
    sender = reception.senders.find(header_keys(request))
    source = refusal.source or (sender.source if sender else None)
    if refusal.raw is None or source is None:
        return
    try:
        await reception.keep_unreadable(source, face.dialect, refusal.raw)
    except Refusal:  # the disk is full or busy; the sender is refused either way and still has its events
        reception.meters.rejected[face.dialect, Reason.UNAVAILABLE.value] += 1


_QUERY_KEYS: Final = ("writeKey", "api_key", "token")


def header_keys(request: Request) -> list[str]:
    """Keys that a request names outside its body: Basic (user, then password), Bearer, query."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    found: list[str] = []
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(credentials.strip()).decode("utf-8").partition(":")
            found += [user, password]
        except (binascii.Error, ValueError):
            pass  # then there is no key in it
    elif scheme.lower() == "bearer":
        found.append(credentials.strip())
    return [*found, *(request.query_params[name] for name in _QUERY_KEYS if name in request.query_params)]


def retry_headers(refusal: Refusal) -> dict[str, str]:
    """`Retry-After` where coming back may help."""
    return {} if refusal.retry_after_seconds is None else {"Retry-After": str(refusal.retry_after_seconds)}
