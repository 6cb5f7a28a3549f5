"""Runs the collector until it is told to stop: everything that can be wrong is said before the first request.

Here: the socket, the checks, uvicorn. Not here: the application (`app`), arguments (`uam_platform.cli_serve`).
"""

import errno
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn

from uam_platform.collector.app import Limits, create_app
from uam_platform.collector.keys import Senders
from uam_platform.lake import journal
from uam_platform.settings import Settings

_LOG: Final = logging.getLogger(__name__)
_GRACE_SECONDS: Final = 20  # for requests under way when the server is told to stop
_BACKLOG: Final = 2048


def run(host: str, port: int, folder: Path, senders: Senders, settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; then answer what has begun, write what waits and close the journal.

    Args:
        host: address to listen on.
        port: 0 for a free one, which is then logged.
        folder: the journal.
        senders: who may send.
        settings: clock, rotation, origins.

    Raises:
        OSError: the port is taken or the folder cannot be written; the message says which and what to do.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    check_folder(folder)
    origins = [part.strip() for part in settings.collector_origins.split(",") if part.strip()]
    limits = Limits(rotate_seconds=settings.collector_rotate_seconds, origins=origins)
    app = create_app(folder, senders, settings.delivery_clock, limits)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )  # fmt: skip
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # uvicorn raises what ended it once more; an orderly end is exit code 0
        signal.signal(number, lambda *_: None)
    with _listening(host, port) as listener:
        _LOG.info("collector listens on http://%s:%d, %r, journal %s", host, listener.getsockname()[1], senders, folder)
        for number in (
            signal.SIGTERM,
            signal.SIGINT,
        ):  # uvicorn raises what ended it once more; an orderly end is exit code 0
            signal.signal(number, lambda *_: None)
        uvicorn.Server(config).run(sockets=[listener])
    _LOG.info("collector stopped; everything acknowledged is in closed files of %s", folder)


def check_folder(folder: Path) -> None:
    """Return when the collector could write there.

    Raises:
        OSError: it cannot be made or written, or another collector does already.
    """
    try:
        with journal.held(folder, "writer"):
            probe = folder / ".probe"
            probe.write_bytes(b"writable")
            probe.unlink()
    except journal.JournalInUseError:
        raise
    except OSError as error:
        raise OSError(
            f"{folder}: cannot be written ({error.strerror}); use another --dir or mend its permissions"
        ) from None


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise OSError(_bind_advice(host, port, error)) from None
        listener.listen(_BACKLOG)
        yield listener


def _bind_advice(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop what listens there or give another --port"
    if error.errno == errno.EACCES:
        return f"port {port} needs rights this user does not have; use one above 1023 behind a proxy"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"
