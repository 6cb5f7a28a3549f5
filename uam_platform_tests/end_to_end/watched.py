"""Who opened a file: through Python's audit hook, and through the kernel, which also sees engines that read files by themselves.

Here: the watch, and a program that runs the chain and tells. Not here: the tests (`test_truth_stays_shut`).
"""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_ACCESS, IN_OPEN, IN_NONBLOCK = 0x1, 0x20, os.O_NONBLOCK
_HEADER = struct.Struct("iIII")
PROGRAM = """
import os, sys, warnings
warnings.simplefilter("ignore")
company, out, rules, report = sys.argv[1:]
told, seen = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND), set()
def listen(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "sqlite3.connect") and arguments and (path := str(arguments[0])) not in seen:
        seen.add(path)
        os.write(told, (path + "\\n").encode())
sys.addaudithook(listen)
from pathlib import Path
from uam_platform.scratch import run_world
run_world(Path(company), Path(out), lambda line: print(line, flush=True), policy_dir=Path(rules), engine_threads=1, chunk_days=13)
"""
"""Runs the chain with one thread and short chunks, and writes every path that Python code opens or lists, at once: it may be killed.
Arguments: company folder, folder of the run, rulebook, file for the paths."""


class Watch:
    """Names of files below a folder that any process opened or read since the watch began."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def opened(self) -> set[str]:
        """Names so far."""
        try:
            raw = os.read(self._descriptor, 1 << 20)
        except BlockingIOError:
            return set()
        names, at = set(), 0
        while at < len(raw):
            *_, length = _HEADER.unpack_from(raw, at)
            names.add(raw[at + _HEADER.size : at + _HEADER.size + length].rstrip(b"\0").decode() or ".")
            at += _HEADER.size + length
        return names


@contextmanager
def watching(folder: Path) -> Iterator[Watch | None]:
    """A watch on a folder; None where the system has no inotify."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        yield None
        return
    descriptor = libc.inotify_init1(IN_NONBLOCK)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, str(folder).encode(), IN_ACCESS | IN_OPEN) < 0:
        yield None
        return
    try:
        yield Watch(descriptor)
    finally:
        os.close(descriptor)
