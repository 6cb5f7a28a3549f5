"""Who opened a file: through Python's audit hook, and through the kernel, which also sees engines that read files by themselves.

Here: the watch, and a run of the chain under it. Not here: the tests (`test_guards`).
"""

import ctypes
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_ACCESS, IN_OPEN, IN_NONBLOCK = 0x1, 0x20, os.O_NONBLOCK
_HEADER = struct.Struct("iIII")
_PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
seen = set()
def listen(event, arguments):
    if event in ("open", "os.listdir", "os.scandir", "sqlite3.connect") and arguments:
        seen.add(str(arguments[0]))
sys.addaudithook(listen)
from pathlib import Path
from uam_platform.scratch import run_world
company, out, rules, report = map(Path, sys.argv[1:])
run_world(company, out, lambda line: None, policy_dir=rules, engine_threads=1, chunk_days=13)
found = "\\n".join(sorted(seen))
report.write_text(found)
"""


def run_audited(company: Path, out: Path, rules: Path, report: Path) -> set[str]:
    """Run the chain in a process of its own, with one thread and short chunks; every path that Python code opened or listed there."""
    command = [sys.executable, "-W", "ignore", "-c", _PROGRAM, *map(str, (company, out, rules, report))]
    subprocess.run(command, check=True, capture_output=True)
    return set(report.read_text(encoding="utf-8").splitlines())


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
