"""The declared score of behaviour turning for the worse, signal by signal.

Here: signed surprises against an account's own past and its peers' trend, and their weighted sum. Not here: which signals and
weights (`rulebook/alerts.yaml`, `uam_platform.policy.harm`), the threshold (a detector's condition), words (`wording_harm`).
"""

from typing import Final

import numpy as np
import pandas as pd

from uam_platform.policy.harm import HARM_SCORE, HarmScore, Signal

PREFIX: Final = "harm_signal_"
"""Columns of the surprises beside the score: PREFIX + name of the signal, positive is bad."""

_ANSCOMBE: Final = 0.375
_UNKNOWN: Final = float("nan")  # no peers to compare with: no surprise
_TREND_LIMITS: Final = (0.2, 5.0)


def with_harm(snapshot: pd.DataFrame, policy: HarmScore) -> pd.DataFrame:
    """`snapshot` with the surprise of every signal and their weighted sum, `harm_score`.

    Args:
        snapshot: ACCOUNT_FEATURES rows of one as_of.
        policy: signals and weights.
    """
    surprises = {PREFIX + name: surprise(snapshot, signal, policy) for name, signal in policy.signals.items()}
    total = pd.Series(0.0, index=snapshot.index)
    for name, signal in policy.signals.items():
        total = total + signal.weight * surprises[PREFIX + name]
    return snapshot.assign(**surprises, **{HARM_SCORE: total})


def surprise(snapshot: pd.DataFrame, signal: Signal, policy: HarmScore) -> pd.Series:
    """How far a count lies beyond what its own past and the trend of peers say, in standard deviations; positive is bad.

    Both counts are made equally variable by a square root (Anscombe 1948), and their difference is divided by its standard
    deviation under an unchanged rate (Huffman 1984); `dispersion` widens it, because activity comes in bursts.
    """
    recent = snapshot[signal.recent].astype("float64")
    foreseen, share = expected(snapshot, signal, policy)
    gap = np.sqrt(recent + _ANSCOMBE) - np.sqrt(foreseen + _ANSCOMBE)
    z = 2.0 * gap / np.sqrt(signal.dispersion * (1.0 + share))
    signed = z if signal.bad == "rise" else -z
    return signed.clip(-signal.max_z, signal.max_z).fillna(0.0)


def expected(snapshot: pd.DataFrame, signal: Signal, policy: HarmScore) -> tuple[pd.Series, pd.Series]:
    """Count to expect, and its share of the count it stands on: 0 where that is so large that it adds no noise (peers)."""
    recent = snapshot[signal.recent].astype("float64")
    if signal.before is None:
        exposure = snapshot[signal.per[0]].astype("float64")
        rate = _of_peers(
            snapshot, recent / exposure.where(exposure > 0), exposure >= policy.min_before, policy, _UNKNOWN
        )
        return exposure * rate, pd.Series(0.0, index=snapshot.index)
    before = _before(snapshot, signal.recent, signal.before, signal.before_includes_recent)
    share = pd.Series(signal.recent_days / signal.before_days, index=snapshot.index)
    if signal.per:
        then = _before(snapshot, signal.per[0], signal.per[1], signal.before_includes_recent)
        share = (snapshot[signal.per[0]].astype("float64") + 1.0) / (then + 1.0)
    level = before * share
    trend = _of_peers(snapshot, recent / level.where(level > 0), level >= policy.min_before, policy, 1.0)
    share = share * trend.clip(*_TREND_LIMITS)
    return before * share, share


def _before(snapshot: pd.DataFrame, recent: str, before: str, is_inclusive: bool) -> pd.Series:
    counts = snapshot[before].astype("float64")
    return (counts - snapshot[recent].astype("float64")).clip(lower=0.0) if is_inclusive else counts


def _of_peers(
    snapshot: pd.DataFrame, ratios: pd.Series, has_enough: pd.Series, policy: HarmScore, nobody: float
) -> pd.Series:
    """Median over the eligible accounts of the same tier, over all where they are few, `nobody` where these are few too."""
    votes = snapshot["is_eligible"].astype(bool) & has_enough & ratios.notna()
    overall = float(ratios[votes].median()) if votes.sum() >= policy.min_peers else nobody
    grouped = ratios[votes].groupby(snapshot.loc[votes, "tier"]).agg(["median", "size"])
    medians = grouped.loc[grouped["size"] >= policy.min_peers, "median"]
    return snapshot["tier"].map(medians).astype("float64").fillna(overall)
