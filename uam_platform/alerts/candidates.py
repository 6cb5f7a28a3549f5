"""The table of findings: detect, hold back, rank and budget, put into words. Pure and deterministic.

Here: the composition for one or more snapshots. Not here: each step (`detect`, `suppress`, `rank`, `wording`), what happens
to an alert afterwards (`uam_platform.ledger.lifecycle`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from uam_platform.alerts import conditions, detect, rank, suppress, wording
from uam_platform.contracts.model import Type
from uam_platform.contracts.tables import CANDIDATES
from uam_platform.policy.alerts import AlertPolicy

_REASONS_SHOWN = 3
_PANDAS = {Type.INT16: "int16", Type.INT32: "int32", Type.INT64: "int64", Type.FLOAT64: "float64"}
Row = Mapping[Any, Any]
Reasons = Mapping[tuple[str, date], Sequence[Row]]


def candidates(
    features: pd.DataFrame,
    scores: pd.DataFrame,
    reasons: pd.DataFrame,
    revenue: pd.DataFrame,
    policy: AlertPolicy,
    history: pd.DataFrame | None = None,
    silences: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Findings of all detectors on the snapshots in `features`, one row per finding, account and snapshot.

    Snapshots are worked through in order, each remembering what the ones before sent; computing several at once equals computing
    them one by one with the earlier results as history.

    Args:
        features: ACCOUNT_FEATURES rows of one or more as_of.
        scores: SCORES rows of the same snapshots; an account without score gives no finding.
        reasons: SCORE_REASONS rows of the same snapshots.
        revenue: REVENUE_AT_RISK rows of the same snapshots.
        policy: the alert rules.
        history: CANDIDATES of earlier snapshots; nine weeks are enough for the shipped rules.
        silences: see `suppress.silenced`.

    Returns:
        CANDIDATES contract, ordered by as_of and fingerprint.
    """
    found: list[pd.DataFrame] = []
    memory: rank.Memory | None = None
    explained = _by_account(reasons)
    for as_of, snapshot in detect.snapshots(features, scores, revenue):
        if memory is None:
            memory = rank.recall(history, as_of, policy.life_cycle.reopen_within_days)
        hits = _findings(snapshot, policy, silences, explained)
        if len(hits):
            found.append(rank.decide(hits, as_of, policy, memory))
    return _conform(found)


def _findings(
    snapshot: pd.DataFrame, policy: AlertPolicy, silences: pd.DataFrame | None, reasons: Reasons
) -> pd.DataFrame:
    parts = []
    for order, (name, detector) in enumerate(policy.detectors.items()):
        hits = suppress.owned(detect.detect(snapshot, detector, policy.season), detector)
        if hits.empty:
            continue
        held = suppress.reasons(hits, name, policy, hits["decision_at"].iloc[0], silences)
        limits = conditions.thresholds(snapshot, detector.conditions)
        texts = [_describe(row, name, policy, limits, reasons) for row in hits.to_dict("records")]
        described = pd.DataFrame(texts, index=hits.index)
        parts.append(pd.concat([hits.assign(order=order, reason=held), described], axis=1))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _describe(
    row: Row, name: str, policy: AlertPolicy, limits: conditions.Thresholds, reasons: Reasons
) -> dict[str, str]:
    detector = policy.detectors[name]
    why = reasons.get((row["account_id"], row["as_of"]), [])[:_REASONS_SHOWN]
    evidence = wording.evidence(row, name, detector, limits, why, policy.version)
    return {
        "detector": name,
        "audience": detector.audience,
        "fingerprint": wording.fingerprint(row["account_id"], name),
        "title": wording.title(row, detector),
        "summary": wording.summary(row, detector, why),
        "threshold": wording.threshold(row, detector),
        "system_to_update": detector.system_to_update,
        "follow_up": detector.follow_up,
        "playbook": detector.playbook,
        "evidence_json": evidence,
        "evidence_id": wording.evidence_id(evidence),
    }


def _by_account(reasons: pd.DataFrame) -> Reasons:
    if reasons.empty:
        return {}
    dated = reasons.assign(as_of=detect.as_dates(reasons["as_of"])).sort_values("reason_rank")
    found: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for row in dated.to_dict("records"):
        found[row["account_id"], row["as_of"]].append(row)
    return found


def _conform(found: list[pd.DataFrame]) -> pd.DataFrame:
    names = list(CANDIDATES.column_names)
    table = pd.concat(found, ignore_index=True)[names] if found else pd.DataFrame(columns=names)
    kinds = {c.name: _PANDAS.get(c.type, "object") for c in CANDIDATES.columns}
    kinds["decision_at"] = "datetime64[us]"
    table = table.astype(kinds)
    for name in CANDIDATES.nullable:
        table[name] = table[name].where(table[name].notna(), None)
    return table.sort_values(["as_of", "fingerprint"]).reset_index(drop=True)
