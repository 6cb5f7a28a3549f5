"""Order and budget: which findings of a snapshot are sent, most expected revenue saved first.

Here: memory of earlier alerts, cooldown, budget per owner and week, rank. Not here: other reasons to hold back
(`suppress`), the ledger's life cycle (`uam_platform.ledger.lifecycle`).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from uam_platform.alerts.detect import as_dates, is_missing
from uam_platform.alerts.suppress import is_cooling
from uam_platform.policy.alerts import AlertPolicy

Week = tuple[int, int]
Row = Mapping[Any, Any]


def week_of(as_of: date) -> Week:
    """ISO year and week of a day."""
    year, week, _ = as_of.isocalendar()
    return year, week


@dataclass
class Memory:
    """What earlier snapshots sent: alerts by fingerprint and account, openings by owner and week."""

    reopen_within_days: int
    last_alert: dict[str, date] = field(default_factory=dict)
    by_account: dict[str, dict[str, date]] = field(default_factory=lambda: defaultdict(dict))
    opened_by_owner: Counter[tuple[str, Week]] = field(default_factory=Counter)
    opened_by_audience: Counter[tuple[str, Week]] = field(default_factory=Counter)

    def is_continuing(self, fingerprint: str, as_of: date) -> bool:
        """The same alert was sent at most `reopen_within_days` ago: an update, not a new alert."""
        last = self.last_alert.get(fingerprint)
        return last is not None and (as_of - last).days <= self.reopen_within_days

    def record(self, row: Row, as_of: date) -> None:
        """Remember a sent alert."""
        fingerprint, owner, audience = str(row["fingerprint"]), str(row["owner_id"]), str(row["audience"])
        if not self.is_continuing(fingerprint, as_of):
            self.opened_by_owner[owner, week_of(as_of)] += 1
            self.opened_by_audience[audience, week_of(as_of)] += 1
        self.last_alert[fingerprint] = as_of
        if _is_on_account(row):
            self.by_account[str(row["account_id"])][str(row["detector"])] = as_of


def _is_on_account(row: Row) -> bool:
    """A finding on a workflow cools no account down and is cooled down by none."""
    return str(row["subject_kind"]) == "account"


def recall(history: pd.DataFrame | None, before: date, reopen_within_days: int) -> Memory:
    """Memory of the candidates of snapshots earlier than `before`.

    Args:
        history: CANDIDATES rows; `reopen_within_days` and one week more are enough. None: nothing was ever sent.
        before: rows of this day or later are ignored.
        reopen_within_days: see `LifeCycle`.
    """
    memory = Memory(reopen_within_days)
    if history is None or history.empty:
        return memory
    sent = history[history["decision"] == "alert"]
    sent = sent.assign(as_of=as_dates(sent["as_of"])) if len(sent) else sent
    for row in sent.sort_values(["as_of", "rank", "fingerprint"]).to_dict("records"):
        if row["as_of"] < before:
            memory.record(row, row["as_of"])
    return memory


def decide(found: pd.DataFrame, as_of: date, policy: AlertPolicy, memory: Memory) -> pd.DataFrame:
    """Findings of one snapshot with `decision`, `reason` and `rank`; `memory` learns what is sent.

    Alerts that continue come first and cost no budget; new ones follow by expected revenue saved x confidence until the owner's or the
    audience's week is full.

    Args:
        found: all findings of the snapshot with `reason` from `suppress` and `order` = place of the detector in the rulebook.
        as_of: the snapshot.
        policy: budget and life cycle.
        memory: what was sent before; changed in place.
    """
    continuing = [memory.is_continuing(f, as_of) for f in found["fingerprint"]]
    ordered = found.assign(
        is_new=[not c for c in continuing], value=found["expected_saved_usd_cents"] * found["confidence_ratio"]
    ).sort_values(["is_new", "value", "order", "fingerprint"], ascending=[True, False, True, True])
    decisions: list[tuple[str, str | None]] = []
    for row in ordered.to_dict("records"):
        decision, reason = _decide(row, as_of, policy, memory)
        if decision == "alert":
            memory.record(row, as_of)
        decisions.append((decision, reason))
    decided = ordered.assign(
        decision=[d for d, _ in decisions],
        reason=pd.Series([r for _, r in decisions], index=ordered.index, dtype="object"),
    )
    return _ranked(decided)


def _decide(row: Row, as_of: date, policy: AlertPolicy, memory: Memory) -> tuple[str, str | None]:
    if not is_missing(row["reason"]):
        return "suppressed", str(row["reason"])
    others = memory.by_account.get(str(row["account_id"]), {})
    if _is_on_account(row) and is_cooling(others, str(row["detector"]), as_of, policy.life_cycle.cooldown_days):
        return "suppressed", "cooldown"
    if not row["is_new"]:
        return "alert", None
    week = week_of(as_of)
    if memory.opened_by_owner[str(row["owner_id"]), week] >= policy.budget.new_per_owner_week:
        return "over_budget", "owner_week_full"
    if memory.opened_by_audience[str(row["audience"]), week] >= policy.budget.new_per_week:
        return "over_budget", "audience_week_full"
    return "alert", None


def _ranked(decided: pd.DataFrame) -> pd.DataFrame:
    ordered = decided.assign(is_suppressed=decided["decision"] == "suppressed").sort_values(
        ["is_suppressed", "value", "order", "fingerprint"], ascending=[True, False, True, True]
    )
    owner = ordered["owner_id"].astype("object").where(ordered["owner_id"].notna(), "")
    return ordered.assign(rank=ordered.groupby(owner, sort=False).cumcount() + 1)
