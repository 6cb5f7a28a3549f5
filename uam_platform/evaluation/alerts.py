"""Do alerts find true harm, early, and leave harmless look-alikes alone?

Here: precision, recall, lead and look-alikes, beside as many random alerts. Not here: what an alert and a match are
(`alert_matching`). Precision is also given under two wider readings, labelled so. Misses count as misses in every figure on time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_FEATURES, CANDIDATES, SCORES
from uam_platform.evaluation.alert_matching import Alert, Episode, match, openings, severe_episodes
from uam_platform.evaluation.look_alikes import benign_rows
from uam_platform.evaluation.resampling import Values, account_sums, account_weights, interval, safe_ratio, upper_bound
from uam_platform.evaluation.results import RANDOM, Row, Section, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import HORIZON, Truth

RANDOM_DRAWS: Final = 100
_LEAST_WATCHED: Final = pd.Timedelta(days=28)
_SAVING_LEAD: Final = pd.Timedelta(days=30)
_SAVING_SPAN: Final = pd.Timedelta(days=182)

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


def section(run: RunFolder, truth: Truth, seed: int) -> Section:
    """Alerts of all snapshots."""
    churn, episodes = truth.frame("churn"), truth.frame("episodes")
    watch = Watch(severe_episodes(episodes, churn), _harm(episodes), _ends(churn), _eligible(run))
    alerts = openings(run.frame(CANDIDATES, ("as_of", "fingerprint", "detector", "account_id", "decision")))
    title = "Alerts: severe harm found, early, and look-alikes left alone"
    if not watch.eligible:
        return Section("alerts", title, (), "The run has no snapshots.")
    rows = (
        *_found(alerts, watch, seed),
        *_lead(alerts, watch, churn),
        *benign_rows(alerts, episodes, watch.eligible),
    )
    return Section("alerts", title, rows, _note(alerts, watch))


def _note(alerts: Sequence[Alert], watch: Watch) -> str:
    names = sorted({alert.detector for alert in alerts})
    counted = ", ".join(f"{name} {sum(a.detector == name for a in alerts)}" for name in names) or "none"
    return (
        f"{len(alerts):,} alerts ({counted}) in {len(watch.eligible)} snapshots; true: first opening within 84 days of the onset of "
        "an episode of severity 0.5 or more with a compatible cause, one to one"
    )


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


# precision and recall


def _found(alerts: Sequence[Alert], watch: Watch, seed: int) -> Iterator[Row]:
    matched = match(alerts, watch.episodes)
    true = set(matched.values())
    countable = watch.countable()
    random = _random_alerts(alerts, watch, seed)
    hits = sum(e.episode_id in matched for e in countable)
    low, high = _precision_interval(alerts, true, seed)
    yield Row(
        "precision", ratio(len(true), len(alerts)), low, high, yardsticks={RANDOM: random["precision"]},
        note=f"{len(true)} of {len(alerts)} alerts", target="≥ 0.60",
    )  # fmt: skip
    low, high = _recall_interval(countable, set(matched), seed)
    yield Row(
        "recall", ratio(hits, len(countable)), low, high, yardsticks={RANDOM: random["recall"]},
        note=f"{hits} of {len(countable)} episodes; an alert on an older episode counts for precision alone", target="≥ 0.50",
    )  # fmt: skip
    yield Row(
        "precision if any active harm counts", ratio(sum(_is_harmed(a, watch) for a in alerts), len(alerts)),
        yardsticks={RANDOM: random["harmed"]}, note="wider reading",
    )  # fmt: skip
    yield Row(
        "precision if churn within 56 days counts", ratio(sum(_is_leaving(a, watch) for a in alerts), len(alerts)),
        yardsticks={RANDOM: random["leaving"]}, note="wider reading",
    )  # fmt: skip


def _is_harmed(alert: Alert, watch: Watch) -> bool:
    return any(onset <= alert.as_of <= end for onset, end in watch.harm.get(alert.account_id, ()))


def _is_leaving(alert: Alert, watch: Watch) -> bool:
    return any(alert.as_of < end <= alert.as_of + HORIZON for end in watch.ends.get(alert.account_id, ()))


def _random_alerts(alerts: Sequence[Alert], watch: Watch, seed: int) -> dict[str, float | None]:
    """Means over draws in which every alert goes to a random eligible account of its snapshot instead."""
    judged = [alert for alert in alerts if alert.as_of in watch.eligible]
    if not judged:
        return dict.fromkeys(("precision", "recall", "harmed", "leaving"))
    rng = np.random.default_rng(seed)
    countable = {e.episode_id for e in watch.countable()}
    totals = np.zeros(4)
    for _ in range(RANDOM_DRAWS):
        drawn = [_moved(alert, watch.eligible[alert.as_of], rng) for alert in judged]
        matched = match(drawn, watch.episodes)
        harmed, leaving = sum(_is_harmed(a, watch) for a in drawn), sum(_is_leaving(a, watch) for a in drawn)
        totals += (len(matched), len(countable & matched.keys()), harmed, leaving)
    precision, recall, harm, leave = totals / RANDOM_DRAWS
    return {
        "precision": ratio(precision, len(judged)), "recall": ratio(recall, len(countable)),
        "harmed": ratio(harm, len(judged)), "leaving": ratio(leave, len(judged)),
    }  # fmt: skip


def _moved(alert: Alert, accounts: Sequence[str], rng: np.random.Generator) -> Alert:
    return replace(alert, account_id=accounts[int(rng.integers(len(accounts)))])


def _precision_interval(alerts: Sequence[Alert], true: set[Alert], seed: int) -> tuple[float | None, float | None]:
    return _share_interval([a.account_id for a in alerts], [a in true for a in alerts], seed)


def _recall_interval(episodes: Sequence[Episode], found: set[str], seed: int) -> tuple[float | None, float | None]:
    return _share_interval([e.account_id for e in episodes], [e.episode_id in found for e in episodes], seed)


def _share_interval(accounts: Sequence[str], hits: Sequence[bool], seed: int) -> tuple[float | None, float | None]:
    if not accounts:
        return None, None
    if all(hits) or not any(hits):  # every draw would be the same: take the exact bound over accounts instead
        bound = upper_bound(0, len(set(accounts)), 0.975)
        return (0.0, bound) if bound is None or not any(hits) else (1 - bound, 1.0)
    codes, names = pd.factorize(np.asarray(accounts, dtype=object), sort=True)
    sums: Values = account_sums(np.asarray(codes, dtype=np.int64), len(names), np.asarray(hits), np.ones(len(hits)))
    drawn = account_weights(len(names), seed) @ sums
    return interval(safe_ratio(drawn[:, 0], drawn[:, 1]))


# time


def _lead(alerts: Sequence[Alert], watch: Watch, churn: pd.DataFrame) -> Iterator[Row]:
    matched, countable = match(alerts, watch.episodes), watch.countable()
    delays = [(matched[e.episode_id].as_of - e.onset_at).days if e.episode_id in matched else np.inf for e in countable]
    median = float(np.median(delays)) if delays else float("nan")
    yield Row(
        "median delay from onset", median if np.isfinite(median) else None, unit="days", target="≤ 28",
        note="misses count as never" + ("" if np.isfinite(median) else ": more than half were missed"),
    )  # fmt: skip
    causal = churn[churn["is_causal"] & ~churn["is_censored"]]
    due = causal["ended_at"] - _SAVING_LEAD
    causal = causal[(due >= watch.first) & (due <= watch.last)]
    early = [
        any(a.account_id == account and end - _SAVING_SPAN <= a.as_of <= end - _SAVING_LEAD for a in alerts)
        for account, end in zip(causal["account_id"], causal["ended_at"], strict=True)
    ]
    low, high = _share_interval(list(causal["account_id"]), early, 0)
    yield Row(
        "causal churners alerted 30 days before", ratio(sum(early), len(early)), low, high, target="≥ 0.50",
        note=f"{sum(early)} of {len(early)}; any alert opened 30 to 182 days before the end",
    )  # fmt: skip
