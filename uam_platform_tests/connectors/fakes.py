"""Fake vendors for the connectors' tests: small HTTP handlers that remember what they were asked, and a patience that never waits.

Belongs here: doubles. Does not belong here: tests, the sandbox (`uam_platform.simulation.sandbox`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyarrow.parquet as pq

from uam_platform.connectors import api_records
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.retry import Retry
from uam_platform.lake.loads import Load, LoadManifest

NOW = datetime(2025, 2, 1)  # noqa: DTZ001 - the manifest takes naive UTC


@dataclass
class Patience:
    """Waits without waiting."""

    waits: list[float] = field(default_factory=list)

    def retry(self, attempts: int = 4) -> Retry:
        return Retry(attempts=attempts, sleep=self.waits.append)


@dataclass
class FakeVendor:
    """Answers requests by a function after playing out the scripted answers; remembers every request."""

    answer: Callable[[httpx.Request], httpx.Response]
    script: list[httpx.Response | Exception] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    patience: Patience = field(default_factory=Patience)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if not self.script:
            return _unread(self.answer(request))
        scripted = self.script.pop(0)
        if isinstance(scripted, Exception):
            raise scripted
        return _unread(scripted)

    def wire(self) -> Wire:
        return Wire(transport=httpx.MockTransport(self), retry=self.patience.retry())


def reply(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, text=json.dumps(body), headers=headers)


def packed(content: bytes) -> httpx.Response:
    """An answer whose body is `content`, which is gzip or was meant to be."""
    return httpx.Response(200, stream=httpx.ByteStream(content), headers={"content-encoding": "gzip"})


def _unread(answer: httpx.Response) -> httpx.Response:
    """`answer` as the network gives it: with a body that nobody has read."""
    if not answer.is_stream_consumed:
        return answer
    return httpx.Response(answer.status_code, stream=httpx.ByteStream(answer.content), headers=answer.headers)


def rows(manifest: LoadManifest, load: Load, table: str) -> list[dict[str, Any]]:
    """Landed rows in order of row_no."""
    files = manifest.paths(load, table)
    with duckdb.connect() as connection:
        return connection.execute("SELECT * FROM read_parquet(?) ORDER BY row_no", [files]).to_arrow_table().to_pylist()


def contents(manifest: LoadManifest, load: Load) -> list[bytes]:
    """Bytes of all landed files."""
    return [Path(path).read_bytes() for table in sorted(load.files) for path in manifest.paths(load, table)]


def straight(_: str, streams: Mapping[str, Any], work: Path, arrived: Path) -> list[str]:
    """Pages to Parquet in the order in which dlt asks for them."""
    arrived.mkdir(parents=True)
    pages = [page for each in streams.values() for page in api_records._tables(each)]
    for number, page in enumerate(pages):
        pq.write_table(page, arrived / f"{number}.parquet")
    return sorted(map(str, arrived.glob("*.parquet")))


def quiet(_: str) -> None:
    """Progress nobody looks at."""
