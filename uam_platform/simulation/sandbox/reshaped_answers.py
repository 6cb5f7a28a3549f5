"""JSON answers that hold their records twice, backwards, or with fields nobody knows.

Belongs here: changing the list of records in a vendor's JSON answer on its way out. Does not belong here: when that happens (`faults.py`),
answers that are no JSON (`mixpanel.py`, `amplitude.py` hold lines and change them themselves).
"""

import json
from typing import Any, Final

from starlette.types import Message, Send

KINDS: Final = ("duplicates", "out_of_order", "changed_schema")
NEW_FIELD: Final = "ingestion_route"
_NOT_RECORDS: Final = ("columns", "types", "timings")


def reshaped(kind: str, body: Any) -> Any:
    """The answer with the list of its records changed; as it is where it has none.

    Args:
        kind: one of `KINDS`. A changed schema gives every record a further field that is an object.
        body: parsed answer. Its records are the longest list beside names and types of columns.
    """
    if not isinstance(body, dict):
        return body
    lists = [key for key, value in body.items() if isinstance(value, list) and key not in _NOT_RECORDS]
    key = max(lists, key=lambda name: len(body[name]), default=None)
    if key is None or not body[key]:
        return body
    if kind == "duplicates":
        return {**body, key: [record for record in body[key] for _ in range(2)]}
    if kind == "out_of_order":
        return {**body, key: body[key][::-1]}
    return _widened(body, key)


def _widened(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = {"hops": 2}
    if isinstance(body[key][0], dict):
        return {**body, key: [{**record, NEW_FIELD: value} for record in body[key]]}
    columns = [*body.get("columns", ()), NEW_FIELD]  # rows are lists in the order of the columns
    return {**body, key: [[*record, json.dumps(value)] for record in body[key]], "columns": columns}


class Reshaping:
    """Keeps an answer back until it is whole, and sends it changed where it is JSON."""

    def __init__(self, send: Send, kind: str) -> None:
        self._send, self._kind = send, kind
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        """Take one part of the answer."""
        if message["type"] != "http.response.body":
            self._start = message
            return
        self._body += message.get("body", b"")
        if not message.get("more_body"):
            await self._finish()

    async def _finish(self) -> None:
        start = self._start or {"type": "http.response.start", "status": 200, "headers": []}
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        if start["status"] == 200 and (b"content-type", b"application/json") in headers:
            self._body = json.dumps(reshaped(self._kind, json.loads(self._body))).encode()
        headers.append((b"content-length", str(len(self._body)).encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": self._body})
