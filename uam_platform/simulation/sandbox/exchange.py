"""The receiver of our alerts at another tool: checks the signature, counts an id once.

Belongs here: the one address and its answers, as `docs/exchange.md` asks of a receiver. Does not belong here: the signals that this tool
sends us (`exchange_signals.py`), the durable record (`received.py`).
"""

import json
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uam_platform.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureError, check
from uam_platform.simulation.sandbox.credentials import EXCHANGE_SIGNING_KEY
from uam_platform.simulation.sandbox.rate_limits import Clock
from uam_platform.simulation.sandbox.received import Journal

_REQUIRED: Final = ("version", "id", "type", "occurred_at", "subject", "alert")


class ExchangeSurface:
    """Takes signed envelopes.

    Args:
        journal: what was taken; an entry is on disk before the sender sees success.
        clock: Epoch seconds, for the window against replay.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._known = {str(entry["id"]) for entry in journal.entries()}

    def routes(self) -> list[BaseRoute]:
        """Route below `/exchange`."""
        return [Route("/exchange/alerts", self._take, methods=["POST"])]

    async def _take(self, request: Request) -> Response:
        body, headers = await request.body(), request.headers
        try:
            check(
                EXCHANGE_SIGNING_KEY, headers.get(TIMESTAMP_HEADER), headers.get(SIGNATURE_HEADER), body, self._clock()
            )
        except SignatureError as problem:
            return JSONResponse({"status": "refused", "detail": str(problem)}, 401)
        found = _parsed(body)
        if found is None or headers.get("idempotency-key") != found["id"]:
            return JSONResponse({"status": "refused", "detail": "no envelope of version 1"}, 422)
        own_id = str(found["id"])
        if own_id in self._known:
            return JSONResponse({"status": "known already"})
        self._journal.append(found)
        self._known.add(own_id)
        return JSONResponse({"status": "accepted"})


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    if not isinstance(found, dict) or found.get("version") != 1 or any(name not in found for name in _REQUIRED):
        return None
    return found
