"""Signed surprises: how far a count lies beyond what its own past and its peers say.

Here: the arithmetic over account_features rows of one snapshot. Not here: which comparisons are made (`uam_platform.policy.surprise`),
what they add up to (the stages).
"""

from typing import Final

import numpy as np
import pandas as pd

from uam_platform.policy.surprise import Measure, Peers

_ANSCOMBE: Final = 0.375
_UNKNOWN: Final = float("nan")  # no peers to compare with: no surprise
_TREND_LIMITS: Final = (0.2, 5.0)


def surprise(snapshot: pd.DataFrame, measure: Measure, peers: Peers) -> pd.Series:
    """How far a count lies beyond what its own past and the trend of peers say, in standard deviations; positive is bad.

    Both counts are made equally variable by a square root (Anscombe 1948), and their difference is divided by its standard
    deviation under an unchanged rate (Huffman 1984); `dispersion` widens it, because activity comes in bursts. Rates themselves move
    while nothing is wrong: `noise_ratio` adds a variance that grows with the count, as in a negative binomial (Cameron and Trivedi
    2013, 3.3), so that the same relative change is no more surprising in a huge account than in a large one.

    Args:
        snapshot: ACCOUNT_FEATURES rows of one as_of.
        measure: what is compared with what.
        peers: whose trend counts.
    """
    recent = snapshot[measure.recent].astype("float64")
    foreseen, share = expected(snapshot, measure, peers)
    gap = np.sqrt(recent + _ANSCOMBE) - np.sqrt(foreseen + _ANSCOMBE)
    z = 2.0 * gap / np.sqrt(measure.dispersion * (1.0 + share) + peers.noise_ratio**2 * foreseen)
    signed = z if measure.bad == "rise" else -z
    return signed.clip(-measure.max_z, measure.max_z).fillna(0.0)


def expected(snapshot: pd.DataFrame, measure: Measure, peers: Peers) -> tuple[pd.Series, pd.Series]:
    """Count to expect, and its share of the count it stands on: 0 where that is so large that it adds no noise (peers)."""
    recent = snapshot[measure.recent].astype("float64")
    if measure.before is None:
        exposure = snapshot[measure.per[0]].astype("float64")
        rate = _of_peers(snapshot, recent / exposure.where(exposure > 0), exposure >= peers.min_before, peers, _UNKNOWN)
        return exposure * rate, pd.Series(0.0, index=snapshot.index)
    before = _before(snapshot, measure.recent, measure.before, measure.before_includes_recent)
    share = pd.Series(measure.recent_days / measure.before_days, index=snapshot.index)
    if measure.per:
        then = _before(snapshot, measure.per[0], measure.per[1], measure.before_includes_recent)
        share = (snapshot[measure.per[0]].astype("float64") + 1.0) / (then + 1.0)
    level = before * share
    trend = _of_peers(snapshot, recent / level.where(level > 0), level >= peers.min_before, peers, 1.0)
    share = share * trend.clip(*_TREND_LIMITS)
    return before * share, share


def _before(snapshot: pd.DataFrame, recent: str, before: str, is_inclusive: bool) -> pd.Series:
    counts = snapshot[before].astype("float64")
    return (counts - snapshot[recent].astype("float64")).clip(lower=0.0) if is_inclusive else counts


def _of_peers(
    snapshot: pd.DataFrame, ratios: pd.Series, has_enough: pd.Series, peers: Peers, nobody: float
) -> pd.Series:
    """Median over the eligible accounts of the same tier, over all where they are few, `nobody` where these are few too."""
    votes = snapshot["is_eligible"].astype(bool) & has_enough & ratios.notna()
    overall = float(ratios[votes].median()) if votes.sum() >= peers.min_peers else nobody
    grouped = ratios[votes].groupby(snapshot.loc[votes, "tier"]).agg(["median", "size"])
    medians = grouped.loc[grouped["size"] >= peers.min_peers, "median"]
    return snapshot["tier"].map(medians).astype("float64").fillna(overall)
