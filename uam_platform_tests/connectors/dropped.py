"""Drop folders for the connectors' tests: files written by hand, and what a connector lands of them.

Belongs here: builders. Does not belong here: tests.
"""

import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uam_platform.connectors.dropped_files import DropFolder
from uam_platform.connectors.object_store import StoreAddress
from uam_platform.connectors.retry import Retry


def drop(folder: Path, files: Mapping[str, Any], age: int = 0) -> Path:
    """Write files: bytes and text as they are, anything else as JSON; packed where the name ends in `.gz`; `age` in seconds."""
    for name, content in files.items():
        data = (
            content
            if isinstance(content, bytes)
            else (content if isinstance(content, str) else json.dumps(content)).encode()
        )
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            gzip.compress(data, mtime=0) if name.endswith(".gz") and not isinstance(content, bytes) else data
        )
        os.utime(path, (1_735_700_000 - age, 1_735_700_000 - age))
    return folder


def folder_of(source: str, folder: Path) -> DropFolder:
    """A drop folder that never waits."""
    return DropFolder(source, StoreAddress(str(folder), url_setting="UAM_TEST_URL"), Retry(attempts=1))
