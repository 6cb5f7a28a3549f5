"""Which accounts are reviewed each month, whether or not an alert was sent.

Here: strata of the accounts of a month and the draw within each. Not here: what the verdicts on them say (`audit`), the page
(`audit_page`). The draw is a hash of month and account: nobody picks, and computing it again gives the same accounts.
"""

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from uam_platform.contracts.tables import AUDIT_SAMPLES
from uam_platform.policy.reviews import Audit

GROWTH_AUDIENCES: Final = ("sales",)
"""Their findings foretell growth, not trouble: an audit of trouble leaves them out."""

TOLD, TOLD_BEFORE, HELD_BACK, QUIET = "told", "told_before", "held_back", "quiet"
_ID_LENGTH: Final = 12


def sample_id(month: date, account_id: str) -> str:
    """Identity of a drawn account: month and account."""
    return hashlib.sha256(f"{month.isoformat()}\n{account_id}".encode()).hexdigest()[:_ID_LENGTH]


def closed_months(days: pd.Series) -> list[date]:
    """First days of the months in which every snapshot is taken: those before the month of the last one."""
    months = sorted({date(day.year, day.month, 1) for day in _days(days)})
    return months[:-1]


def audit_samples(eligible: pd.DataFrame, candidates: pd.DataFrame, policy: Audit) -> pd.DataFrame:
    """Accounts to review of all closed months.

    Args:
        eligible: as_of, account_id and owner_id of the accounts that could have been alerted, per snapshot.
        candidates: CANDIDATES rows of the same snapshots.
        policy: how many are drawn.

    Returns:
        AUDIT_SAMPLES contract, ordered by month and sample.
    """
    seen = eligible.assign(as_of=_days(eligible["as_of"]))
    told = candidates[~candidates["audience"].isin(GROWTH_AUDIENCES)]
    told = told.assign(as_of=_days(told["as_of"]))
    rows = [row for month in closed_months(seen["as_of"]) for row in _of_month(month, seen, told, policy)]
    names = list(AUDIT_SAMPLES.column_names)
    drawn = pd.DataFrame(rows, columns=names)
    return drawn.sort_values(["audit_month_date", "sample_id"]).reset_index(drop=True)


def _of_month(month: date, eligible: pd.DataFrame, findings: pd.DataFrame, policy: Audit) -> Iterator[dict[str, Any]]:
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    watched = _between(eligible, month, following).sort_values("as_of").groupby("account_id").tail(1)
    found = _between(findings, month, following)
    earlier = _between(findings, month - timedelta(days=policy.treated_days), month)
    placed = _placed(watched, found, set(earlier.loc[earlier["decision"] == "alert", "account_id"]))
    for (stratum, reason), group in placed.groupby(["stratum", "reason_key"], sort=True):
        wanted = policy.drawn[str(stratum)]
        ids = {
            sample_id(month, str(account)): row
            for account, row in zip(group["account_id"], group.to_dict("records"), strict=True)
        }
        chosen = sorted(ids)[:wanted]
        for one in chosen:
            row = ids[one]
            yield {
                "sample_id": one,
                "audit_month_date": month,
                "account_id": row["account_id"],
                "stratum": stratum,
                "reason": reason or None,
                "detector": row["detector"],
                "as_of": row["as_of"],
                "owner_id": row["owner_id"],
                "is_treated": stratum in (TOLD, TOLD_BEFORE),
                "stratum_account_count": len(group),
                "stratum_sampled_count": len(chosen),
            }


def _placed(watched: pd.DataFrame, found: pd.DataFrame, told_before: set[str]) -> pd.DataFrame:
    """Each account of the month with its stratum, and the finding that put it there."""
    order = found.assign(is_held=found["decision"] != "alert")
    # The first alert of the month, else the most valuable finding that was held back, speaks for the account.
    order = order.sort_values(["account_id", "is_held", "as_of", "rank", "fingerprint"])
    first = order.groupby("account_id").head(1).set_index("account_id")
    names = ["is_held", "reason", "detector", "as_of"]
    joined = watched.merge(first[names], how="left", left_on="account_id", right_index=True, suffixes=("", "_found"))
    is_found = joined["detector"].notna()
    is_told = is_found & ~joined["is_held"].fillna(True).astype(bool)
    stratum = pd.Series(QUIET, index=joined.index).mask(is_found, HELD_BACK)
    stratum = stratum.mask(joined["account_id"].isin(told_before), TOLD_BEFORE).mask(is_told, TOLD)
    reason = joined["reason"].astype("object").where(stratum == HELD_BACK, "").fillna("")
    return joined.assign(
        stratum=stratum,
        reason_key=reason.str.split(":").str[0],  # the finding it is part of is a detail
        as_of=joined["as_of_found"].where(is_found, joined["as_of"]),
        detector=joined["detector"].astype("object").where(is_found, None),
        owner_id=joined["owner_id"].astype("object").where(joined["owner_id"].notna(), None),
    )


def _between(rows: pd.DataFrame, low: date, high: date) -> pd.DataFrame:
    return rows[(rows["as_of"] >= low) & (rows["as_of"] < high)]


def _days(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values).dt.date
