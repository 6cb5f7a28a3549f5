"""Single values out of a record's payload: text, times, days, money; each refuses what it cannot read.

Here: reading one field, and building a frame of a contract from rows. Not here: which fields a vendor has (the module of its
records). A refusal names the field, never its value.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import arrow_schema

UNREADABLE_TIME: Final = "unreadable_time"
MISSING_TIME: Final = "missing_time"
IMPOSSIBLE_TIME: Final = "impossible_time"
MISSING_ID: Final = "missing_id"
WRONG_TYPE: Final = "wrong_type"
UNKNOWN_ACCOUNT: Final = "unknown_account"

Payload = Mapping[str, Any]


class RecordError(Exception):
    """A record that cannot be used, with its reason code and the field at fault."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def text(payload: Payload, name: str) -> str | None:
    """Trimmed text of a field; null where absent or blank. Numbers become their digits."""
    value = payload.get(name)
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).strip() or None


def required(payload: Payload, name: str) -> str:
    """Text of a field that identifies the record.

    Raises:
        RecordError: it is absent or blank.
    """
    value = text(payload, name)
    if value is None:
        raise RecordError(MISSING_ID, f"{name} is empty")
    return value


def moment(payload: Payload, name: str) -> datetime | None:
    """Time of a field as naive UTC: ISO 8601 with `Z`, an offset or none (UTC), or a day alone (its midnight).

    Raises:
        RecordError: it is there and cannot be read.
    """
    value = text(payload, name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        raise RecordError(UNREADABLE_TIME, f"{name} is not ISO 8601") from None


def required_moment(payload: Payload, name: str) -> datetime:
    """Time of a field without which the record is of no use.

    Raises:
        RecordError: it is absent or cannot be read.
    """
    found = moment(payload, name)
    if found is None:
        raise RecordError(MISSING_TIME, f"{name} is empty")
    return found


def number(payload: Payload, name: str, scale: int = 1) -> int | None:
    """Number of a field times `scale`, rounded to a whole one (dollars to cents: scale 100).

    Raises:
        RecordError: it is there and is no finite number.
    """
    value = text(payload, name)
    if value is None:
        return None
    try:
        return int((Decimal(value) * scale).to_integral_value())
    except (InvalidOperation, ValueError, OverflowError):
        raise RecordError(WRONG_TYPE, f"{name} is no number") from None


def amount(payload: Payload, name: str, scale: int = 1) -> int | None:
    """As `number`, for what cannot be negative.

    Raises:
        RecordError: it is there and is no number, or is below zero.
    """
    found = number(payload, name, scale)
    if found is not None and found < 0:
        raise RecordError(WRONG_TYPE, f"{name} is negative")
    return found


def is_true(payload: Payload, name: str) -> bool:
    """Flag of a field; absent is false."""
    return str(payload.get(name)).lower() in ("true", "1", "yes")


def one_of(value: str | None, allowed: Sequence[str], otherwise: str) -> str:
    """`value` in the spelling of `allowed` (case, blanks and hyphens ignored), else `otherwise`."""
    spelled = (value or "").strip().lower().replace(" ", "_").replace("-", "_")
    return spelled if spelled in allowed else otherwise


def known_day(known_at: datetime, occurred_at: datetime, grace: timedelta) -> date:
    """known_date: day whose closed snapshot first sees the fact, never before the fact."""
    return max((known_at - grace).date(), occurred_at.date())


def microseconds(at: datetime) -> int:
    """Epoch microseconds of a naive UTC time."""
    return (at - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001 - lake timestamps are naive UTC


def frame(contract: Contract, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a frame of exactly the contract's columns and types, sorted by its key.

    Whole numbers that may be null come as Int64, so that large keys keep every digit.
    """
    table = pa.Table.from_pylist(list(rows), schema=arrow_schema(contract))
    nullable = [f.name for f in table.schema if f.nullable and pa.types.is_integer(f.type)]
    found = table.to_pandas().astype({name: object for name in nullable})
    for name in nullable:
        found[name] = pd.array(table[name].to_pylist(), dtype="Int64")
    return found.sort_values(list(contract.key), ignore_index=True)
