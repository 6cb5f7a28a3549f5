"""What the collector counts, and the text that monitoring reads.

Here: counters by source, dialect and reason, and the page of `/metrics` in Prometheus' text format. Not here: what is counted when
(`reception`), the state of the disk (`group_commit`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from uam_platform.collector.group_commit import CommitState
from uam_platform.lake.journal import closed_files


@dataclass
class Meters:
    """Counters since the start of the process; filled by the event loop alone."""

    accepted: Counter[tuple[str, str]] = field(default_factory=Counter)
    set_aside: Counter[tuple[str, str]] = field(default_factory=Counter)
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)

    def totals(self) -> dict[str, int]:
        """Sums over all labels."""
        return {
            "accepted": self.accepted.total(),
            "set_aside": self.set_aside.total(),
            "rejected": self.rejected.total(),
        }


@dataclass(frozen=True)
class Backlog:
    """Closed journal files that no load has taken yet.

    Attributes:
        files: their number.
        bytes: their size.
        oldest_seconds: age of the oldest one; how far loading lags.
    """

    files: int
    bytes: int
    oldest_seconds: float


def backlog(folder: Path, now_seconds: float) -> Backlog:
    """Look at a journal's folder; a file that is moved away meanwhile is not counted."""
    stats = []
    for path in closed_files(folder):
        try:
            stats.append(path.stat())
        except FileNotFoundError:
            continue
    oldest = max((now_seconds - s.st_mtime for s in stats), default=0.0)
    return Backlog(len(stats), sum(s.st_size for s in stats), max(oldest, 0.0))


def exposition(meters: Meters, state: CommitState, waiting: Backlog) -> str:
    """The page of `/metrics`."""
    return "\n".join(_lines(meters, state, waiting)) + "\n"


def _lines(meters: Meters, state: CommitState, waiting: Backlog) -> Iterator[str]:
    events = {"accepted": meters.accepted, "set_aside": meters.set_aside}
    help_texts = {
        "accepted": "Events and records acknowledged after they were on disk.",
        "set_aside": "Of the accepted, those kept with their bytes because they cannot be read or are too large.",
    }
    for name, counter in events.items():
        yield from _head(f"uam_collector_{name}_total", "counter", help_texts[name])
        for (source, dialect), count in sorted(counter.items()):
            yield f'uam_collector_{name}_total{{source="{source}",dialect="{dialect}"}} {count}'
    yield from _head("uam_collector_rejected_total", "counter", "Requests refused, by reason; the sender was told.")
    for (dialect, reason), count in sorted(meters.rejected.items()):
        yield f'uam_collector_rejected_total{{dialect="{dialect}",reason="{reason}"}} {count}'
    yield from _single("queued_lines", "gauge", "Lines that wait for the disk.", state.queued_lines)
    yield from _single("queued_bytes", "gauge", "Bytes that wait for the disk.", state.queued_bytes)
    yield from _single("commits_total", "counter", "Groups written and synced.", state.groups)
    yield from _single("committed_bytes_total", "counter", "Bytes written and synced.", state.bytes)
    yield from _single("commit_failures_total", "counter", "Groups the disk did not take.", state.failures)
    yield from _single(
        "commit_seconds_total", "counter", "Time spent writing and syncing.", round(state.sync_seconds, 6)
    )
    yield from _single("last_commit_seconds", "gauge", "Duration of the last group.", round(state.last_sync_seconds, 6))
    yield from _single("backlog_files", "gauge", "Closed files that no load has taken yet.", waiting.files)
    yield from _single("backlog_bytes", "gauge", "Bytes in them.", waiting.bytes)
    yield from _single("lag_seconds", "gauge", "Age of the oldest of them.", round(waiting.oldest_seconds, 3))


def _single(name: str, kind: str, help_text: str, value: float) -> Iterator[str]:
    yield from _head(f"uam_collector_{name}", kind, help_text)
    yield f"uam_collector_{name} {value}"


def _head(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"
