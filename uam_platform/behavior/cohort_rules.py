"""The three cohorts known by name, as declared rules: C1 shallow, C2 one workflow, C3 evaluating administrators (R109 to R111).

Here: whether a rule holds at a snapshot, and since how many weeks. Not here: thresholds (`rulebook/cohorts.yaml`), the counts
(`cohort_facts`, `cohort_inputs`), clusters (`cohort_clusters`).
"""

import pandas as pd

from uam_platform.policy.cohorts import CohortPolicy, HeldRule

_SPOT = ["account_id", "as_of"]


def rules_holding(
    inputs: pd.DataFrame, values: pd.DataFrame, admins: pd.DataFrame, policy: CohortPolicy
) -> pd.DataFrame:
    """Accounts and snapshots at which a rule holds.

    Args:
        inputs: `cohort_inputs.behaviour_inputs`.
        values: `cohort_facts.value_by_workflow`.
        admins: `cohort_facts.administrators`.
        policy: the rules.

    Returns:
        account_id, as_of, cohort; unique. Only accounts of `inputs`.
    """
    parts = {"C1": _shallow(inputs, policy), "C2": _dependent(values, policy), "C3": _evaluated(admins, policy)}
    every = pd.concat([rows[_SPOT].assign(cohort=name) for name, rows in parts.items()], ignore_index=True)
    return every.merge(inputs[_SPOT], "inner", _SPOT)


def _shallow(inputs: pd.DataFrame, policy: CohortPolicy) -> pd.DataFrame:
    rule = policy.shallow
    usual = inputs.groupby("as_of")[["sessions_per_person", "core_per_session", "feature_count"]].transform("median")
    is_often = inputs["sessions_per_person"] >= rule.sessions_per_person_at_least * usual["sessions_per_person"]
    is_often &= inputs["feature_count"] >= rule.features_at_least * usual["feature_count"]
    is_shallow = inputs["core_per_session"] <= rule.core_per_session_at_most * usual["core_per_session"]
    return inputs[is_often & is_shallow & (inputs["session_count"] >= rule.least_sessions)]


def _dependent(values: pd.DataFrame, policy: CohortPolicy) -> pd.DataFrame:
    rule = policy.dependent
    whole = values.groupby(_SPOT)["value_count"].sum()
    most = values[values["workflow"] != "other"].groupby(_SPOT)["value_count"].max()
    told = pd.DataFrame({"whole": whole, "most": most}).fillna(0).reset_index()
    told = told[told["whole"] >= rule.least_value_count]
    return told[_lower_bound(told["most"] / told["whole"], told["whole"], rule.chance_z) >= rule.share_at_least]


def _lower_bound(share: pd.Series, count: pd.Series, z: float) -> pd.Series:
    """Wilson's lower bound of a share (Wilson 1927)."""
    spread = z * (share * (1 - share) / count + z**2 / (4 * count**2)) ** 0.5
    return (share + z**2 / (2 * count) - spread) / (1 + z**2 / count)


def _evaluated(admins: pd.DataFrame, policy: CohortPolicy) -> pd.DataFrame:
    rule = policy.evaluators
    both = admins["core_count"] + admins["looks_count"]
    is_one = (admins["looks_count"] >= rule.least_looks) & (admins["looks_count"] >= rule.looks_share_at_least * both)
    share = admins[_SPOT].assign(share=is_one.astype(float)).groupby(_SPOT, as_index=False).mean()
    return share[share["share"] >= rule.admins_share_at_least]


def held(holding: pd.DataFrame, snapshots: pd.Series, rule: HeldRule) -> pd.DataFrame:
    """Members: a rule must hold in several of the last weeks to let an account in, and in few to keep it.

    Args:
        holding: account_id, as_of, cohort.
        snapshots: all snapshots, in order.
        rule: how many of how many.

    Returns:
        account_id, as_of, cohort, membership_ratio (share of the last weeks for which the rule held).
    """
    if holding.empty:
        return holding.assign(membership_ratio=1.0)
    grid = holding.assign(n=1).pivot_table(index="as_of", columns=["cohort", "account_id"], values="n", fill_value=0)
    grid = grid.reindex(pd.Index(snapshots, name="as_of"), fill_value=0)
    counts = grid.rolling(rule.of_weeks, min_periods=1).sum()
    state = counts.where(counts >= rule.enter_weeks).notna().astype(float)
    state = state.mask((counts >= rule.stay_weeks) & (counts < rule.enter_weeks)).ffill().fillna(0.0)
    ratio = (counts / rule.of_weeks).where(state > 0)
    told = ratio.melt(ignore_index=False, value_name="membership_ratio").dropna().reset_index()
    return told[[*_SPOT, "cohort", "membership_ratio"]]
