"""The journal: append-only files of checksummed lines, through which what was acknowledged survives any kill.

Here: writing with one fsync per group, rotation, cutting a torn tail, reading back. Not here: what a line says
(`uam_platform.contracts.collected`), who appends (`uam_platform.collector`), who reads (`uam_platform.connectors.collector`).

A line is the CRC-32 of its text in eight hex digits, a blank, the text (no line end inside) and a line end. A file being written ends in
`.open`; closing renames it to `.ndjson`, and only such files are read. After a kill the next writer, or a reader when nobody writes, cuts
an open file after its last whole line. What is cut was never acknowledged: a group is acknowledged after its fsync, and lies before.
"""

import fcntl
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OPEN: Final = ".open"
CLOSED: Final = ".ndjson"
TORN: Final = ".torn"
_ASKED: Final = ".close"  # a reader asks the writer to close its file, by the presence of this one
_POLL_SECONDS: Final = 0.05
_BLOCK: Final = 1 << 20


class JournalInUseError(OSError):
    """Another process writes to (or reads from) this folder."""


@dataclass(frozen=True)
class Line:
    """One line of a journal file.

    Attributes:
        text: what was appended; of a damaged line the bytes found.
        is_whole: the checksum fits.
    """

    text: bytes
    is_whole: bool


def framed(text: bytes) -> bytes:
    """`text` as a line of the journal.

    Args:
        text: JSON or other text without line ends.
    """
    return b"%08x %b\n" % (zlib.crc32(text), text)


def unframed(line: bytes) -> Line:
    """What a line without its line end says."""
    try:
        is_whole = line[8:9] == b" " and int(line[:8], 16) == zlib.crc32(line[9:])
    except ValueError:
        is_whole = False
    return Line(line[9:] if is_whole else line, is_whole)


def lines(path: Path) -> Iterator[Line]:
    """Lines of a closed file in order; a damaged one is told as such, never left out."""
    with path.open("rb") as stream:
        for line in stream:
            yield unframed(line.removesuffix(b"\n"))


def closed_files(folder: Path) -> list[Path]:
    """Files that may be read, oldest first."""
    return sorted(folder.glob(f"*{CLOSED}"))


@contextmanager
def held(folder: Path, role: str) -> Iterator[None]:
    """Hold a folder alone in one role; the lock ends with the process, also when it is killed.

    Args:
        folder: folder of a journal; made when missing.
        role: `writer` or `reader`.

    Raises:
        JournalInUseError: another process holds it.
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{role}.lock").open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalInUseError(
                f"{folder}: another process is its {role}; stop that one or use another folder"
            ) from None
        yield


def is_writable(folder: Path) -> bool:
    """A small file can be made and synced there."""
    probe = folder / ".probe"
    try:
        with probe.open("wb") as handle:
            handle.write(b"writable")
            handle.flush()
            os.fsync(handle.fileno())
        probe.unlink()
    except OSError:
        return False
    return True


def recover(folder: Path) -> list[Path]:
    """Close what a killed writer left open; call it while holding the folder as `writer`.

    Bytes after the last whole line are kept beside it with the ending `.torn`, for people.

    Returns:
        The files that were closed.
    """
    found = []
    for path in sorted(folder.glob(f"*{OPEN}")):
        whole = _whole_bytes(path)
        with path.open("r+b") as handle:
            handle.seek(whole)
            if tail := handle.read():
                path.with_suffix(TORN).write_bytes(tail)
            handle.truncate(whole)
            os.fsync(handle.fileno())
        if whole:
            found.append(_close(path))
        else:
            path.unlink()
    sync_folder(folder)
    return found


def ask_to_close(folder: Path, wait_seconds: float) -> bool:
    """Ask a running writer to close its file now, so that a reader has everything up to this moment.

    Args:
        folder: of the journal.
        wait_seconds: how long the writer may take.

    Returns:
        Whether what was open is closed.
    """
    opened = list(folder.glob(f"*{OPEN}"))
    if not opened:
        return True
    (folder / _ASKED).touch()
    for _ in range(int(wait_seconds / _POLL_SECONDS)):
        if not any(path.exists() for path in opened):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _whole_bytes(path: Path) -> int:
    """Length of the whole lines a file begins with."""
    whole = 0
    with path.open("rb") as stream:
        for line in stream:
            if not line.endswith(b"\n") or not unframed(line[:-1]).is_whole:
                break
            whole += len(line)
    return whole


def _close(path: Path) -> Path:
    closed = path.with_suffix(CLOSED)
    os.replace(path, closed)
    return closed


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class JournalWriter:
    """Appends groups of lines; not thread-safe, one thread owns it.

    Args:
        folder: where the files lie; held as `writer` by the caller.
        new_name: name of the next file without ending; must never repeat, for a read file is recognised by its name.
        max_bytes: a file is closed when it holds more.
    """

    def __init__(self, folder: Path, new_name: Callable[[], str], max_bytes: int) -> None:
        self._folder, self._new_name, self._max_bytes = folder, new_name, max_bytes
        self._handle = -1
        self._path = folder
        self._durable = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes in the open file."""
        return self._durable

    @property
    def is_asked_to_close(self) -> bool:
        """A reader waits for the open file."""
        return (self._folder / _ASKED).exists()

    def commit(self, block: bytes) -> None:
        """Append whole lines and return when they are on disk.

        Raises:
            OSError: they are not; the file is cut back to what was committed before, so that they cannot appear later.
        """
        try:
            if self._handle < 0:
                self._start()
            view = memoryview(block)
            while view:
                view = view[os.write(self._handle, view) :]
            os.fdatasync(self._handle)
        except OSError:
            self._abandon()
            raise
        self._durable += len(block)
        if self._durable >= self._max_bytes:
            self.rotate()

    def rotate(self) -> Path | None:
        """Close the open file so that it can be read; None when there is none."""
        (self._folder / _ASKED).unlink(missing_ok=True)
        if self._handle < 0:
            return None
        os.close(self._handle)
        self._handle, self._durable = -1, 0
        closed = _close(self._path)
        sync_folder(self._folder)
        return closed

    def _start(self) -> None:
        self._path = self._folder / f"{self._new_name()}{OPEN}"
        self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        sync_folder(self._folder)

    def _abandon(self) -> None:
        """After a failed write nothing is known of the cached pages: go on in a new file, never in this one."""
        if self._handle < 0:
            return
        durable = self._durable
        try:
            os.ftruncate(self._handle, durable)
        finally:
            os.close(self._handle)
            self._handle, self._durable = -1, 0
        if durable:
            _close(self._path)
        else:
            self._path.unlink(missing_ok=True)
