"""A process that reads PDF files and is replaced when a file takes too long or brings it down.

Here: starting, asking with a time limit, ending. Not here: reading (`pdf_text`). A damaged or hostile PDF can keep any reader busy for
hours or fill the memory; it must cost one file, not the run.
"""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from uam_platform.connectors.dropped_files import UnreadableError
from uam_platform.policy.documents import DocumentPolicy

_BLOCK: Final = 1 << 16


class PdfWorker:
    """Reads PDFs one by one; the process starts with the first. Use as a context.

    Args:
        rules: pages, seconds and memory that a file may take.
    """

    def __init__(self, rules: DocumentPolicy) -> None:
        self._rules = rules
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, path: Path) -> dict[str, Any]:
        """See `pdf_text.pdf_text`.

        Raises:
            UnreadableError: its reasons, and too_heavy for a file that takes too long or too much memory.
        """
        if self._process is None:
            self._process = self._started()
        answer = self._asked(self._process, path)
        if answer is None:
            self._end()
            raise UnreadableError("too_heavy")
        found: dict[str, Any] = json.loads(answer)
        if "reason" in found:
            raise UnreadableError(found["reason"])
        return found

    def _started(self) -> "subprocess.Popen[bytes]":
        limits = (str(self._rules.most_pages), str(self._rules.memory_megabytes))
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-W", "ignore", "-m", "uam_platform.connectors.pdf_text", *limits],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _asked(self, process: "subprocess.Popen[bytes]", path: Path) -> bytes | None:
        """The answer's line; None when it did not come in time or the process is gone."""
        if process.stdin is None or process.stdout is None:
            return None
        try:
            process.stdin.write(f"{path}\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            return None
        until = time.monotonic() + self._rules.seconds_per_file
        found = bytearray()
        while not found.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
                return None
            block = os.read(process.stdout.fileno(), _BLOCK)
            if not block:
                return None
            found += block
        return bytes(found)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
