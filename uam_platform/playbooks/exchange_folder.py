"""A folder as a destination: alerts as signed envelopes, one file each, for a tool that fetches files.

Here: writing so that a reader sees a whole file or none, and looking what is there. Not here: the envelope (`exchange_envelope`), posting
it (`exchange`).

`<id>.json.sig` is put in place before `<id>.json`, both by renaming, so whoever sees the envelope finds its signature. A file that is there
is not written again, also when its reader has moved it to `taken/` below.
"""

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks import exchange_envelope
from uam_platform.playbooks.destination import Lookup, Outcome, Presence, Result, Scope

SENDER: Final = "uam-platform"
TAKEN: Final = "taken"


class FolderDestination:
    """A folder behind the `Destination` protocol.

    Args:
        folder: where files go; made when missing.
        secrets: what both sides know; two while the secret is being replaced.
        epoch_seconds: clock of the signatures.
    """

    def __init__(self, folder: Path, secrets: tuple[str, ...], epoch_seconds: Callable[[], float]) -> None:
        self._folder, self._secrets, self._epoch_seconds = folder, secrets, epoch_seconds

    def deliver(self, action: OutboxAction, now: datetime) -> Outcome:
        """Write once; `now` is unused."""
        try:
            if self._there(action) is None:
                self._write(action)
        except OSError as error:  # a rename happened or not; nothing else is visible
            return Outcome(Result.TRANSIENT, error=f"{type(error).__name__}: {error}"[:300], scope=Scope.DESTINATION)
        return Outcome(Result.SENT, external_ref=f"{action.idempotency_key}.json")

    def reconcile(self, action: OutboxAction) -> Lookup:
        """FOUND if the file is there or was taken, else ABSENT."""
        try:
            found = self._there(action)
        except OSError as error:
            return Lookup(Presence.UNDECIDED, error=str(error)[:300])
        return Lookup(Presence.FOUND, found.name) if found else Lookup(Presence.ABSENT)

    def _there(self, action: OutboxAction) -> Path | None:
        name = f"{action.idempotency_key}.json"
        return next((path for path in (self._folder / name, self._folder / TAKEN / name) if path.exists()), None)

    def _write(self, action: OutboxAction) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        body, at = exchange_envelope.content(action), int(self._epoch_seconds())
        signed = exchange_envelope.signatures(self._secrets, at, body)
        note = json.dumps({"sender": SENDER, "timestamp": at, "signature": signed}).encode()
        path = self._folder / f"{action.idempotency_key}.json"
        _put(path.with_name(f"{path.name}.sig"), note)
        _put(path, body)


def _put(path: Path, content: bytes) -> None:
    """Write a file whole: under a name that readers leave alone, to the disk, then renamed."""
    partial = path.with_name(f"_{path.name}.part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
