"""One load of event deliveries that is read window by window, with windows before the cursor read again for late arrivals.

Here: decoding lines into the load's files, leaving out what earlier loads landed, noticing new and lost fields, and committing with the
cursor. Not here: requests and cursors of a vendor (`mixpanel`, `amplitude`), lines (`json_lines`), files (`delivery_files`).

A row is left out when an earlier load landed a row that is equal in every column: reading a window again lands nothing twice, and a
repeat that differs in anything is left to staging, which logs it.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Self, TypeVar

import numpy as np
import pyarrow as pa

from uam_platform.connectors.delivery_files import DeliveryFiles, batched
from uam_platform.connectors.errors import TransientError
from uam_platform.connectors.json_lines import LineShape
from uam_platform.contracts.landing import DELIVERY_COLUMNS
from uam_platform.lake.engine import parser_engine
from uam_platform.lake.loads import DELIVERIES, Load, LoadManifest

_LOAD_ROWS: Final = 5_000_000  # a longer history becomes several loads, so that an interruption costs one of them
_SAMPLE_LINES: Final = 500  # of each batch, looked at for their fields
_SMALL_BYTES: Final = 16 << 20
_LARGE_BYTES: Final = 512 << 20  # a cut answer is fetched again whole
_ENOUGH_ROWS: Final = 100  # fewer rows do not show that a field is gone
_MOST_FIELDS: Final = 1000  # remembered; companies name properties freely
_ROW: Final = "md5(concat_ws(chr(31), " + ", ".join(f"coalesce({name}, chr(30))" for name, _ in DELIVERY_COLUMNS) + "))"

PointT = TypeVar("PointT")
"""Where a cursor stands: a day or an hour."""


@dataclass(frozen=True)
class Target:
    """Where a load goes.

    Attributes:
        source: connector name.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about changed fields.
    """

    source: str
    manifest: LoadManifest
    load_id: str
    now: datetime
    progress: Callable[[str], None]


@dataclass(frozen=True)
class Piece(Generic[PointT]):
    """What one request gave.

    Attributes:
        name: what it covers, for messages.
        end: the cursor once it is landed.
        lines: batches of lines in the order they came.
        is_read_again: earlier loads may have landed some of them.
    """

    name: str
    end: PointT
    lines: Iterable[pa.Array]
    is_read_again: bool


def widened(width: timedelta, answer_bytes: int, longest: timedelta) -> timedelta:
    """Width of the next window: twice as wide after a small answer, half after a large one, whole days at least.

    Args:
        width: of the window just read.
        answer_bytes: size of its answer.
        longest: never wider.
    """
    if answer_bytes < _SMALL_BYTES:
        return min(longest, 2 * width)
    return width if answer_bytes < _LARGE_BYTES else max(timedelta(days=1), timedelta(days=width.days // 2))


class WindowLoad:
    """Files of one load while its windows are read; a context manager that leaves nothing behind when it fails.

    Args:
        target: where the load goes.
        shape: how the vendor writes an event.
        known_fields: fields that earlier loads saw.
        landed_since: receipt time (ISO text) from which rows of earlier loads can come again; None when nothing is read again.
        threads: engine threads.
        memory: engine memory limit.
    """

    def __init__(
        self,
        target: Target,
        shape: LineShape,
        known_fields: Iterable[str],
        landed_since: str | None,
        threads: int,
        memory: str,
    ) -> None:
        self._target, self._shape = target, shape
        self._known, self._seen = set(known_fields), set[str]()
        self._engine = parser_engine(threads, memory)
        self._pool = ThreadPoolExecutor(1)
        self._folder = target.manifest.folder(target.load_id)
        self.spool = target.manifest.root / "_spool" / target.load_id
        for path in (self._folder, self.spool):
            shutil.rmtree(path, ignore_errors=True)  # left by a killed run
            path.mkdir(parents=True)
        self._files = DeliveryFiles(self._folder, self._pool)
        self._has_landed = landed_since is not None and self._remember(landed_since)
        self._failure: TransientError | None = None
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()
        self._engine.close()
        shutil.rmtree(self.spool, ignore_errors=True)

    def read(self, pieces: Iterator[Piece[PointT]], begin: PointT) -> PointT:
        """Land pieces until there are no more, the load is full, or the vendor fails for a while.

        Args:
            pieces: one after the other; made lazily, so that asking for the next one is what sends a request.
            begin: where the first one starts.

        Returns:
            The end of the last piece that was landed whole, or `begin`. A failure for a while is kept for `finish`.
        """
        reached = begin
        while self.rows < _LOAD_ROWS:
            try:
                piece = next(pieces, None)
            except TransientError as failure:
                self._failure = failure
                break
            if piece is None:
                break
            self._add(piece)
            reached = piece.end
            self._target.progress(f"{self._target.source}: {piece.name}, {self.rows:,} events")
        return reached

    def _add(self, piece: Piece[PointT]) -> None:
        for batch in batched(piece.lines):
            table = self._shape.decode(self._engine, batch, self.rows)
            if piece.is_read_again and self._has_landed:
                table = self._without_landed(table)
            self._note_fields(batch)
            if table.num_rows:
                self._files.add(table)
                self.rows += table.num_rows

    def finish(self, state: Mapping[str, Any], counts: Mapping[str, int], is_far: bool) -> Load | None:
        """Commit what was read; the next load meets the failure that ended this one early.

        Args:
            state: the cursor; the fields seen so far are added.
            counts: request counts.
            is_far: the cursor moved far enough to be committed without a row.

        Returns:
            The committed load, or None when there is nothing to keep.

        Raises:
            TransientError: the vendor failed and there is nothing to keep.
        """
        if self.rows or is_far:
            if self._failure is not None:
                self._target.progress(f"{self._failure} What was read before is kept.")
            return self._commit(state, counts)
        self._files.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._failure is not None:
            raise self._failure
        return None

    def _commit(self, state: Mapping[str, Any], counts: Mapping[str, int]) -> Load:
        self._files.close()
        target, root = self._target, self._target.manifest.root
        names = [str(path.relative_to(root)) for path in sorted(self._folder.glob("*.parquet"))]
        new, lost = self._changed_fields()
        fields = sorted((self._known | self._seen) - set(lost))[:_MOST_FIELDS]
        files: Mapping[str, Sequence[str]] = {DELIVERIES: names} if names else {}
        load = Load(
            target.load_id,
            target.source,
            target.now.isoformat(),
            files,
            {DELIVERIES: self.rows} if names else {},
            {**state, "fields": fields},
            (),
            {**counts, "new_fields": len(new), "lost_fields": len(lost)},
        )
        target.manifest.commit(load)
        return load

    def _remember(self, since: str) -> bool:
        manifest, source = self._target.manifest, self._target.source
        paths = [path for load in manifest.loads(source) for path in manifest.paths(load, DELIVERIES)]
        if not paths:
            return False
        self._engine.execute(
            f"CREATE TEMP TABLE landed AS SELECT DISTINCT {_ROW} AS digest FROM read_parquet(?) "
            "WHERE received_text >= ? OR received_text IS NULL",
            [paths, since],
        )
        return True

    def _without_landed(self, table: pa.Table) -> pa.Table:
        self._engine.register("arrived", table)
        fresh = self._engine.execute(
            f"SELECT * FROM arrived WHERE {_ROW} NOT IN (SELECT digest FROM landed) ORDER BY row_no"
        ).to_arrow_table()
        self._engine.unregister("arrived")
        numbers = pa.array(np.arange(self.rows, self.rows + fresh.num_rows, dtype=np.int64))
        return fresh.set_column(fresh.column_names.index("row_no"), "row_no", numbers).combine_chunks()

    def _note_fields(self, lines: pa.Array) -> None:
        self._engine.register("sample", pa.table({"line": lines[:_SAMPLE_LINES]}))
        found = self._engine.execute(
            "SELECT DISTINCT unnest(json_keys(line, ?)) FROM sample WHERE json_valid(line) AND starts_with(ltrim(line), '{')",
            [self._shape.fields_at],
        ).fetchall()
        self._engine.unregister("sample")
        self._seen |= {name for (name,) in found}

    def _changed_fields(self) -> tuple[list[str], list[str]]:
        """Fields no earlier load had, and fields we read that every line lacks now although earlier loads had them."""
        if not self._known or not self._seen:
            return [], []
        new = sorted(self._seen - self._known)
        lost = sorted((self._known - self._seen) & self._shape.fields) if self.rows >= _ENOUGH_ROWS else []
        for what, names in (("new", new), ("no longer sent", lost)):
            if names:
                self._target.progress(f"{self._target.source}: {what} fields: {', '.join(names)}")
        return new, lost
