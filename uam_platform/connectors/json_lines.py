"""Text of JSON lines into batches of lines, and lines into the neutral event envelope by a declared shape; pure.

Here: splitting bytes into lines, the one pass of DuckDB from a line to the envelope, and the columns a line fills. Not here: which
keys a vendor uses (`segment_lines`, `mixpanel_lines`, `amplitude_lines`), files (`delivery_files`).

A line that is no JSON object becomes a row with `parse_error` and the line itself; a value of an unexpected type (a number as
user id) is landed as text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import duckdb
import numpy as np
import pyarrow as pa

from uam_platform.contracts.landing import DELIVERY_COLUMNS

TEXT: Final = "VARCHAR"
PROPERTIES: Final = (
    "feature workflow workflow_id workflow_step workflow_state error_code app_area plan_tier feature_flag duration_ms "
    "quantity amount_usd_cents workspace_id"
).split()
"""Properties of an event that every tool carries under the platform's own names."""

PARSE_ERROR: Final = {
    "parse_error": "CASE WHEN o IS NULL THEN CASE WHEN starts_with(ltrim(line), '{') THEN 'truncated' ELSE 'not_json' END END",
    "raw_line": "CASE WHEN o IS NULL THEN line END",
}


@dataclass(frozen=True)
class LineShape:
    """How one vendor writes an event.

    Attributes:
        keys: the part of a line that is read, as DuckDB's json_transform takes it. One pass reads 1.4 M lines/s on two cores, where
            one extraction per key reaches a tenth.
        envelope: SQL over the read part `o` for each envelope column the line fills; the others stay null.
        fields_at: JSON path of the object whose keys are the vendor's fields.
    """

    keys: Mapping[str, Any]
    envelope: Mapping[str, str]
    fields_at: str = "$"

    @property
    def fields(self) -> frozenset[str]:
        """Names of the vendor's fields that are read."""
        inner = self.keys if self.fields_at == "$" else self.keys[self.fields_at.removeprefix("$.")]
        return frozenset(inner)

    def decode(self, connection: duckdb.DuckDBPyConnection, lines: pa.Array, first_row: int) -> pa.Table:
        """The envelope of a batch of lines, in their order.

        Args:
            connection: any DuckDB connection.
            lines: text lines without line ends.
            first_row: row_no of the first one.

        Returns:
            One row per line: `DELIVERY_COLUMNS` and row_no.
        """
        numbers = np.arange(first_row, first_row + len(lines), dtype=np.int64)
        connection.register("batch", pa.table({"line": lines, "row_no": pa.array(numbers)}))
        try:
            result = connection.execute(self._query("")).to_arrow_table()
        except duckdb.InvalidInputException:  # valid JSON that cannot be taken apart: row by row, 8 times slower
            result = connection.execute(self._query("TRY")).to_arrow_table()
        finally:
            connection.unregister("batch")
        return result.combine_chunks()

    def _query(self, attempt: str) -> str:
        filled = {**self.envelope, **PARSE_ERROR}
        columns = ", ".join(f"({filled.get(name, 'NULL')})::VARCHAR AS {name}" for name, _ in DELIVERY_COLUMNS)
        is_object = "starts_with(ltrim(line), '{') AND json_valid(line)"
        shape = json.dumps(self.keys).replace("'", "''")
        return f"""
            SELECT {columns}, row_no FROM (
                SELECT line, row_no, {attempt}(json_transform(CASE WHEN {is_object} THEN line END, '{shape}')) AS o
                FROM batch)"""


def first_value(values: str) -> str:
    """SQL of a group's value, or the first of a list of them: a JSON list arrives as its text."""
    return (
        f"CASE WHEN starts_with({values}, '[') THEN json_extract_string({values}, '$[0]') ELSE nullif({values}, '') END"
    )


class _Readable(Protocol):
    def read(self, size: int) -> bytes: ...


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
