"""The sandbox in this process behind an httpx transport: no port, no waiting, and answers that break off as a network breaks them.

Here: the transport. Not here: tests, the sandbox as users run it (`conftest.py`).
"""

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette


class SandboxTransport(httpx.BaseTransport):
    """Hands requests to an ASGI application."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, or the error that httpx raises where there is none or half of one."""
        request.read()
        sent = asyncio.run(sent_by(self._app, request))
        if not sent:
            raise httpx.ReadTimeout("timed out")
        parts = [message for message in sent if message["type"] == "http.response.body"]
        if not parts or parts[-1].get("more_body"):
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
        body = b"".join(part.get("body", b"") for part in parts)
        headers = [(name, value) for name, value in sent[0]["headers"] if name.lower() != b"content-length"]
        return httpx.Response(sent[0]["status"], headers=headers, stream=httpx.ByteStream(body))


async def sent_by(app: Starlette, request: httpx.Request) -> list[Any]:
    """Messages that an ASGI application sends for a request that has been read."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": request.content, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path,
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": (request.url.host, request.url.port or 80),
    }
    await app(scope, receive, send)  # type: ignore[arg-type]
    return sent
