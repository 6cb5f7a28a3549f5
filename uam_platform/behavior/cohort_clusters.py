"""Clusters of accounts by density, found again from week to week and under resampling (R107).

Here: scikit-learn's HDBSCAN on scaled inputs, cluster-wise stability (Hennig 2007, "Cluster-wise assessment of cluster
stability"), identity across weeks by assignment. Not here: inputs and scaler (`cohort_inputs`), rules by name (`cohort_rules`).
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.policy.cohorts import CohortPolicy, IdentityRule

NOISE: Final = -1
_SEED: Final = 107


def cluster(points: np.ndarray[Any, Any], policy: CohortPolicy) -> tuple[Any, Any]:
    """Labels (NOISE: in no cluster) and membership strengths of the points."""
    from sklearn.cluster import HDBSCAN

    rule = policy.clusters
    size = max(rule.min_size, round(rule.min_size_share * len(points)))
    if len(points) < 2 * size:
        return np.full(len(points), NOISE), np.zeros(len(points))
    found = HDBSCAN(min_cluster_size=size, min_samples=rule.min_samples, copy=True).fit(points)
    return found.labels_, found.probabilities_


def stability(points: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], policy: CohortPolicy, seed: int) -> Any:
    """Mean best Jaccard overlap of each cluster with the clusters of resamples, one value per label from 0."""
    rng, rule = np.random.default_rng([_SEED, seed]), policy.stability
    total = np.zeros(labels.max() + 1)
    for _ in range(rule.resamples):
        kept = np.sort(rng.permutation(len(points))[: max(2, round(rule.resample_share * len(points)))])
        again, _strength = cluster(points[kept], policy)
        overlaps = _overlaps(_one_hot(labels[kept], len(total)), _one_hot(again, max(again.max() + 1, 1)))
        total += overlaps.max(axis=1)
    return total / rule.resamples


def _one_hot(labels: Any, count: int) -> Any:
    return (labels[:, None] == np.arange(count)[None, :]).astype(float)


def _overlaps(left: Any, right: Any) -> Any:
    """Jaccard of every set in `left` with every set in `right` (rows: members, columns: sets)."""
    both = left.T @ right
    either = left.sum(0)[:, None] + right.sum(0)[None, :] - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)


@dataclass
class Memory:
    """Clusters of the weeks before by number: when last seen, their members and centre."""

    seen: dict[int, tuple[date, frozenset[str], Any]] = field(default_factory=dict)
    last_no: int = 0

    def recognise(self, day: date, members: list[frozenset[str]], centres: list[Any], rule: IdentityRule) -> list[int]:
        """The number of each cluster: that of an earlier one it overlaps or lies close to, else a new one."""
        from scipy.optimize import linear_sum_assignment

        known = [n for n, (last, _, _) in self.seen.items() if (day - last).days <= 7 * rule.memory_weeks]
        cost = np.ones((len(members), len(known)))
        for i, (own, centre) in enumerate(zip(members, centres, strict=True)):
            for j, number in enumerate(known):
                cost[i, j] = self._cost(own, centre, number, rule)
        numbers = [0] * len(members)
        for i, j in zip(*linear_sum_assignment(cost), strict=True):
            numbers[i] = known[j] if cost[i, j] < 1 else 0
        for i, number in enumerate(numbers):
            self.last_no += number == 0
            numbers[i] = number or self.last_no
            self.seen[numbers[i]] = (day, members[i], centres[i])
        return numbers

    def _cost(self, own: frozenset[str], centre: Any, number: int, rule: IdentityRule) -> float:
        _, theirs, their_centre = self.seen[number]
        overlap = len(own & theirs) / len(own | theirs)
        distance = float(np.linalg.norm(centre - their_centre))
        if overlap < rule.least_overlap and distance > rule.largest_distance:
            return 1.0
        return 0.99 - 0.5 * overlap - 0.4 / (1.0 + distance)


def weekly_clusters(points: pd.DataFrame, policy: CohortPolicy) -> pd.DataFrame:
    """Members of the clusters of every snapshot, in order of time.

    Args:
        points: `cohort_inputs.scaled`; index account_id, as_of.
        policy: all parameters.

    Returns:
        account_id, as_of, cohort (`K01`, ...), membership_ratio, stability_ratio. Accounts in no cluster have no row. A week
        depends on itself and the weeks before only.
    """
    memory, weeks = Memory(), []
    for day in points.index.get_level_values("as_of").unique().sort_values():
        told = points[points.index.get_level_values("as_of") == day].droplevel("as_of").sort_index()
        labels, strength = _all_labels(told.to_numpy(), policy)
        if labels.max(initial=NOISE) > NOISE:
            weeks.append(_week(pd.Timestamp(day), told, labels, strength, memory, policy))
    if not weeks:
        return pd.DataFrame(columns=["account_id", "as_of", "cohort", "membership_ratio", "stability_ratio"])
    return pd.concat(weeks, ignore_index=True)


def _all_labels(points: Any, policy: CohortPolicy) -> tuple[Any, Any]:
    """Labels of all points; beyond the limit a fixed sample is clustered and the others follow their nearest neighbour."""
    limit = policy.clusters.fit_limit
    if len(points) <= limit:
        return cluster(points, policy)
    from sklearn.neighbors import NearestNeighbors

    kept = np.sort(np.random.default_rng(_SEED).permutation(len(points))[:limit])
    labels, strength = cluster(points[kept], policy)
    near = NearestNeighbors(n_neighbors=1).fit(points[kept]).kneighbors(points, return_distance=False)[:, 0]
    return labels[near], strength[near]


def _week(
    day: pd.Timestamp, rows: pd.DataFrame, labels: Any, strength: Any, memory: Memory, policy: CohortPolicy
) -> Any:
    points, accounts = rows.to_numpy(), rows.index.to_numpy()
    kept = np.arange(min(len(points), policy.clusters.fit_limit))
    steady = stability(points[kept], np.where(labels[kept] >= 0, labels[kept], NOISE), policy, day.toordinal())
    found = range(labels.max() + 1)
    members = [frozenset(accounts[labels == n]) for n in found]
    numbers = memory.recognise(day.date(), members, [points[labels == n].mean(0) for n in found], policy.identity)
    inside = labels > NOISE
    own = labels[inside]
    return pd.DataFrame(
        {
            "account_id": accounts[inside],
            "as_of": day,
            "cohort": [f"K{numbers[n]:02d}" for n in own],
            "membership_ratio": strength[inside],
            "stability_ratio": np.append(steady, np.zeros(max(0, len(members) - len(steady))))[own],
        }
    )
