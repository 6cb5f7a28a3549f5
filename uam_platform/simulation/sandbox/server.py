"""Puts the vendors together on one port.

Belongs here: composition, and running the server in this process or another. Does not belong here: any vendor
(the modules named after them), control paths (`control.py`), command-line options
(`__main__.py`).
"""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.request import urlopen

from starlette.applications import Starlette
from starlette.middleware import Middleware

from uam_platform.simulation.sandbox import control, credentials, exports, segment_archive
from uam_platform.simulation.sandbox.amplitude import AmplitudeSurface
from uam_platform.simulation.sandbox.company import Company
from uam_platform.simulation.sandbox.exchange import ExchangeSurface
from uam_platform.simulation.sandbox.faults import FaultMiddleware, FaultPlan
from uam_platform.simulation.sandbox.gong import GongSurface
from uam_platform.simulation.sandbox.jira import INDEX_LAG_SECONDS, JiraSurface
from uam_platform.simulation.sandbox.linear import LinearSurface
from uam_platform.simulation.sandbox.mixpanel import MixpanelSurface
from uam_platform.simulation.sandbox.posthog import PostHogSurface
from uam_platform.simulation.sandbox.rate_limits import Clock
from uam_platform.simulation.sandbox.received import DESTINATIONS, Journal
from uam_platform.simulation.sandbox.s3 import S3Surface
from uam_platform.simulation.sandbox.salesforce import SalesforceSurface
from uam_platform.simulation.sandbox.slack import SlackSurface
from uam_platform.simulation.sandbox.zendesk import ZendeskSurface

DEFAULT_PORT: Final = 8910
INCREMENTAL_PER_MINUTE: Final = 10
_MIXPANEL_PER_HOUR: Final = 6  # exports an hour for each incremental export a minute: 60 beside Zendesk's 10
_START_SECONDS: Final = 900.0
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Clocks:
    """Clocks of a sandbox: epoch seconds for what Slack stamps, monotonic seconds for rate limits."""

    epoch_seconds: Clock = time.time
    monotonic_seconds: Clock = time.monotonic


def create_app(
    company: Path,
    state: Path,
    faults: FaultPlan | None = None,
    *,
    incremental_per_minute: int = INCREMENTAL_PER_MINUTE,
    jira_index_lag_seconds: float = INDEX_LAG_SECONDS,
    now: int | None = None,
    has_logs: bool = False,
    clocks: Clocks | None = None,
    progress: segment_archive.Progress | None = None,
) -> Starlette:
    """Build the sandbox's ASGI application; prepares the Segment archive first where it is not yet prepared.

    Args:
        company: The company/ folder of a simulated world.
        state: Folder for the prepared archive and the record of what destinations received; made when missing.
        faults: Faults that are pending from the start.
        incremental_per_minute: Limit of Zendesk's incremental exports; above its real one, the other sources' limits are lifted alike.
        jira_index_lag_seconds: Age from which on Jira's search knows an issue.
        now: Epoch seconds of the sandbox clock, after which nothing is served; the end of the world when not given.
            Tickets are served in their last state only, so one that changed after `now` is not there yet.
        has_logs: Whether the backend's logs lie in the bucket of exports; a large company's take a while to write.
        clocks: Clocks for rate limits and for the stamps of messages.
        progress: Told about each day of the Segment archive that is prepared.

    Raises:
        FileNotFoundError: When `company` is not a company folder.
    """
    served = Company(company)
    clock = clocks or Clocks()
    plan = faults or FaultPlan()
    today = int(served.end.timestamp()) if now is None else now
    journals = {destination: Journal(state, destination) for destination in DESTINATIONS}
    until = datetime.fromtimestamp(today, UTC)
    buckets = {
        credentials.SEGMENT_BUCKET: segment_archive.prepare(served, state, progress or _print_progress, until),
        credentials.EXPORTS_BUCKET: exports.prepare(served, state, until, has_logs=has_logs),
    }
    routes = [
        *control.routes(journals, plan),
        *ZendeskSurface(served, today, incremental_per_minute, clock.monotonic_seconds).routes(),
        *GongSurface(served, today, incremental_per_minute, clock.monotonic_seconds).routes(),
        *PostHogSurface(served, today, incremental_per_minute, clock.monotonic_seconds).routes(),
        *SalesforceSurface(served, today, journals["salesforce"]).routes(),
        *JiraSurface(journals["jira"], clock.epoch_seconds, clock.monotonic_seconds, jira_index_lag_seconds).routes(),
        *LinearSurface(journals["linear"], clock.epoch_seconds, clock.monotonic_seconds).routes(),
        *MixpanelSurface(served, today, incremental_per_minute * _MIXPANEL_PER_HOUR, clock.monotonic_seconds).routes(),
        *AmplitudeSurface(served, today).routes(),
        *ExchangeSurface(journals["exchange"], clock.epoch_seconds).routes(),
        *SlackSurface(journals["slack"], clock.epoch_seconds, clock.monotonic_seconds).routes(),
        *S3Surface(buckets).routes(),
    ]
    return Starlette(routes=routes, middleware=[Middleware(FaultMiddleware, plan=plan)])


