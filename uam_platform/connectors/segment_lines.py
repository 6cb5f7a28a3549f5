"""Decodes Segment's JSON lines into the neutral event envelope; pure.

Here: splitting bytes into lines, and the SQL from a line to the envelope. Not here: files and stores (`segment`), what is
wrong with a value (`uam_platform.staging`). Shape of a line: https://segment.com/docs/connections/spec/common/

A line that is no JSON object becomes a row with `parse_error` and the line itself; a value of an unexpected type (a number as
userId) is landed as text.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

import duckdb
import numpy as np
import pyarrow as pa

from uam_platform.contracts.landing import DELIVERY_COLUMNS

_V: Final = "VARCHAR"
_TRAITS: Final = dict.fromkeys(("email", "role", "account_id", "accountId"), _V)
_PROPERTIES: Final = (
    "feature workflow workflow_id workflow_step workflow_state error_code app_area plan_tier feature_flag duration_ms "
    "quantity amount_usd_cents workspace_id"
).split()
_SHAPE: Final = {
    **dict.fromkeys("type event name userId anonymousId previousId groupId messageId channel".split(), _V),
    **dict.fromkeys("originalTimestamp sentAt receivedAt timestamp".split(), _V),
    "context": {"groupId": _V, "device": {"type": _V}, "library": {"name": _V}, "traits": _TRAITS},
    "traits": _TRAITS,
    "properties": dict.fromkeys(_PROPERTIES, _V),
}
"""The part of a line that is read. DuckDB turns the line into it in one pass: 1.4 M lines/s on two cores, where one
extraction per key reaches a tenth."""

_CLIENT_LIBRARIES: Final = (
    "analytics.js|analytics-ios|analytics-android|analytics-swift|analytics-kotlin|react|flutter|xamarin"
)

_ENVELOPE: Final = {
    "message_id": "o.messageId",
    "kind": "CASE o.type WHEN 'screen' THEN 'page' ELSE o.type END",  # a screen is the page of a mobile app
    "event_name": "coalesce(o.event, o.name)",
    "user_id": "o.userId",
    "anonymous_id": "o.anonymousId",
    "previous_id": "o.previousId",
    "workspace_id": "coalesce(o.groupId, o.context.groupId, o.properties.workspace_id)",
    "account_id": "coalesce(o.traits.account_id, o.traits.accountId)",
    "email": "coalesce(o.traits.email, o.context.traits.email)",
    "role": "coalesce(o.traits.role, o.context.traits.role)",
    "side": f"CASE WHEN o.channel IN ('client', 'server') THEN o.channel WHEN o.context.library.name IS NULL THEN NULL "
    f"WHEN regexp_matches(o.context.library.name, '{_CLIENT_LIBRARIES}') THEN 'client' ELSE 'server' END",
    "occurred_text": "o.timestamp",
    "original_text": "o.originalTimestamp",
    "sent_text": "o.sentAt",
    "received_text": "o.receivedAt",
    "device_type": "o.context.device.type",
    "parse_error": "CASE WHEN o IS NULL THEN CASE WHEN starts_with(ltrim(line), '{') THEN 'truncated' ELSE 'not_json' END END",
    "raw_line": "CASE WHEN o IS NULL THEN line END",
}


class _Readable(Protocol):
    def read(self, size: int) -> bytes: ...


def decode(connection: duckdb.DuckDBPyConnection, lines: pa.Array, first_row: int) -> pa.Table:
    """The envelope of a batch of lines, in their order.

    Args:
        connection: any DuckDB connection.
        lines: text lines without line ends.
        first_row: row_no of the first one.

    Returns:
        One row per line: `DELIVERY_COLUMNS` and row_no.
    """
    batch = pa.table({"line": lines, "row_no": pa.array(np.arange(first_row, first_row + len(lines), dtype=np.int64))})
    connection.register("batch", batch)
    try:
        result = connection.execute(_query("")).to_arrow_table()
    except (
        duckdb.InvalidInputException
    ):  # a line that is valid JSON but cannot be taken apart: row by row, 8 times slower
        result = connection.execute(_query("TRY")).to_arrow_table()
    finally:
        connection.unregister("batch")
    return result.combine_chunks()


def _query(attempt: str) -> str:
    columns = ", ".join(f"{_column(name)} AS {name}" for name, _ in DELIVERY_COLUMNS)
    is_object = "starts_with(ltrim(line), '{') AND json_valid(line)"
    return f"""
        SELECT {columns}, row_no FROM (
            SELECT line, row_no, {attempt}(json_transform(CASE WHEN {is_object} THEN line END, '{json.dumps(_SHAPE)}')) AS o
            FROM batch)"""


def _column(name: str) -> str:
    return _ENVELOPE.get(name, f"o.properties.{name}")


def line_batches(stream: _Readable, block_bytes: int = 8 << 20) -> Iterator[pa.Array]:
    """Non-empty lines of a stream of UTF-8 text, in batches of about `block_bytes`; memory is a few times that.

    Bytes that are no UTF-8 become the replacement character, so that the rest of the line stays readable.
    """
    rest = b""
    while block := stream.read(block_bytes):
        end = block.rfind(b"\n") + 1
        if end == 0:
            rest += block
            continue
        yield split(rest + block[:end])
        rest = block[end:]
    if rest:
        yield split(rest)


def split(text: bytes) -> pa.Array:
    """Lines of `text` without line ends and without empty lines; offsets only, the bytes are not copied."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        text = text.decode("utf-8", "replace").encode()
    codes: np.ndarray[Any, Any] = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(codes == 10)
    if not len(ends) or ends[-1] != len(codes) - 1:
        ends = np.append(ends, len(codes))
    starts = np.concatenate(([0], ends[:-1] + 1))
    return _lines(text, codes, starts, ends)


def _lines(
    text: bytes, codes: "np.ndarray[Any, Any]", starts: "np.ndarray[Any, Any]", ends: "np.ndarray[Any, Any]"
) -> pa.Array:
    """A string array over `text`: every second slot of starts and ends is a line, the others are the line ends."""
    has_return = (ends > starts) & (codes[np.maximum(ends - 1, 0)] == 13)
    bounds = np.empty(2 * len(starts) + 1, dtype=np.int64)
    bounds[0:-1:2], bounds[1::2], bounds[-1] = starts, ends - has_return, len(codes)
    both = pa.LargeStringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(text))
    kept = np.flatnonzero(bounds[1::2] > bounds[0:-1:2]) * 2
    return both.take(pa.array(kept))


def joined(batches: Sequence[pa.Array]) -> pa.Array:
    """One array of several batches."""
    return pa.concat_arrays(list(batches))
