"""Temporary folders of writers, which a killed writer leaves behind and the next one clears.

Here: making, locking and removing them. Not here: what is written there (`store`).
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = ".tmp-"


@contextmanager
def workspace(table_folder: Path) -> Iterator[Path]:
    """A temporary folder below `table_folder`, removed at the end.

    It is locked as long as its process lives: folders that nobody holds were left by killed writers and are removed first.
    """
    clear_abandoned(table_folder)
    folder = table_folder / f"{_PREFIX}{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def clear_abandoned(table_folder: Path) -> None:
    """Remove the temporary folders of writers that are no longer alive."""
    for folder in table_folder.glob(f"{_PREFIX}*"):
        with suppress(FileNotFoundError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                continue  # its writer is at work
            finally:
                os.close(handle)
