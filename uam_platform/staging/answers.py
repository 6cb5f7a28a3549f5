"""What people told the platform, as landed from the ledger: silences, verdicts, accepted thresholds, retracted edges.

Here: records of the `ledger` connector into SILENCES, VERDICTS, ACCEPTED_THRESHOLDS and
IDENTITY_RETRACTIONS. Not here: landing them (`uam_platform.connectors.ledger`), what a
silence holds back (`uam_platform.alerts.suppress`). The ledger wrote the times itself, so they are knowledge times as they are.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.staging.record_log import Record, RecordLog
from uam_platform.staging.record_values import IMPOSSIBLE_TIME, WRONG_TYPE, RecordError, required, required_moment, text

Row = dict[str, Any]
_VERDICTS: Final = VOCABULARY["verdict"].allowed


def silences(log: RecordLog, records: Iterable[Record]) -> list[Row]:
    """SILENCES rows; one that names neither account nor detector, or ends before it starts, is set aside."""
    return [row for _, row in log.built(records, _silence)]


def verdicts(log: RecordLog, records: Iterable[Record]) -> list[Row]:
    """VERDICTS rows."""
    return [row for _, row in log.built(records, _verdict)]


def thresholds(log: RecordLog, records: Iterable[Record]) -> list[Row]:
    """ACCEPTED_THRESHOLDS rows."""
    return [row for _, row in log.built(records, _threshold)]


def retractions(log: RecordLog, records: Iterable[Record], grace: timedelta) -> list[Row]:
    """IDENTITY_RETRACTIONS rows; a snapshot decided after a retraction sees it."""
    return [row for _, row in log.built(records, lambda record: _retraction(record, grace))]


def _retraction(record: Record, grace: timedelta) -> Row:
    said = record.payload
    keys = {name: said.get(name) for name in ("identifier_key", "linked_actor_key")}
    if not all(isinstance(key, int) for key in keys.values()):
        raise RecordError(WRONG_TYPE, "a key is no number")
    row = {**_provenance(record), "retraction_id": record.record_id, **keys}
    for name in ("identifier_kind", "edge_change"):
        row[name] = required(said, name)
        if row[name] not in VOCABULARY[name].allowed:
            raise RecordError(WRONG_TYPE, f"{name} is none of those known")
    return {**row, "known_date": (row["known_at"] - grace).date()}


def _silence(record: Record) -> Row:
    said = record.payload
    row = {
        **_provenance(record),
        "silence_id": record.record_id,
        "account_id": text(said, "account_id"),
        "detector": text(said, "detector"),
        "from_at": required_moment(said, "from_at"),
        "until_at": required_moment(said, "until_at"),
    }
    if row["account_id"] is None and row["detector"] is None:
        raise RecordError("missing_id", "account_id and detector are empty")
    if row["until_at"] <= row["from_at"]:
        raise RecordError(IMPOSSIBLE_TIME, "until_at is not after from_at")
    return row


def _verdict(record: Record) -> Row:
    verdict = required(record.payload, "verdict")
    if verdict not in _VERDICTS:
        raise RecordError(WRONG_TYPE, "verdict is none of those known")
    alert_id = required(record.payload, "alert_id")
    return {**_provenance(record), "verdict_id": record.record_id, "alert_id": alert_id, "verdict": verdict}


def _threshold(record: Record) -> Row:
    value = record.payload.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecordError(WRONG_TYPE, "value is no number")
    return {
        **_provenance(record),
        "threshold_id": record.record_id,
        "detector": required(record.payload, "detector"),
        "threshold_column": required(record.payload, "threshold_column"),
        "threshold_value": float(value),
    }


def _provenance(record: Record) -> Row:
    known_at = required_moment(record.payload, "known_at")
    return {"source": record.load.source, "load_id": record.load.load_id, "known_at": known_at}
