"""Faults on demand: how a vendor misbehaves, for how many calls, on which paths.

Belongs here: the plan, and the middleware that spoils an answer on its way out. Does not belong here: the vendors' own
words for an error (`fault_answers.py`), how records in JSON change (`reshaped_answers.py`). Faults apply to the surfaces
only, never to `/healthz` and the other control paths.
"""

import asyncio
import json
import threading
import urllib.parse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, get_args

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from uam_platform.simulation.sandbox import fault_answers, reshaped_answers

Kind = Literal[
    "429",
    "429_no_retry_after",
    "500",
    "500_after_commit",
    "cut_body",
    "slow",
    "timeout",
    "200_error",
    "expired_token",
    "empty_page",
    "out_of_order",
    "drip",
    "duplicates",
    "changed_schema",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
_AFTER_COMMIT: Final = "500_after_commit"
_CONTROL_PATHS: Final = ("/healthz", "/_")
_TOLD_TO_THE_SURFACE: Final = {
    "empty_page": "uam.sandbox.empty_page",
    "duplicates": "uam.sandbox.duplicates",
    "changed_schema": "uam.sandbox.changed_schema",
    "out_of_order": "uam.sandbox.out_of_order",
}
_DEFAULT_SECONDS: Final = {"slow": 2.0, "timeout": 120.0, "drip": 1.0}
_DRIPS: Final = 20


@dataclass(frozen=True)
class Fault:
    """One misbehaviour.

    Attributes:
        match: Path prefix the fault applies to, for example `/zendesk` or `/acme-segment`.
        kind: What goes wrong; `429` is worded as the vendor throttles: Salesforce with a 403, Linear with a 400.
        times: For how many matching calls.
        after: How many matching calls pass untouched first.
        method: HTTP method the fault is limited to; empty for every method.
        query: Part of the decoded query string the fault is limited to, such as ` FROM Contact`; empty for every one.
        seconds: Delay of `slow` and `timeout`, time over which `drip` sends its body, and the value of Retry-After (rounded) for
            `429`; 0 for the default.
    """

    match: str
    kind: Kind
    times: int = 1
    after: int = 0
    method: str = ""
    seconds: float = 0.0
    query: str = ""

    def __post_init__(self) -> None:
        """Refuse a fault that could never happen.

        Raises:
            ValueError: When kind, match or times are not usable.
        """
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault kind {self.kind!r}; known are {', '.join(KINDS)}")
        if not self.match.startswith("/") or self.times < 1 or self.after < 0:
            raise ValueError(f"fault needs a match that starts with '/', times >= 1 and after >= 0; got {self}")


class FaultPlan:
    """The faults still to come, in the order in which they were asked for."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._pending = list(faults)
        self._lock = threading.Lock()

    @classmethod
    def from_json(cls, text: str) -> "FaultPlan":
        """Parse one fault or a list of faults; see `Fault` for the keys.

        Raises:
            ValueError: When the text is not JSON or a fault is not usable.
        """
        loaded = json.loads(text)
        return cls([_fault(item) for item in (loaded if isinstance(loaded, list) else [loaded])])

    def to_json(self) -> str:
        """Print the pending faults so that `from_json` reads them again."""
        return json.dumps(self.pending())

    def pending(self) -> list[dict[str, Any]]:
        """List the faults that have not run out."""
        with self._lock:
            return [asdict(fault) for fault in self._pending]

    def extend(self, other: "FaultPlan") -> None:
        """Append the faults of another plan."""
        with self._lock:
            self._pending += other._pending

    def clear(self) -> None:
        """Forget every pending fault."""
        with self._lock:
            self._pending.clear()

    def take(self, method: str, path: str, query: str = "") -> Fault | None:
        """Return the fault this call must suffer, and count it; `query` is decoded."""
        with self._lock:
            for index, fault in enumerate(self._pending):
                if not path.startswith(fault.match) or fault.method not in ("", method) or fault.query not in query:
                    continue
                if fault.after:
                    self._pending[index] = replace(fault, after=fault.after - 1)
                    return None
                self._pending[index : index + 1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None


def is_empty_page(request: Request) -> bool:
    """Tell a listing surface to answer without rows although more follow."""
    return bool(request.scope.get(_TOLD_TO_THE_SURFACE["empty_page"]))


def has_duplicates(request: Request) -> bool:
    """Tell an export of lines to hold every record twice; JSON answers are changed on their way out."""
    return bool(request.scope.get(_TOLD_TO_THE_SURFACE["duplicates"]))


def has_changed_schema(request: Request) -> bool:
    """Tell an export of lines to write a field nobody knows, and one property with another type."""
    return bool(request.scope.get(_TOLD_TO_THE_SURFACE["changed_schema"]))


def is_unordered(request: Request) -> bool:
    """Tell an export of lines to write them backwards."""
    return bool(request.scope.get(_TOLD_TO_THE_SURFACE["out_of_order"]))


class FaultMiddleware:
    """ASGI middleware that makes calls suffer the faults of a plan."""

    def __init__(self, app: ASGIApp, plan: FaultPlan) -> None:
        self._app = app
        self._plan = plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or spoil it."""
        if scope["type"] != "http" or scope["path"].startswith(_CONTROL_PATHS):
            await self._app(scope, receive, send)
            return
        asked = urllib.parse.unquote_plus(scope.get("query_string", b"").decode())
        fault = self._plan.take(scope["method"], scope["path"], asked)
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "timeout":
            await asyncio.sleep(fault.seconds or _DEFAULT_SECONDS["timeout"])
        else:
            await self._suffer(fault, scope, receive, send)

    async def _suffer(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds or _DEFAULT_SECONDS["slow"])
            await self._app(scope, receive, send)
        elif fault.kind in _TOLD_TO_THE_SURFACE:
            reshaping = reshaped_answers.Reshaping(send, fault.kind) if fault.kind in reshaped_answers.KINDS else send
            await self._app({**scope, _TOLD_TO_THE_SURFACE[fault.kind]: True}, receive, reshaping)
        elif fault.kind == "drip":
            await self._app(scope, receive, _Drip(send, fault.seconds or _DEFAULT_SECONDS["drip"]))
        elif fault.kind == "cut_body":
            await self._app(scope, receive, _Cut(send))
        else:
            if fault.kind == _AFTER_COMMIT:
                await self._app(scope, receive, _swallow)
            await fault_answers.answer(fault.kind, scope["path"], fault.seconds)(scope, receive, send)


class _Cut:
    """Sends the head of an answer and half of its body, then leaves; the server drops the connection."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_done = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not self._is_done:
            self._is_done = True
            body: bytes = message.get("body", b"")
            await self._send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        elif not self._is_done:
            await self._send(message)


class _Drip:
    """Sends a body in small pieces over some seconds."""

    def __init__(self, send: Send, seconds: float) -> None:
        self._send = send
        self._seconds = seconds

    async def __call__(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        body: bytes = message.get("body", b"")
        size = max(1, -(-len(body) // _DRIPS))
        for start in range(0, len(body), size):
            await asyncio.sleep(self._seconds / _DRIPS)
            await self._send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
        await self._send({**message, "body": b""})


async def _swallow(message: Message) -> None:
    """Drop an answer that the client must not see."""


def _fault(item: dict[str, Any]) -> Fault:
    if not isinstance(item, dict):
        raise ValueError(f"a fault is an object with match, kind and times; got {item!r}")
    unknown = set(item) - set(Fault.__dataclass_fields__)
    if unknown or not {"match", "kind"} <= set(item):
        raise ValueError(f"a fault has the keys {', '.join(Fault.__dataclass_fields__)}; got {sorted(item)}")
    return Fault(**{**item, "kind": str(item["kind"])})
