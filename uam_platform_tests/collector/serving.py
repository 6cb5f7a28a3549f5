"""A real collector in a process of its own: started by the command line, stopped, or killed without warning.

Belongs here: processes and ports. Does not belong here: tests, collectors inside the test's own process (`receiving`).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from uam_platform_tests.collector.receiving import CLIENT_KEY, SERVER_KEY

_COMMAND = "from uam_platform.cli import main; main()"


@dataclass
class Served:
    """One collector on a fixed port.

    Attributes:
        folder: where its keys and its journal lie.
    """

    folder: Path
    port: int = field(default_factory=lambda: free_port())
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def arguments(self) -> list[str]:
        keys = self.folder / "keys.yaml"
        listed = [
            {"key": CLIENT_KEY, "source": "web", "side": "client"},
            {"key": SERVER_KEY, "source": "backend", "side": "server"},
        ]
        keys.write_text(yaml.safe_dump({"keys": listed}), encoding="utf-8")
        return ["serve", "--port", str(self.port), "--dir", str(self.journal), "--keys", str(keys)]

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("UAM_")}
        command = [sys.executable, "-W", "ignore", "-c", _COMMAND, *self.arguments()]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
        self._await()

    def kill(self) -> None:
        """As the kernel does when memory runs out: no handler runs."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """As an operator does; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def _await(self) -> None:
        assert self.process is not None
        http = httpx.Client()
        for _ in range(1200):
            if self.process.poll() is not None:
                raise AssertionError((self.folder / "log").read_text(encoding="utf-8"))
            try:
                if http.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError("the collector did not start within a minute")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
