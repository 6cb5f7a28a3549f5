"""The table of findings: detect, hold back, rank and budget, put into words. Pure and deterministic.

Here: the composition for one or more snapshots. Not here: each step (`detect`, `suppress`, `rank`, `wording`), what happens
to an alert afterwards (`uam_platform.ledger.lifecycle`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pandas as pd

from uam_platform.alerts import (
    conditions,
    context,
    detect,
    grouping,
    groups,
    rank,
    suppress,
    wording,
    wording_groups,
)
from uam_platform.alerts.calendar import Calendar, signals_of
from uam_platform.alerts.harm import Sums, remembered, sums, week_before, with_harm
from uam_platform.contracts.model import Contract, Type
from uam_platform.contracts.tables import ACCOUNT_ACTIONS, CANDIDATES, FLAG_STARTS, WORKFLOW_DAYS
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.thresholds import Accepted, in_force

_REASONS_SHOWN = 3
_PANDAS = {Type.INT16: "int16", Type.INT32: "int32", Type.INT64: "int64", Type.FLOAT64: "float64"}
Row = Mapping[Any, Any]


@dataclass
class Said:
    """What the score of one account and snapshot says: its reasons, strongest first, and its SCORE_CHANGES row."""

    reasons: list[Row] = field(default_factory=list)
    change: Row | None = None


Reasons = Mapping[tuple[str, date], Said]


def candidates(
    features: pd.DataFrame,
    scores: pd.DataFrame,
    reasons: pd.DataFrame,
    revenue: pd.DataFrame,
    policy: AlertPolicy,
    history: pd.DataFrame | None = None,
    silences: pd.DataFrame | None = None,
    workflow_days: pd.DataFrame | None = None,
    flag_starts: pd.DataFrame | None = None,
    score_changes: pd.DataFrame | None = None,
    accepted: pd.DataFrame | None = None,
    earlier: pd.DataFrame | None = None,
    actions: pd.DataFrame | None = None,
    calendar: Calendar | None = None,
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
        workflow_days: WORKFLOW_DAYS; without it no workflow is found to fail.
        flag_starts: FLAG_STARTS; without it no rollout is known.
        score_changes: SCORE_CHANGES of the same snapshots, with `wording_change.DOLLARS_BEFORE` where it is known; without it
            nothing is said of the week before.
        accepted: ACCEPTED_THRESHOLDS; each holds for the snapshots decided after it was known.
        earlier: ACCOUNT_FEATURES of snapshots before those of `features`, as many weeks back as the harm score remembers.
        actions: ACCOUNT_ACTIONS rows of the same snapshots; without it nobody took any.
        calendar: what was announced and how last year was; without it no season is known.

    Returns:
        CANDIDATES contract, ordered by as_of and fingerprint.
    """
    found: list[pd.DataFrame] = []
    memory: rank.Memory | None = None
    explained = _by_account(reasons, score_changes)
    agreed = _agreed(accepted)
    known = calendar or Calendar()
    harm_of = _harm_of(earlier, policy, known)
    acted = pd.DataFrame(columns=list(ACCOUNT_ACTIONS.column_names)) if actions is None else actions
    acted_on = dict(iter(acted.groupby(detect.as_dates(acted["as_of"]))))
    groups_read = policy.action_groups()
    around = context.Around(_beside(workflow_days, WORKFLOW_DAYS), _beside(flag_starts, FLAG_STARTS), calendar=known)
    for as_of, snapshot in detect.snapshots(features, scores, revenue):
        if memory is None:
            memory = rank.recall(history, as_of, policy.life_cycle.reopen_within_days)
        rules = in_force(policy, agreed, snapshot["decision_at"].iloc[0])
        weeks = range(1, rules.harm.memory.weeks + 1)
        before = {n: found_sums for n in weeks if (found_sums := week_before(harm_of, as_of, n)) is not None}
        excuses = known.excuses(snapshot, as_of, rules.context)
        counted = detect.with_actions(snapshot, acted_on.get(as_of, acted.iloc[:0]), groups_read)
        harmed = with_harm(counted, rules.harm, before, signals_of(excuses))
        harm_of[as_of] = remembered(harmed)
        hits = _findings(harmed, as_of, rules, silences, explained, replace(around, excuses=excuses))
        if len(hits):
            found.append(rank.decide(hits, as_of, policy, memory))
    return _conform(found)


def _harm_of(earlier: pd.DataFrame | None, policy: AlertPolicy, calendar: Calendar) -> dict[date, Sums]:
    """Harm sums of earlier snapshots, by day."""
    if earlier is None or earlier.empty or not policy.harm.memory.weeks:
        return {}
    dated = earlier.assign(as_of=detect.as_dates(earlier["as_of"]))
    found = {}
    for day in sorted(set(dated["as_of"])):
        rows = dated[dated["as_of"] == day].reset_index(drop=True)
        found[day] = sums(rows, policy.harm, signals_of(calendar.excuses(rows, day, policy.context)))
    return found


