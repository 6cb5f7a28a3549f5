"""The collector as one ASGI application: vendors' endpoints, CORS for browsers, health, metrics, orderly start and end.

Here: composition and what belongs to no vendor. Not here: vendors (`segment`, `posthog`, `amplitude`, `mixpanel`, `webhooks`), running the
server (`command`).
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from uam_platform.collector import amplitude, mixpanel, posthog, segment, webhooks
from uam_platform.collector.bodies import parsed
from uam_platform.collector.group_commit import GroupCommit
from uam_platform.collector.keys import Senders
from uam_platform.collector.meters import backlog, exposition
from uam_platform.collector.reception import Clock, Face, Reception, endpoint
from uam_platform.contracts.collected import AMPLITUDE, POSTHOG
from uam_platform.lake.journal import JournalWriter, held, is_writable, recover

MAX_FILE_BYTES: Final = 64 << 20
MAX_QUEUED_BYTES: Final = 64 << 20
_PREFLIGHT_SECONDS: Final = 86_400


@dataclass(frozen=True)
class Limits:
    """What the collector may hold and for how long.

    Attributes:
        queued_bytes: lines that wait for the disk; beyond it senders are told to come back.
        file_bytes: a journal file is closed at this size.
        rotate_seconds: and after this time, so that it can be loaded.
        origins: web origins whose pages may send; `*` for all.
    """

    queued_bytes: int = MAX_QUEUED_BYTES
    file_bytes: int = MAX_FILE_BYTES
    rotate_seconds: float = 60.0
    origins: Sequence[str] = ("*",)


def create_app(folder: Path, senders: Senders, clock: Clock, limits: Limits | None = None) -> Starlette:
    """The application; it holds the folder from start to end and closes what a killed one left open.

    Args:
        folder: the journal.
        senders: who may send.
        clock: naive UTC.
        limits: sizes and times.

    Raises:
        JournalInUseError: at start, when another process writes there.
    """
    bounds = limits or Limits()

    def new_name() -> str:
        return f"{clock():%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}"

    commit = GroupCommit(JournalWriter(folder, new_name, bounds.file_bytes), bounds.queued_bytes, bounds.rotate_seconds)
    reception = Reception(senders, commit, clock)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with held(folder, "writer"):
            recover(folder)
            commit.start()
            try:
                yield
            finally:
                commit.close()

    async def health(_: Request) -> Response:
        is_failing = commit.state.is_failing and not is_writable(folder)
        counts = {**reception.meters.totals(), "queued": commit.state.queued_lines}
        return JSONResponse({"status": "failing" if is_failing else "ok", **counts}, 503 if is_failing else 200)

    async def metrics(_: Request) -> Response:
        waiting = backlog(folder, clock().replace(tzinfo=UTC).timestamp())
        return PlainTextResponse(exposition(reception.meters, commit.state, waiting))

    vendors = (segment, posthog, amplitude, mixpanel, webhooks)
    own = [Route("/health", health), Route("/metrics", metrics), *_batch_routes(reception)]
    return Starlette(
        routes=[*own, *(route for vendor in vendors for route in vendor.routes(reception))],
        middleware=[_cors(bounds.origins)],
        lifespan=lifespan,
    )


def _batch_routes(reception: Reception) -> list[Route]:
    """/batch, which two vendors have: PostHog's clients call it with a slash at the end, Amplitude's without one."""
    capture, upload = posthog.capture_answer(reception), amplitude.upload_answer(reception)

    async def either(request: Request, body: bytes) -> Response:
        found = parsed(body)
        is_posthog = isinstance(found, dict) and "events" not in found and "batch" in found
        return await (capture if is_posthog else upload)(request, body)

    of_posthog = Face(POSTHOG, posthog.MAX_BYTES, posthog.refused)
    of_amplitude = Face(AMPLITUDE, amplitude.MAX_BATCH_BYTES, amplitude.refused)
    return [
        Route("/batch/", endpoint(reception, of_posthog, capture), methods=["POST"]),
        Route("/batch", endpoint(reception, of_amplitude, either), methods=["POST"]),
    ]


def _cors(origins: Sequence[str]) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["Retry-After"],
        max_age=_PREFLIGHT_SECONDS,
    )
