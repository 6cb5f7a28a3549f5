"""Account folds: which models may score an account.

Here: the fold of an account. Not here: training by fold (`train`).
"""

import pandas as pd

from uam_platform.temporal.keys import key63


def account_folds(account_ids: pd.Series, folds: int, groups: pd.DataFrame | None = None) -> pd.Series:
    """Fold of each account: hash of its group modulo the number of folds.

    Accounts of one parent stay together, because they tend to leave together: split over folds they would tell on each other.

    Args:
        account_ids: accounts, any order, repeats allowed.
        folds: number of folds.
        groups: account_id, parent_account_id (null without a parent); of several rows of an account the first named parent counts,
            so that the fold stays where it is when the CRM changes. Only the direct parent is looked at.

    Returns:
        int16 fold per row, index of `account_ids`.
    """
    parents = _first_parents(groups)
    unique = {str(a): key63(f"account_group:{parents.get(str(a), str(a))}") % folds for a in account_ids.unique()}
    return account_ids.astype(str).map(unique).astype("int16").rename("fold")


def _first_parents(groups: pd.DataFrame | None) -> dict[str, str]:
    if groups is None:
        return {}
    named = groups.dropna(subset=["parent_account_id"]).drop_duplicates("account_id")
    return dict(zip(named["account_id"].astype(str), named["parent_account_id"].astype(str), strict=True))
