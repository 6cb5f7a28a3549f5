"""Findings on a workflow that fails in several accounts at once.

Here: which accounts are affected beyond their own past, whether there are more of them than chance gives, and which new flag
they share. Not here: detectors on one account (`detect`), what such a finding holds back (`suppress`), words (`wording_groups`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.policy.groups import Group

_ANSCOMBE: Final = 0.375
NO_ERROR: Final = "no code"
_LISTED: Final = 50


@dataclass(frozen=True)
class Finding:
    """One workflow (and error) with the accounts it fails in, worst first.

    `accounts`: account_id, failure_count, before_failure_count, use_ratio, surprise; in a row of findings also name and dollars.
    `release`: the release behind the flag: release_id, release_version, title, released_at.
    """

    subject: str
    workflow: str
    error_code: str | None
    accounts: pd.DataFrame
    using_count: int
    chance: float
    feature_flag: str | None
    release: Mapping[str, str] | None = None

    def as_evidence(self) -> dict[str, Any]:
        """Subject, chance and the affected accounts with their numbers, worst first."""
        return {
            "workflow": self.workflow,
            "error_code": self.error_code,
            "feature_flag": self.feature_flag,
            "release": None if self.release is None else dict(self.release),
            "account_count": len(self.accounts),
            "using_account_count": self.using_count,
            "chance": self.chance,
            "accounts": self.accounts.head(_LISTED).to_dict("records"),
        }


def visible(rows: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Rows that the snapshot sees; they carry known_date and known_to_date."""
    at = pd.Timestamp(as_of)
    return rows[(rows["known_date"] < at) & (at <= rows["known_to_date"])]


def dated(rows: pd.DataFrame) -> pd.DataFrame:
    """The same rows by day, with days as timestamps, which compare fast."""
    names = [n for n in ("event_date", "first_date", "known_date", "known_to_date") if n in rows]
    stamped = rows.assign(**{n: pd.to_datetime(rows[n].astype(str)).astype("datetime64[s]") for n in names})
    return stamped.sort_values(names[0], kind="stable").reset_index(drop=True)


def between(days: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Rows of `dated` with start <= event_date < end."""
    low, high = days["event_date"].searchsorted([start, end])
    return days.iloc[int(low) : int(high)]


def findings(
    days: pd.DataFrame, flags: pd.DataFrame, accounts: pd.Index, as_of: date, group: Group
) -> Iterator[Finding]:
    """Workflows that fail in more accounts than chance gives.

    Args:
        days: WORKFLOW_DAYS as `dated`, of at least the window and the days before it.
        flags: FLAG_STARTS as `dated`.
        accounts: accounts that count, e.g. the active ones.
        as_of: the snapshot.
        group: when it is a finding.
    """
    end = pd.Timestamp(as_of)
    recent = between(days, end - timedelta(days=group.window_days + group.before_days), end)
    counts = _counts(visible(recent, as_of), as_of, group)
    counts = counts[counts["account_id"].isin(accounts)]
    seen = visible(flags, as_of)
    for subject, rows in counts.groupby("subject", sort=True):
        measured = _measured(rows, group)
        hit = measured[_is_affected(measured, group)].sort_values(["surprise", "account_id"], ascending=[False, True])
        chance = tail(len(hit), len(rows), group.chance_ratio)
        if len(hit) >= group.min_accounts and chance <= group.max_chance:
            workflow, error = str(rows["workflow"].iloc[0]), rows["error_code"].iloc[0]
            flag = _shared_flag(seen, set(hit["account_id"]), as_of, group)
            code = None if group.subject == "workflow" else str(error)
            yield Finding(str(subject), workflow, code, hit.reset_index(drop=True), len(rows), chance, flag)


def tail(hits: int, count: int, ratio: float) -> float:
    """Probability of at least `hits` of `count` accounts when each is affected by chance with probability `ratio`."""
    from scipy.special import betainc

    return 1.0 if hits <= 0 else float(betainc(hits, count - hits + 1, ratio))


def _counts(seen: pd.DataFrame, as_of: date, group: Group) -> pd.DataFrame:
    """Failures and uses of the window and before it, by subject and account."""
    start = pd.Timestamp(as_of) - timedelta(days=group.window_days)
    failed = seen["failure_count"]
    of_side = failed if group.side is None else failed.where(seen["side"] == group.side, 0)
    is_recent = seen["event_date"] >= start
    tallied = seen.assign(
        recent=of_side.where(is_recent, 0),
        before=of_side.where(~is_recent, 0),
        use_recent=seen["use_count"].where(is_recent, 0),
        use_before=seen["use_count"].where(~is_recent, 0),
        error_code=seen["error_code"].astype("object").where(seen["error_code"].notna(), NO_ERROR),
    )
    numbers = ["recent", "before", "use_recent", "use_before"]
    uses = tallied.groupby(["account_id", "workflow"])[numbers[2:]].sum()
    keys = ["account_id", "workflow"] + (["error_code"] if group.subject == "workflow_error" else [])
    failures = tallied.groupby(keys)[numbers[:2]].sum().reset_index()
    failures = (
        failures[failures["error_code"] != NO_ERROR]
        if group.subject == "workflow_error"
        else failures.assign(error_code=NO_ERROR)
    )
    joined = failures.merge(uses, left_on=["account_id", "workflow"], right_index=True, validate="m:1")
    suffix = "" if group.subject == "workflow" else "/" + joined["error_code"].astype(str)
    return joined.assign(subject=joined["workflow"].astype(str) + suffix)


def _measured(rows: pd.DataFrame, group: Group) -> pd.DataFrame:
    """Surprise of each account's failures given its own earlier failures per use, and its uses against before."""
    share = (rows["recent"] + rows["use_recent"] + 1.0) / (rows["before"] + rows["use_before"] + 1.0)
    share = share.clip(upper=group.window_days / group.before_days * 2.0)
    gap = np.sqrt(rows["recent"] + _ANSCOMBE) - np.sqrt(rows["before"] * share + _ANSCOMBE)
    usual = rows["use_before"] * (group.window_days / group.before_days)
    return pd.DataFrame(
        {
            "account_id": rows["account_id"],
            "failure_count": rows["recent"].astype("int64"),
            "before_failure_count": rows["before"].astype("int64"),
            "use_ratio": rows["use_recent"] / usual.where(usual > 0),
            "surprise": 2.0 * gap / np.sqrt(1.0 + share),
        }
    )


def _is_affected(measured: pd.DataFrame, group: Group) -> pd.Series:
    is_hit = (measured["failure_count"] >= group.min_failures) & (measured["surprise"] >= group.min_surprise)
    return is_hit if group.max_use_ratio is None else is_hit & (measured["use_ratio"] <= group.max_use_ratio)


def _shared_flag(seen: pd.DataFrame, accounts: set[str], as_of: date, group: Group) -> str | None:
    """The flag that most of the accounts saw first within `new_flag_days`, if enough of them did."""
    first = seen[seen["account_id"].isin(accounts)].groupby(["account_id", "feature_flag"])["first_date"].min()
    new = first[first >= pd.Timestamp(as_of) - timedelta(days=group.new_flag_days)].reset_index()
    shared = new.groupby("feature_flag")["account_id"].nunique().sort_values(ascending=False, kind="stable")
    return str(shared.index[0]) if len(shared) and shared.iloc[0] >= group.min_flag_ratio * len(accounts) else None
