"""Replacing one file so that nobody ever sees a part of it.

Here: the one way in which pointers, manifests and reports are written. Not here: what they say (`store`, `loads`, the stages).
"""

import os
import uuid
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace `path` by `content` so that a reader or a crash sees the old or the new content, never a part."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with temporary.open("wb") as handle:
        handle.write(content.encode() if isinstance(content, str) else content)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)
