"""What accounts are told apart by: rates and shares of behaviour, and the frozen scaler that makes them comparable (R108).

Here: inputs from ACCOUNT_FEATURES, fitting and applying the scaler. Not here: which inputs (`rulebook/cohorts.yaml`), clusters
(`cohort_clusters`). No title, segment, tier, plan, declared use case or money is read.
"""

import hashlib
from typing import Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import COHORT_SCALERS
from uam_platform.policy.cohorts import CohortPolicy

_SHRINK: Final = 5.0
FEATURE_COLUMNS: Final = (
    "account_id",
    "as_of",
    "is_eligible",
    "core_84d_count",
    "session_84d_count",
    "event_84d_count",
    "intent_84d_count",
    "friction_84d_count",
    "feature_84d_count",
    "active_day_84d_count",
    "active_person_84d_count",
    "active_admin_84d_count",
)


def behaviour_inputs(features: pd.DataFrame) -> pd.DataFrame:
    """Inputs of all eligible accounts that were active in the window.

    Args:
        features: FEATURE_COLUMNS of ACCOUNT_FEATURES.

    Returns:
        account_id, as_of, session_count and one column per input, in natural units.
    """
    rows = features[features["is_eligible"] & (features["active_person_84d_count"] > 0)].reset_index(drop=True)
    people, core = rows["active_person_84d_count"], rows["core_84d_count"]
    sessions, events = rows["session_84d_count"].clip(lower=1), rows["event_84d_count"].clip(lower=1)
    made = rows[["account_id", "as_of"]].assign(
        session_count=rows["session_84d_count"],
        core_per_person=core / people,
        core_per_session=core / sessions,
        sessions_per_person=rows["session_84d_count"] / people,
        feature_count=rows["feature_84d_count"].astype(float),
        admin_share=rows["active_admin_84d_count"] / people,
        intent_share=rows["intent_84d_count"] / events,
        friction_rate=rows["friction_84d_count"] / (core + _SHRINK),
        active_day_share=rows["active_day_84d_count"] / 84.0,
    )
    return made.sort_values(["as_of", "account_id"], ignore_index=True)


def extended_scalers(inputs: pd.DataFrame, known: pd.DataFrame, policy: CohortPolicy) -> pd.DataFrame:
    """The registry with a scaler for the policy's version; one that is there is never fitted again.

    Args:
        inputs: `behaviour_inputs`.
        known: rows of COHORT_SCALERS so far.
        policy: inputs, version and what is fitted on.

    Returns:
        Rows of the COHORT_SCALERS contract; unchanged while too few snapshots can be fitted on.
    """
    if (known["policy_version"] == policy.version).any() or inputs.empty:
        return known
    sizes = inputs.groupby("as_of").size()
    full = sizes.index >= sizes.index.min() + pd.Timedelta(days=policy.window_days)  # before, windows are not yet full
    days = sizes[full & (sizes >= policy.scaler.least_accounts)].index.sort_values()[: policy.scaler.fit_snapshots]
    if len(days) < policy.scaler.fit_snapshots:
        return known
    fitted = _fit(inputs[inputs["as_of"].isin(days)], policy)
    fitted = fitted.assign(policy_version=policy.version, fitted_from_date=days[0], fitted_to_date=days[-1])
    made = fitted[list(COHORT_SCALERS.column_names)]
    return pd.concat([known, made], ignore_index=True) if len(known) else made


def _fit(rows: pd.DataFrame, policy: CohortPolicy) -> pd.DataFrame:
    logs = rows[list(policy.inputs)].transform(np.log1p)
    low, centre, high = (logs.quantile(q) for q in (0.25, 0.5, 0.75))
    spread = (high - low).where(high > low, 1.0)
    text = "|".join(f"{name}:{centre[name]!r}:{spread[name]!r}" for name in policy.inputs)
    identifier = hashlib.sha256(text.encode()).hexdigest()[:16]
    return pd.DataFrame(
        {
            "scaler_id": identifier,
            "input_name": list(policy.inputs),
            "centre_value": centre.to_numpy(),
            "spread_value": spread.to_numpy(),
        }
    )


def scaled(inputs: pd.DataFrame, scalers: pd.DataFrame, policy: CohortPolicy) -> pd.DataFrame:
    """`inputs` as distances from the usual in interquartile ranges of logarithms, clipped; index account_id, as_of.

    Without a scaler of the policy's version there are no rows.
    """
    own = scalers[scalers["policy_version"] == policy.version].set_index("input_name")
    kept = inputs if len(own) else inputs.iloc[:0]
    logs = np.log1p(kept.set_index(["account_id", "as_of"])[list(policy.inputs)])
    moved = (logs - own["centre_value"]) / own["spread_value"]
    return moved[list(policy.inputs)].clip(-policy.scaler.clip, policy.scaler.clip)
