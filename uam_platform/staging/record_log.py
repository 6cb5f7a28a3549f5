"""Landed API records as typed rows, and the account of what became of each of them.

Here: reading the payload, recognising exact repeats, quarantine and counts. Not here: what the records mean (`crm_accounts`,
`crm_terms`, `tickets`, `directory`, `mapped_records`), single values (`record_values`).

An exact repeat has the same kind, id and payload as a row landed before (incremental reads overlap on purpose). A row with a new
payload is a new version: accepted, also when a later version replaces it in a table of latest states.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import pandas as pd

from uam_platform.contracts.tables import LOAD_RECONCILIATION, QUARANTINE, REFUSED_FIELDS
from uam_platform.lake.loads import Load
from uam_platform.policy.sources import SourceMap, shipped_sources
from uam_platform.staging.record_values import RecordError, frame, moment

BuiltT = TypeVar("BuiltT")
_ORIGIN = datetime(1, 1, 1)  # noqa: DTZ001 - lake timestamps are naive UTC


@dataclass(frozen=True)
class Record:
    """One version of a vendor's record.

    Attributes:
        load: load that landed it first.
        source_object: vendor's name for the kind of record.
        row_no: position in that load.
        record_id: the vendor's id; empty where a mapped file gives none.
        modified: the vendor's change time, naive UTC; null where it gives none.
        payload: the record whole.
    """

    load: Load
    source_object: str
    row_no: int
    record_id: str
    modified: datetime | None
    payload: dict[str, Any]

    @property
    def version(self) -> tuple[float, str, int]:
        """Sorts the versions of one record: by the vendor's change time, then in the order they were landed."""
        return ((self.modified - _ORIGIN).total_seconds() if self.modified else 0.0, self.load.load_id, self.row_no)


@dataclass
class RecordLog:
    """Counts by (source, load, kind) and quarantined rows; filled while records are read and built.

    `refused` counts records in which a field without purpose held something, by (source, load, kind, field).
    """

    rows_in: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    duplicates: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    refused: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)

    def reject(self, load: Load, source_object: str, row_no: int, error: RecordError, raw: str | None = None) -> None:
        """Set one record aside."""
        self.rejected.append(
            {
                "source": load.source,
                "source_object": source_object,
                "load_id": load.load_id,
                "row_no": row_no,
                "reason": error.reason,
                "contract_version": QUARANTINE.version,
                "detail": error.detail,
                "event_name_source": None,
                "raw_line": raw,
            }
        )

    def quarantine(self) -> pd.DataFrame:
        """QUARANTINE: the rows set aside."""
        return frame(QUARANTINE, self.rejected)

    def counts(self) -> pd.DataFrame:
        """LOAD_RECONCILIATION: what became of the rows of each load and kind."""
        set_aside = Counter((r["source"], r["load_id"], r["source_object"]) for r in self.rejected)
        rows = [
            {
                **dict(zip(("source", "load_id", "source_object"), key, strict=True)),
                "rows_in_count": total,
                "accepted_count": total - set_aside[key] - self.duplicates[key],
                "quarantined_count": set_aside[key],
                "duplicate_count": self.duplicates[key],
            }
            for key, total in sorted(self.rows_in.items())
        ]
        return frame(LOAD_RECONCILIATION, rows)

    def with_purpose(self, load: Load, kind: str, payload: dict[str, Any], sources: SourceMap) -> dict[str, Any]:
        """The fields of a record that the source map lets in; the others are counted."""
        collected = sources.collected(load.source, kind)
        kept = {name: value for name, value in payload.items() if name in collected}
        if len(kept) < len(payload):
            self.refused.update(
                (load.source, load.load_id, kind, name)
                for name, value in payload.items()
                if name not in collected and value not in (None, "", [], {})
            )
        return kept

    def refused_fields(self) -> pd.DataFrame:
        """REFUSED_FIELDS: what was kept out, per load, kind and field."""
        names = ("source", "load_id", "source_object", "field_name")
        rows = [{**dict(zip(names, key, strict=True)), "value_count": n} for key, n in self.refused.items()]
        return frame(REFUSED_FIELDS, rows)

    def built(self, records: Iterable[Record], build: Callable[[Record], BuiltT]) -> list[tuple[Record, BuiltT]]:
        """What `build` makes of each record; those it refuses with `RecordError` are set aside."""
        made = []
        for record in records:
            try:
                made.append((record, build(record)))
            except RecordError as error:
                self.reject(record.load, record.source_object, record.row_no, error)
        return made


def read_records(
    landed: Sequence[tuple[Load, pd.DataFrame]], sources: SourceMap | None = None
) -> tuple[list[Record], RecordLog]:
    """All usable records, oldest load first, and the log that counts them.

    Args:
        landed: loads with their landed records (RECORD_COLUMNS and row_no), in any order.
        sources: which fields have a purpose; the shipped map where absent.
    """
    log, records = RecordLog(), []
    allowed = sources or shipped_sources()
    seen: set[tuple[str, str, str, str]] = set()
    for load, rows in sorted(landed, key=lambda pair: pair[0].load_id):
        names = ("source_object", "record_id", "modified_text", "payload", "row_no")
        columns = (rows[name].tolist() for name in names)
        for kind, record_id, modified, payload, row_no in sorted(zip(*columns, strict=True), key=lambda r: int(r[4])):
            key = (load.source, str(kind), _text(record_id), _text(payload))
            log.rows_in[(load.source, load.load_id, key[1])] += 1
            if key in seen:
                log.duplicates[(load.source, load.load_id, key[1])] += 1
                continue
            seen.add(key)
            try:
                stamp = moment({"modified_text": _text(modified) or None}, "modified_text")
                payload = log.with_purpose(load, key[1], _payload(key), allowed)
                records.append(Record(load, key[1], int(row_no), key[2], stamp, payload))
            except RecordError as error:
                log.reject(load, key[1], int(row_no), error, key[3] if error.reason == "not_json" else None)
    return records, log


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""  # pandas gives None or NaN for null


def _payload(key: tuple[str, str, str, str]) -> dict[str, Any]:
    source, _, record_id, payload = key
    try:
        parsed = json.loads(payload)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise RecordError("not_json", "payload is no JSON object")
    if not record_id and source != "files":
        raise RecordError("missing_id", "record_id is empty")
    return parsed


def latest(built: Iterable[tuple[Record, BuiltT]]) -> dict[str, tuple[Record, BuiltT]]:
    """The last version of each record by its own change time; among equals the one landed last."""
    found: dict[str, tuple[Record, BuiltT]] = {}
    for record, made in built:
        before = found.get(record.record_id)
        if before is None or before[0].version <= record.version:
            found[record.record_id] = (record, made)
    return found
