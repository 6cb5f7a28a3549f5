"""From days on which something stands out to findings with a beginning and an end.

Here: when a finding opens and is over, its identity, its sentence. Not here: what stands out (`missing_tellings`, `odd_days`), telling
anybody (`news`).

A finding opens once it stood out on several snapshot days in a row and is over when nothing of it was seen for a week: few and calm.
The fingerprint is what it is about; a finding's id adds the day it opened, so that trouble that comes back is a new finding of the same
fingerprint.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from uam_platform.contracts.tables import QUALITY_FINDINGS
from uam_platform.policy.quality import QualityPolicy
from uam_platform.quality.sentences import sentence

_IDENTITY: Final = ("finding_kind", "source", "finding_subject", "finding_part")


def findings(
    hits: pd.DataFrame, last_day: date, policy: QualityPolicy, owner: str, consumers: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """QUALITY_FINDINGS, sorted by its key.

    Args:
        hits: columns `missing_tellings.HIT`, over consecutive snapshot days.
        last_day: the last snapshot day that was looked at.
        policy: how many days open and end a finding, whose duty it is.
        owner: who answers for the duty.
        consumers: by event name, what reads it.
    """
    rows = [
        {**_row(run, last_day, policy, consumers), "duty_owner": owner}
        for _, own in hits.groupby(list(_IDENTITY), sort=True)
        for run in _runs(own.sort_values("as_of", kind="stable"), policy)
    ]
    found = pd.DataFrame(rows, columns=list(QUALITY_FINDINGS.column_names))
    return found.sort_values(list(QUALITY_FINDINGS.key), ignore_index=True)


def fingerprint(kind: str, source: str, subject: str, part: str) -> str:
    """Identity of what a finding is about."""
    return hashlib.sha256("\n".join((kind, source, subject, part)).encode()).hexdigest()[:16]


def _runs(own: pd.DataFrame, policy: QualityPolicy) -> list[pd.DataFrame]:
    """Stretches of one subject that became findings: never silent for as long as ends them, and once confirmed."""
    days = pd.to_datetime(own["as_of"])
    gap = days.diff().dt.days
    stretches = own.groupby((gap >= policy.findings.resolved_after_days).cumsum().to_numpy())
    return [_from_clear(run) for _, run in stretches if _opening(run, policy) is not None]


def _from_clear(run: pd.DataFrame) -> pd.DataFrame:
    """A stretch without the days before it first stood out clearly."""
    return run[run["is_clear"].astype(bool).cummax()]


def _opening(run: pd.DataFrame, policy: QualityPolicy) -> date | None:
    """Snapshot day on which a stretch had clearly stood out often enough in a row."""
    streak, before = 0, None
    for as_of in run.loc[run["is_clear"].astype(bool), "as_of"]:
        streak = streak + 1 if before == as_of - timedelta(days=1) else 1
        if streak >= policy.findings.confirmed_days:
            return as_of
        before = as_of
    return None


def _row(
    run: pd.DataFrame, last_day: date, policy: QualityPolicy, consumers: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    last = run.iloc[-1].to_dict()
    opened = _opening(run, policy)
    over = last["as_of"] + timedelta(days=policy.findings.resolved_after_days)
    name = fingerprint(*(str(last[column]) for column in _IDENTITY))
    readers = sorted({reader for event in str(last["finding_subject"]).split() for reader in consumers.get(event, ())})
    severities = set(run["severity"])
    return {
        **{column: last[column] for column in _IDENTITY},
        "finding_id": f"{name}-{opened:%Y%m%d}",
        "fingerprint": name,
        "since_date": min(run["since_date"]),
        "first_seen_date": opened,
        "last_seen_date": max(last["as_of"], opened) if opened else last["as_of"],
        "resolved_date": over if over <= last_day else None,
        "severity": "serious" if "serious" in severities else "notable",
        "affected_count": int(last["affected_count"]),
        "size_ratio": float(last["size_ratio"]),
        "duty": policy.duty,
        "consumers": ", ".join(readers),
        "finding_text": sentence(last),
    }
