"""Text of PDF files, page by page, in a process of its own that may be killed: run as a module it serves `pdf_worker`.

Here: what pypdf makes of a file, and the reasons why a file has no text. Not here: the process and its limits (`pdf_worker`), what
the text means (`uam_platform.staging.documents`).

A line on standard input is a path, a line on standard output what it holds as JSON: `pages`, `title` and `created_at`, or a `reason`.
"""

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

from uam_platform.connectors.dropped_files import UnreadableError

_LEAST_LETTERS = 20


def pdf_text(path: str, most_pages: int) -> dict[str, Any]:
    """Pages of a PDF as text, and its own title and time of making.

    Args:
        path: the file.
        most_pages: longer ones are refused.

    Raises:
        UnreadableError: damaged_pdf, encrypted, too_many_pages or no_text (a scan).
    """
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError, WrongPasswordError

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):  # one that only forbids printing opens without a password
            raise UnreadableError("encrypted")
        if len(reader.pages) > most_pages:
            raise UnreadableError("too_many_pages")
        pages = [page.extract_text() or "" for page in reader.pages]
    except UnreadableError:
        raise
    except (FileNotDecryptedError, WrongPasswordError, DependencyError):
        raise UnreadableError("encrypted") from None
    except (MemoryError, LimitReachedError):
        raise UnreadableError("too_heavy") from None
    except Exception:
        raise UnreadableError("damaged_pdf") from None
    if sum(c.isalpha() for page in pages for c in page) < _LEAST_LETTERS:
        raise UnreadableError("no_text" if pages else "damaged_pdf")
    return {"pages": pages, **_facts(reader)}


def _facts(reader: Any) -> Mapping[str, str | None]:
    """What the file says of itself; nothing where that cannot be read."""
    try:
        found = reader.metadata
        title, created = (found.title, found.creation_date) if found else (None, None)
    except Exception:
        return {"title": None, "created_at": None}
    return {"title": str(title) if title else None, "created_at": created.isoformat() if created else None}


def serve(most_pages: int, memory_megabytes: int) -> None:
    """Answer each path on standard input until it ends."""
    logging.disable(logging.CRITICAL)
    _limit_memory(memory_megabytes << 20)
    for line in sys.stdin:
        try:
            answer = pdf_text(line.rstrip("\n"), most_pages)
        except UnreadableError as error:
            answer = {"reason": error.reason}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _limit_memory(size: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ImportError, ValueError, OSError):  # no such limit on this system: the time limit is left
        return


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
