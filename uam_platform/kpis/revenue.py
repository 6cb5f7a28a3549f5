"""The dollars behind each score.

Here: revenue at risk and what acting is assumed to save, in whole cents. Not here: the probability (`uam_platform.churn`), who is
alerted (`uam_platform.alerts`), the save rate (`rulebook/kpis.yaml`).

Money is never a float: a probability is taken as the decimal it prints as, products are rounded half up to the cent once. An account
carries its own contract only; a parent's total is the sum over its family, built when asked for and never stored beside the parts.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from uam_platform.contracts.tables import REVENUE_AT_RISK
from uam_platform.policy.kpis import KpiPolicy

_FROM_FEATURES = ["account_id", "as_of", "tier", "mrr_usd_cents", "arr_usd_cents", "days_to_renewal"]
_FROM_ACCOUNTS = ["account_name", "parent_account_id", "owner_id", "owner_name", "owner_email"]


def revenue_at_risk(
    scores: pd.DataFrame, features: pd.DataFrame, accounts: pd.DataFrame, policy: KpiPolicy
) -> pd.DataFrame:
    """Revenue at risk of every scored account.

    Args:
        scores: scores contract, one or more snapshots.
        features: account_features of at least the scored accounts and snapshots.
        accounts: account history (accounts contract); the facts valid at as_of and known before decision_at are shown.
        policy: save rate.

    Returns:
        One row per score with the columns of the revenue_at_risk contract, sorted by its key. Accounts without CRM facts keep null names.
    """
    rows = scores.merge(features[_FROM_FEATURES], on=["account_id", "as_of"], how="left", validate="1:1")
    rows = rows.merge(_account_facts(scores, accounts), on=["account_id", "as_of"], how="left", validate="1:1")
    at_risk = cents_products(rows["arr_usd_cents"], rows["churn_probability"])
    result = rows.assign(
        revenue_at_risk_usd_cents=at_risk,
        expected_saved_usd_cents=cents_products(at_risk, [policy.save_rate.assumed] * len(rows)),
    )
    return result.loc[:, list(REVENUE_AT_RISK.column_names)].sort_values(["account_id", "as_of"], ignore_index=True)


def cents_products(cents: Iterable[int], factors: Iterable[float | Decimal]) -> pd.Series:
    """Cents times factor, rounded half up to whole cents (int64)."""
    exact = [Decimal(int(c)) * Decimal(str(f)) for c, f in zip(cents, factors, strict=True)]
    return pd.Series([int(e.quantize(Decimal(1), rounding=ROUND_HALF_UP)) for e in exact], dtype="int64")


def family_totals(revenue: pd.DataFrame) -> pd.DataFrame:
    """Money by snapshot and family: every account once, under its topmost parent.

    Args:
        revenue: revenue_at_risk contract.

    Returns:
        as_of, family_account_id (the topmost parent known; an account without one is its own family), account_count and the sums of
        arr, revenue at risk and expected saved. The sums over families equal the sums over accounts.
    """
    keyed = revenue.assign(family_account_id=_families(revenue))
    return (
        keyed.groupby(["as_of", "family_account_id"], sort=True)
        .agg(
            account_count=("account_id", "nunique"),
            arr_usd_cents=("arr_usd_cents", "sum"),
            revenue_at_risk_usd_cents=("revenue_at_risk_usd_cents", "sum"),
            expected_saved_usd_cents=("expected_saved_usd_cents", "sum"),
        )
        .reset_index()
    )


def _families(revenue: pd.DataFrame) -> list[str]:
    parents = {
        (day, account): parent
        for day, account, parent in zip(
            revenue["as_of"], revenue["account_id"], revenue["parent_account_id"], strict=True
        )
        if not pd.isna(parent)
    }
    return [_top(day, account, parents) for day, account in zip(revenue["as_of"], revenue["account_id"], strict=True)]


def _top(day: object, account: str, parents: dict[tuple[object, str], str]) -> str:
    """Follow parents upwards; in a circle the alphabetically first member stands for all, so that money stays counted once."""
    path = [account]
    while (day, path[-1]) in parents:
        above = parents[(day, path[-1])]
        if above in path:
            return min(path[path.index(above) :])
        path.append(above)
    return path[-1]


def _account_facts(scores: pd.DataFrame, accounts: pd.DataFrame) -> pd.DataFrame:
    keys = scores[["account_id", "as_of", "decision_at"]]
    facts = keys.merge(
        accounts[["account_id", *_FROM_ACCOUNTS, "valid_from_at", "valid_to_at", "known_at"]], on="account_id"
    )
    day = pd.to_datetime(facts["as_of"])
    is_valid = (pd.to_datetime(facts["valid_from_at"]) <= day) & ~(pd.to_datetime(facts["valid_to_at"]) <= day)
    is_known = pd.to_datetime(facts["known_at"]) < pd.to_datetime(facts["decision_at"])
    latest = facts.loc[is_valid & is_known].sort_values(["account_id", "as_of", "valid_from_at", "known_at"])
    return latest.drop_duplicates(["account_id", "as_of"], keep="last")[["account_id", "as_of", *_FROM_ACCOUNTS]]
