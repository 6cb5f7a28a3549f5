"""Several partitions that become visible at once: a journal of pointers, written before the first of them is moved.

Here: the journal and who completes it. Not here: writing and validating a partition (`store`).

The journal is the moment of publication. A writer killed before it leaves all partitions as they were; one killed after it leaves a
journal that whoever opens the lake next carries out. Carrying it out twice gives the same pointers, and the lock keeps two processes
from doing it side by side.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from uam_platform.lake.atomic import write_atomically

_JOURNAL: Final = "_together.json"
_LOCK: Final = "_together.lock"


def publish_together(root: Path, pointers: Mapping[Path, str]) -> None:
    """Replace all pointers (path below `root` -> content) as one step."""
    if not pointers:
        return
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        _carry_out(root)
        written = {str(path.relative_to(root)): content for path, content in pointers.items()}
        write_atomically(root / _JOURNAL, json.dumps(written, sort_keys=True))
        _carry_out(root)


def complete(root: Path) -> None:
    """Carry out what a killed writer had decided; nothing to do in almost every case."""
    if (root / _JOURNAL).exists():
        with _locked(root):
            _carry_out(root)


def _carry_out(root: Path) -> None:
    journal = root / _JOURNAL
    if not journal.exists():
        return
    for name, content in sorted(json.loads(journal.read_text(encoding="utf-8")).items()):
        write_atomically(root / name, content)
    journal.unlink()


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    handle = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