def serve(
    company: Path,
    state: Path,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    faults: FaultPlan | None = None,
    *,
    incremental_per_minute: int = INCREMENTAL_PER_MINUTE,
    jira_index_lag_seconds: float = INDEX_LAG_SECONDS,
    now: int | None = None,
    has_logs: bool = False,
    port_file: Path | None = None,
) -> None:
    """Serve a company until interrupted.

    Args:
        company: The company/ folder of a simulated world.
        state: Folder for the prepared archive and the record of what destinations received.
        host: Address to bind.
        port: Port to bind; 0 for any free one.
        faults: Faults that are pending from the start.
        incremental_per_minute: Limit of Zendesk's incremental exports; above its real one, the limits of Gong and PostHog are lifted alike.
        jira_index_lag_seconds: Age from which on Jira's search knows an issue.
        now: Epoch seconds of the sandbox clock; the end of the world when not given.
        has_logs: Whether the backend's logs lie in the bucket of exports.
        port_file: Where to write the bound port, for a parent that asked for port 0.
    """
    import uvicorn

    app = create_app(
        company,
        state,
        faults,
        incremental_per_minute=incremental_per_minute,
        jira_index_lag_seconds=jira_index_lag_seconds,
        now=now,
        has_logs=has_logs,
    )
    with socket.create_server((host, port)) as listener:
        bound = listener.getsockname()[1]
        if port_file is not None:
            port_file.write_text(str(bound), encoding="utf-8")
        sys.stderr.write(f"sandbox listens on http://{host}:{bound}\n")
        config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=2)
        uvicorn.Server(config).run(sockets=[listener])


@dataclass(frozen=True)
class Running:
    """A sandbox in another process: its origin, and the environment that points clients at it."""

    url: str
    credentials: dict[str, str]

    def recorded(self, destination: str) -> list[dict[str, Any]]:
        """Read what a destination (such as `slack`) accepted, oldest first."""
        with urlopen(f"{self.url}/_received/{destination}", timeout=30) as answer:  # noqa: S310 - our own http URL
            loaded: list[dict[str, Any]] = json.load(answer)
        return loaded


@contextlib.contextmanager
def running(
    company: Path,
    state: Path,
    faults: FaultPlan | None = None,
    *,
    incremental_per_minute: int = INCREMENTAL_PER_MINUTE,
    jira_index_lag_seconds: float = INDEX_LAG_SECONDS,
    now: int | None = None,
    has_logs: bool = False,
) -> Iterator[Running]:
    """Run a sandbox in a subprocess on a free port and stop it at the end; the arguments are those of `create_app`.

    Raises:
        RuntimeError: When the sandbox ends before it listens, or is not ready in time.
    """
    with TemporaryDirectory(prefix="uam-sandbox-") as folder:
        port_file = Path(folder) / "port"
        options = {
            "--company": str(company),
            "--state": str(state),
            "--port": "0",
            "--port-file": str(port_file),
            "--incremental-per-minute": str(incremental_per_minute),
            "--jira-index-lag": str(jira_index_lag_seconds),
            "--faults": (faults or FaultPlan()).to_json(),
            **({} if now is None else {"--now": str(now)}),
        }
        process = subprocess.Popen([*_command(options), *(["--logs"] if has_logs else [])])  # noqa: S603
        try:
            url = f"http://127.0.0.1:{_await_port(process, port_file)}"
            _await_health(process, url)
            yield Running(url, credentials.environment(url))
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(options: dict[str, str]) -> list[str]:
    arguments = [part for pair in options.items() for part in pair]
    return [sys.executable, "-m", "uam_platform.simulation.sandbox", *arguments]


def _await_port(process: "subprocess.Popen[bytes]", port_file: Path) -> int:
    for _ in _attempts(process):
        if port_file.exists() and (text := port_file.read_text(encoding="utf-8")):
            return int(text)
    raise RuntimeError("the sandbox was not ready in time")


def _await_health(process: "subprocess.Popen[bytes]", url: str) -> None:
    for _ in _attempts(process):
        with contextlib.suppress(OSError), urlopen(f"{url}/healthz", timeout=5) as answer:  # noqa: S310 - our own URL
            if answer.status == 200:
                return
    raise RuntimeError("the sandbox was not ready in time")


def _attempts(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    for _ in range(int(_START_SECONDS / _POLL_SECONDS)):
        if process.poll() is not None:
            raise RuntimeError(f"the sandbox ended with code {process.returncode} before it listened; see its output")
        yield
        time.sleep(_POLL_SECONDS)


def _print_progress(done: int, total: int, lines: int) -> None:
    """Print about twenty lines over the whole preparation."""
    step = max(1, total // 20)
    if done % step == 0 or done == total:
        sys.stderr.write(f"segment archive: {done} of {total} days prepared, {lines:,} lines\n")
        sys.stderr.flush()
