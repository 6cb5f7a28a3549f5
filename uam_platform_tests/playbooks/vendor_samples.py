"""Recorded answers and published schemas of vendors, for tests that compare ours with theirs.

Here: finding and reading them. Not here: tests. They are not part of this repository.
"""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest


def folder() -> Path:
    """Where the samples lie; skips the test where there are none."""
    named = os.environ.get("UAM_VENDOR_SAMPLES")
    if not named:
        pytest.skip("UAM_VENDOR_SAMPLES names no folder with vendor samples")
    return Path(named)


@lru_cache(maxsize=8)
def document(path: str) -> Any:
    """One JSON file below the samples."""
    return json.loads((folder() / path).read_text(encoding="utf-8"))


def recorded(path: str, method: str) -> list[dict[str, Any]]:
    """Exchanges of one method in a recording: request, status, response."""
    found: list[dict[str, Any]] = []
    for exchange in document(path)["interactions"][method].values():
        found += exchange if isinstance(exchange, list) else [exchange]
    return found
