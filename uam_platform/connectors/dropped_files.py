"""Files that people and jobs drop into a folder or bucket: which are new, and their bytes as records.

Here: listing, what makes a file new, unpacking, decoding, and CSV, JSON and JSON lines as dictionaries. Not here: the store itself
(`object_store`), what a record means (the connector that reads the folder), own exports described by a mapping (`files`).

A file is new when no complete load has read its key with this size and time of change. Everything is listed each time, so that a
file that arrives late under an old name is found; a changed file is read whole again and what it repeats is recognised by its
records. Names that begin with a dot or an underscore are work in progress and left alone.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final

from uam_platform.connectors.object_store import ObjectStore, StoreAddress, StoredObject
from uam_platform.connectors.retry import Retry
from uam_platform.lake.loads import LoadManifest

RECORD_SUFFIXES: Final = (".csv", ".json", ".jsonl", ".ndjson", ".csv.gz", ".json.gz", ".jsonl.gz", ".ndjson.gz")
LARGEST_BYTES: Final = 256 << 20
"""Of one file of records, unpacked: they are read whole. Logs are read line by line and have no such bound."""
UNREADABLE: Final = "unreadable_file"
"""source_object of a file that cannot be read: payload {file, reason}; staging sets it aside."""

_BOMS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class UnreadableError(Exception):
    """A file that cannot be read, with its reason code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Broken:
    """A line that is no record: its text, shortened to 2,000 characters."""

    text: str


@dataclass(frozen=True)
class DropFolder:
    """One folder or bucket prefix that is read again and again.

    Attributes:
        source: connector, as the load manifest names it.
        address: where it lies.
        retry: patience with the store.
    """

    source: str
    address: StoreAddress
    retry: Retry = field(default_factory=Retry)

    def store(self, progress: Callable[[str], None]) -> ObjectStore:
        """The store, opened.

        Raises:
            PermanentError: the address is no usable one.
        """
        return ObjectStore(self.address, f"{self.source} folder", self.retry, progress)

    def fresh(
        self, manifest: LoadManifest, suffixes: tuple[str, ...], progress: Callable[[str], None]
    ) -> list[StoredObject]:
        """Files that no complete load has read as they are now, by key.

        Raises:
            TransientError: the store cannot be reached.
            PermanentError: no such folder, or access is refused.
        """
        taken = manifest.objects(self.source)
        return [item for item in self.present(suffixes, progress) if object_key(item) not in taken]

    def present(self, suffixes: tuple[str, ...], progress: Callable[[str], None]) -> list[StoredObject]:
        """All files with one of the suffixes, by key; the errors of `fresh`."""
        return [item for item in self.store(progress).list(suffixes) if not _is_in_progress(item.key)]

    def content(self, item: StoredObject, progress: Callable[[str], None], largest: int = LARGEST_BYTES) -> bytes:
        """Bytes of one file, unpacked where it ends in `.gz`.

        Raises:
            UnreadableError: cut_file, not_gzip or too_large.
            ConnectorError: the store failed.
        """
        if item.size > largest:
            raise UnreadableError("too_large")
        with TemporaryDirectory(prefix="uam-drop-") as folder:
            target = Path(folder) / "file"
            self.store(progress).fetch(item, target)
            data = target.read_bytes()
        return unpacked(data, largest) if item.key.endswith(".gz") else data

    def look(self, suffixes: tuple[str, ...]) -> str:
        """One line on what lies there, for `uam doctor`.

        Raises:
            ConnectorError: it cannot be listed; says what to do.
        """
        items = DropFolder(self.source, self.address, Retry(attempts=1)).present(suffixes, lambda _: None)
        return f"{len(items):,} files, {sum(item.size for item in items) / 1e6:,.1f} MB"


def object_key(item: StoredObject) -> str:
    """What the load manifest remembers of a file."""
    return f"{item.key}@{item.size}@{item.modified_ns // 1_000_000}"


def _is_in_progress(key: str) -> bool:
    return any(part.startswith((".", "_")) for part in PurePosixPath(key).parts)


def unpacked(data: bytes, largest: int = LARGEST_BYTES) -> bytes:
    """Unpacked gzip bytes.

    Raises:
        UnreadableError: cut_file, not_gzip or too_large.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            plain = stream.read(largest + 1)
    except EOFError:
        raise UnreadableError("cut_file") from None
    except (OSError, zlib.error):
        raise UnreadableError("not_gzip") from None
    if len(plain) > largest:
        raise UnreadableError("too_large")
    return plain


def decoded(data: bytes) -> str:
    """Text of a file: UTF-8, or UTF-16 with its mark.

    Raises:
        UnreadableError: wrong_encoding.
    """
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise UnreadableError("wrong_encoding") from None


def records(key: str, data: bytes) -> Iterator[Mapping[str, Any] | Broken]:
    """Records of a file in its order.

    Args:
        key: its name; says whether it is CSV, JSON lines or JSON.
        data: its unpacked bytes. JSON is one record, lines of records, a list of them, or an object whose only list holds them.

    Raises:
        UnreadableError: wrong_encoding, or not_json for a JSON file that does not parse as a whole.
    """
    name, text = key.removesuffix(".gz"), decoded(data)
    if name.endswith(".csv"):
        yield from _csv_rows(text)
    elif name.endswith((".jsonl", ".ndjson")):
        yield from (_parsed(line) for line in text.splitlines() if line.strip())
    elif text.strip():
        yield from _of_document(text)


def _csv_rows(text: str) -> Iterator[Mapping[str, Any] | Broken]:
    reader = csv.reader(io.StringIO(text, newline=""))
    names = [name.strip() for name in next(reader, [])]
    for row in reader:
        if not row:
            continue
        if len(row) != len(names):
            yield Broken(",".join(row)[:2000])
        else:
            yield {name: value for name, value in zip(names, row, strict=True) if value.strip()}


def _parsed(line: str) -> Mapping[str, Any] | Broken:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else Broken(line[:2000])


def _of_document(text: str) -> Iterator[Mapping[str, Any] | Broken]:
    try:
        found = json.loads(text)
    except ValueError:
        lines = [_parsed(line) for line in text.splitlines() if line.strip()]
        if isinstance(lines[0], Broken):
            raise UnreadableError("not_json") from None
        yield from lines  # lines of JSON under the name of a document
        return
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
        is_wrapped = len(lists) == 1 and {"results", "data", "items", "releases", "records"} & set(found)
        found = lists[0] if is_wrapped else [found]
    if not isinstance(found, list):
        raise UnreadableError("not_json")
    yield from (each if isinstance(each, dict) else Broken(json.dumps(each)[:2000]) for each in found)
