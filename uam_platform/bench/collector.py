"""`uam bench --collector`: events a second that one collector on one core acknowledges, every group synced to disk.

Here: a collector in a process of its own, senders over loopback, and the count of what is on disk afterwards. Not here: the collector
(`uam_platform.collector`), the measurement of tables (`command`).
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import yaml
from rich.console import Console

from uam_platform.connectors.collector import CollectorSource, land
from uam_platform.lake import journal
from uam_platform.lake.loads import LoadManifest
from uam_platform.settings import Settings

_KEY: Final = "bench-write-key"
_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 120
_COMMAND: Final = "from uam_platform.cli import main; main()"


@dataclass(frozen=True)
class Shape:
    """What is sent.

    Attributes:
        events: in all.
        batch: events of one request.
        connections: requests under way at once.
    """

    events: int = 200_000
    batch: int = 100
    connections: int = 8


@dataclass(frozen=True)
class Measured:
    """What one run said.

    Attributes:
        acknowledged: events answered with 200.
        on_disk: lines of the journal after the end.
        seconds: from the first request to the last answer.
        cpu_seconds: processor time of the collector, its start included.
        latencies_ms: of each request, sorted.
        landed: rows the connector made of it.
        landing_seconds: how long that took.
    """

    acknowledged: int
    on_disk: int
    seconds: float
    cpu_seconds: float
    latencies_ms: Sequence[float]
    landed: int
    landing_seconds: float

    def percentile(self, share: float) -> float:
        """Latency in milliseconds that `share` of the requests stay below."""
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(share * len(self.latencies_ms)))]


def command(shape: Shape, console: Console) -> None:
    """Measure and print."""
    found = measure(shape)
    rate, of_cpu = found.acknowledged / found.seconds, found.acknowledged / found.cpu_seconds
    console.print(
        f"collector on one core, batches of {shape.batch}, {shape.connections} connections, every group synced:\n"
        f"  {found.acknowledged:,} events acknowledged in {found.seconds:.1f} s: {rate:,.0f} a second\n"
        f"  {of_cpu:,.0f} a second of its own processor time ({found.cpu_seconds:.1f} s with its start)\n"
        f"  a request takes {found.percentile(0.5):.1f} ms in the middle, {found.percentile(0.99):.1f} ms at the 99th percentile\n"
        f"  {found.on_disk:,} events on disk, {found.landed:,} landed by the connector "
        f"at {found.landed / max(found.landing_seconds, 0.001):,.0f} a second",
        highlight=False,
    )
    if not found.acknowledged == found.on_disk == found.landed:
        raise OSError("acknowledged, written and landed events differ: this must never happen")


def measure(shape: Shape) -> Measured:
    """Run a collector pinned to one core and send it everything."""
    bodies = list(_bodies(shape))
    with tempfile.TemporaryDirectory(prefix="uam_bench_") as folder, _collector(Path(folder)) as (process, port):
        started = time.perf_counter()
        with ThreadPoolExecutor(shape.connections) as pool:
            parts = [bodies[n :: shape.connections] for n in range(shape.connections)]
            latencies = sorted(ms for found in pool.map(lambda part: _send(port, part), parts) for ms in found)
        seconds = time.perf_counter() - started
        process.send_signal(signal.SIGTERM)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        spool = Path(folder) / "journal"
        on_disk = sum(1 for path in journal.closed_files(spool) for line in journal.lines(path) if line.is_whole)
        landing = time.perf_counter()
        settings = Settings()
        manifest = LoadManifest(Path(folder) / "raw")
        now = settings.clock()
        landed = 0
        while load := land(CollectorSource(spool), manifest, manifest.next_id("collector", now), now, lambda _: None):
            landed += sum(load.rows.values())
        cpu = usage.ru_utime + usage.ru_stime
        return Measured(shape.events, on_disk, seconds, cpu, latencies, landed, time.perf_counter() - landing)


def _bodies(shape: Shape) -> Iterator[bytes]:
    """Requests as a Segment client makes them, about half a kilobyte an event."""
    for first in range(0, shape.events, shape.batch):
        batch = [_event(n) for n in range(first, min(first + shape.batch, shape.events))]
        yield orjson.dumps({"batch": batch, "sentAt": "2025-01-06T10:00:01.000Z", "writeKey": _KEY})


def _event(n: int) -> dict[str, object]:
    return {
        "type": "track",
        "event": "Report Exported",
        "userId": f"user-{n % 5000}",
        "anonymousId": f"device-{n % 7000}",
        "messageId": f"bench-{n:012d}",
        "timestamp": "2025-01-06T10:00:00.000Z",
        "properties": {
            "feature": "pivot",
            "duration_ms": n % 10_000,
            "workspace_id": f"ws-{n % 900}",
            "format": "xlsx",
        },
        "context": {
            "library": {"name": "analytics-node", "version": "2.1.0"},
            "ip": "192.0.2.1",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
        },
        "integrations": {},
    }


@contextmanager
def _collector(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    keys = folder / "keys.yaml"
    keys.write_text(yaml.safe_dump({"keys": [{"key": _KEY, "source": "bench", "side": "server"}]}), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = int(probe.getsockname()[1])
    arguments = ["serve", "--port", str(port), "--dir", str(folder / "journal"), "--keys", str(keys)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", _COMMAND, *arguments], stdout=log, stderr=log)  # noqa: S603 - ourselves
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
    try:
        _await(port, process, folder / "log")
        yield process, port
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise OSError(f"the collector did not start: {log.read_text(encoding='utf-8')[-500:]}")
        try:
            socket.create_connection((_HOST, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise OSError(f"the collector did not start within {_START_SECONDS} seconds")


def _send(port: int, bodies: Sequence[bytes]) -> list[float]:
    """Send one request after the other over one connection; milliseconds of each."""
    connection = http.client.HTTPConnection(_HOST, port, timeout=60)
    latencies = []
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", "/v1/batch", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"the collector answered {answer.status}")
        latencies.append((time.perf_counter() - started) * 1000)
    connection.close()
    return latencies
