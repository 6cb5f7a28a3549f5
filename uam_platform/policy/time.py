"""Time rules: decision grace, snapshot grid, late data, and the knowledge basis of each source.

Here: the typed model of `rulebook/time.yaml`. Not here: the arithmetic (`uam_platform.temporal`).
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from uam_platform.policy.load import PolicyModel

_SECOND_US: Final = 1_000_000


class KnowledgeBasis(StrEnum):
    """Which clock says when a fact could first be known."""

    SERVER_AUTHORED = "server_authored"  # the source's own server wrote the time: tickets, audits, invoices
    RECEIVED = "received"  # the vendor's receipt time
    OBSERVED = "observed"  # our load time; backfilled facts get occurred_at + lag and is_known_at_imputed


class SourceTime(PolicyModel):
    """Knowledge basis of one source."""

    basis: KnowledgeBasis
    lag_hours: float = Field(0, ge=0, description="declared lag for backfilled facts of an observed source")
    id_space: str = Field("product", description="sources with the same id space share user and workspace ids")
    message_ids_of: str | None = Field(
        None, description="source whose message ids this one passes on, so that a forwarded copy is the same record"
    )


class SameAction(PolicyModel):
    """When deliveries with different ids tell of one action; the rest of what they say is equal."""

    told_best_by: tuple[str, ...] = Field(
        (), description="sources, the best first: of one known day the first of them that tells an action is accepted"
    )
    across_sources_seconds: int = Field(
        10, ge=0, le=60, description="event times of two tools differ by their networks and clocks; 0: only equal times"
    )
    redelivered_after_seconds: int = Field(
        60, ge=1, description="receipts of a webhook that is sent again lie further apart than those of one batch"
    )

    @property
    def across_sources_us(self) -> int:
        """Greatest difference of event times, in microseconds."""
        return self.across_sources_seconds * _SECOND_US

    @property
    def redelivered_after_us(self) -> int:
        """Least difference of receipts, in microseconds."""
        return self.redelivered_after_seconds * _SECOND_US

    @property
    def reach_us(self) -> int:
        """How far around a delivery others decide on it.

        Its partner, who else takes that partner, that one's own partner; where nobody was signed in the same once more, for whether these
        are copies of a known device.
        """
        return 6 * self.across_sources_us


class TimePolicy(PolicyModel):
    """The rulebook's time rules."""

    decision_grace_hours: int = Field(6, ge=0, le=48)
    daily_snapshot_days: int = Field(14, ge=1, le=60)
    first_snapshot_after_days: int = Field(28, ge=7)
    late_gap_days: int = Field(2, ge=0)
    max_clock_ahead_hours: int = Field(24, ge=0)
    max_event_age_days: int = Field(1100, ge=1)
    first_day: date | None = Field(None, description="earliest event day; UAM_FIRST_DAY when absent")
    sources: dict[str, SourceTime]
    same_action: SameAction = Field(default_factory=SameAction)

    @property
    def receiving_sources(self) -> list[str]:
        """Sources that state when they received a record."""
        return sorted(name for name, rules in self.sources.items() if rules.basis is KnowledgeBasis.RECEIVED)

    @property
    def grace(self) -> timedelta:
        """decision_at - as_of."""
        return timedelta(hours=self.decision_grace_hours)

    def decision_at(self, as_of: date) -> datetime:
        """When the snapshot of `as_of` may be computed: its midnight plus the grace (naive UTC)."""
        return datetime(as_of.year, as_of.month, as_of.day) + self.grace  # noqa: DTZ001 - lake timestamps are naive UTC

    def id_spaces(self, loads: Iterable[Mapping[str, Any]] = ()) -> tuple[str, ...]:
        """Id spaces of the sources, and those that loads of mapped exports declare in their states."""
        declared = {state["id_space"] for state in loads if state.get("id_space")}
        default = str(SourceTime.model_fields["id_space"].default)
        return tuple(sorted({default, *declared, *(rules.id_space for rules in self.sources.values())}))

    def source(self, name: str) -> SourceTime:
        """Time rules of a source; unknown sources are *observed* without lag, the least trusting basis."""
        return self.sources.get(name, SourceTime(basis=KnowledgeBasis.OBSERVED))
