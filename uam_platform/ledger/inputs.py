"""What other rooms hand to the ledger: plain data.

Here: a planned action and a detector's coverage. Not here: the tables they end up in (`models`), who makes them
(`uam_platform.ledger.catalogue`, `uam_platform.alerts.detect`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class PlannedAction:
    """One thing a playbook prescribes for a finding.

    Attributes:
        action: label in the playbook, unique within it.
        destination: system, e.g. slack.
        target: channel, project or queue there.
        payload: everything the destination shows, as JSON values.
        has_delivery: whether this platform can deliver to the destination.
    """

    action: str
    destination: str
    target: str
    payload: Mapping[str, Any]
    has_delivery: bool = True


@dataclass(frozen=True)
class Coverage:
    """How many accounts a detector could judge in one snapshot.

    Attributes:
        as_of: the snapshot.
        detector: its name.
        subject_count: eligible accounts.
        failed_account_ids: those it could not judge, because score or revenue is missing.
    """

    as_of: date
    detector: str
    subject_count: int
    failed_account_ids: frozenset[str] = frozenset()

    @property
    def failed_ratio(self) -> float:
        """Share of accounts not judged; all of them when there was nothing to judge."""
        return len(self.failed_account_ids) / self.subject_count if self.subject_count else 1.0
