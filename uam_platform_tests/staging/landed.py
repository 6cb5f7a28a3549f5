"""Builds landed loads for the staging tests: one dictionary per delivery, everything else as a sound client sends it."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.contracts.landing import DELIVERY_COLUMNS
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.policy.time import KnowledgeBasis, SourceTime, TimePolicy

POLICY = TimePolicy(
    sources={
        "segment": SourceTime(basis=KnowledgeBasis.RECEIVED),
        "zendesk": SourceTime(basis=KnowledgeBasis.SERVER_AUTHORED),
        "salesforce": SourceTime(basis=KnowledgeBasis.SERVER_AUTHORED),
        "files": SourceTime(basis=KnowledgeBasis.OBSERVED),
    }
)
NOW = datetime.fromisoformat("2025-03-01T06:00:00")
SCHEMA = pa.schema([*((name, pa.string()) for name, _ in DELIVERY_COLUMNS), ("row_no", pa.int64())])


def delivery(**fields: Any) -> dict[str, Any]:
    """A sound track call of user u1 at noon of 2025-01-06, received a second later."""
    sound = {
        "kind": "track",
        "event_name": "report_generated",
        "user_id": "u1",
        "occurred_text": "2025-01-06T12:00:00.000Z",
        "original_text": "2025-01-06T12:00:00.000Z",
        "sent_text": "2025-01-06T12:00:00.500Z",
        "received_text": "2025-01-06T12:00:01.000Z",
        "side": "client",
    }
    return sound | fields


def land(
    manifest: LoadManifest,
    rows: list[dict[str, Any]],
    source: str = "segment",
    now: datetime = NOW,
    state: dict[str, Any] | None = None,
) -> Load:
    """Write and commit one load with these deliveries, numbered from 0."""
    load_id = manifest.next_id(source, now)
    folder = manifest.folder(load_id)
    folder.mkdir(parents=True)
    table = pa.Table.from_pylist([{**row, "row_no": n} for n, row in enumerate(rows)], schema=SCHEMA)
    pq.write_table(table, folder / "deliveries-0.parquet")
    name = str((folder / "deliveries-0.parquet").relative_to(manifest.root))
    load = Load(
        load_id=load_id,
        source=source,
        loaded_at=now.isoformat(),
        files={"deliveries": [name]},
        rows={"deliveries": len(rows)},
        state=state or {},
    )
    manifest.commit(load)
    return load


def manifest_in(folder: Path) -> LoadManifest:
    """A manifest over an empty raw root."""
    return LoadManifest(folder / "raw")
