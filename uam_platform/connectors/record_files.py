"""Lands the records of dropped files: each file read whole, each record told by a form, what cannot be read kept with its reason.

Here: from files to one load, for every connector that reads records from a folder. Not here: the files (`dropped_files`), the forms
of one connector (`releases`).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from uam_platform.connectors.api_records import Record, land_records
from uam_platform.connectors.dropped_files import (
    RECORD_SUFFIXES,
    UNREADABLE,
    Broken,
    DropFolder,
    UnreadableError,
    object_key,
    records,
)
from uam_platform.connectors.field_drift import FieldProfile
from uam_platform.connectors.object_store import StoredObject
from uam_platform.lake.loads import Load, LoadManifest

UNRECOGNISED: Final = "unrecognised"
"""source_object of a record that has no known form; staging sets it aside."""


@dataclass(frozen=True)
class Formed:
    """A record in a known form.

    Attributes:
        form: its name, the source_object.
        record_id: its own id; None where it has none (then its content is hashed).
        modified: its own change time as text.
        payload: what is kept of it.
    """

    form: str
    record_id: str | None
    modified: str | None
    payload: Mapping[str, Any]


Recognise = Callable[[Mapping[str, Any]], Formed | None]
"""The form of a record, or None."""


def land_files(
    folder: DropFolder,
    recognise: Recognise,
    manifest: LoadManifest,
    load_id: str,
    now: datetime,
    progress: Callable[[str], None],
) -> Load | None:
    """Land the records of all new files.

    Args:
        folder: what is read.
        recognise: the connector's forms.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC.
        progress: told about every file.

    Returns:
        The committed load, or None when no file says anything new.

    Raises:
        TransientError: the store could not be reached or a file not be read whole.
        PermanentError: no such folder, or access is refused.
    """
    fresh = folder.fresh(manifest, RECORD_SUFFIXES, progress)
    if not fresh:
        return None
    last = manifest.last(folder.source)
    profile = FieldProfile(last.fields if last else {})
    counts: Counter[str] = Counter(files=len(fresh), bytes=sum(item.size for item in fresh))

    def pages() -> Iterator[Sequence[Record]]:
        for item in fresh:
            page = list(_page(folder, item, recognise, profile, counts, progress))
            progress(f"{folder.source}: {item.key}, {len(page):,} records")
            yield page

    keys = [object_key(item) for item in fresh]
    return land_records(
        folder.source, {folder.source: pages()}, {}, counts, manifest, load_id, now, profile, objects=keys
    )


def _page(
    folder: DropFolder,
    item: StoredObject,
    recognise: Recognise,
    profile: FieldProfile,
    counts: Counter[str],
    progress: Callable[[str], None],
) -> Iterator[Record]:
    try:
        for found in records(item.key, folder.content(item, progress)):
            yield _record(found, recognise, profile, counts)
    except UnreadableError as error:
        yield set_aside(folder.source, item.key, error, counts, progress)


def set_aside(
    source: str, key: str, error: UnreadableError, counts: Counter[str], progress: Callable[[str], None]
) -> Record:
    """The record of a file that cannot be read, counted and told about."""
    counts["unreadable_files"] += 1
    progress(f"{source}: {key} is set aside ({error.reason})")
    return unreadable(key, error.reason)


def unreadable(key: str, reason: str) -> Record:
    """The record of a file that cannot be read."""
    return (
        UNREADABLE,
        hashlib.sha256(f"{key}/{reason}".encode()).hexdigest()[:32],
        None,
        canonical({"file": key, "reason": reason}),
    )


def _record(
    found: Mapping[str, Any] | Broken, recognise: Recognise, profile: FieldProfile, counts: Counter[str]
) -> Record:
    if isinstance(found, Broken):
        counts["broken_lines"] += 1
        return UNRECOGNISED, hashed(found.text), None, found.text
    formed = recognise(found)
    if formed is None:
        counts["unrecognised"] += 1
        text = canonical(found)
        return UNRECOGNISED, hashed(text), None, text
    profile.saw(formed.form, [formed.payload])
    text = canonical(formed.payload)
    return formed.form, formed.record_id or hashed(text), formed.modified, text


def canonical(payload: Mapping[str, Any]) -> str:
    """JSON text that depends on the content alone."""
    return json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def hashed(text: str) -> str:
    """Identity of a record that has no id of its own."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
