"""Rows of findings on workflows: one per workflow, with the dollars of all its accounts.

Here: turning a `groups.Finding` into a row beside the rows of single accounts. Not here: finding it (`groups`).
"""

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from uam_platform.alerts import groups
from uam_platform.alerts.context import Around
from uam_platform.alerts.wording import fingerprint
from uam_platform.policy.groups import Group

_SUMMED = ["arr_usd_cents", "revenue_at_risk_usd_cents", "expected_saved_usd_cents"]
_WHO = ["account_id", "account_name", "arr_usd_cents", "revenue_at_risk_usd_cents"]


def grouped(hits: pd.DataFrame, name: str, group: Group, as_of: date, around: Around) -> pd.DataFrame:
    """One row per finding, on the affected account with most to save; dollars are those of all affected accounts.

    Args:
        hits: accounts that meet the detector's conditions.
        name: the detector.
        group: when failures are a finding.
        as_of: the snapshot.
        around: use and failures of workflows, flags.
    """
    rows: list[dict[Any, Any]] = []
    for found in groups.findings(around.days, around.flags, pd.Index(hits["account_id"]), as_of, group):
        affected = hits[hits["account_id"].isin(found.accounts["account_id"])]
        worst = affected.sort_values(["expected_saved_usd_cents", "account_id"], ascending=[False, True]).head(1)
        named = found.accounts.merge(affected[_WHO], on="account_id", how="left", validate="1:1")
        release = around.calendar.release_behind(found.feature_flag, hits["decision_at"].iloc[0])
        found = replace(found, accounts=named, release=release)
        known: dict[str, Any] = {column: int(affected[column].sum()) for column in _SUMMED}
        known |= dict.fromkeys(("owner_id", "owner_name", "owner_email"))
        own = fingerprint(found.subject, name)
        known |= {"group_finding": found, "group_fingerprint": own}
        first: dict[Any, Any] = dict(worst.to_dict("records")[0])
        rows.append(first | known)
    return pd.DataFrame(rows) if rows else hits.iloc[:0]


def members(rows: pd.DataFrame, held: pd.Series) -> dict[str, str]:
    """Account -> fingerprint of the finding it is part of; a finding that is held back itself explains nothing."""
    told = rows[held.isna()]
    return {
        str(account): str(mark)
        for found, mark in zip(told["group_finding"], told["group_fingerprint"], strict=True)
        for account in found.accounts["account_id"]
    }
