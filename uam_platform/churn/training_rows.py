"""Which rows a model may learn from at a given snapshot, and how much each counts.

Here: embargo, one row per account-week, thinning, weights. Not here: labels (`labels`), folds and fitting (`train`).
"""

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.churn.days import as_day, as_days
from uam_platform.policy.churn import ChurnPolicy, TrainingRule
from uam_platform.temporal.keys import key63

Values = npt.NDArray[np.float64]

_SPELL_BREAK = pd.Timedelta(days=28)


def training_rows(features: pd.DataFrame, labels: pd.DataFrame, as_of: date, policy: ChurnPolicy) -> pd.DataFrame:
    """Labelled rows whose label was final when the snapshot `as_of` was decided.

    A row counts when its horizon and grace ended by `as_of`, its label is closed and not censored. Of several snapshots of an
    account in one week (daily ones exist for the latest days) the last counts, so that weeks weigh alike.

    Returns:
        account_features columns with is_churned (bool) and fold, sorted by account_id and as_of.
    """
    days = as_days(labels["as_of"])
    is_known = days + pd.Timedelta(days=policy.label_lag_days) <= as_day(as_of)
    usable = labels.loc[is_known & labels["is_label_closed"].astype(bool) & labels["is_churned"].notna()]
    chosen = usable[["account_id", "is_churned", "fold"]].assign(day=as_days(usable["as_of"]))
    chosen["week"] = (chosen["day"] - pd.Timestamp("1970-01-05")).dt.days // 7
    chosen = chosen.sort_values(["account_id", "day"]).drop_duplicates(["account_id", "week"], keep="last")
    rows = features.assign(day=as_days(features["as_of"])).merge(
        chosen, on=["account_id", "day"], how="inner", validate="1:1"
    )
    rows["is_churned"] = rows["is_churned"].astype(bool)
    return rows.sort_values(["account_id", "day"], ignore_index=True)


def eligible_lately(features: pd.DataFrame, as_of: date, policy: ChurnPolicy) -> pd.DataFrame:
    """Rows of eligible accounts in the latest weeks up to the snapshot `as_of`, whatever became of them."""
    days = as_days(features["as_of"])
    is_late = (days <= as_day(as_of)) & (days > as_day(as_of) - pd.Timedelta(weeks=policy.index.weeks))
    return features.loc[is_late & features["is_eligible"].astype(bool)].reset_index(drop=True)


def thinned(rows: pd.DataFrame, rule: TrainingRule) -> tuple[pd.DataFrame, Values]:
    """Rows to fit on, and their weights.

    Neighbouring weeks of a quiet account say nearly the same: every `quiet_stride_weeks`-th row without churn is kept at that
    weight (phase by account), rows with churn all stay, so weighted means are those of all rows.
    """
    stride = rule.quiet_stride_weeks
    phase = rows["account_id"].map({a: key63(f"phase:{a}") % stride for a in rows["account_id"].unique()})
    is_kept = rows["is_churned"] | ((rows["week"] + phase) % stride == 0)
    weights = np.where(rows["is_churned"], 1.0, float(stride)) * _spell_weights(rows, rule.spell_weight_power)
    kept = weights[is_kept.to_numpy()]
    return rows.loc[is_kept], kept / max(float(kept.mean()) if len(kept) else 1.0, 1e-12)


def _spell_weights(rows: pd.DataFrame, power: float) -> Values:
    """Weight of a row by the length of its account's unbroken stretch of snapshots: length ** -power."""
    is_new = (rows["account_id"] != rows["account_id"].shift()) | (rows["day"].diff() > _SPELL_BREAK)
    spell = is_new.cumsum()
    return np.power(spell.groupby(spell).transform("size").to_numpy(dtype="float64"), -power)
