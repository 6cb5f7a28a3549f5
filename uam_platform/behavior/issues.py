"""Every issue with its frequency, its sequence and its change over time: one row per failure and workflow (R9).

Here: the report of the latest snapshot and the weeks behind it. Not here: failures that repeat at one account (`journeys`), findings for
teams (`uam_platform.alerts`), which events are failures (`uam_platform/policy/rulebook/taxonomy.yaml`).

Change is told against its own scatter over accounts: the sum over accounts of (failures lately - failures before) over the root of the
sum of squares. One account that fails a hundred times moves numerator and denominator alike, so that loudness alone makes no trend.
"""

from datetime import date, timedelta
from typing import Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from uam_platform.behavior.sequence_facts import COLUMNS, Links, of_events, of_tickets
from uam_platform.contracts.tables import ISSUE_WEEKS, ISSUES
from uam_platform.policy.issues import IssuePolicy
from uam_platform.policy.sessions import SessionRule
from uam_platform.temporal.sessions import cut_sessions

_DAY_US: Final = 86_400_000_000
_WEEK: Final = 7
_MONTH: Final = 28
_POINTERS: Final = 5
_ORDER: Final = ["occurred_us", "event_hi", "event_lo"]
_SESSION: Final = ["account_id", "person_key", "cut_us"]


def failures(
    events: ir.Table, tickets: ir.Table, ticket_events: ir.Table, links: Links, policy: IssuePolicy, rule: SessionRule,
    until: date,
) -> pd.DataFrame:  # fmt: skip
    """Every failure of the last weeks that the snapshot `until` sees, with what came before and after it.

    Args:
        events: EVENTS.
        tickets: TICKETS.
        ticket_events: TICKET_EVENTS.
        links: hierarchy, people, memberships.
        policy: weeks; how soon a ticket belongs to a failure.
        rule: silence and cap of the product type.
        until: the snapshot.

    Returns:
        account_id, person_key, event_date, occurred_us, event_hi, event_lo, event_name, workflow, issue, previous_event_name,
        next_event_name (null at the ends of a session), is_retried, is_asked.
    """
    first = until - timedelta(days=_WEEK * policy.weeks)
    inside = events.filter((events.event_date >= first) & (events.event_date < until))
    marked = inside.filter(inside.marker == "friction").select("event_hi", "event_lo").distinct()
    seen = of_events(inside, links)
    seen = seen.filter((seen.visible_from <= until) & (seen.visible_to > until)).select(*COLUMNS)
    cut = cut_sessions(seen, ["account_id", "person_key"], rule.gap_us, rule.cap_us)
    window = {"group_by": _SESSION, "order_by": _ORDER}
    around = cut.mutate(
        previous_event_name=cut.event_name.lag().over(**window),
        next_event_name=cut.event_name.lead().over(**window),
        is_retried=_again(cut),
    )
    found = around.semi_join(marked, ["event_hi", "event_lo"])
    asked = of_tickets(tickets, ticket_events.filter(ticket_events.change == "opened"), links)
    frame = found.select(
        "account_id", "person_key", "event_date", *_ORDER, "event_name", "workflow", "previous_event_name", "next_event_name",
        "is_retried",
    ).to_pandas()  # fmt: skip
    asking = asked.select("account_id", "person_key", "occurred_us", "visible_from").to_pandas()
    asking = asking.loc[pd.to_datetime(asking["visible_from"]) <= pd.Timestamp(until)]
    named = frame["event_name"] + (" in " + frame["workflow"]).where(frame["workflow"].notna(), "")
    frame = frame.assign(issue=named, event_date=pd.to_datetime(frame["event_date"]))
    return frame.assign(is_asked=_asked(frame, asking, policy.ticket_within_days))


def _again(cut: ir.Table) -> ir.BooleanValue:
    """Whether the person goes on with the same workflow later in the session."""
    again = cut.occurred_us.lead().over(group_by=[*_SESSION, "workflow"], order_by=_ORDER)
    return cut.workflow.notnull() & again.notnull()


def _asked(rows: pd.DataFrame, tickets: pd.DataFrame, days: int) -> pd.Series:
    """Whether the person opened a ticket soon after."""
    known = tickets.loc[tickets["person_key"] != 0, ["account_id", "person_key", "occurred_us"]]
    pairs = (
        rows[["account_id", "person_key", "occurred_us"]].reset_index().merge(known, on=["account_id", "person_key"])
    )
    gap = pairs["occurred_us_y"] - pairs["occurred_us_x"]
    return pd.Series(rows.index.isin(pairs.loc[(gap >= 0) & (gap <= days * _DAY_US), "index"]), index=rows.index)


