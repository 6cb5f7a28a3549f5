"""Alerts and true episodes: what counts as one alert, and which alert found which episode.

Here: openings, eligible episodes, one-to-one matching. Not here: the metrics (`alerts`).

An alert is an opening: rows of one fingerprint at most 56 days apart are updates of it. It is true when it is the first in
[onset, onset + 84 days] of an episode with a compatible cause family; a second alert on one episode is false.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

REOPEN: Final = pd.Timedelta(days=56)
WINDOW: Final = pd.Timedelta(days=84)
LEAST_LIFE: Final = pd.Timedelta(days=28)
LEAST_SEVERITY: Final = 0.5

OPPORTUNITY_AUDIENCES: Final = frozenset({"sales"})
"""Audiences whose alerts foretell growth, not harm."""

COMPATIBLE: Final[Mapping[str, frozenset[str]]] = {
    "core_decline_after_escalation": frozenset({"product", "support", "onboarding"}),
    "workflow_failing_in_many_accounts": frozenset({"product"}),
    "backend_failure_blocks_adoption": frozenset({"product"}),
    "onboarding_stuck": frozenset({"onboarding"}),
}
"""Families of causes that a detector claims to see; a detector that is not listed claims any harm."""


@dataclass(frozen=True)
class Alert:
    """One opening."""

    detector: str
    account_id: str
    as_of: pd.Timestamp
    audience: str = ""


@dataclass(frozen=True)
class Episode:
    """One severe harmful episode."""

    episode_id: str
    account_id: str
    family: str
    onset_at: pd.Timestamp


def openings(candidates: pd.DataFrame) -> list[Alert]:
    """Alerts of all snapshots as openings, in time order.

    Args:
        candidates: fingerprint, detector, account_id, as_of, decision and, where there are several, audience.
    """
    sent = candidates[candidates["decision"] == "alert"].sort_values(["fingerprint", "as_of"], kind="stable")
    at = pd.to_datetime(sent["as_of"]).astype("datetime64[us]")
    before = at.groupby(sent["fingerprint"]).shift()
    is_new = before.isna() | (at - before > REOPEN)
    found = sent.assign(as_of=at)[is_new].sort_values(["as_of", "account_id", "detector", "fingerprint"], kind="stable")
    audience = found["audience"] if "audience" in found else [""] * len(found)
    return [
        Alert(str(d), str(a), pd.Timestamp(t), str(who))
        for d, a, t, who in zip(found["detector"], found["account_id"], found["as_of"], audience, strict=True)
    ]


def is_risk(alert: Alert) -> bool:
    """The alert claims harm; what is sent to sales claims growth and is judged against expansions."""
    return alert.audience not in OPPORTUNITY_AUDIENCES


def severe_episodes(episodes: pd.DataFrame, churn: pd.DataFrame) -> list[Episode]:
    """Harmful episodes of severity 0.5 and more whose account had at least 28 days to live, by onset."""
    ends = churn.groupby("account_id")["ended_at"].max()
    severe = episodes[episodes["is_harmful"] & (episodes["severity"] >= LEAST_SEVERITY)]
    life = severe["account_id"].map(ends) - severe["onset_at"]
    alive = severe[life.isna() | (life >= LEAST_LIFE)].sort_values(["onset_at", "episode_id"])
    return [
        Episode(str(e), str(a), str(f), pd.Timestamp(t))
        for e, a, f, t in zip(alive["episode_id"], alive["account_id"], alive["family"], alive["onset_at"], strict=True)
    ]


def match(alerts: Sequence[Alert], episodes: Sequence[Episode]) -> dict[str, Alert]:
    """Episode id -> the alert that found it; alerts are taken in time order and each takes the oldest episode still open."""
    by_account: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        by_account[episode.account_id].append(episode)
    found: dict[str, Alert] = {}
    for alert in alerts:
        for episode in by_account.get(alert.account_id, ()):
            if episode.episode_id not in found and is_true(alert, episode):
                found[episode.episode_id] = alert
                break
    return found


def is_true(alert: Alert, episode: Episode) -> bool:
    """The alert lies in the episode's window and its detector can see such a cause."""
    families = COMPATIBLE.get(alert.detector)
    is_compatible = families is None or episode.family in families
    return is_compatible and episode.onset_at <= alert.as_of <= episode.onset_at + WINDOW
