"""What the collector's tests share: its senders, an application over a folder, and what has landed in the end.

Belongs here: set-up and reading back. Does not belong here: tests, fake vendors of the connectors (`uam_platform_tests.connectors.fakes`).
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from starlette.testclient import TestClient

from uam_platform.collector.app import Limits, create_app
from uam_platform.collector.keys import Sender, Senders, Webhook
from uam_platform.connectors import collector
from uam_platform.lake import journal
from uam_platform.lake.loads import DELIVERIES, RECORDS, Load, LoadManifest
from uam_platform_tests.connectors.fakes import quiet, rows

CLIENT_KEY, SERVER_KEY = "client-key-0001", "server-key-0001"
SECRET = "secret-of-webhook"
NOW = datetime(2025, 2, 1, 12, tzinfo=UTC).replace(tzinfo=None)
SENDERS = Senders(
    {CLIENT_KEY: Sender("web", "client"), SERVER_KEY: Sender("backend", "server")},
    {
        w.name: w
        for w in (
            Webhook(name="segment", kind="segment", secret=SECRET),
            Webhook(name="support", kind="zendesk", secret=SECRET),
            Webhook(name="billing", kind="signed", secret=SECRET),
            Webhook(name="jobs", kind="signed", secret=SECRET, lands="events"),
            Webhook(name="sigos", kind="signed", secret="the-new-secret", previous_secret=SECRET, lands="signals"),
        )
    },
)


@dataclass
class SteppingClock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@contextlib.contextmanager
def receiving(folder: Path, clock: SteppingClock | None = None, limits: Limits | None = None) -> Iterator[TestClient]:
    """A running collector; leaving it closes its files."""
    with TestClient(create_app(folder, SENDERS, clock or SteppingClock(), limits)) as client:
        yield client


def loads(folder: Path, raw: Path, load_bytes: int = 1 << 30) -> tuple[LoadManifest, list[Load]]:
    """Land everything that is new."""
    manifest = LoadManifest(raw)
    source = collector.CollectorSource(folder, threads=1, load_bytes=load_bytes)
    found = []
    while load := collector.land(source, manifest, manifest.next_id(collector.NAME, NOW), NOW, quiet):
        found.append(load)
    return manifest, found


def deliveries(folder: Path, raw: Path) -> list[dict[str, Any]]:
    """Landed deliveries of all loads, without empty columns."""
    manifest, _ = loads(folder, raw)
    return _filled(manifest, DELIVERIES)


def records(folder: Path, raw: Path) -> list[dict[str, Any]]:
    """Landed records of all loads."""
    manifest, _ = loads(folder, raw)
    return _filled(manifest, RECORDS)


def _filled(manifest: LoadManifest, table: str) -> list[dict[str, Any]]:
    found = [row for load in manifest.loads() if load.files.get(table) for row in rows(manifest, load, table)]
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def journal_lines(folder: Path) -> list[dict[str, Any]]:
    """What closed files say."""
    return [orjson.loads(line.text) for path in journal.closed_files(folder) for line in journal.lines(path)]
