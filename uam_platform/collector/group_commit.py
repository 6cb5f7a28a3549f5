"""Acknowledges only what is on disk: requests wait while one thread writes what has gathered and syncs once for all of them.

Here: the bounded queue, the writing thread, rotation by age. Not here: the files (`uam_platform.lake.journal`), answers to senders.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from uam_platform.collector.refusals import Reason, Refusal
from uam_platform.lake.journal import JournalWriter, framed

_LOG: Final = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 2
_AFTER_DISK_ERROR_SECONDS: Final = 10
_GROUP_BYTES: Final = 8 << 20
_LOOK_SECONDS: Final = 0.25  # how often an idle writer looks whether its file is due, or a load asks for it


@dataclass
class CommitState:
    """What the writing thread reports; single values, so that reading them needs no lock.

    Attributes:
        queued_lines: lines that wait for the disk.
        queued_bytes: their bytes.
        groups: syncs so far.
        lines: lines committed.
        bytes: bytes committed.
        sync_seconds: time spent writing and syncing.
        last_sync_seconds: of the last group.
        failures: groups that the disk did not take.
        is_failing: the last group failed.
    """

    queued_lines: int = 0
    queued_bytes: int = 0
    groups: int = 0
    lines: int = 0
    bytes: int = 0
    sync_seconds: float = 0.0
    last_sync_seconds: float = 0.0
    failures: int = 0
    is_failing: bool = False


@dataclass
class _Group:
    block: bytes
    lines: int
    done: "Future[None]" = field(default_factory=Future)


class GroupCommit:
    """Hands lines of many requests to one journal.

    Args:
        journal: owned by the writing thread from `start` on.
        max_queued_bytes: beyond it requests are refused as busy.
        rotate_seconds: an open file is closed after so long, so that it can be loaded.
    """

    def __init__(self, journal: JournalWriter, max_queued_bytes: int, rotate_seconds: float) -> None:
        self.state = CommitState()
        self._journal, self._max_queued = journal, max_queued_bytes
        self._rotate_seconds = rotate_seconds
        self._waiting: list[_Group] = []
        self._wake = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin writing."""
        self._thread.start()

    async def land(self, texts: Sequence[bytes]) -> None:
        """Return when the lines are on disk.

        Args:
            texts: JSON texts without line ends.

        Raises:
            Refusal: the queue is full, the disk refuses, or the server is closing; nothing was acknowledged.
        """
        if not texts:
            return
        group = _Group(b"".join(map(framed, texts)), len(texts))
        with self._wake:
            if self._is_closing:
                raise Refusal(Reason.UNAVAILABLE, "the server is stopping", _RETRY_SECONDS)
            if self.state.queued_bytes and self.state.queued_bytes + len(group.block) > self._max_queued:
                raise Refusal(Reason.BUSY, "too many events are waiting for the disk", _RETRY_SECONDS)
            self.state.queued_lines += group.lines
            self.state.queued_bytes += len(group.block)
            self._waiting.append(group)
            self._wake.notify()
        try:
            await asyncio.shield(asyncio.wrap_future(group.done))
        except OSError:
            raise Refusal(
                Reason.UNAVAILABLE, "the events could not be written to disk", _AFTER_DISK_ERROR_SECONDS
            ) from None

    def close(self) -> None:
        """Write what waits, close the file and end the thread."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        opened_at: float | None = None
        while True:
            groups, is_last = self._next(opened_at)
            if groups:
                self._commit(groups)
            if not self._journal.pending_bytes:
                opened_at = None
            elif opened_at is None:
                opened_at = time.monotonic()
            if is_last or (opened_at is not None and self._is_due(opened_at)):
                self._rotate()
                opened_at = None
            if is_last:
                return

    def _is_due(self, opened_at: float) -> bool:
        return time.monotonic() - opened_at >= self._rotate_seconds or self._journal.is_asked_to_close

    def _next(self, opened_at: float | None) -> tuple[list[_Group], bool]:
        """Groups to write together, and whether they are the last."""
        with self._wake:
            if not self._waiting and not self._is_closing:
                self._wake.wait(None if opened_at is None else min(_LOOK_SECONDS, self._rotate_seconds))
            taken, size = 0, 0
            while taken < len(self._waiting) and size < _GROUP_BYTES:
                size += len(self._waiting[taken].block)
                taken += 1
            groups, self._waiting = self._waiting[:taken], self._waiting[taken:]
            return groups, self._is_closing and not self._waiting

    def _commit(self, groups: Sequence[_Group]) -> None:
        started = time.perf_counter()
        block = b"".join(group.block for group in groups)
        error: OSError | None = None
        try:
            self._journal.commit(block)
        except Exception as failure:  # whatever it is, the thread goes on: without it every request would wait for ever
            error = failure if isinstance(failure, OSError) else OSError(str(failure))
            _LOG.error("the journal could not be written: %s", failure)
        seconds = time.perf_counter() - started
        self._report(groups, len(block), seconds, error)
        for group in groups:
            if error is None:
                group.done.set_result(None)
            else:
                group.done.set_exception(error)

    def _report(self, groups: Sequence[_Group], size: int, seconds: float, error: OSError | None) -> None:
        lines = sum(group.lines for group in groups)
        state = self.state
        with self._wake:
            state.queued_lines -= lines
            state.queued_bytes -= size
        state.is_failing = error is not None
        state.sync_seconds += seconds
        state.last_sync_seconds = seconds
        if error is None:
            state.groups += 1
            state.lines += lines
            state.bytes += size
        else:
            state.failures += 1

    def _rotate(self) -> None:
        try:
            self._journal.rotate()
        except OSError as failure:  # the lines are on disk; the next start closes the file
            _LOG.error("a journal file could not be closed: %s", failure)
