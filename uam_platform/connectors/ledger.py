"""Lands what people told the platform, so that snapshots read it as facts with a knowledge time and never from the live ledger.

Here: silences, verdicts, accepted thresholds and retracted edges of identity as records; rows landed before are left out. Not here:
recording them (`uam_platform.ledger.feedback`, `auditing`, `identity`), what follows from them (`uam_platform.alerts.suppress`). Reasons
and names of people stay in the ledger.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from uam_platform.contracts.landing import RECORD_COLUMNS
from uam_platform.lake.loads import RECORDS, Load, LoadManifest
from uam_platform.ledger import auditing, feedback, identity
from uam_platform.ledger.audit import canonical
from uam_platform.ledger.engine import Ledger, open_ledger

SOURCE: Final = "ledger"
_NAMES: Final = tuple(name for name, _ in RECORD_COLUMNS)
_SCHEMA: Final = pa.schema([*((name, pa.string()) for name in _NAMES), ("row_no", pa.int64())])
_SILENCE: Final = ("account_id", "detector", "from_at", "until_at", "known_at")
_VERDICT: Final = ("alert_id", "verdict", "known_at")
_THRESHOLD: Final = ("detector", "threshold_column", "value", "known_at")
_RETRACTION: Final = ("edge_change", "identifier_kind", "identifier_key", "linked_actor_key", "known_at")

Record = tuple[str, str, str, str]
"""Values of RECORD_COLUMNS."""


def land(url: str, manifest: LoadManifest, load_id: str, now: datetime) -> Load | None:
    """Commit the silences, verdicts, thresholds and retractions that no earlier load has landed, in the order in which they were recorded.

    Args:
        url: SQLAlchemy URL of the ledger.
        manifest: where complete loads are listed.
        load_id: id of the new load.
        now: naive UTC.

    Returns:
        The committed load, or None when nothing is new.

    Raises:
        ConnectionError: the ledger cannot be opened.
    """
    ledger = open_ledger(url)
    try:
        recorded = list(_records(ledger))
    finally:
        ledger.close()
    landed = _landed(manifest)
    fresh = [record for record in recorded if record not in landed]
    if not fresh:
        return None
    folder = manifest.folder(load_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "records-0000.parquet"
    rows = [{**dict(zip(_NAMES, record, strict=True)), "row_no": n} for n, record in enumerate(fresh)]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), path, compression="zstd")
    load = Load(
        load_id, SOURCE, now.isoformat(), {RECORDS: [str(path.relative_to(manifest.root))]}, {RECORDS: len(fresh)}
    )
    manifest.commit(load)
    return load


def _records(ledger: Ledger) -> Iterator[Record]:
    for row in feedback.silences(ledger):
        yield _record("silence", row["silence_id"], row, _SILENCE)
    for row in feedback.verdicts(ledger):
        yield _record("verdict", row["verdict_id"], {**row, "known_at": row["at"]}, _VERDICT)
    for row in auditing.thresholds(ledger):
        yield _record("threshold", row["threshold_id"], row, _THRESHOLD)
    for row in identity.retractions(ledger):
        yield _record("retraction", row["retraction_id"], row, _RETRACTION)


def _record(kind: str, number: Any, row: Mapping[str, Any], names: Sequence[str]) -> Record:
    values = {name: _text(row[name]) for name in names}
    known_at = str(values["known_at"])
    return kind, f"{known_at}/{number}", known_at, canonical(values)  # a new ledger counts from 1 again: the time tells


def _text(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value


def _landed(manifest: LoadManifest) -> set[Record]:
    found: set[Record] = set()
    for load in manifest.loads(SOURCE):
        for path in manifest.paths(load, RECORDS):
            columns = pq.read_table(path, columns=list(_NAMES)).to_pydict()
            found.update(zip(*(columns[name] for name in _NAMES), strict=True))
    return found