def issue_weeks(rows: pd.DataFrame, policy: IssuePolicy, until: date) -> pd.DataFrame:
    """Failures by issue and week before the snapshot; a week without one has a row with 0.

    Returns:
        Rows of the ISSUE_WEEKS contract.
    """
    number = (pd.Timestamp(until) - rows["event_date"]).dt.days.sub(1) // _WEEK
    starts = pd.Timestamp(until) - pd.to_timedelta((number + 1) * _WEEK, unit="D")
    dated = rows.assign(week_date=starts)
    weeks = [pd.Timestamp(until) - pd.Timedelta(days=_WEEK * n) for n in range(policy.weeks, 0, -1)]
    every = pd.MultiIndex.from_product([sorted(rows["issue"].unique()), weeks], names=["issue", "week_date"])
    counted = dated.groupby(["issue", "week_date"]).agg(
        failure_count=("account_id", "size"), failing_account_count=("account_id", "nunique")
    )
    found = counted.reindex(every, fill_value=0).reset_index()
    return found.assign(week_date=found["week_date"].dt.date)[list(ISSUE_WEEKS.column_names)]


def issues(rows: pd.DataFrame, arr: pd.Series, policy: IssuePolicy, until: date) -> pd.DataFrame:
    """The report: one row per issue that somebody met in the last eight weeks.

    Args:
        rows: `failures`.
        arr: annual recurring revenue in cents by account_id.
        policy: limit of a trend.
        until: the snapshot.

    Returns:
        Rows of the ISSUES contract, sorted by its key.
    """
    age = (pd.Timestamp(until) - rows["event_date"]).dt.days
    lately = rows.loc[age <= 2 * _MONTH].assign(is_recent=age <= _MONTH)
    made = [_issue(str(name), own, arr, policy) for name, own in lately.groupby("issue", sort=True)]
    return pd.DataFrame(made, columns=list(ISSUES.column_names))


def _issue(name: str, own: pd.DataFrame, arr: pd.Series, policy: IssuePolicy) -> dict[str, object]:
    recent, before = own.loc[own["is_recent"]], own.loc[~own["is_recent"]]
    accounts = sorted(recent["account_id"].unique())
    told = recent if len(recent) else before
    change = trend_surprise(recent["account_id"], before["account_id"])
    previous, previous_share = _commonest(told["previous_event_name"].dropna(), len(told))
    following, following_share = _commonest(told["next_event_name"].dropna(), len(told))
    newest = told.sort_values(_ORDER, ascending=False).drop_duplicates("account_id").head(_POINTERS)
    ids = zip(newest["event_hi"], newest["event_lo"], strict=True)
    return {
        "issue": name,
        "event_name": told["event_name"].iloc[0],
        "workflow": told["workflow"].iloc[0] if pd.notna(told["workflow"].iloc[0]) else None,
        "failure_28d_count": len(recent),
        "failure_prior_28d_count": len(before),
        "failing_account_28d_count": len(accounts),
        "failing_account_prior_28d_count": before["account_id"].nunique(),
        "failing_person_28d_count": recent.loc[recent["person_key"] != 0, "person_key"].nunique(),
        "trend": trend(change, len(before), policy),
        "trend_surprise": change,
        "previous_event_name": previous,
        "previous_share_ratio": previous_share,
        "next_event_name": following,
        "next_share_ratio": following_share,
        "ended_session_ratio": float(told["next_event_name"].isna().mean()),
        "retried_ratio": float(told["is_retried"].mean()),
        "ticket_ratio": float(told["is_asked"].mean()),
        "arr_usd_cents": int(arr.reindex(accounts).fillna(0).sum()),
        "pointers": " ".join(f"staging/events:{hi}/{lo}" for hi, lo in ids),
    }


def trend_surprise(recent: pd.Series, before: pd.Series) -> float:
    """Change over its standard error, accounts being independent; 0 where nothing changed.

    Args:
        recent: account of each failure of the last four weeks.
        before: account of each failure of the four weeks before.
    """
    change = recent.value_counts().sub(before.value_counts(), fill_value=0).to_numpy(dtype=np.float64)
    spread = float(np.sqrt((change**2).sum()))
    return round(float(change.sum()) / spread, 4) if spread else 0.0


def trend(surprise: float, before: int, policy: IssuePolicy) -> str:
    """rising, falling or level; new where nobody failed in the four weeks before."""
    if not before:
        return "new"
    if abs(surprise) < policy.trend_from:
        return "level"
    return "rising" if surprise > 0 else "falling"


def _commonest(names: pd.Series, count: int) -> tuple[str | None, float | None]:
    """The most frequent name and its share of all; the first by name where two are as frequent."""
    if names.empty:
        return None, None
    counts = names.value_counts()
    best = sorted(counts.index[counts == counts.max()])[0]
    return str(best), float(counts[best] / count)
