"""Our path over landed loads, the way the assets and the runner compute it, without Dagster's bookkeeping.

Here: which functions are called in which order over which days. Not here: what they do (`staging`, `behavior`), the script it is
compared with (`baseline`), measuring (`measure`).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from ibis.backends.duckdb import Backend

from uam_platform.behavior.daily import actor_days
from uam_platform.behavior.sessions import sessions
from uam_platform.contracts import tables
from uam_platform.lake.engine import EngineLimits, connect
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.orchestration.partitions import computed_ranges
from uam_platform.policy.rulebook import Rulebook, load_rulebook
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import pending, take_in


@dataclass
class OurPath:
    """Raw loads to daily activity in one lake.

    Attributes:
        data: folder with `raw` and, made here, `lake`.
        raw: landed loads, where they are not below `data`.
        limits: of the engine.
        chunk_days: days computed in one run, as in the settings.
        seconds: time spent, by what it was spent on.
    """

    data: Path
    raw: Path
    limits: EngineLimits
    chunk_days: int = 31
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lake = Lake(self.data / "lake")
        self.rulebook: Rulebook = load_rulebook()
        self.connection: Backend = connect(self.limits)

    def take_in(self, since: str = "", until: str = "~") -> None:
        """Split the loads that were not yet, of those with ids from `since` to before `until`."""
        manifest = LoadManifest(self.raw)
        for load in pending(self.lake, manifest):
            if since <= load.load_id < until:
                with self._timed("intake"):
                    take_in(self.connection, self.lake, manifest, load, self.rulebook.time, self.rulebook.sources)

    def delivered_days(self) -> list[str]:
        """Event days that have deliveries."""
        return sorted({key.split("/")[0] for key in self.lake.keys(tables.DELIVERIES)})

    def compute(self, days: Sequence[str], calendar: Sequence[str], is_staging_only: bool = False) -> None:
        """Events, sessions and daily activity of the touched days, a day either side included.

        Args:
            days: touched days.
            calendar: all days there are.
            is_staging_only: stop with the events.
        """
        touched = [date.fromisoformat(day) for day in days]
        for low, high in computed_ranges(touched, self.rulebook.time.late_gap_days, self.chunk_days, calendar):
            self._compute_events(days_between(low, high))
            if not is_staging_only:
                self._compute_activity(days_between(low, high))

    def _compute_events(self, days: Sequence[str]) -> None:
        with self._timed("events"):
            found = publish_around_events(self.connection, self.lake, days, self.rulebook.taxonomy, self.rulebook.time)
            self.lake.publish(self.connection, tables.EVENTS, found, days, on_invalid="report")

    def _compute_activity(self, days: Sequence[str]) -> None:
        lake, connection = self.lake, self.connection
        first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
        with self._timed("sessions"):
            around = days_between((first - timedelta(days=1)).isoformat(), (last + timedelta(days=1)).isoformat())
            events = lake.read(connection, tables.EVENTS, around)
            made = sessions(events, first, last, self.rulebook.session_rule)
            lake.publish(connection, tables.SESSIONS, made, days, on_invalid="report")
        with self._timed("actor_days"):
            read = (lake.read(connection, tables.EVENTS, days), lake.read(connection, tables.SESSIONS, days))
            lake.publish(connection, tables.ACTOR_DAYS, actor_days(*read), days, on_invalid="report")

    def _timed(self, what: str) -> "_Timer":
        return _Timer(self.seconds, what)


@dataclass
class _Timer:
    seconds: dict[str, float]
    what: str
    started: float = 0.0

    def __enter__(self) -> None:
        self.started = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self.seconds[self.what] = self.seconds.get(self.what, 0.0) + time.perf_counter() - self.started


def days_between(first: str, last: str) -> list[str]:
    """ISO days from `first` to `last`, inclusive."""
    start = date.fromisoformat(first)
    return [(start + timedelta(days=n)).isoformat() for n in range((date.fromisoformat(last) - start).days + 1)]
