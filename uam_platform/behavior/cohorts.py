"""Cohorts of every snapshot: clusters and named ones together, and what makes each different (R107 to R111).

Here: composing members and profiles. Not here: clustering (`cohort_clusters`), rules (`cohort_rules`), inputs (`cohort_inputs`).
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.behavior.cohort_clusters import weekly_clusters
from uam_platform.behavior.cohort_inputs import scaled
from uam_platform.behavior.cohort_rules import held, rules_holding
from uam_platform.contracts.tables import COHORT_PROFILES, COHORTS
from uam_platform.policy.cohorts import CohortPolicy

_SPOT: Final = ["account_id", "as_of"]
_SHOWN: Final = 3
_BEFORE_DAYS: Final = 28
_Z: Final = 1.959964  # 95 % interval
_WORDS: Final = {
    "core_per_person": "core work per person",
    "core_per_session": "core work per session",
    "sessions_per_person": "sessions per person",
    "feature_count": "features used",
    "admin_share": "share of administrators",
    "intent_share": "share of looking at plans and settings",
    "friction_rate": "friction per core work",
    "active_day_share": "share of active days",
}


def memberships(
    inputs: pd.DataFrame, values: pd.DataFrame, admins: pd.DataFrame, scalers: pd.DataFrame, policy: CohortPolicy
) -> pd.DataFrame:
    """Members of all cohorts at all snapshots.

    Args:
        inputs: `cohort_inputs.behaviour_inputs`.
        values: `cohort_facts.value_by_workflow`.
        admins: `cohort_facts.administrators`.
        scalers: the registry, `cohort_inputs.extended_scalers`; without one of the policy's version there are no clusters.
        policy: rules and parameters.

    Returns:
        Rows of the COHORTS contract.
    """
    if inputs.empty:
        return pd.DataFrame(columns=list(COHORTS.column_names))
    snapshots = inputs["as_of"].drop_duplicates().sort_values()
    named = held(rules_holding(inputs, values, admins, policy), snapshots, policy.held)
    named = named.merge(inputs[_SPOT], "inner", _SPOT).assign(is_named=True, is_stable=True, stability_ratio=np.nan)
    named["cohort_name"] = named["cohort"].map(policy.names())
    parts = [named]
    found = weekly_clusters(scaled(inputs, scalers, policy), policy).assign(is_named=False)
    if len(found):
        found["is_stable"] = found["stability_ratio"] >= policy.stability.least_ratio
        parts.append(_called(found, inputs))
    return pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)[list(COHORTS.column_names)]


def _called(found: pd.DataFrame, inputs: pd.DataFrame) -> pd.DataFrame:
    """Clusters called by their strongest difference."""
    names = {key: told.split(";")[0] for key, told in _differences(found, inputs).items()}
    keys = zip(found["as_of"], found["cohort"], strict=True)
    return found.assign(cohort_name=[names[key] for key in keys])


def profiles(
    members: pd.DataFrame,
    inputs: pd.DataFrame,
    features: pd.DataFrame,
    labels: pd.DataFrame,
    closed_after_days: int,
    broken: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What makes each cohort of each snapshot different, its size and money, and what became of earlier members.

    Args:
        members: `memberships`.
        inputs: `cohort_inputs.behaviour_inputs`.
        features: account_id, as_of, arr_usd_cents.
        labels: account_id, as_of, is_churned, is_label_closed.
        closed_after_days: days after as_of at which a label is final.
        broken: `main_workflow_broke`; without it nobody's is known to have broken.

    Returns:
        Rows of the COHORT_PROFILES contract. Churn counts accounts once; of labels that were final at the snapshot.
    """
    if members.empty:
        return pd.DataFrame(columns=list(COHORT_PROFILES.column_names))
    keys = ["as_of", "cohort"]
    rows = members.merge(features[[*_SPOT, "arr_usd_cents"]], "left", _SPOT)
    told = rows.groupby(keys, as_index=False).agg(
        cohort_name=("cohort_name", "first"),
        is_named=("is_named", "first"),
        is_stable=("is_stable", "first"),
        account_count=("account_id", "size"),
        arr_usd_cents=("arr_usd_cents", "sum"),
        stability_ratio=("stability_ratio", "first"),
    )
    differences = _differences(members, inputs)
    told["differences"] = [differences[key] for key in zip(told["as_of"], told["cohort"], strict=True)]
    outcomes = _outcomes(members, labels, broken)
    left = pd.DataFrame(list(_later_churn(told, outcomes, closed_after_days)), index=told.index)
    return pd.concat([told, left], axis=1)[list(COHORT_PROFILES.column_names)]


