"""What one document file holds: pages of text, and what it or the file beside it declares.

Here: text, Markdown with front matter, PDF, sidecars. Not here: which files are new (`documents`), PDFs' insides (`pdf_text`), whose a
document is and what its words mean (`uam_platform.staging.documents`).

Declared are `document_id`, `account_id` or `account_name`, `title`, `kind`, `written_at`, and `people` whose names are to be cut; in front
matter of Markdown and text, or in a file of the same name with `.yaml` or `.json` behind it. Other fields are left alone.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from uam_platform.connectors.dropped_files import UnreadableError, decoded
from uam_platform.connectors.pdf_worker import PdfWorker

MEDIA_TYPES: Final = {
    ".pdf": "application/pdf",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
}
SUFFIXES: Final = tuple(suffix for lower in MEDIA_TYPES for suffix in (lower, lower.upper()))
SIDECARS: Final = (".yaml", ".yml", ".json")
BAD_DECLARATION: Final = "unreadable_declaration"

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "document_id": ("document_id", "id"),
    "account_id": ("account_id",),
    "account_name": ("account_name", "account", "customer", "company"),
    "title": ("title",),
    "kind": ("kind", "type"),
    "written_at": ("written_at", "date", "created_at"),
}
_PEOPLE: Final = ("people", "participants", "authors", "author", "interviewer", "interviewee")
_LONGEST_MATTER: Final = 64 << 10
_FENCE: Final = "---"
_LARGEST_SHARE_OF_CONTROLS: Final = 0.02


@dataclass(frozen=True)
class DocumentText:
    """What was read of a file.

    Attributes:
        media_type: of the file.
        content_hash: SHA-256 of its bytes.
        pages: text by page; one page where the file has none.
        declared: fields of `_FIELDS` that are there, as text.
        people: names that must be cut from the text.
        own_title: title inside the PDF.
        own_time: ISO 8601 time inside the PDF.
        is_declaration_unread: the front matter or sidecar could not be read; the text is there all the same.
    """

    media_type: str
    content_hash: str
    pages: tuple[str, ...]
    declared: Mapping[str, str] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    own_title: str | None = None
    own_time: str | None = None
    is_declaration_unread: bool = False


def read_document(name: str, path: Path, sidecar: bytes | None, worker: PdfWorker) -> DocumentText:
    """The document in a file.

    Args:
        name: its name; the ending says what it is.
        path: where its bytes lie.
        sidecar: content of the file beside it, where there is one.
        worker: reads PDFs.

    Raises:
        UnreadableError: empty_file, wrong_encoding, not_text, or a reason of `pdf_text`.
    """
    data = path.read_bytes()
    if not data.strip():
        raise UnreadableError("empty_file")
    media_type = MEDIA_TYPES[Path(name).suffix.lower()]
    digest = hashlib.sha256(data).hexdigest()
    beside = _parsed(sidecar) if sidecar is not None else {}
    if media_type == "application/pdf":
        found = worker.read(path)
        pages = tuple(_storable(page) for page in found["pages"])
        own_title = _storable(found["title"]) if found["title"] else None
        return DocumentText(
            media_type,
            digest,
            pages,
            _declared(beside),
            _people(beside),
            own_title,
            found["created_at"],
            beside is None,
        )
    text = decoded(data)
    if sum(c < " " and c not in "\t\n\r\f" for c in text) > _LARGEST_SHARE_OF_CONTROLS * len(text):
        raise UnreadableError("not_text")
    matter, text = _front_matter(text)
    if not text.strip():
        raise UnreadableError("no_text")
    facts = {**(matter or {}), **(beside or {})}
    is_unread = matter is None or beside is None
    pages = tuple(_storable(page) for page in text.split("\f"))
    return DocumentText(media_type, digest, pages, _declared(facts), _people(facts), is_declaration_unread=is_unread)


def _front_matter(text: str) -> tuple[Mapping[str, Any] | None, str]:
    """What stands between two lines `---` at the beginning, and the rest: nothing where there is none, None where it is no mapping."""
    lines = text.splitlines(keepends=True)
    if not lines or lines[0].strip() != _FENCE:
        return {}, text
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == _FENCE), None)
    if end is None:
        return {}, text
    found = _parsed("".join(lines[1:end]).encode())
    return found, "".join(lines[end + 1 :])


def _parsed(data: bytes) -> Mapping[str, Any] | None:
    """YAML (and so JSON) as a mapping; None where it is none."""
    if len(data) > _LONGEST_MATTER:
        return None
    try:
        found = yaml.safe_load(decoded(data))
    except (yaml.YAMLError, UnreadableError, ValueError, RecursionError):  # ValueError: a date like 2025-02-30
        return None
    if found is None:
        return {}
    return found if isinstance(found, Mapping) else None


def _declared(facts: Mapping[str, Any] | None) -> dict[str, str]:
    lowered = {str(name).strip().lower().replace(" ", "_"): value for name, value in (facts or {}).items()}
    found = {}
    for name, spellings in _FIELDS.items():
        values = (_plain(lowered.get(spelling)) for spelling in spellings)
        value = next((value for value in values if value), None)
        if value:
            found[name] = value
    return found


def _people(facts: Mapping[str, Any] | None) -> tuple[str, ...]:
    found: list[str] = []
    for name, value in (facts or {}).items():
        if str(name).strip().lower() in _PEOPLE:
            values = value if isinstance(value, list) else [value]
            found += [plain for each in values if (plain := _plain(each))]
    return tuple(sorted(set(found)))


def _plain(value: Any) -> str | None:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return _storable(str(value)).strip()[:500] or None
    return None


def _storable(text: str) -> str:
    """`text` without what no table can hold: NUL, halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")
