"""Signals of other tools as signed files in a folder or bucket: JSON lines, and beside each file its signature.

Here: which files are new, whose signature fits, their envelopes as records. Not here: the envelope
(`uam_platform.contracts.exchange`), the same over HTTP (`uam_platform.collector`), whose account a signal is about
(`uam_platform.staging.external_signals`).

Beside `export.jsonl` lies `export.jsonl.sig`: a JSON object with `sender`, `timestamp` and `signature`, by the rule of
`uam_platform.signatures` over the bytes of the file as they lie there. There is no window against replay, for a file may lie for days;
what comes again is recognised by sender and id. A file waits until its signature is there.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from uam_platform.connectors.api_records import Record, land_records
from uam_platform.connectors.dropped_files import (
    LARGEST_BYTES,
    RECORD_SUFFIXES,
    Broken,
    DropFolder,
    UnreadableError,
    object_key,
    records,
    unpacked,
)
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.object_store import StoredObject
from uam_platform.connectors.record_files import canonical, hashed, set_aside
from uam_platform.contracts import exchange
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.signatures import SignatureError, check

NAME: Final = "exchange"
SIGNATURE_SUFFIX: Final = ".sig"
_FILES_PER_LOAD: Final = 200
_LARGEST_SIGNATURE: Final = 16 << 10


@dataclass(frozen=True)
class Inbox:
    """Where signals are dropped, and by whom.

    Attributes:
        folder: the folder or bucket prefix.
        secrets: secrets by sender; several while one is being replaced.
    """

    folder: DropFolder
    secrets: Mapping[str, Sequence[str]] = field(repr=False)


def secrets_by_sender(text: str) -> dict[str, tuple[str, ...]]:
    """`sigos=secret,sigos=older secret,other=…` as secrets by sender.

    Raises:
        PermanentError: a part is no `name=secret`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, secret = part.partition("=")
        if not name.strip() or len(secret) < 8:
            action = "Write UAM_EXCHANGE_INBOX_SECRETS=sender=secret,sender=older secret; a secret has at least 8 characters."
            raise PermanentError(NAME, "the list of secrets cannot be read", action)
        found[name.strip()] = (*found.get(name.strip(), ()), secret)
    return found


def land(
    inbox: Inbox, manifest: LoadManifest, load_id: str, now: datetime, progress: Callable[[str], None]
) -> Load | None:
    """Land the signals of files that are new and signed; None when there are none.

    Args:
        inbox: what is read.
        manifest: complete loads.
        load_id: id of the new load.
        now: naive UTC; signals are known since then.
        progress: told about files that wait or are set aside.

    Raises:
        TransientError: the store could not be reached or a file not be read whole.
        PermanentError: no such folder, or access is refused.
    """
    taken = manifest.objects(NAME)
    pairs, waiting = _present(inbox.folder, progress)
    fresh = [pair for pair in pairs if _key(pair) not in taken][:_FILES_PER_LOAD]
    if waiting:
        progress(f"{NAME}: {len(waiting):,} files wait for their signature, first {waiting[0].key}{SIGNATURE_SUFFIX}")
    if not fresh:
        return None
    counts: Counter[str] = Counter(files=len(fresh), bytes=sum(item.size for item, _ in fresh))

    def pages() -> Iterator[Sequence[Record]]:
        for item, beside in fresh:
            yield _records(inbox, item, beside, now, counts, progress)

    keys = [_key(pair) for pair in fresh]
    return land_records(
        NAME, {NAME: pages()}, {}, counts, manifest, load_id, now, is_partial=lambda: True, objects=keys
    )


def look(inbox: Inbox) -> str:
    """One line on what lies there, for `uam doctor`; the errors of `DropFolder.present`."""
    pairs, waiting = _present(inbox.folder, lambda _: None)
    left = f"; {len(waiting):,} wait for their signature" if waiting else ""
    return f"{len(pairs):,} signed files{left}; senders {', '.join(sorted(inbox.secrets))}"


def _present(
    folder: DropFolder, progress: Callable[[str], None]
) -> tuple[list[tuple[StoredObject, StoredObject]], list[StoredObject]]:
    """Files with their signatures, and those that have none yet."""
    items = {item.key: item for item in folder.present((*RECORD_SUFFIXES, SIGNATURE_SUFFIX), progress)}
    data = [item for key, item in items.items() if key.endswith(RECORD_SUFFIXES)]
    signed = [(item, items[item.key + SIGNATURE_SUFFIX]) for item in data if item.key + SIGNATURE_SUFFIX in items]
    return signed, [item for item in data if item.key + SIGNATURE_SUFFIX not in items]


def _key(pair: tuple[StoredObject, StoredObject]) -> str:
    return "+".join(object_key(item) for item in pair)


def _records(
    inbox: Inbox,
    item: StoredObject,
    beside: StoredObject,
    now: datetime,
    counts: Counter[str],
    progress: Callable[[str], None],
) -> list[Record]:
    try:
        sender, data = _verified(inbox, item, beside, progress)
        found = [each for record in records(item.key, data) for each in _told(record)]
    except UnreadableError as error:
        return [set_aside(NAME, item.key, error, counts, progress)]
    at = now.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    return [_record(sender, each, at) for each in found]


def _verified(
    inbox: Inbox, item: StoredObject, beside: StoredObject, progress: Callable[[str], None]
) -> tuple[str, bytes]:
    """The sender of a file and its content, unpacked.

    Raises:
        UnreadableError: too_large, unreadable_signature, unknown_sender, wrong_signature, or it cannot be unpacked.
    """
    if item.size > LARGEST_BYTES:
        raise UnreadableError("too_large")
    if beside.size > _LARGEST_SIGNATURE:
        raise UnreadableError("unreadable_signature")
    store = inbox.folder.store(progress)
    with TemporaryDirectory(prefix="uam-exchange-") as folder:
        for target, each in (("file", item), ("signature", beside)):
            store.fetch(each, Path(folder) / target)
        data, note = (Path(folder) / "file").read_bytes(), (Path(folder) / "signature").read_bytes()
    try:
        said = json.loads(note)
        sender, timestamp, given = str(said["sender"]), str(said["timestamp"]), str(said["signature"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UnreadableError("unreadable_signature") from None
    if sender not in inbox.secrets:
        raise UnreadableError("unknown_sender")
    try:
        check(inbox.secrets[sender], timestamp, given, data, now_seconds=0.0, window_seconds=None)
    except SignatureError:
        raise UnreadableError("wrong_signature") from None
    return sender, unpacked(data) if item.key.endswith(".gz") else data


def _told(record: Mapping[str, Any] | Broken) -> list[Any]:
    return [record] if isinstance(record, Broken) else exchange.items(record)


def _record(sender: str, item: Any, at: str) -> Record:
    """An envelope under sender and id; what is none, under its content, for staging to set aside."""
    if isinstance(item, Broken):
        return exchange.SIGNAL, f"{sender}/{hashed(item.text)}", at, item.text
    if not isinstance(item, Mapping):
        item = {"body": item}
    text = canonical(item)
    return exchange.SIGNAL, f"{sender}/{exchange.own_id(item) or hashed(text)}", at, text
