"""What every stage needs to build its Dagster definitions: settings, rulebook and partitions.

Here: the one object handed to each stage's `definitions(wiring)`. Not here: the composition (`uam_platform.definitions`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg

from uam_platform.ledger import catalogue
from uam_platform.orchestration.partitions import AS_OF, day_partitions
from uam_platform.policy.rulebook import Rulebook
from uam_platform.policy.time import TimePolicy
from uam_platform.settings import Settings


@dataclass(frozen=True)
class Wiring:
    """Settings, rulebook, partitions and connected sources of one code location."""

    settings: Settings
    rulebook: Rulebook
    days: dg.DailyPartitionsDefinition
    sources: tuple[str, ...]
    as_of: dg.DynamicPartitionsDefinition = AS_OF

    @property
    def intake_time(self) -> TimePolicy:
        """Time rules of an intake: events before the first partition are set aside, for no table could hold them."""
        time = self.rulebook.time
        return time.model_copy(update={"first_day": time.first_day or self.settings.first_day})

    @property
    def closed_as_of(self) -> date:
        """Latest snapshot day whose decision time has passed."""
        return closed_as_of(self.settings.clock(), self.rulebook)


def closed_as_of(now: datetime, rulebook: Rulebook) -> date:
    """Latest as_of with decision_at <= now (naive UTC)."""
    return (now - rulebook.time.grace).date()


def wire(settings: Settings, rulebook: Rulebook, sources: Iterable[str]) -> Wiring:
    """The wiring of a code location over the named connected sources.

    Raises:
        PolicyError: a detector names a playbook that the catalogue does not have.
    """
    catalogue.check(rulebook.alerts, rulebook.playbooks)
    return Wiring(settings=settings, rulebook=rulebook, days=day_partitions(settings), sources=tuple(sources))