def _agreed(rows: pd.DataFrame | None) -> list[Accepted]:
    names = ["known_at", "detector", "threshold_column", "threshold_value"]
    return [] if rows is None else [Accepted(*row) for row in rows[names].itertuples(index=False, name=None)]


def _beside(rows: pd.DataFrame | None, contract: Contract) -> pd.DataFrame:
    return groups.dated(pd.DataFrame(columns=list(contract.column_names)) if rows is None else rows)


def _findings(
    snapshot: pd.DataFrame,
    as_of: date,
    policy: AlertPolicy,
    silences: pd.DataFrame | None,
    reasons: Reasons,
    around: context.Around,
) -> pd.DataFrame:
    """Findings of all detectors; those on workflows come first, because they explain some on single accounts."""
    parts: list[pd.DataFrame] = []
    part_of: dict[str, str] = {}
    judged = detect.judgeable(snapshot)
    by_group = sorted(enumerate(policy.detectors.items()), key=lambda one: one[1][1].group is None)
    for order, (name, detector) in by_group:
        hits = detect.detect(judged, snapshot, detector, policy.season)
        limits = conditions.thresholds(snapshot, detector.conditions)
        if detector.group is not None:
            hits = grouping.grouped(hits, name, detector.group, as_of, around)
        if hits.empty:
            continue
        hits = suppress.owned(hits, detector)
        held = suppress.reasons(hits, name, policy, hits["decision_at"].iloc[0], silences)
        if detector.group is not None:
            part_of |= grouping.members(hits, held)
        if detector.is_suppressed_by_context:
            now = replace(around, part_of=part_of)
            limit = detector.least_harm()
            held = held.where(held.notna(), context.explained(hits, as_of, now, policy.context, limit))
        elif detector.decline is not None and detector.is_suppressed_by_season:
            held = held.where(held.notna(), context.excused_work(hits, around.excuses, policy.context))
        told = hits.assign(excuses=hits["account_id"].map(around.excuses))
        texts = [_describe(row, name, policy, limits, reasons) for row in told.to_dict("records")]
        described = pd.DataFrame(texts, index=hits.index)
        parts.append(pd.concat([hits.assign(order=order, reason=held), described], axis=1))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _describe(
    row: Row, name: str, policy: AlertPolicy, limits: conditions.Thresholds, reasons: Reasons
) -> dict[str, Any]:
    detector = policy.detectors[name]
    said = Said() if detector.group else reasons.get((row["account_id"], row["as_of"]), Said())
    why = said.reasons[:_REASONS_SHOWN]
    evidence = wording.evidence(row, name, policy, limits, why, said.change)
    return {
        **_told(row, name, policy, why, said.change),
        "detector": name,
        "audience": detector.audience,
        "confidence_ratio": detector.confidence,
        "threshold": wording.threshold(row, detector),
        "system_to_update": detector.system_to_update,
        "follow_up": detector.follow_up,
        "playbook": detector.playbook,
        "evidence_json": evidence,
        "evidence_id": wording.evidence_id(evidence),
    }


def _told(row: Row, name: str, policy: AlertPolicy, why: Sequence[Row], change: Row | None) -> dict[str, Any]:
    """Subject and words: of the account, or of the workflow and the accounts it fails in."""
    detector = policy.detectors[name]
    found = row.get("group_finding")
    if detector.group is None or found is None:
        return {
            "subject_kind": "account",
            "subject_id": row["account_id"],
            "affected_account_count": 1,
            "fingerprint": wording.fingerprint(row["account_id"], name),
            "title": wording.title(row, detector),
            "summary": wording.summary(row, detector, why, change, policy.harm),
        }
    return {
        "subject_kind": detector.group.subject,
        "subject_id": found.subject,
        "affected_account_count": len(found.accounts),
        "fingerprint": row["group_fingerprint"],
        "title": wording_groups.title(row, found, detector),
        "summary": wording_groups.summary(row, found, detector.group),
    }


def _by_account(reasons: pd.DataFrame, changes: pd.DataFrame | None) -> Reasons:
    found: dict[tuple[str, date], Said] = defaultdict(Said)
    if len(reasons):
        dated = reasons.assign(as_of=detect.as_dates(reasons["as_of"])).sort_values("reason_rank")
        for row in dated.to_dict("records"):
            found[row["account_id"], row["as_of"]].reasons.append(row)
    if changes is not None and len(changes):
        for row in changes.assign(as_of=detect.as_dates(changes["as_of"])).to_dict("records"):
            found[row["account_id"], row["as_of"]].change = row
    return dict(found)


def _conform(found: list[pd.DataFrame]) -> pd.DataFrame:
    names = list(CANDIDATES.column_names)
    table = pd.concat(found, ignore_index=True)[names] if found else pd.DataFrame(columns=names)
    kinds = {c.name: _PANDAS.get(c.type, "object") for c in CANDIDATES.columns}
    kinds["decision_at"] = "datetime64[us]"
    table = table.astype(kinds)
    for name in CANDIDATES.nullable:
        table[name] = table[name].where(table[name].notna(), None)
    return table.sort_values(["as_of", "fingerprint"]).reset_index(drop=True)
