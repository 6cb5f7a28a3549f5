"""Documents in a folder or bucket: research, transcripts, notes as PDF, Markdown or text, read when they are new, changed or gone.

Here: which files are to be read, bounded loads, what cannot be read. Not here: the inside of a file (`document_files`), whose document it
is and what it says (`uam_platform.staging.documents`), the store (`object_store`).

A load reads a bounded number of files and is committed with their names, so that a first import can be killed and goes on. A file that
is gone is landed as such, once. An empty folder in which many files were read before is taken for an unmounted one: nothing is removed.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from uam_platform.connectors.api_records import Record, land_records
from uam_platform.connectors.document_files import (
    BAD_DECLARATION,
    SIDECARS,
    SUFFIXES,
    DocumentText,
    read_document,
)
from uam_platform.connectors.dropped_files import DropFolder, UnreadableError
from uam_platform.connectors.object_store import StoredObject
from uam_platform.connectors.pdf_worker import PdfWorker
from uam_platform.connectors.record_files import canonical, set_aside, unreadable
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.policy.documents import DocumentPolicy

NAME: Final = "documents"
DOCUMENT: Final = "document"
REMOVED: Final = "removed_document"
"""source_object of a file that is gone: payload {file, read_at}."""
FILES_PER_LOAD: Final = 500
_BYTES_PER_LOAD: Final = 256 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GONE: Final = "gone"


@dataclass(frozen=True)
class DocumentSource:
    """Where documents lie, and what may be read.

    Attributes:
        folder: the folder or bucket prefix.
        rules: `documents.yaml` of the rulebook.
        files_per_load: most files of one load.
    """

    folder: DropFolder
    rules: DocumentPolicy
    files_per_load: int = FILES_PER_LOAD


@dataclass(frozen=True)
class _File:
    """One document file as it is now, with the file beside it."""

    item: StoredObject
    sidecar: StoredObject | None

    @property
    def version(self) -> str:
        """Changes whenever the file or the one beside it does."""
        parts = (self.item, *([self.sidecar] if self.sidecar else []))
        return "+".join(f"{part.size}@{part.modified_ns // 1_000_000}" for part in parts)


def land(
    source: DocumentSource, manifest: LoadManifest, load_id: str, now: datetime, progress: Callable[[str], None]
) -> Load | None:
    """Land the next documents that are new, changed or gone; None when there are none.

    Args:
        source: what is read.
        manifest: complete loads; they say what has been read.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every file that is set aside, and every load.

    Raises:
        TransientError: the store could not be reached or a file not be read whole.
        PermanentError: no such folder, or access is refused.
    """
    known = _known(manifest)
    present = _present(source.folder, progress)
    fresh = _bounded([file for file in present if known.get(file.item.key) != file.version], source.files_per_load)
    gone = _gone(known, present, progress)
    if not (fresh or gone):
        return None
    counts: Counter[str] = Counter(files=len(fresh), removed=len(gone), bytes=sum(file.item.size for file in fresh))

    def pages() -> Iterator[Sequence[Record]]:
        with PdfWorker(source.rules) as worker:
            for file in fresh:
                yield _records(source, file, worker, now, counts, progress)
        yield [_removal(key, now) for key in gone]

    objects = [*(_object(file.item.key, file.version) for file in fresh), *(_object(key, _GONE) for key in gone)]
    load = land_records(
        NAME, {NAME: pages()}, {}, counts, manifest, load_id, now, is_partial=lambda: True, objects=objects
    )
    progress(f"{NAME}: {len(fresh):,} files read, {counts['unreadable_files']:,} of them set aside, {len(gone):,} gone")
    return load


def look(folder: DropFolder) -> str:
    """One line on what lies there, for `uam doctor`; the errors of `DropFolder.present`."""
    items = folder.present(("",), lambda _: None)
    names = {item.key for item in items}
    read = [item for item in items if item.key.endswith(SUFFIXES)]
    beside = sum(item.key.endswith(SIDECARS) and _owner(item.key) in names for item in items)
    others = len(items) - len(read) - beside
    left = f"; {others:,} other files are not read (PDF, Markdown and text are)" if others else ""
    return (
        f"{len(read):,} documents, {sum(item.size for item in read) / 1e6:,.1f} MB, {beside:,} files beside them{left}"
    )


def _known(manifest: LoadManifest) -> dict[str, str]:
    """Version of every file that was read and is not gone since."""
    found: dict[str, str] = {}
    for load in manifest.loads(NAME):
        for each in load.objects:
            key, version = each.rsplit("\t", 1)
            found[key] = version
    return {key: version for key, version in found.items() if version != _GONE}


def _object(key: str, version: str) -> str:
    return f"{key}\t{version}"


def _present(folder: DropFolder, progress: Callable[[str], None]) -> list[_File]:
    items = folder.present((*SUFFIXES, *SIDECARS), progress)
    beside = {item.key: item for item in items if item.key.endswith(SIDECARS)}
    return [
        _File(item, next((beside[item.key + end] for end in SIDECARS if item.key + end in beside), None))
        for item in items
        if item.key.endswith(SUFFIXES)
    ]


def _owner(key: str) -> str:
    """The document that a sidecar lies beside."""
    return key.rsplit(".", 1)[0]


def _bounded(files: Sequence[_File], most: int) -> list[_File]:
    chosen: list[_File] = []
    size = 0
    for file in files[:most]:
        if chosen and size + file.item.size > _BYTES_PER_LOAD:
            break
        chosen.append(file)
        size += file.item.size
    return chosen


def _gone(known: Mapping[str, str], present: Sequence[_File], progress: Callable[[str], None]) -> list[str]:
    if not present and len(known) > 1:
        progress(
            f"{NAME}: the folder is empty, though {len(known):,} files were read from it; taken for unmounted, nothing is removed. "
            "If they are to go, leave one file there"
        )
        return []
    return sorted(known.keys() - {file.item.key for file in present})


def _records(
    source: DocumentSource,
    file: _File,
    worker: PdfWorker,
    now: datetime,
    counts: Counter[str],
    progress: Callable[[str], None],
) -> list[Record]:
    key = file.item.key
    try:
        text = _read(source, file, worker, progress)
    except UnreadableError as error:
        return [set_aside(NAME, key, error, counts, progress)]
    payload = {
        "file": key,
        "read_at": _iso(now.replace(tzinfo=UTC)),
        "modified_at": _iso(_EPOCH + timedelta(milliseconds=file.item.modified_ns // 1_000_000)),
        "bytes": file.item.size,
        "media_type": text.media_type,
        "content_hash": text.content_hash,
        "declared": dict(text.declared),
        "people": list(text.people),
        "own_title": text.own_title,
        "own_time": text.own_time,
        "pages": list(text.pages),
    }
    found: list[Record] = [(DOCUMENT, key, str(payload["read_at"]), canonical(payload))]
    if text.is_declaration_unread:
        counts["unreadable_declarations"] += 1
        progress(f"{NAME}: {key}: its front matter or the file beside it is no YAML; read without it")
        found.append(unreadable(key, BAD_DECLARATION))
    return found


def _read(source: DocumentSource, file: _File, worker: PdfWorker, progress: Callable[[str], None]) -> DocumentText:
    if file.item.size > source.rules.largest_megabytes * 1e6:
        raise UnreadableError("too_large")
    store = source.folder.store(progress)
    with TemporaryDirectory(prefix="uam-documents-") as folder:
        target = Path(folder) / "document"
        store.fetch(file.item, target)
        sidecar = None
        if file.sidecar is not None:
            store.fetch(file.sidecar, Path(folder) / "sidecar")
            sidecar = (Path(folder) / "sidecar").read_bytes()
        return read_document(file.item.key, target, sidecar, worker)


def _removal(key: str, now: datetime) -> Record:
    at = _iso(now.replace(tzinfo=UTC))
    return (REMOVED, key, at, canonical({"file": key, "read_at": at}))


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
