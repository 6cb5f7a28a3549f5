"""Durable record of what the destinations accepted.

Belongs here: appending and reading back. Does not belong here: whether a message is acceptable (`slack.py`,
`salesforce_tasks.py`, `jira_issues.py`,
`linear_issues.py`, `exchange.py`). An entry is on disk before the client sees success, so that a client that is killed or is told
500 after the commit can still be compared with what really arrived.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any, Final

DESTINATIONS: Final = ("slack", "salesforce", "jira", "linear", "exchange")

Entry = dict[str, Any]


class Journal:
    """Append-only JSON Lines file of one destination, grain: one accepted call."""

    def __init__(self, state: Path, destination: str) -> None:
        if destination not in DESTINATIONS:
            raise ValueError(f"unknown destination {destination!r}; known are {', '.join(DESTINATIONS)}")
        self._path = state / "received" / f"{destination}.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._repair()

    def append(self, entry: Entry) -> None:
        """Write one entry and flush it to the disk before returning."""
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> list[Entry]:
        """Read all entries, oldest first."""
        with self._lock:
            if not self._path.exists():
                return []
            return [json.loads(line) for line in self._path.read_text(encoding="utf-8").split("\n") if line]

    def _repair(self) -> None:
        """Drop a last line that a killed process left half written: its call was never answered."""
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        complete = content[: content.rfind(b"\n") + 1]
        if complete != content:
            self._path.write_bytes(complete)
