"""What the alerts of a run are judged against.

Here: severe episodes, active harm, ends and eligible accounts, read once. Not here: what an alert and a match are (`alert_matching`), the
figures (`alerts`, `alert_lead`, `alert_sweep`, `look_alikes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_FEATURES, SCORES
from uam_platform.evaluation.alert_matching import Alert, Episode, severe_episodes
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import HORIZON, Truth

_LEAST_WATCHED: Final = pd.Timedelta(days=28)

Spans = dict[str, list[tuple[pd.Timestamp, pd.Timestamp]]]


@dataclass(frozen=True)
class Watch:
    """What alerts are judged against.

    Attributes:
        episodes: severe episodes, by onset.
        harm: per account, when any harmful episode was active.
        ends: per account, when it churned.
        eligible: accounts that could have been alerted, by snapshot.
    """

    episodes: Sequence[Episode]
    harm: Spans
    ends: dict[str, list[pd.Timestamp]]
    eligible: dict[pd.Timestamp, list[str]]

    @property
    def first(self) -> pd.Timestamp:
        """First snapshot."""
        return min(self.eligible)

    @property
    def last(self) -> pd.Timestamp:
        """Last snapshot."""
        return max(self.eligible)

    def countable(self) -> list[Episode]:
        """Episodes that begin while snapshots are taken and are watched for at least 28 days: those that recall counts."""
        return [e for e in self.episodes if self.first <= e.onset_at <= self.last - _LEAST_WATCHED]

    def is_harmed(self, alert: Alert) -> bool:
        """Any harmful episode of the account was active."""
        return any(onset <= alert.as_of <= end for onset, end in self.harm.get(alert.account_id, ()))

    def is_leaving(self, alert: Alert) -> bool:
        """The account churned within the horizon after the alert."""
        return any(alert.as_of < end <= alert.as_of + HORIZON for end in self.ends.get(alert.account_id, ()))


def watch_of(run: RunFolder, truth: Truth) -> Watch:
    """What the alerts of `run` are judged against."""
    churn, episodes = truth.frame("churn"), truth.frame("episodes")
    return Watch(severe_episodes(episodes, churn), _harm(episodes), _ends(churn), _eligible(run))


def _harm(episodes: pd.DataFrame) -> Spans:
    harmful = episodes[episodes["is_harmful"]]
    spans: Spans = {}
    for account, onset, end in zip(harmful["account_id"], harmful["onset_at"], harmful["end_at"], strict=True):
        spans.setdefault(str(account), []).append((onset, end))
    return spans


def _ends(churn: pd.DataFrame) -> dict[str, list[pd.Timestamp]]:
    own = churn[~churn["is_censored"]]
    return {str(account): list(group) for account, group in own.groupby("account_id")["ended_at"]}


def _eligible(run: RunFolder) -> dict[pd.Timestamp, list[str]]:
    """Eligible accounts by snapshot: by the features, or where these are missing by the scores."""
    features, scores = run.view(ACCOUNT_FEATURES), run.view(SCORES)
    sql = "SELECT as_of, account_id FROM {} WHERE {} ORDER BY as_of, account_id"
    found = run.query(sql.format(features, "is_eligible"))
    found = found if len(found) else run.query(sql.format(scores, "true"))
    at = pd.to_datetime(found["as_of"]).astype("datetime64[us]")
    return {pd.Timestamp(day): list(group) for day, group in found["account_id"].groupby(at)}
