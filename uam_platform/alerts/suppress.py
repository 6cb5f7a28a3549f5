"""Holding back: why a finding is kept but not sent.

Here: season, silence, confidence, owner and cooldown, each a reason code. Not here: budgets (`rank`), finding
(`detect`). Nothing is dropped: a suppressed finding stays in the table, so that it can be sampled and judged.
"""

from datetime import date, datetime

import pandas as pd

from uam_platform.policy.alerts import AlertPolicy, Confidence, Detector

REASONS = ("no_owner", "silence", "low_confidence", "season", "cooldown")
"""Reason codes in the order in which they are asked; the first that applies is recorded."""


def owned(hits: pd.DataFrame, detector: Detector) -> pd.DataFrame:
    """Hits with the detector's stand-in as owner where the CRM names none."""
    stand_in = detector.owner_when_missing
    if stand_in is None:
        return hits
    missing = hits["owner_id"].isna() | (detector.owner == "team")
    return hits.assign(
        owner_id=hits["owner_id"].astype("object").mask(missing, stand_in.owner_id),
        owner_name=hits["owner_name"].astype("object").mask(missing, stand_in.owner_name),
        owner_email=hits["owner_email"].astype("object").mask(missing, stand_in.owner_email),
    )


def reasons(
    hits: pd.DataFrame, name: str, policy: AlertPolicy, decision_at: datetime, silences: pd.DataFrame | None
) -> pd.Series:
    """Reason code per hit, missing where nothing holds it back; cooldown is decided by `rank`, which sees other findings."""
    detector = policy.detectors[name]
    found = pd.Series(None, index=hits.index, dtype="object")
    masks = {
        "no_owner": hits["owner_id"].isna(),
        "silence": silenced(hits, name, decision_at, silences),
        "low_confidence": vague(hits, policy.confidence)
        if detector.needs_score
        else pd.Series(False, index=hits.index),
        "season": seasonal(hits, detector),
    }
    for code in ("no_owner", "silence", "low_confidence", "season"):
        found = found.where(found.notna() | ~masks[code], code)
    return found


def vague(hits: pd.DataFrame, confidence: Confidence) -> pd.Series:
    """Scores whose interval is too wide, or whose rung says nothing about the account."""
    width = hits["score_high"].astype("float64") - hits["score_low"].astype("float64")
    return (width > confidence.max_interval_width) | hits["model_rung"].isin(confidence.abstaining_rungs)


def seasonal(hits: pd.DataFrame, detector: Detector) -> pd.Series:
    """Falls that the peers' own fall explains: against their trend the fall is too small, or within noise (R162)."""
    decline = detector.decline
    if decline is None or not detector.is_suppressed_by_season:
        return pd.Series(False, index=hits.index)
    trend = hits["peer_ratio"].clip(upper=1.0)
    return (hits["decline_ratio"] > decline.max_ratio * trend) | (hits["peer_chance"] > decline.max_chance)


def silenced(hits: pd.DataFrame, name: str, decision_at: datetime, silences: pd.DataFrame | None) -> pd.Series:
    """Hits covered by a silence in force at `decision_at`; a silence without account or detector covers all of them.

    Args:
        hits: findings of one detector.
        name: the detector.
        decision_at: naive UTC.
        silences: account_id, detector (both may be missing), from_at, until_at, known_at (naive UTC), or None.
    """
    covered = pd.Series(False, index=hits.index)
    if silences is None or silences.empty:
        return covered
    at = pd.Timestamp(decision_at)
    in_force = silences[(silences["from_at"] <= at) & (silences["until_at"] > at) & (silences["known_at"] < at)]
    for account_id, detector in zip(in_force["account_id"], in_force["detector"], strict=True):
        if pd.isna(detector) or detector == name:
            covered |= True if pd.isna(account_id) else hits["account_id"] == account_id
    return covered


def is_cooling(account_alerts: dict[str, date], detector: str, as_of: date, cooldown_days: int) -> bool:
    """An alert of another kind on the same account lies at most `cooldown_days` back (today counts)."""
    return any(other != detector and (as_of - last).days <= cooldown_days for other, last in account_alerts.items())
