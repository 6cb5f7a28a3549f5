"""The load manifest: which loads of which source are complete, where their files lie and where the next one goes on.

A load is visible once its manifest file exists, written last and atomically; readers never glob raw folders. Layout:
`<root>/_loads/<load id>.json` and files anywhere below `<root>`. Here: listing, naming and committing loads. Not here:
fetching (`uam_platform.connectors`), splitting a load into days (`uam_platform.staging`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from uam_platform.lake.atomic import write_atomically

DELIVERIES = "deliveries"
RECORDS = "records"


@dataclass(frozen=True)
class Load:
    """One complete load.

    Attributes:
        load_id: sorts in load order: `<UTC time>-<number>-<source>`.
        source: connector, e.g. segment.
        loaded_at: when the load was committed, ISO 8601 UTC without zone.
        files: Parquet files relative to the raw root, by landed table (`deliveries`, `records`).
        rows: landed rows by table.
        state: the connector's cursor after this load (opaque to everybody else).
        objects: vendor objects read by this load (file keys), so that none is read twice.
        counts: what happened on the way: requests, retries, bytes.
        fields: kinds of value by stream and field, of this and earlier loads, where the connector looks at them.
        drift: what changed about the source's fields with this load, one sentence each.
    """

    load_id: str
    source: str
    loaded_at: str
    files: Mapping[str, Sequence[str]]
    rows: Mapping[str, int]
    state: Mapping[str, Any] = field(default_factory=dict)
    objects: Sequence[str] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    drift: Sequence[str] = field(default_factory=list)

    @property
    def loaded_time(self) -> datetime:
        """loaded_at as naive UTC."""
        return datetime.fromisoformat(self.loaded_at)


class LoadManifest:
    """Complete loads below one raw root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def loads(self, source: str | None = None) -> list[Load]:
        """Complete loads in load order, of one source or of all."""
        found = [
            Load(**json.loads(path.read_text(encoding="utf-8")))
            for path in sorted((self.root / "_loads").glob("*.json"))
        ]
        return [load for load in found if source is None or load.source == source]

    def last(self, source: str) -> Load | None:
        """The latest complete load of a source."""
        loads = self.loads(source)
        return loads[-1] if loads else None

    def objects(self, source: str) -> set[str]:
        """Vendor objects that complete loads of `source` have read."""
        return {key for load in self.loads(source) for key in load.objects}

    def next_id(self, source: str, now: datetime) -> str:
        """A load id that sorts after all existing ones, also when the clock stands still.

        Args:
            source: connector name.
            now: naive UTC.
        """
        taken = {path.stem for path in (self.root / "_loads").glob("*.json")}
        stamp = f"{now:%Y%m%dT%H%M%S}"
        latest = max(taken, default="")
        if latest[: len(stamp)] > stamp:  # the clock went back: stay after the latest load
            stamp = latest[: len(stamp)]
        number = sum(1 for t in taken if t.startswith(stamp))
        return f"{stamp}-{number:04d}-{source}"

    def folder(self, load_id: str) -> Path:
        """Folder for the files of a load that lands directly; removed and made anew when a killed load left it."""
        return self.root / "landed" / load_id

    def commit(self, load: Load) -> None:
        """Make a load visible.

        Raises:
            FileNotFoundError: a file the load names does not exist.
        """
        for names in load.files.values():
            for name in names:
                if not (self.root / name).exists():
                    raise FileNotFoundError(f"load {load.load_id} names {name}, which is not below {self.root}")
        folder = self.root / "_loads"
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{load.load_id}.json", json.dumps(asdict(load), sort_keys=True, indent=1))

    def paths(self, load: Load, table: str) -> list[str]:
        """Absolute file paths of one landed table of a load."""
        return [str(self.root / name) for name in load.files.get(table, ())]