def _differences(members: pd.DataFrame, inputs: pd.DataFrame) -> dict[Any, str]:
    """(as_of, cohort) -> the inputs whose medians lie farthest from the others', in their spread, in words."""
    names = list(_WORDS)
    by_day: dict[Any, pd.DataFrame] = {
        day: rows.set_index("account_id")[names] for day, rows in inputs.groupby("as_of")
    }
    found = {}
    for (day, cohort), rows in members.groupby(["as_of", "cohort"]):
        every = by_day[day]
        is_member = every.index.isin(rows["account_id"])
        own, rest = every[is_member].median(), every[~is_member].median()
        logs = every.transform(np.log1p)
        spread = (logs.quantile(0.75) - logs.quantile(0.25)).replace(0, 1.0)
        distance = ((np.log1p(own) - np.log1p(rest)) / spread).abs().sort_values(ascending=False, kind="stable")
        found[day, cohort] = "; ".join(_said(name, own[name], rest[name]) for name in distance.index[:_SHOWN])
    return found


def _said(name: str, own: float, rest: float) -> str:
    return f"{_WORDS[name]} {own:.3g} (others {rest:.3g})"


def main_workflow_broke(values: pd.DataFrame, journeys: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    """Accounts and snapshots after which the workflow that carries most of their value failed repeatedly.

    Args:
        values: `cohort_facts.value_by_workflow`.
        journeys: JOURNEYS.
        horizon_days: a failure counts from four weeks before the snapshot to this many days after it.

    Returns:
        account_id, as_of; unique.
    """
    named = values[values["workflow"] != "other"].sort_values([*_SPOT, "value_count", "workflow"])
    main = named.drop_duplicates(_SPOT, keep="last")[[*_SPOT, "workflow"]]
    failed = journeys.loc[
        journeys["journey_kind"] == "repeated_failure", ["account_id", "journey_subject", "event_date"]
    ]
    pairs = main.merge(failed, left_on=["account_id", "workflow"], right_on=["account_id", "journey_subject"])
    away = (pd.to_datetime(pairs["event_date"]) - pairs["as_of"]).dt.days
    return pairs.loc[(away >= -_BEFORE_DAYS) & (away < horizon_days), _SPOT].drop_duplicates()


def _outcomes(members: pd.DataFrame, labels: pd.DataFrame, broken: pd.DataFrame | None) -> pd.DataFrame:
    """Members at snapshots with a final label: is_churned, is_broken."""
    closed = labels[labels["is_label_closed"] & labels["is_churned"].notna()]
    outcomes = members[[*_SPOT, "cohort"]].merge(closed[[*_SPOT, "is_churned"]], "inner", _SPOT)
    if broken is None:
        return outcomes.assign(is_broken=False)
    marked = outcomes.merge(broken.assign(is_broken=True), "left", _SPOT)
    return marked.assign(is_broken=marked["is_broken"].notna())


def _later_churn(told: pd.DataFrame, outcomes: pd.DataFrame, closed_after_days: int) -> Iterator[dict[str, Any]]:
    by_cohort = dict(tuple(outcomes.groupby("cohort")))
    for day, cohort in zip(told["as_of"], told["cohort"], strict=True):
        rows = by_cohort.get(cohort, outcomes.iloc[:0])
        rows = rows[rows["as_of"] <= day - timedelta(days=closed_after_days)]
        by_account = rows[["is_churned", "is_broken"]].astype(bool).groupby(rows["account_id"]).any()
        left, broke = by_account["is_churned"], by_account["is_broken"]
        yield _with_interval(len(by_account), int(left.sum())) | {
            "broken_member_count": int(broke.sum()),
            "broken_churned_count": int((broke & left).sum()),
        }


def _with_interval(count: int, hits: int) -> dict[str, Any]:
    """Share with Wilson's interval (Wilson 1927)."""
    made = {"closed_member_count": count, "churned_member_count": hits}
    share = hits / count if count else np.nan
    scale = 1 + _Z**2 / count if count else np.nan
    middle = (share + _Z**2 / (2 * count)) / scale if count else np.nan
    half = _Z * np.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2)) / scale if count else np.nan
    return made | {
        "member_churn_ratio": share,
        "member_churn_low_ratio": max(0.0, middle - half) if count else np.nan,
        "member_churn_high_ratio": min(1.0, middle + half) if count else np.nan,
    }
